"""Turning, mirroring, straightening and inverting in the window, with mouse and keys."""

import math
from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import QPointF, QRectF, Qt
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QPushButton

from spinealign.domain.findings import Facing
from spinealign.domain.image import ImageKind, KindCheck
from spinealign.domain.presentation import AS_IN_FILE
from spinealign.wording.presentation import TURN_AND_ANALYSE
from tests import phantoms
from tests.ui.hands import LEFT, settle


@pytest.fixture
def film(hands):
    """A window with an analysed film, in the hands of somebody."""
    hands.viewer.setFocus()
    return hands


def shown(hands):
    return hands.window.workbench.editing.analysis.image.presentation


def key(hands, *keys):
    for one in keys:
        hands.window.actions_by_name[one].trigger()


def grey_at(hands, place):
    """What the screen shows at a place of the picture."""
    viewport = hands.viewer.viewport()
    where = hands.viewer.to_view(QPointF(*place)).toPoint()
    return viewport.grab().toImage().pixelColor(where).lightness()


def seen_direction(hands):
    """Where the bodies run from the first to the last, on the screen."""
    bodies = hands.window.workbench.editing.analysis.vertebrae
    first, last = (
        hands.viewer.to_view(QPointF(*np.mean(b.outline, axis=0))) for b in (bodies[0], bodies[-1])
    )
    away = last - first
    length = math.hypot(away.x(), away.y())  # the view may still grow while the page is filled
    return away.x() / length, away.y() / length


def test_keys_turn_and_mirror_what_is_seen(film):
    right, down = seen_direction(film)
    assert down > abs(right)
    QTest.keyClick(film.viewer, Qt.Key.Key_Comma)
    turned = seen_direction(film)
    assert turned[0] > abs(turned[1])
    QTest.keyClick(film.viewer, Qt.Key.Key_X)
    assert seen_direction(film)[0] == pytest.approx(-turned[0], abs=0.02)
    QTest.keyClick(film.viewer, Qt.Key.Key_X)
    QTest.keyClick(film.viewer, Qt.Key.Key_Period)
    assert shown(film) == AS_IN_FILE
    assert seen_direction(film) == pytest.approx((right, down), abs=0.02)


def test_a_turned_picture_is_seen_whole_and_pixels_are_read_where_they_are(film):
    key(film, "turn_left")
    rows, cols = film.window.workbench.editing.analysis.image.shape
    view = film.viewer.viewport().rect().adjusted(-2, -2, 2, 2)
    for corner in ((0, 0), (cols, 0), (0, rows), (cols, rows)):
        assert view.contains(film.viewer.to_view(QPointF(*corner)).toPoint())
    where = film.viewer.to_view(QPointF(30.5, 41.5)).toPoint()
    reading = film.viewer.read_pixel(where)
    assert (reading.col, reading.row) == pytest.approx((30, 41), abs=2)


def seen_box(hands, points):
    """The smallest rectangle round places of the picture, on the screen."""
    placed = [hands.viewer.to_view(QPointF(*point)) for point in points]
    xs, ys = [p.x() for p in placed], [p.y() for p in placed]
    return QRectF(QPointF(min(xs), min(ys)), QPointF(max(xs), max(ys)))


@pytest.mark.parametrize("way", ["turn_left", "turn_right"])
def test_what_was_seen_of_a_picture_is_seen_of_it_turned(film, way):
    viewer = film.viewer
    viewer.fit()
    viewer.zoom_to(2.5 * viewer.zoom)
    part = viewer._seen
    corners = [(p.x(), p.y()) for p in (part.topLeft(), part.bottomRight())]
    view, zoom = QRectF(viewer.rect()).adjusted(-2, -2, 2, 2), viewer.zoom
    key(film, way)
    assert not viewer.is_fitted
    assert view.contains(seen_box(film, corners))
    key(film, "turn_right" if way == "turn_left" else "turn_left")
    assert viewer.zoom == pytest.approx(zoom)
    assert view.contains(seen_box(film, corners))


def test_a_picture_that_was_nearly_fitted_is_fitted_when_it_is_turned(film):
    viewer = film.viewer
    viewer.fit()
    viewer.zoom_to(1.05 * viewer.zoom)
    assert not viewer.is_fitted
    key(film, "turn_left")
    assert viewer.is_fitted


