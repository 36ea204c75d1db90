"""Looks for words in every byte of folders, or of a program's memory, in the forms they may have.

Knows no code of the program. A word is looked for as UTF-8, Latin-1, UTF-16 and UTF-32, in small
letters, as JSON, URLs and base64 write it, in names of files and in their extended attributes; and
in what is compressed: gzip, zlib and raw deflate streams wherever one begins in a file (PDF, PNG,
TIFF), and members of zip archives.
"""

from __future__ import annotations

import base64
import bz2
import io
import json
import lzma
import os
import re
import urllib.parse
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

MOST_INFLATED = 1 << 26
DEEPEST = 3
_WIDE = ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
_IN_MEMORY = ("utf-8", "utf-16-le", "utf-32-le")
"""As Python and Qt hold texts, and libraries their bytes."""

_STREAM = re.compile(rb"\x1f\x8b\x08|[\x08\x18\x28\x38\x48\x58\x68\x78][\x01\x5e\x9c\xda]")
_PIECE = 1 << 24


def forms(word: str) -> frozenset[bytes]:
    """Return the bytes that a word may be written as; all in small letters."""
    found = set()
    for text in {word, word.lower(), word.upper()}:
        plain = text.encode("utf-8")
        found |= {plain, text.encode("latin-1", "ignore"), *map(text.encode, _WIDE)}
        found.add(json.dumps(text)[1:-1].encode())
        found.add(urllib.parse.quote(text).encode())
        found.add(plain.hex().encode())
        for encoded in (plain, text.encode("utf-16-le")):
            found |= set(_base64(encoded))
    return frozenset(each.lower() for each in found if len(each) >= len(word) > 0)


def _base64(content: bytes) -> Iterator[bytes]:
    """Yield what base64 writes of it wherever in a text it begins, without its uncertain ends."""
    for before in range(3):
        coded = base64.b64encode(b"\0" * before + content)
        first = -(-before * 8 // 6)
        last = (before + len(content)) * 8 // 6
        yield coded[first:last]


class Searcher:
    """Looks for words; says in which of them it found which.

    Parameters
    ----------
    words : mapping of str to str
        What is looked for, by what it is.
    """

    def __init__(self, words: Mapping[str, str]) -> None:
        self._forms = {name: forms(word) for name, word in words.items()}
        every = sorted({form for each in self._forms.values() for form in each}, key=len)
        self._in_memory = {
            name: {word.lower().encode(code) for code in _IN_MEMORY} for name, word in words.items()
        }
        self._any = re.compile(b"|".join(map(re.escape, reversed(every))))
        self.longest = max(map(len, every))
        self.files = self.bytes = self.streams = 0

    def in_bytes(self, content: bytes, depth: int = 0) -> set[str]:
        """Return what is found in bytes, and in what is compressed in them."""
        found = self._plainly(content.lower())
        if depth < DEEPEST:
            for inner in _inflated(content):
                self.streams += 1
                found |= self.in_bytes(inner, depth + 1)
        return found

    def _plainly(self, small: bytes) -> set[str]:
        if self._any.search(small) is None:
            return set()
        return {name for name, each in self._forms.items() if any(form in small for form in each)}

    def below(self, folders: Sequence[Path]) -> dict[Path, set[str]]:
        """Return what is found in files below folders, by file; names of files count too."""
        found: dict[Path, set[str]] = {}
        for path in (each for folder in folders for each in _files(folder)):
            here = self._plainly(os.fsencode(path).lower()) | self._in_file(path)
            if here:
                found[path] = here
        return found

    def _in_file(self, path: Path) -> set[str]:
        try:
            content = path.read_bytes()
        except OSError:  # gone meanwhile
            return set()
        self.files, self.bytes = self.files + 1, self.bytes + len(content)
        found = self.in_bytes(content)
        with suppress(OSError, AttributeError):
            for name in os.listxattr(path):
                found |= self.in_bytes(os.getxattr(path, name))
        return found

    def in_memory(self, process: int) -> set[str]:
        """Return what is found in all that a running program may write to; Linux, as root."""
        found: set[str] = set()
        maps = Path(f"/proc/{process}/maps").read_text().splitlines()
        with Path(f"/proc/{process}/mem").open("rb", buffering=0) as memory:
            for line in maps:
                place, rights, *_ = line.split()
                if not rights.startswith("rw"):
                    continue
                first, last = (int(each, 16) for each in place.split("-"))
                for start in range(first, last, _PIECE):
                    with suppress(OSError, ValueError):
                        memory.seek(start)
                        length = min(_PIECE + self.longest, last - start)
                        found |= self._as_in_memory(memory.read(length), found)
        return found

    def in_dump(self, path: Path) -> set[str]:
        """Return what is found in a core dump: as in memory."""
        found: set[str] = set()
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                found |= self._as_in_memory(piece, found)
                if len(piece) == _PIECE:
                    file.seek(-self.longest, os.SEEK_CUR)
        return found

    def _as_in_memory(self, content: bytes, found: set[str]) -> set[str]:
        small = content.lower()
        return {
            name
            for name, each in self._in_memory.items()
            if name not in found and any(form in small for form in each)
        }


def _files(folder: Path) -> Iterator[Path]:
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            if path.is_file() and not path.is_symlink():
                yield path


def _inflated(content: bytes) -> Iterator[bytes]:
    """Yield what is compressed in bytes."""
    if content.startswith(b"BZh"):
        with suppress(OSError, ValueError):
            yield bz2.decompress(content)
    if content.startswith(b"\xfd7zXZ"):
        with suppress(lzma.LZMAError):
            yield lzma.decompress(content)
    if content.startswith(b"PK"):
        yield from _members(content)
    for begun in _STREAM.finditer(content):
        is_gzip = begun[0].startswith(b"\x1f")
        inner = _one(content[begun.start() :], zlib.MAX_WBITS | (16 if is_gzip else 0))
        if inner:
            yield inner


def _members(content: bytes) -> Iterator[bytes]:
    failures = zipfile.BadZipFile, NotImplementedError, RuntimeError, zlib.error, EOFError
    with suppress(*failures), zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in archive.infolist():
            yield member.filename.encode() + b"\0" + archive.read(member)


def _one(content: bytes, bits: int) -> bytes:
    """Return what a stream holds, as far as it goes; nothing where none begins here."""
    inflating, inner = zlib.decompressobj(bits), b""
    with suppress(zlib.error):
        inner = inflating.decompress(content[: 1 << 20], MOST_INFLATED)
        if not inflating.eof:
            inner += inflating.decompress(
                inflating.unconsumed_tail + content[1 << 20 :], MOST_INFLATED
            )
    return inner
