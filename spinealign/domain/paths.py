"""Where the shipped resources and models lie: from source, installed, or frozen."""

from __future__ import annotations

import os
import sys
from pathlib import Path

MODELS_VARIABLE = "SPINEALIGN_MODELS"
"""Environment variable that names one more folder of models, searched first."""


def resources_dir() -> Path:
    """Return the folder with icons, schemas and sample cases."""
    return _shipped("resources")


def models_dirs() -> tuple[Path, ...]:
    """Return the folders that hold model folders, the user's own before the shipped one."""
    extra = os.environ.get(MODELS_VARIABLE)
    shipped = _shipped("models")
    return (Path(extra), shipped) if extra else (shipped,)


def _shipped(name: str) -> Path:
    package = Path(__file__).resolve().parent.parent
    frozen = getattr(sys, "_MEIPASS", None)
    if frozen is not None:
        return Path(frozen) / name
    installed = package / name
    return installed if installed.is_dir() else package.parent / name