def test_nothing_of_the_result_changes_when_it_is_only_looked_at(film):
    before = film.window.workbench.editing.analysis
    key(film, "turn_left", "mirror", "invert")
    now = film.window.workbench.editing.analysis
    assert now.vertebrae == before.vertebrae
    assert now.facing == before.facing
    assert now.measurements == before.measurements
    assert now.cautions == before.cautions
    assert "corrected" not in film.window.windowTitle()
    assert not film.window.workbench.editing.is_edited


def test_each_step_is_undone_and_redone(film):
    key(film, "turn_left", "mirror", "invert")
    wanted = shown(film)
    assert (wanted.turn_deg, wanted.is_mirrored, wanted.is_inverted) == (90.0, True, True)
    assert film.viewer.picture.is_inverted
    undo = film.window.actions_by_name["undo"]
    assert undo.text() == "&Undo invert the grey values"
    key(film, "undo", "undo", "undo")
    assert shown(film) == AS_IN_FILE
    assert not film.viewer.picture.is_inverted
    key(film, "redo", "redo", "redo")
    assert shown(film) == wanted == film.viewer.picture.presentation


def test_a_point_dragged_on_a_turned_picture_goes_where_the_mouse_is(film):
    key(film, "turn_left", "mirror")
    x, y = film.place_of("C4", "anterior_superior")
    start = film.viewer.to_view(QPointF(x, y)).toPoint()
    end = film.viewer.to_view(QPointF(x + 8, y + 3)).toPoint()
    viewport = film.viewer.viewport()
    QTest.mousePress(viewport, LEFT, pos=start)
    film.move((x + 8, y + 3))
    QTest.mouseRelease(viewport, LEFT, pos=end)
    assert film.place_of("C4", "anterior_superior") == pytest.approx((x + 8, y + 3), abs=1.5)


def test_arrow_keys_move_a_point_as_it_is_seen(film):
    key(film, "turn_left")
    x, y = film.place_of("C4", "anterior_superior")
    film.click((x, y))
    film.key(Qt.Key.Key_Right)
    # What is to the right on the screen lies below in the file's picture.
    assert film.place_of("C4", "anterior_superior") == pytest.approx((x, y + 1), abs=1e-6)


def test_a_line_straightens_the_picture_once_the_button_is_up(film):
    before = film.window.workbench.editing.analysis
    QTest.keyClick(film.viewer, Qt.Key.Key_U)
    film.click((100, 100))
    film.press((200, 110))
    assert shown(film) == AS_IN_FILE
    film.release((200, 110))
    now = shown(film)
    assert now.turn_deg == now.upright_deg == pytest.approx(5.71, abs=0.01)
    left, right = (film.viewer.to_view(QPointF(*p)) for p in ((100, 100), (200, 110)))
    assert left.y() == pytest.approx(right.y(), abs=0.1)
    after = film.window.workbench.editing.analysis
    assert after.vertebrae == before.vertebrae
    slopes = [{m.code: m.value for m in one.measurements} for one in (before, after)]
    changed = {c for c in slopes[0] if slopes[0][c] != pytest.approx(slopes[1][c])}
    assert changed == {"sagittal_vertical_axis", "c7_slope"} & set(slopes[0])
    assert changed
    key(film, "undo")
    assert film.window.workbench.editing.analysis.measurements == before.measurements


def test_a_mirrored_picture_says_so_and_keeps_its_directions(film):
    key(film, "mirror")
    assert "other way round than in the file" in film.window.banner.text
    key(film, "mirror")
    assert film.window.banner.isHidden()
    key(film, "mirror")
    assert (
        "MIRRORED against the file" in film.viewer._notes(film.viewer.picture.display.image).window
    )
    assert film.window.workbench.editing.analysis.facing in (Facing.LEFT, Facing.RIGHT)


def test_a_turn_is_found_again_when_the_program_is_opened_again(qtbot, film, fake, open_window):
    key(film, "turn_left", "mirror", "invert")
    wanted = shown(film)
    path = film.window.workbench.current.path
    film.window.workbench.editing.save()
    qtbot.waitUntil(lambda: path in fake.kept)
    other = open_window()
    with qtbot.waitSignal(other.workbench.session.finding_ready):
        other.workbench.opener.open_paths([path])
    assert other.workbench.current_analysis.image.presentation == wanted
    assert other.viewer.picture.presentation == wanted
    assert other.viewer.picture.is_inverted
    assert other.actions_by_name["mirror"].isChecked()
    assert other.banner.isVisible()
    assert "mirrored" in other.banner.text


