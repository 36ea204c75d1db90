"""From a path to a `SpineImage`; the reader is chosen by the file's content."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from spinealign.domain.image import ImagePart, NoteKind, ReaderNote, SpineImage
from spinealign.domain.study import SeriesEntry, likeliest, stacked
from spinealign.imaging.find import header_beside
from spinealign.imaging.readers import read_part
from spinealign.imaging.study import holds_several_files, list_series, read_middle


def read_image(path: Path) -> SpineImage:
    """Read one image file.

    Of an archive or the index of a DICOM medium, the middle picture that can be read
    of the likeliest series is taken; `imaging.study` has all of them.

    Parameters
    ----------
    path : Path
        A file of one of `IMAGE_FORMATS`, a zip archive of such files or a DICOMDIR,
        whatever its name.

    Returns
    -------
    SpineImage
        Grey values with their geometry; `notes` tells what had to be decided.

    Raises
    ------
    ImageReadError
        The file is missing, unreadable, no image, damaged, or of a size or kind
        that cannot be analysed. Nothing else is raised, whatever the bytes.
    """
    path = header_beside(path)
    if not holds_several_files(path):
        return read_part(ImagePart(path))
    found = list_series(path)
    entry = _likeliest(found)
    image, index = read_middle(entry)
    image = replace(image, notes=(*image.notes, *entry.notes))
    places = (index + 1, len(entry), found.index(entry) + 1, len(found))
    if places == (1, 1, 1, 1):
        return image
    return replace(image, notes=(ReaderNote(NoteKind.SERIES_TAKEN, places), *image.notes))


def _likeliest(found: tuple[SeriesEntry, ...]) -> SeriesEntry:
    """Return the best series of a kind that can be analysed, else the first."""
    best = likeliest(stacked(found))
    return best[0].first if best else found[0]
