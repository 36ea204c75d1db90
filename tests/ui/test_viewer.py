"""The picture on screen: where things are, what the mouse does, what is drawn."""

from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, QRect, QRectF, Qt
from PyQt6.QtGui import QWheelEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from spinealign.domain.image import DisplayWindow, WindowCurve, WindowKind
from spinealign.domain.measurements import Drawing, DrawingTool
from spinealign.ui.picture.corner_texts import border_letters, corner_text
from spinealign.ui.picture.display_images import prepare_image, prepare_overlay
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.settings.settings import OverlayStyle
from tests import phantoms


@pytest.fixture
def viewer(qtbot):
    viewer = Viewer()
    qtbot.addWidget(viewer)
    viewer.resize(400, 300)
    with qtbot.waitExposed(viewer):
        viewer.show()
    return viewer


@pytest.fixture
def mr(viewer):
    analysis = phantoms.mr_analysis()
    viewer.show_image(prepare_image(analysis.image))
    viewer.show_overlay(prepare_overlay(analysis))
    return analysis


def ramp(shape=(100, 200), **changes):
    """An image whose value is its column."""
    pixels = np.broadcast_to(np.arange(shape[1], dtype=np.float32), shape).copy()
    changes = {"bits": 16, "window": (shape[1] / 2, shape[1]), "spacing_mm": None} | changes
    return prepare_image(replace(phantoms.photo_image(), pixels=pixels, **changes))


def shot(viewer):
    return viewer.viewport().grab().toImage()


def place_of(viewer, row, col):
    """Where the middle of a pixel is on screen."""
    stretch = viewer.picture.display.row_stretch
    return viewer.mapFromScene(QPointF(col + 0.5, (row + 0.5) * stretch))


def grey_at(viewer, row, col):
    return shot(viewer).pixelColor(place_of(viewer, row, col)).red()