def test_a_mirrored_case_warns_whenever_it_comes_to_be_shown(qtbot, film, analysed):
    mirrored, bench, banner = (
        film.window.workbench.current,
        film.window.workbench,
        film.window.banner,
    )
    key(film, "mirror")
    banner.dismiss()
    key(film, "turn_left")
    assert banner.isHidden()
    analysed("ct_1.dcm")
    assert "mirrored" not in banner.text or banner.isHidden()
    bench.select(mirrored)
    assert banner.isVisible()
    assert "mirrored" in banner.text
    bench.select(None)
    assert banner.isHidden()


# Analysed as it stands


def test_analysed_as_shown_the_networks_get_the_turned_picture(qtbot, film, fake):
    key(film, "turn_left")
    assert film.window.actions_by_name["analyse_as_shown"].isEnabled()
    with qtbot.waitSignal(film.window.workbench.session.finding_ready):
        key(film, "analyse_as_shown")
    image = film.window.workbench.current_analysis.image
    assert fake.analyser.presentation_of(image).analysed_deg == 90.0
    assert shown(film).analysed_deg == shown(film).upright_deg == 90.0
    assert shown(film).turn_deg == 90.0
    assert not film.window.actions_by_name["analyse_as_shown"].isEnabled()
    path = film.window.workbench.current.path
    film.window.workbench.editing.save()
    qtbot.waitUntil(lambda: path in fake.kept and fake.kept[path].presentation == shown(film))
    settle(qtbot, film.window)


def test_a_picture_that_was_analysed_turned_is_so_when_it_is_opened_again(
    qtbot, film, fake, open_window
):
    key(film, "turn_left")
    with qtbot.waitSignal(film.window.workbench.session.finding_ready):
        key(film, "analyse_as_shown")
    path = film.window.workbench.current.path
    film.window.workbench.editing.save()
    qtbot.waitUntil(lambda: path in fake.kept and fake.kept[path].presentation == shown(film))
    settle(qtbot, film.window)
    other = open_window()
    with qtbot.waitSignal(other.workbench.session.finding_ready):
        other.workbench.opener.open_paths([path])
    automatic = other.workbench.current_analysis.automatic
    assert automatic.image.presentation.analysed_deg == 90.0
    assert automatic.image.presentation.upright_deg == 90.0
    assert not other.workbench.editing.is_edited


def test_bodies_that_a_person_corrected_stay_when_it_is_analysed_turned(qtbot, film):
    x, y = film.place_of("C4", "anterior_superior")
    film.drag((x, y), (x + 20, y))
    bodies = film.window.workbench.editing.analysis.vertebrae
    key(film, "turn_left")
    with qtbot.waitSignal(film.window.workbench.session.finding_ready):
        key(film, "analyse_as_shown")
    assert film.window.workbench.editing.analysis.vertebrae == bodies
    film.window.workbench.editing.save()
    settle(qtbot, film.window)


@pytest.fixture
def lying(monkeypatch):
    """Photos are refused as films on their side, until they are looked at turned."""
    refused = phantoms.failed_view_analysis()
    check = KindCheck(ImageKind.LATERAL_FILM, accepted=False, quarter_turns=3)
    monkeypatch.setattr(
        phantoms, "failed_view_analysis", lambda: replace(refused, kind_check=check)
    )


def test_a_film_on_its_side_offers_to_turn_and_analyse(qtbot, window, analysed, fake, lying):
    analysed("photo.png")
    assert "lie on its side" in window.banner.text
    [on_page] = [
        b for b in window.results.page.findChildren(QPushButton) if b.text() == TURN_AND_ANALYSE
    ]
    assert on_page.isEnabled()
    [offer] = [b for b in window.banner.findChildren(QPushButton) if b.text() == TURN_AND_ANALYSE]
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        QTest.mouseClick(offer, LEFT)
    image = window.workbench.current_analysis.image
    assert fake.analyser.presentation_of(image).analysed_deg == -90.0
    assert image.presentation.turn_deg == -90.0 == window.viewer.picture.presentation.turn_deg
    window.workbench.editing.save()
    settle(qtbot, window)


def test_two_examinations_are_compared_as_they_are_shown(qtbot, film):
    from spinealign.ui.compare.compare_dialog import CompareWindow

    key(film, "turn_left", "invert")
    window = CompareWindow(film.window.workbench, film.window.theme, film.window)
    qtbot.waitUntil(lambda: window.is_filled)
    viewers = [v for v in window.findChildren(type(film.viewer)) if v.picture.display is not None]
    assert viewers
    assert all(v.picture.presentation == shown(film) for v in viewers)
    assert all(v.picture.is_inverted for v in viewers)
    window.close()
    window.deleteLater()
