"""De-identification as generators that a thread or a worker process runs, without widgets."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from spinealign.domain.errors import DeidentificationProblem
from spinealign.domain.findings import Step
from spinealign.domain.worker import WorkerError, WorkerProblem
from spinealign.ui.work.services import Away

if TYPE_CHECKING:
    from spinealign.deidentification.boxes import Box, ReviewedImage
    from spinealign.deidentification.options import Options
    from spinealign.deidentification.report import Report
    from spinealign.deidentification.steps import Begun, FileDone

_MOST_SIDE_PX = 1400
"""Of a picture that is looked at: larger ones are shown smaller."""


@dataclass
class Picture:
    """A picture that a person decides on.

    Parameters
    ----------
    image : ReviewedImage
        As it was found.
    shown : Path or None
        A PNG without boxes; None where the pixels could not be decoded.
    boxes : list of Box
        What is to be blackened.
    is_decided : bool
        Whether a person looked at it.
    """

    image: ReviewedImage = field(repr=False)
    shown: Path | None
    boxes: list[Box]
    is_decided: bool = False


def look_through(
    inputs: Sequence[Path], out: Path, folder: Path
) -> Generator[Step, None, list[Picture]]:
    """Look for text in the pixels of all files.

    Parameters
    ----------
    inputs : sequence of Path
    out : Path
        Where the results go later; nothing is written there.
    folder : Path
        For pictures to look at: as confidential as the sources.

    Raises
    ------
    ImageReadError, DeidentificationError
        The inputs cannot be listed, or lie where the results would.
    """
    from spinealign.deidentification.boxes import ReviewedImage
    from spinealign.deidentification.looking import look
    from spinealign.deidentification.previews import preview_png
    from spinealign.deidentification.sources import list_sources

    sources = [source for source in list_sources(inputs, out) if source.kind is not None]
    found = []
    for done, source in enumerate(sources):
        yield Step("", done / len(sources))
        assert source.kind is not None
        try:
            content = source.path.read_bytes()
        except OSError:
            continue  # writing will tell
        seen = look(source.path, source.kind, content)
        if seen is None:
            continue
        shown = None
        if seen.picture is not None:
            shown = folder / f"{source.number:05}.png"
            shown.write_bytes(_smaller(preview_png(seen.picture, ())))
        image = ReviewedImage(
            hashlib.sha256(content).hexdigest(), "", seen.frames, seen.rows, seen.columns,
            looked=False, boxes=list(seen.boxes),
        )  # fmt: skip
        found.append(Picture(image, shown, list(seen.boxes)))
    return found


def _smaller(png: bytes) -> bytes:
    from PIL import Image

    picture = Image.open(io.BytesIO(png))
    picture.thumbnail((_MOST_SIDE_PX, _MOST_SIDE_PX))
    target = io.BytesIO()
    picture.save(target, "PNG")
    return target.getvalue()


def review_of(pictures: Sequence[Picture]) -> Mapping[str, ReviewedImage]:
    """Return what a person decided, by the checksum of the source."""
    from spinealign.deidentification.run import accepted

    return {one.image.sha256: accepted(one.image, one.boxes) for one in pictures if one.is_decided}


def deidentify(
    away: Away, inputs: Sequence[Path], out: Path, options: Options, profile: Path,
    review: Mapping[str, ReviewedImage],
) -> Generator[float, None, Report]:  # fmt: skip
    """Write the copies; yields how far it is.

    Parameters
    ----------
    away : Away
        Where the files are read. A process that ends there costs the one file that it read, which
        is told like any other that could not be copied; another process goes on with the rest.

    Raises
    ------
    ImageReadError, DeidentificationError, ExportError, WorkerError
        The inputs cannot be listed, or lie where the results would; a copy cannot be written; the
        process ended before any file was opened.
    """
    from spinealign.deidentification.pseudonyms import load_key
    from spinealign.deidentification.run import write_copies, write_report
    from spinealign.deidentification.steps import FileDone

    key = load_key(profile)
    done: list[FileDone] = []
    while True:
        begun: Begun | None = None
        try:
            work = away(write_copies, inputs, out, options, key, review, tuple(done))
            with closing(work):
                for told in work:
                    if isinstance(told, FileDone):
                        done.append(told)
                        begun = None
                    else:
                        begun = told
                        yield told.step.fraction
            return write_report(done, out, options)
        except WorkerError as error:
            if begun is None or error.problem is WorkerProblem.NO_START:
                raise
            if any(each.path == begun.path for each in done):
                raise  # it was read without harm before, so that the file is not to blame
            done.append(_given_up(begun, error))


def _given_up(begun: Begun, error: WorkerError) -> FileDone:
    from spinealign.deidentification.steps import given_up

    if error.problem is WorkerProblem.TOO_LONG:
        detail = f"{error.limit_s:.0f} s"
        return given_up(begun, DeidentificationProblem.TOO_LONG, detail)
    detail = f"signal {-error.code}" if error.code < 0 else ""
    return given_up(begun, DeidentificationProblem.CRASHED, detail)
