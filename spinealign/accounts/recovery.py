"""The recovery key: printed once, typed by hand when no password is left."""

from __future__ import annotations

import base64
import hashlib

from spinealign.accounts.keys import KEY_BYTES
from spinealign.domain.protection import RecoveryKeyError

_CHECK_BYTES = 3
_GROUP = 4

_MISREAD = str.maketrans({"0": "O", "1": "I", "8": "B"})
"""Digits that base32 has not (RFC 4648, section 6), taken for the letters they look like."""


def printed(key: bytes) -> str:
    """Return a key as it is printed: groups of four letters and digits, the last ones a check.

    Parameters
    ----------
    key : bytes, 32 long
    """
    letters = base64.b32encode(key + _check(key)).decode("ascii").rstrip("=")
    return "-".join(letters[start : start + _GROUP] for start in range(0, len(letters), _GROUP))


def typed(text: str) -> bytes:
    """Return the key that was printed so; blanks, hyphens and small letters are as good.

    Raises
    ------
    RecoveryKeyError
    """
    letters = "".join(letter for letter in text.upper() if letter.isalnum()).translate(_MISREAD)
    try:
        content = base64.b32decode(letters.encode("ascii") + b"=" * (-len(letters) % 8))
    except ValueError as error:
        raise RecoveryKeyError from error
    key, check = content[:KEY_BYTES], content[KEY_BYTES:]
    if len(key) != KEY_BYTES or check != _check(key):
        raise RecoveryKeyError
    return key


def _check(key: bytes) -> bytes:
    return hashlib.sha256(b"spinealign recovery key\0" + key).digest()[:_CHECK_BYTES]
