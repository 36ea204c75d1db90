"""Named points of a user's own model: on the picture, and in the results panel."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PyQt6.QtCore import QPointF
from PyQt6.QtGui import QGuiApplication
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QLabel

from spinealign.domain.landmarks import NamedPoint
from spinealign.domain.presentation import Presentation
from spinealign.ui.picture.display_images import prepare_image, prepare_overlay
from spinealign.ui.picture.point_items import DotItem
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.results.point_table import PointTable
from tests import phantoms
from tests.located import BRIGHT, FAINT, located, with_points


@pytest.fixture
def viewer(qtbot):
    view = Viewer()
    qtbot.addWidget(view)
    view.resize(500, 600)
    return view


def show(viewer, found=None):
    analysis = with_points(phantoms.mr_analysis(), found)
    viewer.show_image(prepare_image(analysis.image))
    viewer.show_overlay(prepare_overlay(analysis))
    # Places of names are chosen when the picture is drawn.
    viewer.grab()
    return analysis


def dots(viewer):
    return [item for item in viewer.picture.items() if isinstance(item, DotItem)]


def places(viewer):
    return sorted((dot.pos().x(), dot.pos().y(), dot.is_sure) for dot in dots(viewer))


def test_points_stand_on_the_picture_where_they_are_and_unsure_ones_have_a_question_mark(viewer):
    show(viewer)
    assert places(viewer) == [(*BRIGHT, True), (*FAINT, False)]
    assert set(viewer.picture.points.texts) == {"top left", "low right ?"}
    assert viewer.picture.has_overlay
    # A slice of a series that is leafed to has none of them.
    viewer.show_overlay(replace(prepare_overlay(phantoms.mr_analysis())))
    assert dots(viewer) == []


def test_points_are_hidden_with_the_overlay_and_come_back(viewer):
    show(viewer)
    viewer.picture.set_overlay_shown(False)
    assert not any(dot.isVisible() for dot in dots(viewer))
    assert viewer.picture.points.texts == ()
    viewer.picture.set_overlay_shown(True)
    assert all(dot.isVisible() for dot in dots(viewer))


def test_points_of_a_turned_picture_go_along_with_its_pixels(viewer):
    show(viewer)
    dot = next(dot for dot in dots(viewer) if dot.is_sure)
    before = viewer.picture.root.mapToScene(QPointF(*BRIGHT))
    viewer.picture.present(Presentation(turn_deg=90, is_mirrored=True))
    after = viewer.picture.root.mapToScene(QPointF(*BRIGHT))
    assert dot.scenePos() == after != before


def test_names_without_room_are_left_out_until_there_is_some(viewer):
    crowd = tuple(
        NamedPoint(f"corner number {n}", 60 + 1.5 * (n % 4), 60 + 1.5 * (n // 4), 0.9)
        for n in range(16)
    )
    show(viewer, replace(located(), points=crowd))
    few = len(viewer.picture.points.texts)
    assert few < 16
    viewer.zoom_to(30)
    viewer.centerOn(viewer.picture.root.mapToScene(QPointF(62, 62)))
    viewer.grab()
    assert len(viewer.picture.points.texts) > few


def test_the_panel_lists_the_points_and_copies_them(window, analysed):
    analysed("points_1.png")
    table = window.results.page.findChild(PointTable)
    rows = [[table.item(row, column).text() for column in range(5)] for row in range(3)]
    assert rows == [
        ["top left", "37.3, 21.8", "28.0, 17.4", "0.87", ""],
        ["low right", "81.6, 118.4", "61.2, 94.7", "0.28", "unsure"],
        ["nowhere", "–", "–", "–", "not found"],
    ]
    words = [label.text() for label in window.results.page.findChildren(QLabel)]
    assert any("from a confidence of 0.50 on" in text for text in words)
    assert any("Placed 2 of 3 points of “Two spots”" in text for text in words)
    table.setFocus()
    QTest.keySequence(table, "Ctrl+C")
    assert "low right\t81.6, 118.4" in QGuiApplication.clipboard().text()
    assert len(window.viewer.picture.overlay.points) == 2


def test_without_spacing_there_are_no_millimetres(qtbot):
    table = PointTable(located(), None)
    qtbot.addWidget(table)
    assert table.isColumnHidden(2)
    assert not PointTable(located(), (0.5, 0.5)).isColumnHidden(2)
