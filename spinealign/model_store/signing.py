"""Ed25519 signatures (RFC 8032) under a model folder's list of checksums, and keys for them.

The list names every file of the folder with its SHA-256, the card among them, so that a signature
under it is one under all. Keys are PEM files, as OpenSSL writes and reads them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
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
from spinealign.inference.signatures import is_signed, read_signature
from spinealign.json_files import JsonError, read_bytes

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PUBLIC_SUFFIX = ".pub"
_MOST_KEY_BYTES = 10_000
_ENCRYPTED = b"-----BEGIN ENCRYPTED PRIVATE KEY-----"
LEAST_PASSPHRASE_LETTERS = 12
"""Of a passphrase; more than of a password (8), as no pause slows whoever has the file."""

AskPassphrase = Callable[[Path], str]
"""Of the file of a key; returns nothing where nobody can be asked."""


def no_passphrase(_path: Path) -> str:
    """Know none."""
    return ""


def make_key(path: Path, passphrase: str = "") -> Path:
    """Write a new private key that only this user may read, and the public one beside it.

    Parameters
    ----------
    path : Path
    passphrase : str
        Encrypts it (PKCS #8, AES-256 by a key of PBKDF2); empty for none.

    Returns
    -------
    Path
        The public key, for those who are to trust its owner.

    Raises
    ------
    ModelStoreError
        KEY_EXISTS: a key is never written over; models signed with it could not be signed again.
        SHORT_PASSPHRASE.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        BestAvailableEncryption,
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
    )

    if 0 < len(passphrase) < LEAST_PASSPHRASE_LETTERS:
        raise ModelStoreError(
            StoreProblem.SHORT_PASSPHRASE, str(path), str(LEAST_PASSPHRASE_LETTERS)
        )
    key = Ed25519PrivateKey.generate()
    cipher = BestAvailableEncryption(passphrase.encode()) if passphrase else NoEncryption()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, cipher)
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


def sign_folder(folder: Path, private: Ed25519PrivateKey) -> Signature:
    """List the checksums of a model folder anew, and sign the list.

    Parameters
    ----------
    folder : Path
    private : Ed25519PrivateKey
        Of `opened_key`.

    Returns
    -------
    Signature
        UNKNOWN, with the fingerprint of the key.

    Raises
    ------
    ModelStoreError
        NOT_WRITABLE.
    """
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


def opened_key(path: Path, ask: AskPassphrase = no_passphrase) -> Ed25519PrivateKey:
    """Return a private key, before any work is done for a signature.

    Parameters
    ----------
    path : Path
    ask : callable
        Asked for the passphrase where the key is encrypted, and only there.

    Raises
    ------
    ModelStoreError
        NO_KEY: the file is no private Ed25519 key. KEY_LOCKED: it has a passphrase, and none is
        known. WRONG_PASSPHRASE.
    """
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    try:
        content = read_bytes(path, _MOST_KEY_BYTES)
        passphrase = ask(path).encode() if _ENCRYPTED in content else None
        if passphrase == b"":
            raise ModelStoreError(StoreProblem.KEY_LOCKED, str(path))
        key = load_pem_private_key(content, password=passphrase)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        is_locked = isinstance(error, ValueError) and not isinstance(error, JsonError)
        if is_locked and _ENCRYPTED in content:
            raise ModelStoreError(StoreProblem.WRONG_PASSPHRASE, str(path)) from error
        raise ModelStoreError(StoreProblem.NO_KEY, str(path), "private") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise ModelStoreError(StoreProblem.NO_KEY, str(path), "private")
    return key


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
        told = read_signature(folder)
    except (OSError, JsonError):
        return Signature(SignatureState.BROKEN)
    if told is None:
        return Signature(SignatureState.UNSIGNED)
    known = fingerprint(bytes.fromhex(told.public_key))
    if not is_signed(folder, told):
        return Signature(SignatureState.BROKEN, fingerprint=known)
    for signer in trusted:
        if signer.public_key == told.public_key:
            return Signature(SignatureState.TRUSTED, signer.name, known)
    return Signature(SignatureState.UNKNOWN, fingerprint=known)
