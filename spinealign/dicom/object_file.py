"""Reading a DICOM object from the disk: its bytes within bounds, and damage as one failure."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spinealign.domain.errors import (
    DicomObjectError,
    DicomObjectProblem,
    ImageReadError,
    ReadProblem,
)
from spinealign.imaging.decoding import quiet_libraries
from spinealign.json_files import JsonError, read_bytes


def object_content(path: Path, most_bytes: int, otherwise: DicomObjectProblem) -> bytes:
    """Return the bytes of a file.

    Parameters
    ----------
    path : Path
    most_bytes : int
    otherwise : DicomObjectProblem
        What a folder, or a file that is larger, is told as.

    Raises
    ------
    DicomObjectError
        With `otherwise`.
    ImageReadError
        It is missing or cannot be read.
    """
    try:
        return read_bytes(path, most_bytes)
    except FileNotFoundError:
        raise ImageReadError(path, ReadProblem.MISSING) from None
    except OSError:
        raise ImageReadError(path, ReadProblem.UNREADABLE) from None
    except JsonError:
        raise DicomObjectError(path, otherwise) from None


@contextmanager
def damage_told(path: Path, problem: DicomObjectProblem) -> Iterator[None]:
    """Turn whatever pydicom raises on hostile bytes into a failure that is expected."""
    try:
        with quiet_libraries():
            yield
    except (DicomObjectError, MemoryError):
        raise
    except Exception:  # noqa: BLE001 - decoders raise anything on damaged bytes
        # Not chained: the library's message may quote values of the patient.
        raise DicomObjectError(path, problem) from None
