"""The layers of the picture: greys, heat map, structures, bodies, measurements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PyQt6.QtCore import QObject, QPointF, QRectF, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QPainter, QPen, QPolygonF, QTransform
from PyQt6.QtWidgets import QGraphicsPolygonItem, QGraphicsRectItem, QGraphicsScene, QGraphicsView

from spinealign.domain.findings import Vertebra
from spinealign.domain.image import DisplayWindow, SpineImage, WindowKind
from spinealign.domain.measurements import Drawing, DrawingKey, LengthUnit, Measurement
from spinealign.domain.presentation import AS_IN_FILE, Presentation
from spinealign.domain.report_details import PictureLayers
from spinealign.imaging.presenting import Placing
from spinealign.ui.picture.base_items import Layer, cosmetic_pen
from spinealign.ui.picture.body_items import BodyGroup, BodyLayer, SuggestionLayer, lay_out_names
from spinealign.ui.picture.display_images import DisplayImage, DisplayOverlay
from spinealign.ui.picture.handles import DrawingLayer, HandleItem
from spinealign.ui.picture.lookup_items import LookupItem, OutlineItem, StretchedImageItem
from spinealign.ui.picture.measure_overlay import Key, MeasureLayer, Surroundings
from spinealign.ui.picture.note_items import NoteLayer
from spinealign.ui.picture.point_items import PointLayer
from spinealign.ui.picture.reference_items import ReferenceLayer, ReferenceLine
from spinealign.ui.settings.settings import OverlayStyle

DIMMED_ALPHA = 50
OUTLINE_WIDTH = 1.6
HIGHLIGHT_WIDTH = 3.0
MARK_COLOUR = "#ffffff"
WINDOW_DRAG_SHARE = 1 / 350
"""Share of the chosen window's width that one pixel of mouse movement is worth."""

NO_WINDOW = DisplayWindow(0.0, 1.0)


@dataclass(frozen=True)
class PixelReading:
    """What lies under the cursor; `row` and `col` count from 0 at the top left."""

    row: int
    col: int
    value: float
    is_hounsfield: bool
    structure: str | None


