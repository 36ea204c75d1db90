"""Ed25519 signatures (RFC 8032) under a model folder's list of checksums, and keys for them.

The list names every file of the folder with its SHA-256, the card among them, so that a signature
under it is one under all. Keys are PEM files, as OpenSSL writes and reads them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from spinealign.domain.model_store import (
    SIGNATURE_SCHEMA,
    FolderSignature,
    ModelStoreError,
    Signature,
    SignatureState,
    StoreProblem,
    TrustedSigner,
)
from spinealign.files import write_once, write_whole
from spinealign.inference.checksums import CHECKSUMS, SIGNATURE, write_checksums
from spinealign.json_files import JsonError, read_bytes, read_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_SUFFIX = ".pub"
_MOST_KEY_BYTES = 10_000
_MOST_LIST_BYTES = 100_000


def make_key(path: Path) -> Path:
    """Write a new private key that only this user may read, and the public one beside it.

    Returns
    -------
    Path
        The public key, for those who are to trust its owner.

    Raises
    ------
    ModelStoreError
        KEY_EXISTS: a key is never written over; models signed with it could not be signed again.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    beside = path.with_name(path.name + PUBLIC_SUFFIX)
    try:
        if beside.exists():
            raise FileExistsError(str(beside))
        write_once(path, private)
        write_whole(beside, public)
    except FileExistsError as error:
        raise ModelStoreError(StoreProblem.KEY_EXISTS, str(path)) from error
    except OSError as error:
        raise ModelStoreError(StoreProblem.NOT_WRITABLE, str(path), error.strerror or "") from error
    return beside


def sign_folder(folder: Path, key: Path) -> Signature:
    """List the checksums of a model folder anew, and sign the list.

    Returns
    -------
    Signature
        UNKNOWN, with the fingerprint of the key.

    Raises
    ------
    ModelStoreError
        NO_KEY: the file is no private Ed25519 key. NOT_WRITABLE.
    """
    private = _private_key(key)
    public = private.public_key().public_bytes_raw()
    try:
        write_checksums(folder)
        listed = (folder / CHECKSUMS).read_bytes()
        signature = private.sign(listed).hex()
        made = FolderSignature(SIGNATURE_SCHEMA, "Ed25519", public.hex(), signature)
        text = json.dumps(asdict(made), indent=2) + "\n"
        write_whole(folder / SIGNATURE, text.encode())
    except OSError as error:
        raise ModelStoreError(
            StoreProblem.NOT_WRITABLE, str(folder), error.strerror or ""
        ) from error
    return Signature(SignatureState.UNKNOWN, fingerprint=fingerprint(public))


def require_key(path: Path) -> None:
    """Refuse what is no private key before any work is done for a signature.

    Raises
    ------
    ModelStoreError
        NO_KEY.
    """
    _private_key(path)


def public_key_of(path: Path) -> bytes:
    """Return the 32 bytes of a public key.

    Raises
    ------
    ModelStoreError
        NO_KEY: the file holds no public Ed25519 key.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(read_bytes(path, _MOST_KEY_BYTES))
    except (OSError, ValueError, UnsupportedAlgorithm) as error:
        raise ModelStoreError(StoreProblem.NO_KEY, str(path), "public") from error
    if not isinstance(key, Ed25519PublicKey):
        raise ModelStoreError(StoreProblem.NO_KEY, str(path), "public")
    raw: bytes = key.public_bytes_raw()
    return raw


def fingerprint(public: bytes) -> str:
    """Return what people compare to know a public key: 32 hexadecimal digits of its SHA-256."""
    return hashlib.sha256(public).hexdigest()[:32]


def signature_of(folder: Path, trusted: Sequence[TrustedSigner]) -> Signature:
    """Return what the signature of a model folder says of its list of checksums.

    Whether the files are those of the list is not asked here.
    """
    try:
        told = read_json(folder / SIGNATURE, FolderSignature, is_strict=True)
    except FileNotFoundError:
        return Signature(SignatureState.UNSIGNED)
    except (OSError, JsonError):
        return Signature(SignatureState.BROKEN)
    public = bytes.fromhex(told.public_key)
    known = fingerprint(public)
    if not _is_signed(folder, public, bytes.fromhex(told.signature)):
        return Signature(SignatureState.BROKEN, fingerprint=known)
    for signer in trusted:
        if signer.public_key == told.public_key:
            return Signature(SignatureState.TRUSTED, signer.name, known)
    return Signature(SignatureState.UNKNOWN, fingerprint=known)


def _is_signed(folder: Path, public: bytes, signature: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        listed = read_bytes(folder / CHECKSUMS, _MOST_LIST_BYTES)
        Ed25519PublicKey.from_public_bytes(public).verify(signature, listed)
    except (OSError, JsonError, InvalidSignature, ValueError):
        return False
    return True


def _private_key(path: Path) -> Ed25519PrivateKey:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        key = load_pem_private_key(read_bytes(path, _MOST_KEY_BYTES), password=None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ModelStoreError(StoreProblem.NO_KEY, str(path), "private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ModelStoreError(StoreProblem.NO_KEY, str(path), "private")
    return key
