"""Pseudonyms by a key that stays in the user's profile: the same in, the same out, no way back.

Every pseudonym is an HMAC-SHA-256 (RFC 2104) of what it stands for. It carries a check of its own
under the same key, so that what was de-identified before is recognised and stays as it is.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Final

from spinealign.domain.errors import DeidentificationError, DeidentificationProblem
from spinealign.domain.paths import profile_dir
from spinealign.files import write_once
from spinealign.json_files import JsonError, read_bytes

KEY_FILE: Final = "deidentification.key"
KEY_BYTES: Final = 32
MOST_DAYS: Final = 3650
"""Dates are moved back by 1 to this many days."""

PATIENT_PREFIX: Final = "SA-"
_LARGEST_KEY_FILE = 1000
_UUID_ROOT = "2.25."
_UID_BYTES, _UID_CHECK_BYTES = 12, 4
_NAME_LETTERS, _CHECK_LETTERS = 10, 4
_NAME = re.compile(rf"([a-zA-Z-]*-)([A-Z2-7]{{{_NAME_LETTERS}}})([A-Z2-7]{{{_CHECK_LETTERS}}})")


def load_key(folder: Path | None = None) -> bytes:
    """Return the key of the profile; made, readable for this user only, where there is none.

    Parameters
    ----------
    folder : Path, optional
        The profile, unless it is the usual one.

    Raises
    ------
    DeidentificationError
        KEY: there is a file that holds no key, or none can be written. It is not replaced: other
        pseudonyms would come out.
    """
    path = (folder or profile_dir()) / KEY_FILE
    try:
        with suppress(FileExistsError):
            if not path.exists():
                path.parent.mkdir(parents=True, exist_ok=True)
                write_once(path, f"{secrets.token_hex(KEY_BYTES)}\n".encode())
        key = bytes.fromhex(read_bytes(path, _LARGEST_KEY_FILE).decode().strip())
    except (OSError, ValueError, JsonError) as error:
        raise DeidentificationError(path, DeidentificationProblem.KEY) from error
    if len(key) != KEY_BYTES:
        raise DeidentificationError(path, DeidentificationProblem.KEY)
    return key


class Pseudonyms:
    """Pseudonyms of one key.

    Parameters
    ----------
    key : bytes
        Of `KEY_BYTES`.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def uid(self, original: str) -> str:
        """Return a UID in place of another: 2.25 and a UUID (PS3.5, B.2); its own stay."""
        if self.is_own_uid(original):
            return original
        digest = self._digest("uid", original.strip())
        return f"{_UUID_ROOT}{int.from_bytes(self._checked(digest[:_UID_BYTES]), 'big')}"

    def is_own_uid(self, uid: str) -> bool:
        """Tell whether a UID is one that this key made."""
        number = uid.strip().removeprefix(_UUID_ROOT)
        if not uid.startswith(_UUID_ROOT) or not number.isdecimal() or int(number) >> 128:
            return False
        content = uuid.UUID(int=int(number)).bytes
        return content == self._checked(content[:_UID_BYTES])

    def name(self, prefix: str, purpose: str, original: str) -> str:
        """Return a name such as "SA-MZXW6YTBOI7GK4" in place of another; its own stay.

        Parameters
        ----------
        prefix : str
            How it begins, ending in a hyphen.
        purpose : str
            Names for different purposes have nothing in common.
        original : str
        """
        if self.is_own_name(original):
            return original
        return self._named(prefix, _letters(self._digest(purpose, original))[:_NAME_LETTERS])

    def is_own_name(self, name: str) -> bool:
        """Tell whether a name is one that this key made."""
        found = _NAME.fullmatch(name)
        return found is not None and name == self._named(found[1], found[2])

    def days(self, patient: str) -> int:
        """Return by how many days a patient's dates are moved: -1 to -`MOST_DAYS`."""
        return -1 - int.from_bytes(self._digest("days", patient)[:8], "big") % MOST_DAYS

    def _digest(self, purpose: str, text: str) -> bytes:
        message = f"{purpose}\0{text}".encode("utf-8", "surrogateescape")
        return hmac.new(self._key, message, hashlib.sha256).digest()

    def _checked(self, start: bytes) -> bytes:
        """Complete 12 bytes to a UUID of version 8 (RFC 9562) whose end is a check of its start."""
        marked = bytearray(start)
        marked[6] = marked[6] & 0x0F | 0x80
        marked[8] = marked[8] & 0x3F | 0x80
        return bytes(marked) + self._digest("uid check", marked.hex())[:_UID_CHECK_BYTES]

    def _named(self, prefix: str, letters: str) -> str:
        check = _letters(self._digest("name check", prefix + letters))[:_CHECK_LETTERS]
        return f"{prefix}{letters}{check}"


def _letters(digest: bytes) -> str:
    return base64.b32encode(digest).decode()
