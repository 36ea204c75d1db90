"""The loupe beside a point that is dragged, with a real mouse."""

import pytest
from PyQt6.QtCore import QPointF, QRectF, Qt

from spinealign.ui.picture.corner_texts import CANVAS
from spinealign.ui.picture.loupe import AWAY_PX, SIDE_PX, Loupe, corner_beside


def loupe_of(hands):
    [loupe] = hands.viewer.viewport().findChildren(Loupe)
    return loupe


def begin(hands, name="anterior_superior"):
    x, y = hands.place_of("C4", name)
    hands.press((x, y))
    hands.move((x + 12, y + 6))
    hands.viewer._follow()
    return x + 12, y + 6


def test_it_is_there_while_a_point_is_dragged_and_goes_with_the_release(hands):
    loupe = loupe_of(hands)
    assert not loupe.isVisible()
    place = begin(hands)
    assert loupe.isVisible()
    assert (loupe.point.x(), loupe.point.y()) == pytest.approx(place)
    on_screen = hands.viewer.to_view(QPointF(*place))
    assert not QRectF(loupe.geometry()).contains(on_screen)
    hands.release(place)
    assert not loupe.isVisible()


def test_a_click_shows_none(hands):
    hands.click(hands.place_of("C4", "anterior_superior"))
    assert not loupe_of(hands).isVisible()


def test_it_shows_the_greys_about_the_point_magnified(hands):
    x, y = hands.place_of("C4", "anterior_superior")
    edge = 8.0  # pixels from the left border of the picture, which the loupe then shows
    hands.press((x, y))
    hands.move((edge, y))
    hands.viewer._follow()
    shot = loupe_of(hands).grab().toImage()
    zoom = max(3.0 * hands.viewer.transform().m11(), 2.0)
    middle, border = SIDE_PX // 2, SIDE_PX / 2 - edge * zoom
    row = middle + 20
    outside, inside = (shot.pixelColor(round(border + d), row) for d in (-3, 3))
    assert outside.name() == CANVAS
    assert inside.name() != CANVAS
    pixels = hands.viewer.picture.display.image.pixels
    seen = shot.pixelColor(middle + 20, row).red()
    here = pixels[int(y + 20 / zoom), int(edge + 20 / zoom)]
    assert seen == pytest.approx(float(here), abs=6)
    hands.release((edge, y))


@pytest.mark.parametrize(
    "place", [(400, 300), (5, 5), (795, 5), (5, 595), (795, 595), (400, 2), (2, 300)]
)
def test_it_stays_in_the_view_and_off_its_point(place):
    room = QRectF(0, 0, 800, 600)
    frame = QRectF(corner_beside(QPointF(*place), room), QPointF(0, 0))
    frame.setSize(QRectF(0, 0, SIDE_PX, SIDE_PX).size())
    assert room.contains(frame)
    assert not frame.adjusted(-AWAY_PX / 2, -AWAY_PX / 2, AWAY_PX / 2, AWAY_PX / 2).contains(
        QPointF(*place)
    )


def test_it_goes_with_the_picture(hands):
    begin(hands)
    hands.window.workbench.close_current()
    assert not loupe_of(hands).isVisible()
    hands.viewer.setFocus(Qt.FocusReason.OtherFocusReason)
