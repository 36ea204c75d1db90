"""Two viewers that move together, so that the same vertebrae stay side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from PyQt6.QtCore import QObject, QPointF, QRectF, QSize

from spinealign.domain.findings import Analysis
from spinealign.ui.picture.viewer import Viewer


@dataclass(frozen=True)
class Match:
    """How the scene of one picture maps to that of another: scaled, then shifted."""

    scale: float = 1.0
    shift: tuple[float, float] = (0.0, 0.0)

    def map(self, point: QPointF) -> QPointF:
        """Return where a point of the first scene lies in the second."""
        x, y = self.shift
        return QPointF(self.scale * point.x() + x, self.scale * point.y() + y)

    @property
    def inverse(self) -> Match:
        """The way back."""
        x, y = self.shift
        return Match(1 / self.scale, (-x / self.scale, -y / self.scale))


def match_points(first: Mapping[str, QPointF], second: Mapping[str, QPointF]) -> Match | None:
    """Return the best match (least squares, no rotation) of points with the same names.

    Returns
    -------
    Match or None
        None with fewer than two names in common, or if all points coincide.
    """
    names = [name for name in first if name in second]
    if len(names) < 2:
        return None
    a, b = (
        np.array([(points[name].x(), points[name].y()) for name in names])
        for points in (first, second)
    )
    spread = a - a.mean(axis=0)
    size = float((spread**2).sum())
    scale = float((spread * (b - b.mean(axis=0))).sum()) / size if size else 0.0
    if scale <= 0:
        return None
    x, y = (b.mean(axis=0) - scale * a.mean(axis=0)).tolist()
    return Match(scale, (x, y))


def match_rects(first: QRectF, second: QRectF) -> Match:
    """Return the match that puts one rectangle into the middle of the other, as large as fits."""
    scale = min(second.width() / first.width(), second.height() / first.height())
    shift = second.center() - scale * first.center()
    return Match(scale, (shift.x(), shift.y()))


class ViewLink(QObject):
    """Lets each of two viewers follow the other in zoom and place.

    Bodies that both analyses name are laid side by side at the same size; without them
    the pictures as a whole are.
    """

    def __init__(self, first: Viewer, second: Viewer, parent: QObject) -> None:
        super().__init__(parent)
        self._viewers = (first, second)
        self._match: Match | None = None
        self._is_on = True
        self._is_following = False
        self._sizes = [QSize(), QSize()]
        for source, target in ((first, second), (second, first)):
            self._listen(source, target)

    def set_on(self, on: bool) -> None:
        """Begin or stop to follow; beginning, the second viewer goes where the first is."""
        self._is_on = on
        self.follow_first()

    def set_analyses(self, first: Analysis | None, second: Analysis | None) -> None:
        """Find out anew what lies where on the two pictures."""
        self._match = None
        rects = [viewer.picture.picture_rect for viewer in self._viewers]
        if first is None or second is None or any(rect.isEmpty() for rect in rects):
            return
        places = [_centres(a, v) for a, v in zip((first, second), self._viewers, strict=True)]
        self._match = match_points(*places) or match_rects(*rects)

    def follow_first(self) -> None:
        """Bring the second viewer to where the first one is."""
        self._follow(*self._viewers)

    def _listen(self, source: Viewer, target: Viewer) -> None:
        source.zoom_changed.connect(lambda: self._follow(source, target))
        for bar in (source.horizontalScrollBar(), source.verticalScrollBar()):
            assert bar is not None
            bar.valueChanged.connect(lambda: self._follow(source, target))

    def _follow(self, source: Viewer, target: Viewer) -> None:
        match = self._match
        if not self._is_on or self._is_following or match is None:
            return
        if self._was_resized():
            # A view that gets another size scrolls by itself; the first one leads then.
            source, target = self._viewers
        if source is self._viewers[1]:
            match = match.inverse
        self._is_following = True
        middle = source.mapToScene(source.rect().center())
        target.zoom_to(source.zoom / match.scale)
        target.centerOn(match.map(middle))
        self._is_following = False

    def _was_resized(self) -> bool:
        before, self._sizes = self._sizes, [viewer.size() for viewer in self._viewers]
        return before != self._sizes


def _centres(analysis: Analysis, viewer: Viewer) -> dict[str, QPointF]:
    """Return the middle of every named body in the scene of its picture."""
    named = [body for body in analysis.vertebrae if body.level is not None]
    middles = {body.name: np.mean(body.outline, axis=0) for body in named}
    return {name: viewer.picture.root.mapToScene(QPointF(x, y)) for name, (x, y) in middles.items()}
