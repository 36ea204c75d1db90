"""Generators that read series in a worker thread; nothing here knows a widget."""

from __future__ import annotations

import contextlib
from collections import deque
from collections.abc import Generator, Sequence

import numpy as np
from PyQt6.QtCore import QSize, Qt
from PyQt6.QtGui import QImage

from spinealign import wording
from spinealign.domain.errors import SpineAlignError
from spinealign.domain.study import SeriesEntry
from spinealign.ui.picture.display_images import DisplayImage, prepare_image
from spinealign.ui.work.services import Services
from spinealign.wording import Message


def read_pictures(
    services: Services, entry: SeriesEntry, indices: Sequence[int]
) -> Generator[tuple[int, DisplayImage | Message], None, None]:
    """Read pictures of a series one after the other, each as soon as it can be shown.

    Yields
    ------
    tuple
        Which picture, and the picture, or why it cannot be read.
    """
    rest = deque(indices)
    while rest:
        try:
            for image in services.read_slices(entry, tuple(rest)):
                yield rest.popleft(), prepare_image(image)
        except SpineAlignError as error:
            yield rest.popleft(), wording.explain(error)


def make_thumbnail(
    services: Services, entry: SeriesEntry, side_px: int
) -> Generator[None, None, QImage | None]:
    """Draw the middle picture of a series small, or another one if that cannot be read.

    Returns
    -------
    QImage or None
        At most `side_px` wide and high; None when no picture could be read.
    """
    for index in dict.fromkeys((entry.middle, 0, len(entry) - 1)):
        yield
        with contextlib.suppress(SpineAlignError):
            [image] = services.read_slices(entry, [index])
            return small_picture(prepare_image(image), side_px)
    return None


def small_picture(display: DisplayImage, side_px: int) -> QImage:
    """Return a picture as it is first shown, at most `side_px` wide and high."""
    table = display.grey_table(display.default_window, False)
    level = next(
        (fine for fine in reversed(display.levels) if min(fine.shape) >= side_px), display.levels[0]
    )
    grey = np.ascontiguousarray(table[level])
    rows, cols = grey.shape
    whole = QImage(grey.tobytes(), cols, rows, cols, QImage.Format.Format_Grayscale8)
    full = display.image.shape
    true_size = QSize(full[1], max(round(full[0] * display.row_stretch), 1))
    size = true_size.scaled(side_px, side_px, Qt.AspectRatioMode.KeepAspectRatio)
    return whole.scaled(
        size.expandedTo(QSize(1, 1)),
        Qt.AspectRatioMode.IgnoreAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )
