import numpy as np
import pytest
from PyQt6.QtCore import QPointF
from PyQt6.QtGui import QColor, QGuiApplication

from spinealign.ui.picture.base_items import cosmetic_pen
from spinealign.ui.picture.body_items import NameItem
from spinealign.ui.picture.display_images import prepare_image, prepare_overlay
from spinealign.ui.picture.handles import HandleItem
from spinealign.ui.picture.viewer import Viewer
from spinealign.wording.finding_text import finding_text
from tests.phantoms_xray import analysed, draw_column


@pytest.fixture(scope="module")
def analysis():
    return analysed(draw_column("C5"))


@pytest.fixture
def viewer(qtbot, analysis):
    view = Viewer()
    qtbot.addWidget(view)
    view.resize(500, 600)
    view.show_image(prepare_image(analysis.image))
    view.show_overlay(prepare_overlay(analysis))
    return view


def marks(viewer, kind):
    return [item for item in viewer.picture.items() if isinstance(item, kind)]


def test_every_body_has_its_name_beside_it_at_every_zoom(viewer, analysis):
    for zoom in (0.5, 3.0):
        viewer.zoom_to(zoom)
        names = {item.name: item for item in marks(viewer, NameItem)}
        assert set(names) == {"C2", "C3", "C4", "C5"}
        for body in analysis.vertebrae:
            item = names[body.name]
            letters = item.deviceTransform(viewer.viewportTransform()).mapRect(item.boundingRect())
            outline = viewer.mapFromScene(item.scenePos())
            assert letters.center().x() < outline.x()
            assert letters.height() < 40


def test_outlines_in_the_window_keep_fractions_of_pixels(analysis):
    overlay = prepare_overlay(analysis)
    assert overlay.outlines == {}
    finest = overlay.bodies[1].outline[0].polygons[0]
    drawn = np.array([[p.x(), p.y()] for p in finest])
    exact = np.array(analysis.vertebrae[1].outline)
    nearest = [np.hypot(*(exact - point).T).min() for point in drawn]
    assert max(nearest) < 1e-3


def test_marks_follow_the_overlay_switch_and_the_highlight(viewer):
    viewer.picture.set_overlay_shown(False)
    assert not any(item.isVisible() for item in marks(viewer, (NameItem, HandleItem)))
    viewer.picture.set_overlay_shown(True)
    viewer.picture.highlight(2)
    opacity = {item.name: item.opacity() for item in marks(viewer, NameItem)}
    assert opacity["C3"] == 1
    assert opacity["C4"] < 0.5


def test_another_picture_takes_the_marks_away(viewer, analysis):
    viewer.show_image(prepare_image(analysis.image))
    assert marks(viewer, (NameItem, HandleItem)) == []


def test_landmarks_are_drawn_where_they_are(viewer, analysis):
    viewer.zoom_to(4.0)
    mark = analysis.vertebrae[2].landmarks[0]
    viewer.centerOn(QPointF(mark.x, mark.y))
    where = viewer.mapFromScene(QPointF(mark.x, mark.y))
    picture = viewer.grab().toImage()
    red, green, blue, _ = picture.pixelColor(where).getRgb()
    assert green > red + 30
    assert green > blue


def test_the_clipboard_text_lists_the_bodies(analysis):
    text = finding_text(analysis)
    assert "Outlined C2 to C5" in text
    assert "C3\tcomplete\t4 of 4" in text


@pytest.mark.parametrize("ratio", [1.0, 1.5, 2.0])
def test_lines_are_as_wide_on_a_magnified_desktop(monkeypatch, qapp, ratio):
    monkeypatch.setattr(QGuiApplication, "devicePixelRatio", lambda _: ratio)
    assert cosmetic_pen(QColor("white"), 1.6).widthF() == pytest.approx(1.6 * ratio)
