"""The signature of a model folder: Ed25519 (RFC 8032) over its list of checksums.

The list names every file of the folder with its SHA-256, the card among them, so that a signature
under it is one under all. A folder without one costs nothing: nothing of cryptography is loaded.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from spinealign.domain.model_store import FolderSignature
from spinealign.inference.checksums import CHECKSUMS, SIGNATURE
from spinealign.json_files import JsonError, read_bytes, read_json

_MOST_LIST_BYTES = 100_000


def read_signature(folder: Path) -> FolderSignature | None:
    """Return what ``signature.json`` of a folder says; None where there is none.

    Raises
    ------
    OSError, JsonError
        It cannot be read, or is no such file.
    """
    try:
        return read_json(folder / SIGNATURE, FolderSignature, is_strict=True)
    except FileNotFoundError:
        return None


def is_signed(folder: Path, told: FolderSignature) -> bool:
    """Whether the list of checksums of a folder is the one that was signed with the key."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        listed = read_bytes(folder / CHECKSUMS, _MOST_LIST_BYTES)
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(told.public_key))
        key.verify(bytes.fromhex(told.signature), listed)
    except (OSError, JsonError, InvalidSignature, ValueError):
        return False
    return True


def is_signed_by(folder: Path, keys: Collection[str]) -> bool:
    """Whether the list of checksums of a folder is signed with one of some public keys."""
    try:
        told = read_signature(folder)
    except (OSError, JsonError):
        return False
    return told is not None and told.public_key in keys and is_signed(folder, told)


def is_signature_broken(folder: Path) -> bool:
    """Whether a folder carries a signature, and it is none of its list of checksums."""
    try:
        told = read_signature(folder)
    except (OSError, JsonError):
        return True
    return told is not None and not is_signed(folder, told)
