"""Links the slices of open series by their place in the patient: lines, and ways to jump."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

from PyQt6.QtCore import QObject, QPointF

from spinealign.domain.image import SpineImage
from spinealign.domain.study import SlicePosition
from spinealign.ui.cases.case import Case, SeenSlice
from spinealign.ui.picture.reference_items import ReferenceLine
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.series.slice_navigation import SliceNavigation
from spinealign.ui.workbench import Workbench
from spinealign.wording.series import jump_text


class ReferenceLines(QObject):
    """Draws where the slices last seen of other open series cut the one that is shown.

    Only series that state the same frame of reference are linked: where that is another one,
    or unknown, nobody can tell where they lie to each other.
    """

    def __init__(self, bench: Workbench, viewer: Viewer, navigation: SliceNavigation) -> None:
        super().__init__(viewer)
        self._bench, self._viewer, self._navigation = bench, viewer, navigation
        navigation.placed.connect(self.refresh)
        for signal in (bench.session.added, bench.session.removed, bench.session.display_ready):
            signal.connect(self.refresh)

    def set_shown(self, shown: bool) -> None:
        """Draw the lines, or none."""
        self._bench.preferences.choose(show_reference_lines=shown)
        self.refresh()

    def refresh(self) -> None:
        """Draw where other slices cut the picture that is shown now."""
        display, case = self._viewer.picture.display, self._bench.current
        if case is None or display is None:
            return
        case.seen = SeenSlice.of(display.image, case.stack.place_of(display.image.place))
        is_wanted = self._bench.preferences.settings.show_reference_lines
        lines = self._lines(display.image) if is_wanted else ()
        self._viewer.picture.show_references(tuple(lines))

    def ways_from(self, point: QPointF) -> list[tuple[str, Callable[[], None]]]:
        """Return in words where a place of the picture is on other series, and how to go there."""
        from spinealign.imaging.patient_planes import nearest_slice, patient_place

        display = self._viewer.picture.display
        plane = None if display is None else display.image.patient_plane
        ways: list[tuple[str, Callable[[], None]]] = []
        for other, seen in self._others():
            if plane is None or seen.plane is None or plane.frame_uid != seen.plane.frame_uid:
                continue
            if seen.place is None:
                continue
            place = patient_place(plane, (point.x(), point.y()))
            entry = other.stack.volumes[seen.place.volume]
            index = nearest_slice(entry, seen.place.index, seen.plane, place)
            target = SlicePosition(seen.place.volume, index)
            ways.append((jump_text(other.title_of(target)), partial(self._jump, other, target)))
        return ways

    def _jump(self, case: Case, place: SlicePosition) -> None:
        self._bench.select(case)
        self._navigation.go(place)

    def _lines(self, image: SpineImage) -> Iterator[ReferenceLine]:
        from spinealign.imaging.patient_planes import cut

        for other, seen in self._others():
            if image.patient_plane is None or seen.plane is None:
                continue
            ends = cut(image.patient_plane, image.shape, seen.plane, seen.shape)
            if ends is not None:
                name = other.title if seen.place is None else other.title_of(seen.place)
                yield ReferenceLine(*ends, name)

    def _others(self) -> Iterator[tuple[Case, SeenSlice]]:
        """Yield the other cases with the slice of each that was looked at last."""
        for other in self._bench.session.cases:
            seen = other.seen
            if seen is None and other.display is not None:
                seen = SeenSlice.of(other.display.image, other.place)
            if other is not self._bench.current and seen is not None:
                yield other, seen
