"""The result of an examination as the archive keeps it, and opened again without analysing anew.

A member of its own beside the images: all of an analysis but the pixels of its picture, which are
read from the original, as MessagePack under zlib. Arrays keep every byte. What a person corrected
is another member, since it changes more often and is small.
"""

from __future__ import annotations

import hashlib
import io
import zlib
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, get_origin

import msgspec
import numpy as np

from spinealign.archive.records import FileRole, StoredFile
from spinealign.archive.store import Archive
from spinealign.domain.findings import Analysis, Corrections, Facing
from spinealign.domain.image import ImagePart, SpineImage
from spinealign.domain.protection import DamagedFileError, UnreadableResultError
from spinealign.domain.study import ImageSource, SeriesPicture
from spinealign.imaging.read import read_image
from spinealign.imaging.study import read_series_slice
from spinealign.protected_folders import is_protected
from spinealign.vault.session import Session

RESULT_NAME, CORRECTIONS_NAME = "result.msgpack.zlib", "corrections.json"

_FORMAT = "spinealign-kept-result-1"

_MOST_BYTES = 1 << 30
"""Of a result before compression: a package of another archive must not fill the memory."""

_LEVEL = 1
"""Of zlib: level 6 makes a film's result 1 % smaller and takes four times as long."""

_NO_PIXELS = np.zeros((0, 0), np.float32)


class _Kept(msgspec.Struct, frozen=True):
    format: str
    file_sha256: str
    member: str
    index: int | None
    volume: int
    shape: tuple[int, int]
    analysis: Analysis


class _Array(msgspec.Struct, frozen=True):
    dtype: str
    shape: tuple[int, ...]
    content: bytes


@dataclass(frozen=True, eq=False)
class KeptResult:
    """A result that was kept.

    Parameters
    ----------
    analysis : Analysis
        The program's own, as it was kept, on the picture as it lies in the archive.
    corrections : Corrections or None
        What a person had made of it when it was kept.
    """

    analysis: Analysis
    corrections: Corrections | None


def packed(analysis: Analysis, file_sha256: str) -> bytes:
    """Return the program's own analysis as it is kept.

    Parameters
    ----------
    analysis : Analysis
        With or without corrections, which are not in it.
    file_sha256 : str
        Of the original file that its picture lies in.
    """
    own, place = analysis.automatic or analysis, analysis.image.place
    bare = replace(own, image=replace(own.image, pixels=_NO_PIXELS), automatic=None,
                   corrections=None)  # fmt: skip
    whole = _Kept(
        _FORMAT, file_sha256, place.member, place.index, place.volume, own.image.shape, bare
    )
    return zlib.compress(msgspec.msgpack.encode(whole, enc_hook=_as_plain), _LEVEL)


def unpacked(content: bytes) -> _Kept:
    """Return what `packed` gave.

    Raises
    ------
    UnreadableResultError
    """
    unzipping = zlib.decompressobj()
    try:
        plain = unzipping.decompress(content, _MOST_BYTES)
        if not unzipping.eof:
            raise UnreadableResultError
        kept = msgspec.msgpack.decode(plain, type=_Kept, dec_hook=_as_wanted)
    except (zlib.error, msgspec.MsgspecError, ValueError, TypeError) as error:
        raise UnreadableResultError from error
    if kept.format != _FORMAT:
        raise UnreadableResultError
    facing = kept.analysis.facing  # a plain text by its type
    own = replace(kept.analysis, facing=None if facing is None else Facing(facing))
    return msgspec.structs.replace(kept, analysis=own)


