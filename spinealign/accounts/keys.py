"""Keys: made of passwords, derived from one another, and wrapped.

Wrapping is AES-256-GCM (NIST SP 800-38D), derivation HKDF-SHA-256 (RFC 5869), passwords go through
Argon2id (RFC 9106). `cryptography` and `argon2` are imported where they are used.
"""

from __future__ import annotations

import math
import secrets
import time
from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

KEY_BYTES = 32
"""Length of every key. Source: AES-256, FIPS 197."""

SALT_BYTES = 16
"""Source: RFC 9106, section 3.1."""

_NONCE_BYTES = 12
"""Source: NIST SP 800-38D, section 5.2.1.1."""

Hex = Annotated[str, Meta(pattern=r"^([0-9a-f]{2})*$(?!\n)", max_length=512)]


class PasswordCost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What Argon2id is asked to spend.

    Parameters
    ----------
    passes : int
    memory_kib : int
    lanes : int
    """

    passes: Annotated[int, Meta(ge=1, le=64)] = 2
    memory_kib: Annotated[int, Meta(ge=8, le=4 * 1024 * 1024)] = 19_456
    lanes: Annotated[int, Meta(ge=1, le=16)] = 1


LEAST_COST = PasswordCost()
"""No password is protected by less. Source: OWASP Password Storage Cheat Sheet, Argon2id."""

LEAST_SECONDS = 0.5
"""How long one password shall take on this computer, at least. Source: requirement 0.5 to 1 s."""

MOST_SECONDS = 1.0
"""And at most. Source: requirement 0.5 to 1 s."""

_MEMORY_KIB = 65_536
"""Source: RFC 9106, section 4, second recommended option."""


class WrongKeyError(ValueError):
    """A wrapped key does not open: the wrong key, or what was wrapped has been changed."""


@dataclass(frozen=True)
class SubKeys:
    """Keys for each use, derived from the data key.

    Parameters
    ----------
    database, files, audit, accounts : bytes, 32 long
        Of the database, of encrypted files, of the audit trail's checksums, of the checksum of
        the file of accounts.
    """

    database: bytes
    files: bytes
    audit: bytes
    accounts: bytes


class WrappedKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The data key, encrypted: nonce and ciphertext with its tag, in hexadecimal digits."""

    nonce: Hex
    sealed: Hex


def new_key() -> bytes:
    """Return a random key."""
    return secrets.token_bytes(KEY_BYTES)


def sub_keys(data_key: bytes, archive: str) -> SubKeys:
    """Return the keys of each use of one archive.

    Parameters
    ----------
    data_key : bytes, 32 long
    archive : str
        Its identifier, so that two archives with one data key share no other.
    """
    return SubKeys(
        *(derived(data_key, f"{archive}/{use}") for use in ("database", "files", "audit", "users"))
    )


def derived(key: bytes, use: str) -> bytes:
    """Return a key for one use, from which the other one cannot be told (HKDF-SHA-256)."""
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.hazmat.primitives.kdf.hkdf import HKDF

    return bytes(HKDF(SHA256(), KEY_BYTES, None, f"spinealign 1/{use}".encode()).derive(key))


def password_key(password: str, salt: bytes, cost: PasswordCost) -> bytes:
    """Return the key that a password makes.

    The password is taken in Unicode's composed form (NFKC), so that it is the same from every
    keyboard.
    """
    import unicodedata

    from argon2.low_level import Type, hash_secret_raw

    secret = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    made = hash_secret_raw(
        secret, salt, cost.passes, cost.memory_kib, cost.lanes, KEY_BYTES, Type.ID
    )
    return bytes(made)


def calibrated_cost(
    least_seconds: float = LEAST_SECONDS, most_seconds: float = MOST_SECONDS
) -> PasswordCost:
    """Return what one password may cost on this computer, measured now.

    Memory is halved until one pass fits, then passes are added. A computer on which even the
    least cost takes longer gets the least cost.
    """
    memory = _MEMORY_KIB
    _seconds(PasswordCost(1, memory, 1))  # the first one loads the library and finds its memory
    seconds = _seconds(PasswordCost(1, memory, 1))
    while seconds > most_seconds and memory // 2 >= LEAST_COST.memory_kib:
        memory //= 2
        seconds = _seconds(PasswordCost(1, memory, 1))
    middle = (least_seconds + most_seconds) / 2
    one = max(seconds, 1e-6)
    passes = max(1, min(64, max(int(middle / one), math.ceil(least_seconds / one))))
    whole = _seconds(PasswordCost(passes, memory, 1))
    if whole < least_seconds:  # what only the first pass costs was counted for each
        passes = min(64, math.ceil(passes * middle / whole))
    cost = PasswordCost(passes, memory, 1)
    is_less = passes * memory < LEAST_COST.passes * LEAST_COST.memory_kib
    return LEAST_COST if is_less else cost


def _seconds(cost: PasswordCost) -> float:
    begun = time.perf_counter()
    password_key("calibration", bytes(SALT_BYTES), cost)
    return time.perf_counter() - begun


def wrap(key: bytes, with_key: bytes, bound_to: str) -> WrappedKey:
    """Encrypt a key.

    Parameters
    ----------
    key, with_key : bytes, 32 long
    bound_to : str
        What it may be unwrapped for: the same text is needed again.
    """
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    nonce = secrets.token_bytes(_NONCE_BYTES)
    sealed = AESGCM(with_key).encrypt(nonce, key, bound_to.encode())
    return WrappedKey(nonce.hex(), sealed.hex())


def unwrap(wrapped: WrappedKey, with_key: bytes, bound_to: str) -> bytes:
    """Return the key that was wrapped.

    Raises
    ------
    WrongKeyError
        Another key, another text, or a changed byte.
    """
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        nonce, sealed = bytes.fromhex(wrapped.nonce), bytes.fromhex(wrapped.sealed)
        return bytes(AESGCM(with_key).decrypt(nonce, sealed, bound_to.encode()))
    except (InvalidTag, ValueError) as error:
        raise WrongKeyError from error
