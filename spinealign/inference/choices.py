"""Which models a person chose, and whom she trusts: ``model-store.json`` in the profile."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spinealign.domain.model_store import ModelStoreError, StoreProblem, StoreSettings
from spinealign.files import held_alone, write_whole
from spinealign.json_files import JsonError, json_schema, read_json

SETTINGS = "model-store.json"
INSTALLED = "models"
"""Folder of the profile that holds the models which were installed."""

SCHEMA_URI = "urn:spinealign:schema:model-store-1"

_LOCK = ".model-store-lock"


def read_settings(profile: Path) -> StoreSettings:
    """Return what a profile keeps about models; a profile without it has chosen nothing.

    Raises
    ------
    ModelStoreError
        BAD_SETTINGS: nobody can tell any more which model was chosen, and to take another one
        without a word would be worse than to stop.
    """
    try:
        return read_json(profile / SETTINGS, StoreSettings, is_strict=True)
    except (FileNotFoundError, NotADirectoryError):
        return StoreSettings()
    except (OSError, JsonError) as error:
        raise ModelStoreError(
            StoreProblem.BAD_SETTINGS, str(profile / SETTINGS), str(error)
        ) from error


def settings_schema() -> dict[str, Any]:
    """Return the JSON Schema of ``model-store.json``."""
    return json_schema(StoreSettings, SCHEMA_URI, "SpineAlign choice of models")


def change_settings(
    profile: Path, change: Callable[[StoreSettings], StoreSettings]
) -> StoreSettings:
    """Change what a profile keeps about models, while no other program does.

    Raises
    ------
    ModelStoreError
        The settings are damaged, or cannot be written.
    """
    try:
        profile.mkdir(parents=True, exist_ok=True)
        with held_alone(profile / _LOCK):
            changed = change(read_settings(profile))
            text = json.dumps(asdict(changed), indent=2, ensure_ascii=False) + "\n"
            write_whole(profile / SETTINGS, text.encode())
    except OSError as error:
        raise ModelStoreError(
            StoreProblem.NOT_WRITABLE, str(profile / SETTINGS), error.strerror or ""
        ) from error
    return changed