class PictureScene(QGraphicsScene):
    """One picture with what was found on it, and how both are shown now."""

    window_changed = pyqtSignal()
    about_to_clear = pyqtSignal()
    overlay_changed = pyqtSignal()
    """What lies over the picture is other than before."""

    layout_wanted = pyqtSignal()
    """What is written on the picture may have to stand elsewhere."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        # Few items that change all the time: an index of their places costs more than it saves.
        self.setItemIndexMethod(QGraphicsScene.ItemIndexMethod.NoIndex)
        self.display: DisplayImage | None = None
        self.presentation = AS_IN_FILE
        self.overlay = DisplayOverlay()
        self.window = self._chosen = NO_WINDOW
        self.is_inverted = False
        self._remembered: dict[object, tuple[DisplayWindow, bool]] = {}
        self.overlay_style = OverlayStyle.FILLED
        self.opacity = 0.45
        self.shows_overlay = True
        self.shows_heatmap = True
        self.highlighted: int | None = None
        self._lengths = LengthUnit.MILLIMETRES
        self._new_layers()
        self._greys: LookupItem | None = None
        self._fill: LookupItem | None = None
        self._heat: StretchedImageItem | None = None
        self._mark: QGraphicsPolygonItem | None = None
        self._outlines: dict[int, OutlineItem] = {}

    @property
    def root(self) -> QGraphicsRectItem:
        """The item whose coordinates are pixels of the picture."""
        return self._root

    @property
    def picture_rect(self) -> QRectF:
        """The picture in scene coordinates, stretched to its true proportions."""
        return self._root.mapRectToScene(self._root.rect())

    def show_image(self, display: DisplayImage | None) -> None:
        """Replace the picture and drop what was found on the earlier one."""
        self.about_to_clear.emit()
        self.clear()
        self._new_layers()
        self._greys, self.display, self._mark = None, display, None
        self._drop_overlay()
        self.is_inverted = False
        if display is None:
            self.window_changed.emit()
            return
        rows, cols = display.image.shape
        self._root.setRect(0, 0, cols, rows)
        default = display.default_window
        earlier = self._remembered.get(_identity(display.image), (default, False))
        self.window, self.is_inverted = earlier
        self._chosen = default if self.window.kind is WindowKind.MANUAL else self.window
        self._greys = LookupItem(display.levels, self._grey_table(display), self._root)
        self._place()
        self.window_changed.emit()

    def present(self, presentation: Presentation) -> None:
        """Show the picture turned and mirrored; what lies on it goes along, letters stay upright.

        Whether it is inverted is told by `set_inverted`.
        """
        self.presentation = presentation
        self._place()

    def _place(self) -> None:
        """Turn the root of all items, and leave room around the picture as it lies then."""
        if self.display is None:
            return
        shown = self.presentation
        aspect = self.display.row_stretch
        (a, b), (c, d) = Placing((1, 1), aspect, shown.turn_deg, shown.is_mirrored).linear.tolist()
        self._root.setTransform(QTransform(a, c, b, d, 0.0, 0.0))
        self.bodies.turn()
        self.suggestions.turn()
        rect = self.picture_rect
        margin_x, margin_y = rect.width() / 2, rect.height() / 2
        # Room around the picture lets the user drag its edges to the middle of the screen.
        self.setSceneRect(rect.adjusted(-margin_x, -margin_y, margin_x, margin_y))

    def show_overlay(self, overlay: DisplayOverlay) -> None:
        """Put what an analysis found onto the present picture."""
        for item in (self._fill, self._heat, *self._outlines.values()):
            if item is not None:
                self.removeItem(item)
        self._drop_overlay()
        self.overlay = overlay
        if overlay.heatmap is not None:
            self._heat = StretchedImageItem(overlay.heatmap, self._root.rect(), self._root)
        if overlay.mask_levels:
            self._fill = LookupItem(overlay.mask_levels, self._fill_table(), self._root)
        for class_id, levels in overlay.outlines.items():
            self._outlines[class_id] = OutlineItem(levels, self._root)
        self.bodies.show(overlay.bodies)
        self.suggestions.show(overlay.suggestions, self.shows_overlay)
        self.points.show(overlay.points, self.shows_overlay)
        self._restyle()
        self.layout_wanted.emit()
        self.overlay_changed.emit()

    def update_bodies(self, overlay: DisplayOverlay) -> None:
        """Show the bodies of an overlay that differs from the present one in nothing else."""
        self.overlay = overlay
        self.bodies.show(overlay.bodies)
        self.suggestions.show(overlay.suggestions, self.shows_overlay)
        self._restyle_bodies()

    def show_drawings(self, drawings: Sequence[Drawing]) -> None:
        """Show handles for the points of these drawings, and what texts and arrows say."""
        self.drawings.show(drawings, self.shows_overlay)
        self.overlay_changed.emit()
        self.notes.show(drawings, self.shows_overlay)
        self.layout_wanted.emit()

    def mark(self, outline: Sequence[tuple[float, float]]) -> None:
        """Draw a dashed line round one place, given in pixels of the picture; empty for none."""
        if self._mark is not None:
            self.removeItem(self._mark)
            self._mark = None
        if outline:
            self._mark = QGraphicsPolygonItem(
                QPolygonF([QPointF(x, y) for x, y in outline]), self._root
            )
            dashes = cosmetic_pen(QColor(MARK_COLOUR), HIGHLIGHT_WIDTH, Qt.PenStyle.DashLine)
            self._mark.setPen(dashes)
            self._mark.setZValue(Layer.MARK)

    def draw_greys(self, painter: QPainter) -> None:
        """Draw the picture alone, for a painter whose coordinates are its pixels."""
        if self._greys is not None:
            self._greys.draw_plain(painter)

    def show_references(self, lines: Sequence[ReferenceLine]) -> None:
        """Draw where slices of other series cut the picture."""
        self.references.show(lines)
        self.layout_wanted.emit()

    @property
    def layers(self) -> PictureLayers:
        """What lies over the picture now, for a file that shows the same."""
        is_filled = self.overlay_style is OverlayStyle.FILLED
        return PictureLayers(
            structures=self.shows_overlay,
            fill_opacity=self.opacity if is_filled else 0.0,
            heat_opacity=self.opacity if self._heat is not None and self.shows_heatmap else None,
            measures=self.measures.keys if self.shows_overlay else frozenset(),
            notes=self.shows_overlay,
        )

    def handles(self) -> list[HandleItem]:
        """Return everything that can be taken hold of, bodies first."""
        return [*self.bodies.handles(), *self.drawings.handles()]

    def show_measures(
        self,
        shown: Sequence[Measurement],
        selected: Key | None = None,
        left_out: frozenset[DrawingKey] = frozenset(),
    ) -> None:
        """Draw these measurements and no others, and no handles of drawings that are left out."""
        self.measures.show(shown, selected, self.shows_overlay)
        self.drawings.leave_out(left_out)
        self.layout_wanted.emit()
        self.overlay_changed.emit()

    def set_lengths(self, lengths: LengthUnit) -> None:
        """Write lengths drawn by hand in this unit, on this picture and on all later ones."""
        self._lengths = lengths
        self.measures.set_lengths(lengths)

    def set_window(self, window: DisplayWindow) -> None:
        """Show the greys that a window or a table gives; the picture keeps it when shown again."""
        self.window = window
        if window.kind is not WindowKind.MANUAL:
            self._chosen = window
        self._regrey()

    def drag_window(self, across: int, down: int) -> None:
        """Change the window as a drag by so many screen pixels does."""
        if self.display is None:
            return
        from spinealign.imaging.windows import manual_window

        unit = self._chosen.width * WINDOW_DRAG_SHARE
        width = max(self.window.width + across * unit, unit)
        self.set_window(manual_window(self.window, self.window.centre + down * unit, width))

    def reset_window(self) -> None:
        """Return to the window that the picture began with."""
        if self.display is not None:
            self.is_inverted = False
            self.set_window(self.display.default_window)

    def set_inverted(self, inverted: bool) -> None:
        """Show bright as dark."""
        self.is_inverted = inverted
        self._regrey()

    @property
    def has_areas(self) -> bool:
        """Whether structures lie over the picture that are filled with colour."""
        return bool(self.overlay.mask_levels) or any(g.is_of_mask for g in self.bodies.groups)

    @property
    def has_overlay(self) -> bool:
        """Whether anything lies over the picture that can be hidden."""
        found = self.overlay.outlines, self.overlay.suggestions, self.bodies.groups
        is_marked = self.points.has_points or any(found)
        return self.has_areas or is_marked or bool(self.measures.keys or self.drawings.handles())

    def set_overlay_shown(self, shown: bool) -> None:
        """Show or hide the structures."""
        self.shows_overlay = shown
        self._restyle()
        self.layout_wanted.emit()

    def set_heatmap_shown(self, shown: bool) -> None:
        """Show or hide the heat map."""
        self.shows_heatmap = shown
        self._restyle()

    def set_overlay_style(self, style: OverlayStyle) -> None:
        """Fill structures, or draw their outlines only."""
        self.overlay_style = style
        self._restyle()

    def set_opacity(self, opacity: float) -> None:
        """Set how much filled structures and heat map cover, 0..1."""
        self.opacity = opacity
        self._restyle()

    def highlight(self, class_id: int | None) -> None:
        """Dim all structures but one; None shows them all alike."""
        self.highlighted = class_id
        self._restyle()

    def reading_at(self, place: QPointF) -> PixelReading | None:
        """Return what lies at a place of the scene, or None beside the picture."""
        if self.display is None:
            return None
        image, point = self.display.image, self._root.mapFromScene(place)
        row, col = int(point.y() // 1), int(point.x() // 1)
        rows, cols = image.shape
        if not (0 <= row < rows and 0 <= col < cols):
            return None
        value, structure = float(image.pixels[row, col]), self.structure_at(row, col)
        return PixelReading(row, col, value, image.is_hounsfield, structure)

    def structure_at(self, row: int, col: int) -> str | None:
        """Return the name of the structure at a pixel, or None."""
        body = self.body_at(QPointF(col + 0.5, row + 0.5))
        if body is not None:
            return body.name
        if not self.overlay.mask_levels:
            return None
        return self.overlay.names.get(int(self.overlay.mask_levels[0][row, col]))

    def body_at(self, point: QPointF) -> Vertebra | None:
        """Return the vertebral body at a point of the picture, or None."""
        return self.bodies.body_at(point)

    def suggestion_at(self, point: QPointF) -> Vertebra | None:
        """Return the suggested body at a point of the picture where there is no other."""
        return None if self.body_at(point) is not None else self.suggestions.at(point)

    def _new_layers(self) -> None:
        self._root = self._new_root()
        self.bodies = BodyLayer(self._root)
        self.suggestions = SuggestionLayer(self._root)
        self.points = PointLayer(self._root)
        self.drawings = DrawingLayer(self._root)
        self.measures = MeasureLayer(self._root, self._surroundings)
        self.measures.set_lengths(self._lengths)
        self.notes = NoteLayer(self._root)
        self.references = ReferenceLayer(self._root)

    def _lay_out_names(self, to_view: QTransform) -> list[QRectF]:
        handles = [h.box_on(to_view) for h in self.bodies.handles() if h.isVisible()]
        view = self._view
        room = QRectF(view.rect()) if view is not None and _is_fitted(view) else None
        names, others = self.bodies.names(), self.suggestions.names()
        return lay_out_names(names, others, handles, to_view, room)

    def _surroundings(self, to_view: QTransform) -> Surroundings:
        """Write names, notes and slices; return what labels of measures keep off."""
        names = self._lay_out_names(to_view)
        handles = [h.box_on(to_view) for h in self.handles() if h.isVisible()]
        names = [*names, *self.points.lay_out(to_view, [*names, *handles])]
        beside = getattr(self._view, "grounds_beside", None)
        frame = [] if beside is None else beside([*names, *handles])
        notes = (*self.notes.lay_out(), *self.references.lay_out(frame))
        plates = [item.plate.translated(to_view.map(item.scenePos())) for item in notes]
        return Surroundings(names=(*names, *plates), frame=tuple(frame), handles=tuple(handles))

    @property
    def _view(self) -> QGraphicsView | None:
        return self.views()[0] if self.views() else None

    def _new_root(self) -> QGraphicsRectItem:
        root = QGraphicsRectItem()
        root.setPen(QPen(Qt.PenStyle.NoPen))
        self.addItem(root)
        return root

    def _drop_overlay(self) -> None:
        self.overlay, self._fill, self._heat, self._outlines = DisplayOverlay(), None, None, {}
        self.bodies.show(())
        self.suggestions.show((), False)
        self.points.show((), False)
        self.measures.show((), None, False)
        self.drawings.show((), False)
        self.notes.show((), False)
        self.highlighted = None

    def _grey_table(self, display: DisplayImage) -> NDArray[np.uint8]:
        return display.grey_table(self.window, self.is_inverted)

    def _regrey(self) -> None:
        if self.display is not None and self._greys is not None:
            key = _identity(self.display.image)
            self._remembered[key] = self.window, self.is_inverted
            self._greys.set_table(self._grey_table(self.display))
            self.window_changed.emit()

    def _fill_table(self) -> NDArray[np.uint32]:
        table = np.zeros(256, np.uint32)
        for class_id, colour in self.overlay.colours.items():
            table[class_id] = _premultiplied(colour, self._alpha(class_id))
        return table

    def _alpha(self, class_id: int | None) -> int:
        return 255 if self.highlighted in (None, class_id) else DIMMED_ALPHA

    def _restyle(self) -> None:
        if self._heat is not None:
            self._heat.setVisible(self.shows_heatmap)
            # The colours are see-through by themselves; halving them again would hide them.
            self._heat.setOpacity(math.sqrt(self.opacity))
        if self._fill is not None:
            filled = self.overlay_style is OverlayStyle.FILLED
            self._fill.setVisible(self.shows_overlay and filled)
            self._fill.setOpacity(self.opacity)
            self._fill.set_table(self._fill_table())
        for class_id, item in self._outlines.items():
            item.setVisible(self.shows_overlay)
            item.set_pen(self._outline_pen(class_id, self.overlay.colours[class_id]))
        self._restyle_bodies()
        self.suggestions.set_visible(self.shows_overlay)
        self.points.set_visible(self.shows_overlay)
        self.measures.set_visible(self.shows_overlay)
        self.drawings.set_visible(self.shows_overlay)
        self.notes.set_visible(self.shows_overlay)

    def _restyle_bodies(self) -> None:
        for group in self.bodies.groups:
            class_id = group.body.class_id
            opacity = max(self._alpha(class_id), 2 * DIMMED_ALPHA) / 255
            pen = self._outline_pen(class_id, group.body.colour)
            group.style(pen, self._body_fill(group), opacity, self.shows_overlay)

    def _body_fill(self, group: BodyGroup) -> QColor | None:
        if self.overlay_style is not OverlayStyle.FILLED or not group.is_of_mask:
            return None
        colour = QColor(group.body.colour)
        colour.setAlpha(round(self._alpha(group.body.class_id) * self.opacity))
        return colour

    def _outline_pen(self, class_id: int | None, of_class: QColor) -> QPen:
        colour = QColor(of_class)
        colour.setAlpha(max(self._alpha(class_id), 2 * DIMMED_ALPHA))
        is_highlighted = class_id is not None and self.highlighted == class_id
        return cosmetic_pen(colour, HIGHLIGHT_WIDTH if is_highlighted else OUTLINE_WIDTH)


def _identity(image: SpineImage) -> object:
    """Return what a picture keeps when its file is read again."""
    return (image.sha256, image.part, image.shape)


def _premultiplied(colour: QColor, alpha: int) -> int:
    red, green, blue = (c * alpha // 255 for c in (colour.red(), colour.green(), colour.blue()))
    return alpha << 24 | red << 16 | green << 8 | blue


def _is_fitted(view: QGraphicsView) -> bool:
    return bool(getattr(view, "is_fitted", False))