def wheel(viewer, where, steps):
    at = QPointF(where)
    event = QWheelEvent(
        at, QPointF(viewer.mapToGlobal(where)), QPoint(), QPoint(0, 120 * steps),
        Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier,
        Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(viewer.viewport(), event)


def drag(viewer, button, by):
    start = viewer.viewport().rect().center()
    QTest.mousePress(viewer.viewport(), button, pos=start)
    QTest.mouseMove(viewer.viewport(), start + by)
    QTest.mouseRelease(viewer.viewport(), button, pos=start + by)


@pytest.mark.parametrize("col", [20, 100, 180])
def test_greys_follow_the_window(viewer, col):
    viewer.show_image(ramp())
    expected = 255 * col / 200
    assert grey_at(viewer, 50, col) == pytest.approx(expected, abs=4)
    viewer.picture.set_inverted(True)
    assert grey_at(viewer, 50, col) == pytest.approx(255 - expected, abs=4)
    viewer.picture.set_window(DisplayWindow(col - 20, 10))
    viewer.picture.set_inverted(False)
    assert grey_at(viewer, 50, col) == 255
    viewer.picture.reset_window()
    assert grey_at(viewer, 50, col) == pytest.approx(expected, abs=4)


@pytest.mark.parametrize("zoom", [0.1, 0.3, 0.6, 1.0, 3.0, 12.0])
def test_a_large_picture_shows_the_same_greys_at_every_zoom(viewer, zoom):
    viewer.show_image(ramp((1500, 2000)))
    viewer.zoom_to(zoom)
    middle = viewer.viewport().rect().center()
    reading = viewer.read_pixel(middle)
    shown = shot(viewer).pixelColor(middle).red()
    assert shown == pytest.approx(255 * reading.value / 2000, abs=3)


@pytest.mark.parametrize(("zoom", "contrast"), [(1.0, 255), (0.1, 0)], ids=["1:1", "far"])
def test_single_pixels_are_seen_at_1_to_1_and_average_out_from_afar(viewer, zoom, contrast):
    stripes = np.zeros((1500, 2000), np.float32)
    stripes[:, ::2] = 100
    image = replace(phantoms.photo_image(), pixels=stripes, bits=16, window=(50.0, 100.0))
    viewer.show_image(prepare_image(image))
    viewer.zoom_to(zoom)
    picture = shot(viewer)
    greys = [picture.pixelColor(180 + x, 150).red() for x in range(30)]
    assert max(greys) - min(greys) == pytest.approx(contrast, abs=6)


def test_a_picture_is_fitted_and_stays_so(viewer):
    viewer.show_image(ramp())
    for width in (400, 700, 300):
        viewer.resize(width, 300)
        assert viewer.picture.picture_rect.width() * viewer.zoom <= width
        assert viewer.zoom > 0.9 * min(width / 200, 300 / 100)


def test_pixels_that_are_not_square_keep_their_proportions(viewer):
    viewer.show_image(ramp(spacing_mm=(2.0, 1.0)))
    assert viewer.picture.picture_rect.height() == 200
    above, below = place_of(viewer, 10, 50), place_of(viewer, 60, 50)
    left, right = place_of(viewer, 30, 20), place_of(viewer, 30, 120)
    assert below.y() - above.y() == pytest.approx(right.x() - left.x(), abs=2)


@pytest.mark.parametrize(("row", "col"), [(0, 0), (99, 199), (40, 120)])
def test_the_pixel_under_the_cursor(viewer, row, col):
    viewer.show_image(ramp(spacing_mm=(1.5, 1.0)))
    reading = viewer.read_pixel(place_of(viewer, row, col))
    assert (reading.row, reading.col, reading.value) == (row, col, col)


def test_beside_the_picture_there_is_no_pixel(viewer):
    assert viewer.read_pixel(QPoint(5, 5)) is None
    viewer.show_image(ramp((300, 20)))
    assert viewer.read_pixel(QPoint(2, 150)) is None


def test_the_structure_under_the_cursor_is_named(viewer, mr):
    rows, cols = np.nonzero(mr.segmentation.mask == 2)
    middle = len(rows) // 2
    reading = viewer.read_pixel(place_of(viewer, rows[middle], cols[middle]))
    assert reading.structure == "disc"


@pytest.mark.parametrize("steps", [3, -2])
def test_the_wheel_zooms_about_the_cursor(viewer, steps):
    viewer.show_image(ramp((600, 800)))
    viewer.zoom_to(1.0)
    where = QPoint(130, 200)
    before = viewer.mapToScene(where)
    wheel(viewer, where, steps)
    after = viewer.mapToScene(where)
    assert viewer.zoom == pytest.approx(1.25**steps)
    assert abs(after.x() - before.x()) < 2.5
    assert abs(after.y() - before.y()) < 2.5


def test_zoom_has_limits(viewer):
    viewer.show_image(ramp())
    for _ in range(80):
        viewer.zoom_in()
    assert viewer.zoom == pytest.approx(64)
    for _ in range(120):
        viewer.zoom_out()
    assert viewer.zoom == pytest.approx(0.02)


def test_left_drag_moves_the_picture(viewer):
    viewer.show_image(ramp((600, 800)))
    viewer.zoom_to(1.0)
    centre = viewer.viewport().rect().center()
    before = viewer.mapToScene(centre)
    drag(viewer, Qt.MouseButton.LeftButton, QPoint(30, -20))
    after = viewer.mapToScene(centre)
    assert before.x() - after.x() == pytest.approx(30, abs=1)
    assert before.y() - after.y() == pytest.approx(-20, abs=1)


def numbers(window):
    return window.centre, window.width


def test_right_drag_changes_window_and_level(qtbot, viewer):
    viewer.show_image(ramp())
    centre, width = numbers(viewer.picture.window)
    with qtbot.waitSignal(viewer.picture.window_changed):
        drag(viewer, Qt.MouseButton.RightButton, QPoint(35, 0))
    assert numbers(viewer.picture.window) == pytest.approx((centre, width * 1.1))
    drag(viewer, Qt.MouseButton.RightButton, QPoint(0, 35))
    assert numbers(viewer.picture.window) == pytest.approx((centre + width * 0.1, width * 1.1))
    drag(viewer, Qt.MouseButton.RightButton, QPoint(-3000, 0))
    assert viewer.picture.window.width > 0


def test_a_drag_is_as_coarse_as_the_window_chosen(viewer):
    viewer.show_image(ramp())
    viewer.picture.set_window(DisplayWindow(100, 10))
    drag(viewer, Qt.MouseButton.RightButton, QPoint(0, 35))
    drag(viewer, Qt.MouseButton.RightButton, QPoint(0, 35))
    assert viewer.picture.window.centre == pytest.approx(102)


TABLE = DisplayWindow(
    60, 100, WindowKind.FILE_TABLE, table=np.linspace(0, 1, 100, dtype=np.float32) ** 2
)


@pytest.mark.parametrize(
    ("window", "col", "expected"),
    [
        (TABLE, 9, 0),
        (TABLE, 60, 255 * (50 / 99) ** 2),
        (TABLE, 150, 255),
        (DisplayWindow(100, 40, curve=WindowCurve.SIGMOID), 110, 255 / (1 + np.exp(-1))),
        (DisplayWindow(100, 40, curve=WindowCurve.LINEAR_EXACT), 90, 255 / 4),
        (DisplayWindow(100, 41), 89.5, 255 * (89.5 - 79.5) / 40),
    ],
    ids=["below table", "in table", "above table", "sigmoid", "exact", "linear"],
)
@pytest.mark.parametrize("inverted", [False, True])
def test_tables_and_curves_are_drawn(viewer, window, col, expected, inverted):
    viewer.show_image(ramp(spacing_mm=(1.0, 1.0)))
    viewer.zoom_to(8.0)
    viewer.centerOn(QPointF(col, 50))
    viewer.picture.set_window(window)
    viewer.picture.set_inverted(inverted)
    seen = grey_at(viewer, 50, int(col))
    # Magnified pixels blend into each other, and the picture is a slope of greys.
    slope = 8 if window.table is None else 4
    assert seen == pytest.approx(255 - expected if inverted else expected, abs=slope)


@pytest.mark.parametrize(
    ("window", "curve"),
    [
        (TABLE, WindowCurve.LINEAR_EXACT),
        (DisplayWindow(60, 100, curve=WindowCurve.SIGMOID), WindowCurve.SIGMOID),
        (DisplayWindow(60, 100), WindowCurve.LINEAR_EXACT),
    ],
    ids=["table", "sigmoid", "linear"],
)
def test_a_drag_begins_at_the_range_that_was_seen(viewer, window, curve):
    viewer.show_image(ramp())
    viewer.picture.set_window(window)
    viewer.picture.drag_window(35, 0)
    dragged = viewer.picture.window
    assert (dragged.kind, dragged.curve, dragged.table) == (WindowKind.MANUAL, curve, None)
    assert numbers(dragged) == pytest.approx((60, 110))


def test_a_picture_keeps_its_window_when_it_is_shown_again(viewer):
    picture, other = ramp(), prepare_image(phantoms.ct_image(64))
    viewer.show_image(picture)
    viewer.picture.set_window(TABLE)
    viewer.picture.set_inverted(True)
    viewer.show_image(other)
    assert (viewer.picture.window, viewer.picture.is_inverted) == (other.default_window, False)
    viewer.show_image(ramp())
    assert (viewer.picture.window, viewer.picture.is_inverted) == (TABLE, True)
    viewer.picture.reset_window()
    assert (viewer.picture.window.kind, viewer.picture.is_inverted) == (WindowKind.FILE, False)


def test_a_double_click_fits(viewer):
    viewer.show_image(ramp())
    fitted = viewer.zoom
    viewer.zoom_to(5)
    QTest.mouseDClick(viewer.viewport(), Qt.MouseButton.LeftButton)
    assert viewer.zoom == pytest.approx(fitted)


def colourfulness(viewer, place):
    colour = shot(viewer).pixelColor(place)
    channels = (colour.red(), colour.green(), colour.blue())
    return max(channels) - min(channels)


def inside_of(viewer, analysis, class_id):
    """A place on screen deep inside a structure."""
    import cv2

    depth = cv2.distanceTransform(
        (analysis.segmentation.mask == class_id).astype(np.uint8), cv2.DIST_L2, 5
    )
    row, col = np.unravel_index(int(depth.argmax()), depth.shape)
    return place_of(viewer, row, col)


def test_structures_are_filled_outlined_or_hidden(viewer, mr):
    place = inside_of(viewer, mr, 1)
    assert colourfulness(viewer, place) > 30
    viewer.picture.set_overlay_style(OverlayStyle.OUTLINES)
    assert colourfulness(viewer, place) == 0
    with_outlines = shot(viewer)
    viewer.picture.set_overlay_shown(False)
    assert shot(viewer) != with_outlines
    viewer.picture.set_overlay_style(OverlayStyle.FILLED)
    assert colourfulness(viewer, place) == 0
    viewer.picture.set_overlay_shown(True)
    assert colourfulness(viewer, place) > 30


def test_opacity_changes_how_much_is_covered(viewer, mr):
    place = inside_of(viewer, mr, 1)
    seen = []
    for opacity in (0.0, 0.3, 0.9):
        viewer.picture.set_opacity(opacity)
        seen.append(colourfulness(viewer, place))
    assert seen[0] == 0
    assert seen[0] < seen[1] < seen[2]


def test_a_highlighted_structure_stands_out(viewer, mr):
    disc, vertebra = inside_of(viewer, mr, 2), inside_of(viewer, mr, 1)
    before = colourfulness(viewer, disc), colourfulness(viewer, vertebra)
    viewer.picture.highlight(2)
    assert colourfulness(viewer, disc) == before[0]
    assert colourfulness(viewer, vertebra) < before[1] / 2
    viewer.picture.highlight(None)
    assert colourfulness(viewer, vertebra) == before[1]


def test_the_heat_map_lies_where_it_points(viewer):
    analysis = phantoms.ct_analysis()
    viewer.show_image(prepare_image(analysis.image))
    viewer.show_overlay(prepare_overlay(analysis))
    rows, cols = analysis.image.shape
    hot, cold = place_of(viewer, rows // 2, int(0.56 * cols)), place_of(viewer, 10, 10)
    assert colourfulness(viewer, hot) > 30
    assert colourfulness(viewer, cold) < 5
    viewer.picture.set_heatmap_shown(False)
    assert colourfulness(viewer, hot) == 0


def test_another_picture_drops_the_earlier_overlay(viewer, mr):
    place = inside_of(viewer, mr, 1)
    viewer.show_image(prepare_image(mr.image))
    assert colourfulness(viewer, place) == 0
    viewer.show_image(None, "nothing here")
    assert viewer.picture.display is None
    assert viewer.read_pixel(place) is None


@pytest.mark.parametrize("key", [Qt.Key.Key_PageUp, Qt.Key.Key_PageDown])
def test_keys_that_leaf_do_not_scroll_the_picture_away(viewer, mr, key):
    viewer.zoom_to(6.0)
    before = viewer.to_picture(QPointF(50, 50))
    QTest.keyClick(viewer, key)
    assert viewer.to_picture(QPointF(50, 50)) == before
    QTest.keyClick(viewer, Qt.Key.Key_Down)
    assert viewer.to_picture(QPointF(50, 50)) != before


def test_the_space_bar_asks_for_the_overlay(qtbot, viewer):
    with qtbot.waitSignal(viewer.overlay_toggle_requested):
        QTest.keyClick(viewer, Qt.Key.Key_Space)


@pytest.mark.parametrize(
    ("window", "hounsfield", "text"),
    [
        (DisplayWindow(40, 400, WindowKind.MANUAL), True, "W 400   L 40 HU"),
        (DisplayWindow(127.5, 255, WindowKind.AS_STORED), False, "As stored   W 255   L 128"),
        (DisplayWindow(0.5, 1.25, WindowKind.MANUAL), False, "W 1.25   L 0.50"),
        (DisplayWindow(5e-5, 2.5e-4, WindowKind.MANUAL), False, "W 0.00025   L 5e-05"),
        (DisplayWindow(40, 80, WindowKind.BRAIN), True, "Brain   W 80   L 40 HU"),
        (DisplayWindow(40, 80, explanation="MY\nBONE "), True, "MY\ufffdBONE   W 80   L 40 HU"),
        (TABLE, False, "VOI LUT from the file"),
    ],
    ids=["by hand", "stored", "small", "tiny", "preset", "hostile name", "table"],
)
def test_window_in_words(window, hounsfield, text):
    assert corner_text(window, hounsfield) == text
    assert corner_text(window, hounsfield, is_inverted=True) == f"{text}   inverted"


@pytest.mark.parametrize(
    ("orientation", "letters"),
    [(("P", "F"), "AHPF"), (("L", "P"), "RALP"), (("A", "F"), "PHAF")],
    ids=["sagittal", "axial", "film facing right"],
)
def test_letters_name_the_directions_at_the_borders(orientation, letters):
    assert "".join(border_letters(orientation)) == letters


WHITE, BLACK = (-100.0, 10.0), (100.0, 10.0)


def border_contrast(viewer, place):
    """How far apart the greys are in a small area at the middle of a border."""
    picture, ratio = shot(viewer), viewer.devicePixelRatioF()
    x, y = place
    greys = [
        picture.pixelColor(round((x + dx) * ratio), round((y + dy) * ratio)).lightness()
        for dx in range(-9, 10)
        for dy in range(-9, 10)
    ]
    return max(greys) - min(greys)


@pytest.mark.parametrize("window", [WHITE, BLACK], ids=["on white", "on black"])
def test_letters_are_readable_on_every_grey(viewer, window):
    width, height = viewer.viewport().width(), viewer.viewport().height()
    pixels = np.zeros((300, 400), np.float32)
    image = replace(phantoms.photo_image(), pixels=pixels, bits=16, window=window)
    middles = (
        (17, height / 2),
        (width / 2, 19),
        (width - 17, height / 2),
        (width / 2, height - 19),
    )
    viewer.show_image(prepare_image(image))
    viewer.zoom_to(4)
    assert all(border_contrast(viewer, middle) < 10 for middle in middles)
    viewer.show_image(prepare_image(replace(image, orientation=("P", "F"))))
    viewer.zoom_to(4)
    assert all(border_contrast(viewer, middle) > 120 for middle in middles)


def test_a_letter_makes_room_for_the_hint(viewer):
    image = replace(phantoms.photo_image(), orientation=("P", "F"))
    viewer.show_image(prepare_image(image))
    before = shot(viewer)
    viewer.set_hint("Click the two ends of the distance")
    middle, below = viewer.viewport().width() // 2, 10 + 2 * viewer.fontMetrics().height()
    after = shot(viewer)
    letter = range(below, below + viewer.fontMetrics().height())
    assert any(
        after.pixelColor(x, y) != before.pixelColor(x, y)
        for x in range(middle - 6, middle + 6)
        for y in letter
    )


def test_the_side_is_written_where_the_file_states_it(viewer):
    image = replace(phantoms.photo_image())
    viewer.show_image(prepare_image(image))
    without = shot(viewer)
    viewer.show_image(prepare_image(replace(image, laterality="L", sha256="another")))
    corner = QRect(viewer.viewport().width() - 60, 0, 60, 40)
    assert shot(viewer).copy(corner) != without.copy(corner)


def test_values_of_measures_keep_off_the_letters(viewer):
    from spinealign.measure.geometry.drawings import measure_drawings
    from spinealign.measure.geometry.plane import PixelGeometry

    image = replace(phantoms.photo_image(), orientation=("P", "F"))
    viewer.show_image(prepare_image(image))
    area = QRectF(viewer.rect())
    right = viewer.to_picture(QPointF(area.right() - 25, area.center().y()))
    line = Drawing(DrawingTool.DISTANCE, 1, ((right.x() - 9, right.y()), (right.x(), right.y())))
    measured = measure_drawings([line], PixelGeometry.of(image))
    viewer.picture.show_measures(measured)
    viewer.settle()
    [(_, value)] = viewer.picture.measures._items.values()
    plate = value.plate.translated(viewer.viewportTransform().map(value.scenePos()))
    letters = [text.ground for text in viewer.texts if text.is_direction]
    assert [text.text for text in viewer.texts if text.is_direction] == ["A", "H", "P", "F"]
    assert area.contains(plate)
    assert not any(ground.intersects(plate) for ground in letters)
    viewer.show_image(prepare_image(replace(image, orientation=None)))
    viewer.picture.show_measures(measured)
    viewer.settle()
    [(_, value)] = viewer.picture.measures._items.values()
    plate = value.plate.translated(viewer.viewportTransform().map(value.scenePos()))
    assert any(ground.intersects(plate) for ground in letters)