def new_members(
    archive: Archive, analysis: Analysis, digests: Mapping[Path, str], known: str | None
) -> Generator[None, None, list[StoredFile]]:
    """Encrypt what the archive does not have of a result, for `Archive.add_prepared`.

    Parameters
    ----------
    archive : Archive
    analysis : Analysis
    digests : mapping of Path to str
        SHA-256 of each original file.
    known : str or None
        The examination, where it is there already.
    """
    sha256 = digests.get(analysis.image.place.path)
    if sha256 is None:
        return []
    there = () if known is None else archive.files(known)
    wanted = [(FileRole.RESULT, RESULT_NAME, packed(analysis, sha256))]
    if analysis.corrections is not None or _latest(there, FileRole.CORRECTIONS) is not None:
        corrections = msgspec.json.encode(analysis.corrections)
        wanted.append((FileRole.CORRECTIONS, CORRECTIONS_NAME, corrections))
    new: list[StoredFile] = []
    for role, name, content in wanted:
        yield
        latest = _latest(there, role)
        if latest is None or latest.sha256 != hashlib.sha256(content).hexdigest():
            new.append(archive.prepare_file(role, name, io.BytesIO(content)))
    return new


def kept_result(session: Session, source: ImageSource) -> KeptResult | None:
    """Return the result that the archive keeps of what is opened from it.

    Returns
    -------
    KeptResult or None
        None where it is no picture of the archive, was kept without a result, or another picture
        of it is wanted than the one that was analysed.

    Raises
    ------
    ArchiveError
    UnreadableResultError
        It is damaged, or of a newer program.
    ImageReadError
    """
    parts = _parts_of(source)
    if not parts or not is_protected(parts[0].path):
        return None
    files = session.archive.files_beside(parts[0].path.name)
    stored = _latest(files, FileRole.RESULT)
    if stored is None:
        return None
    try:
        kept = unpacked(session.archive.read_file(stored))
        corrections = _corrections(session.archive, _latest(files, FileRole.CORRECTIONS))
    except (DamagedFileError, OSError) as error:
        raise UnreadableResultError from error
    image = _picture(source, kept, files)
    if image is None:
        return None
    then = kept.analysis.image
    now = replace(then, pixels=image.pixels, source_path=image.source_path, part=image.part)
    return KeptResult(replace(kept.analysis, image=now), corrections)


def _picture(source: ImageSource, kept: _Kept, files: Sequence[StoredFile]) -> SpineImage | None:
    """Return the picture that a result is of, or None where another one is wanted."""
    holding = {
        each.identifier
        for each in files
        if each.role is FileRole.ORIGINAL and each.sha256 == kept.file_sha256
    }

    def is_it(part: ImagePart) -> bool:
        place = (part.member, part.index, part.volume)
        return part.path.name in holding and place == (kept.member, kept.index, kept.volume)

    if isinstance(source, Path):
        image = read_image(source)
        if not is_it(image.place):
            return None
    elif isinstance(source, SeriesPicture):
        if not is_it(source.series.parts[source.index]):
            return None
        image = read_series_slice(source.series, source.index)
    else:
        index = next((n for n, part in enumerate(source.parts) if is_it(part)), None)
        if index is None:
            return None
        image = read_series_slice(source, index)
    if image.shape != kept.shape or image.sha256 != kept.analysis.image.sha256:
        raise UnreadableResultError
    return image


def _parts_of(source: ImageSource) -> Sequence[ImagePart]:
    if isinstance(source, Path):
        return (ImagePart(source),)
    return (source.series if isinstance(source, SeriesPicture) else source).parts


def _corrections(archive: Archive, stored: StoredFile | None) -> Corrections | None:
    if stored is None:
        return None
    try:
        return msgspec.json.decode(archive.read_file(stored), type=Corrections | None)
    except msgspec.MsgspecError as error:
        raise UnreadableResultError from error


def _latest(files: Sequence[StoredFile], role: FileRole) -> StoredFile | None:
    return next((each for each in reversed(files) if each.role is role), None)


def _as_plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return _Array(value.dtype.str, value.shape, value.tobytes())
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Path):
        return str(value)
    raise TypeError(type(value))


def _as_wanted(kind: Any, value: Any) -> Any:
    if kind is Path:
        return Path(value)
    if get_origin(kind) is np.ndarray:
        array = msgspec.convert(value, _Array)
        return np.frombuffer(array.content, np.dtype(array.dtype)).reshape(array.shape)
    raise TypeError(kind)
