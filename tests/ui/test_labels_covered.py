"""Labels keep off what comes over them: messages, ends that grow at the cursor, areas."""

import pytest
from PyQt6.QtCore import QPointF, QRectF

from spinealign.domain.measurements import Drawing, DrawingTool
from spinealign.measure.geometry.drawings import measure_drawings
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.ui.picture.handles import GROWN_BY, SQUARE_PX
from tests.ui.test_labels import SIZES, covering, labels, shown

__all__ = ["shown"]


@pytest.mark.parametrize("name", ["film_1.png", "spine_1.png"])
def test_a_message_over_the_picture_hides_no_label(shown, name):
    viewer = shown(name, SIZES["1366x768"])
    highest = min(plate.top() for plate in labels(viewer))
    height = round(highest) + 12
    viewer.keep_free(height)
    message = QRectF(0, 0, viewer.rect().width(), height)
    assert labels(viewer)
    assert covering(labels(viewer), [message]) == []
    viewer.keep_free(0)
    assert min(plate.top() for plate in labels(viewer)) == pytest.approx(highest)


@pytest.mark.parametrize("size", [(549, 550), (205, 205)])
@pytest.mark.parametrize("across", [0.04, 0.1, 0.3])
@pytest.mark.parametrize("down", [0.0, 0.02, 0.1, 0.3])
def test_the_label_of_a_hand_measure_is_off_its_ends_as_large_as_these_grow(
    shown,
    size,
    across,
    down,
):
    viewer = shown("photo_1.png", size)
    image = viewer.picture.display.image
    corners = [(0.4, 0.4), (0.4 + across, 0.4 + down)]
    points = tuple((x * image.shape[1], y * image.shape[0]) for x, y in corners)
    line = Drawing(DrawingTool.DISTANCE, 1, points)
    viewer.picture.show_drawings([line])
    viewer.picture.show_measures(measure_drawings([line], PixelGeometry.of(image)))
    half = SQUARE_PX * GROWN_BY
    ends = [viewer.to_view(QPointF(*point)) for point in points]
    grown = [QRectF(end.x() - half, end.y() - half, 2 * half, 2 * half) for end in ends]
    [plate] = labels(viewer)
    assert covering([plate], grown) == []


@pytest.mark.parametrize("size", [(549, 550), (205, 205)])
@pytest.mark.parametrize("tool", [DrawingTool.ELLIPSE, DrawingTool.RECTANGLE])
@pytest.mark.parametrize(
    "corners",
    [
        ((0.6, 0.3), (0.98, 0.7)),
        ((0.02, 0.3), (0.4, 0.7)),
        ((0.3, 0.02), (0.7, 0.4)),
        ((0.3, 0.6), (0.7, 0.98)),
        ((0.02, 0.5), (0.98, 0.98)),
        ((0.02, 0.02), (0.98, 0.5)),
    ],
)
def test_the_label_of_an_area_is_off_what_it_is_of_at_every_border(
    shown,
    size,
    tool,
    corners,
):
    viewer = shown("photo_1.png", size)
    image = viewer.picture.display.image
    points = tuple((x * image.shape[1], y * image.shape[0]) for x, y in corners)
    area = Drawing(tool, 1, points)
    viewer.picture.show_measures(measure_drawings([area], PixelGeometry.of(image), image=image))
    ends = [viewer.to_view(QPointF(*point)) for point in points]
    # In the small view some have no room beside their area: they are left out, not written in it.
    assert labels(viewer) or size == (205, 205)
    assert covering(labels(viewer), [QRectF(*ends).normalized()]) == []
