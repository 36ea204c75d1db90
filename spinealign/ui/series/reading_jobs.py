"""Generators that read series in a worker thread; nothing here knows a widget."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence

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
