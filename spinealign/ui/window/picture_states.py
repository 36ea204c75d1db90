"""Which commands would change what is seen of the picture, and why the others are not offered."""

from __future__ import annotations

from collections.abc import Mapping

from PyQt6.QtCore import QObject
from PyQt6.QtWidgets import QSlider

from spinealign.ui.cases.case import CaseStatus
from spinealign.ui.correcting.shown_measures import ShownMeasures
from spinealign.ui.picture.viewer import LARGEST_ZOOM, SMALLEST_ZOOM, Viewer
from spinealign.ui.series.slice_navigation import SliceNavigation
from spinealign.ui.settings.preferences import Preferences
from spinealign.ui.settings.settings import OverlayStyle
from spinealign.ui.widgets.labels import offer
from spinealign.ui.window.actions import Actions
from spinealign.ui.window.command_states import NO_CASE, NO_HEAT_MAP, NO_RESULT, NO_SERIES
from spinealign.ui.workbench import Workbench

NO_PICTURE = "There is no picture to show"
NOT_HERE = "There is no result of this slice"
NOTHING_FOUND = "Nothing was found that could be shown on the picture"
NO_AREAS = "There is no coloured area on the picture"
OVERLAY_OFF = "The overlay is not shown (O)"
HEAT_MAP_OFF = "The heat map is not shown (H)"
OUTLINES_ONLY = "Only outlines are shown (L)"
NOTHING_MEASURED = "Nothing is measured that could be drawn on the picture"
NOTHING_TICKED = "No measure is ticked in the list of results"
SEE_THROUGH, COVERING = "It is as clear as it can be", "It is as opaque as it can be"
LARGEST, SMALLEST = "The picture is as large as it gets", "The picture is as small as it gets"
FIRST_CASE, LAST_CASE = "This is the first case", "This is the last case"
FIRST_SLICE, LAST_SLICE = "This is the first slice", "This is the last slice"
_UNDER_WAY = {
    CaseStatus.WAITING: "This image waits for its analysis",
    CaseStatus.RUNNING: "This image is being analysed",
}
AT_RESULT, NO_RECENT = "This is the analysed image", "No file is remembered"


class PictureStates(QObject):
    """Offers what would be seen, and says of the rest why nothing would be.

    Parameters
    ----------
    slider : QSlider
        How opaque overlay and heat map are.
    """

    def __init__(
        self,
        actions: Actions,
        bench: Workbench,
        viewer: Viewer,
        navigation: SliceNavigation,
        measures: ShownMeasures,
        slider: QSlider,
    ) -> None:
        super().__init__(viewer)
        self._actions, self._bench, self._viewer = actions, bench, viewer
        self._navigation, self._measures, self._slider = navigation, measures, slider
        self._preferences: Preferences = bench.preferences
        for signal in (
            bench.current_changed, bench.current_updated, bench.work_changed, bench.session.added,
            bench.session.removed, viewer.image_shown, viewer.zoom_changed, navigation.moved,
            viewer.picture.overlay_changed, slider.valueChanged, bench.preferences.recent_changed,
            *(actions[name].toggled for name in ("overlay", "outlines", "heatmap", "measures")),
        ):  # fmt: skip
            signal.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Offer what is possible now."""
        reasons = {
            **self._zooming(), **self._overlay(), **self._going(),
            "clear_recent": "" if self._preferences.recent else NO_RECENT,
        }  # fmt: skip
        for name, reason in reasons.items():
            self._actions.offer(name, reason)
        offer(self._slider, self._no_layer())

    def _zooming(self) -> Mapping[str, str]:
        absent, zoom = self._absent(), self._viewer.zoom
        return {
            **dict.fromkeys(("fit", "one_to_one", "invert", "reset_window"), absent),
            "zoom_in": absent or (LARGEST if zoom >= LARGEST_ZOOM else ""),
            "zoom_out": absent or (SMALLEST if zoom <= SMALLEST_ZOOM else ""),
        }

    def _overlay(self) -> Mapping[str, str]:
        picture, value = self._viewer.picture, self._slider.value()
        nothing = self._nothing()
        found = "" if picture.has_overlay else NOTHING_FOUND
        hidden = "" if picture.shows_overlay else OVERLAY_OFF
        areas = "" if picture.has_areas else NO_AREAS
        heat = "" if picture.overlay.heatmap is not None else NO_HEAT_MAP
        layer = self._no_layer()
        return {
            "overlay": nothing or found,
            "outlines": nothing or found or areas or hidden,
            "heatmap": nothing or heat,
            "less_opacity": layer or (SEE_THROUGH if value <= self._slider.minimum() else ""),
            "more_opacity": layer or (COVERING if value >= self._slider.maximum() else ""),
            "measures": nothing or self._no_measure() or hidden,
        }

    def _going(self) -> Mapping[str, str]:
        bench, navigation = self._bench, self._navigation
        order = list(bench.order())
        here = order.index(bench.current) if bench.current in order else None
        alone = "" if order else NO_CASE
        place, slices = navigation.position, navigation.slice_count
        single = NO_SERIES if place is None or slices < 2 else ""
        index = 0 if place is None else place.index
        return {
            "again": self._busy(),
            "next_case": alone or (LAST_CASE if here == len(order) - 1 else ""),
            "previous_case": alone or (FIRST_CASE if here == 0 else ""),
            "next_slice": single or (LAST_SLICE if index == slices - 1 else ""),
            "previous_slice": single or (FIRST_SLICE if index == 0 else ""),
            "result_slice": single or ("" if navigation.is_away else AT_RESULT),
        }

    def _busy(self) -> str:
        """Why the picture that is looked at is not analysed now."""
        case, place = self._bench.current, self._navigation.place
        if case is None:
            return NO_CASE
        is_wanted = place is None or place == case.wanted_place
        return _UNDER_WAY.get(case.status, "") if is_wanted else ""

    def _absent(self) -> str:
        """Why there is no picture; empty where there is one."""
        if self._bench.current is None:
            return NO_CASE
        return "" if self._viewer.picture.display is not None else NO_PICTURE

    def _nothing(self) -> str:
        """Why nothing lies over the picture; empty where there is a result of it."""
        absent = self._absent()
        if absent:
            return absent
        has_drawings = self._viewer.picture.has_overlay
        if self._navigation.is_away and not has_drawings:
            return NOT_HERE
        return "" if self._bench.current_analysis is not None or has_drawings else NO_RESULT

    def _no_layer(self) -> str:
        """Why nothing is seen that could be more or less opaque."""
        picture = self._viewer.picture
        nothing = self._nothing()
        has_heat = picture.overlay.heatmap is not None
        if nothing or not (picture.has_areas or has_heat):
            return nothing or NO_AREAS
        has_fill = picture.overlay_style is OverlayStyle.FILLED and picture.has_areas
        if (has_fill and picture.shows_overlay) or (has_heat and picture.shows_heatmap):
            return ""
        if picture.has_areas and not picture.shows_overlay:
            return OVERLAY_OFF
        return HEAT_MAP_OFF if has_heat else OUTLINES_ONLY

    def _no_measure(self) -> str:
        """Why no measure is drawn, nor would be."""
        if not self._measures.has_drawable:
            return NOTHING_MEASURED
        return "" if self._measures.has_ticked else NOTHING_TICKED
