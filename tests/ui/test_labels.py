"""What is written on the picture, by its true rectangles: nothing lies over anything to be read."""

from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PyQt6.QtCore import QPoint, QPointF, QRect, QRectF

from spinealign.domain.findings import Analysis
from spinealign.domain.measurements import Drawing, DrawingTool
from spinealign.domain.presentation import AS_IN_FILE, Presentation
from spinealign.measure.geometry.drawings import measure_drawings
from spinealign.measure.geometry.plane import PixelGeometry
from spinealign.ui.picture.display_images import prepare_image, prepare_overlay
from spinealign.ui.picture.label_places import (
    CELL_PX,
    Ground,
    Label,
    leader,
    leads_over,
    places_of,
)
from spinealign.ui.picture.viewer import Viewer
from spinealign.ui.results.measure_model import MeasureChoices
from tests.fakes import answer_for

CASES = ["film_1.png", "spine_1.png", "mr_1.nii", "disc_1.png", "offer_1.png"]
SIZES = {
    "1366x768": (549, 550),
    "1366x768 at 200 %": (205, 205),
    "1920x1080": (1100, 860),
    "1920x1080 at 150 %": (620, 480),
    "3840x2160 at 200 %": (1060, 860),
    "narrow": (240, 640),
}
"""The room that the picture has in windows of these sizes, in pixels that scaling leaves alone."""

TURNS = {
    "as in the file": AS_IN_FILE,
    "turned": Presentation(turn_deg=90),
    "mirrored": Presentation(is_mirrored=True),
}


@pytest.fixture
def shown(qtbot):
    """Return a function that shows what was found on a film in a view of some size."""

    def run(name: str, size: tuple[int, int], presentation=AS_IN_FILE) -> Viewer:
        analysis = answer_for(Path(name), None)
        image = replace(analysis.image, orientation=("P", "F"))
        return show(qtbot, replace(analysis, image=image), size, presentation)

    return run


def show(qtbot, analysis: Analysis, size: tuple[int, int], presentation=AS_IN_FILE) -> Viewer:
    viewer = Viewer()
    qtbot.addWidget(viewer)
    viewer.resize(*size)
    viewer.show()
    viewer.show_image(prepare_image(analysis.image))
    viewer.show_overlay(prepare_overlay(analysis))
    choices = MeasureChoices()
    viewer.picture.show_measures([m for m in analysis.measurements if choices.is_shown(m)])
    viewer.present(presentation)
    viewer.fit()
    return viewer


def on_screen(viewer, item, rect) -> QRectF:
    return rect.translated(viewer.viewportTransform().map(item.scenePos()))


def labels(viewer) -> list[QRectF]:
    viewer.settle()
    items = [label for _, label in viewer.picture.measures._items.values() if label.has_room]
    return [on_screen(viewer, item, item.plate) for item in items]


def names(viewer) -> list[QRectF]:
    viewer.settle()
    picture = viewer.picture
    items = [n for n in (*picture.bodies.names(), *picture.suggestions.names()) if n.is_shown]
    return [on_screen(viewer, item, item.boundingRect()) for item in items]


def handles(viewer) -> list[QRectF]:
    return [h.box_on(viewer.viewportTransform()) for h in viewer.picture.handles()]


def texts(viewer) -> list[QRectF]:
    return [text.ground for text in viewer.texts]


def covering(ones, others) -> list[tuple[QRectF, QRectF]]:
    return [(one, other) for one in ones for other in others if one.intersects(other)]


@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS)
@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", CASES)
def test_labels_and_names_lie_over_nothing_and_in_the_view(shown, name, size, turn):
    viewer = shown(name, size, turn)
    view = QRectF(viewer.rect())
    plates, named = labels(viewer), names(viewer)
    assert all(view.contains(box) for box in (*plates, *named))
    assert covering(plates, [*named, *handles(viewer), *texts(viewer)]) == []
    assert covering(named, handles(viewer)) == []
    for boxes in (plates, named, texts(viewer)):
        assert not any(one.intersects(other) for one, other in combinations(boxes, 2))


def test_a_table_of_sums_says_of_every_rectangle_whether_it_is_free():
    random = np.random.default_rng(3)
    ground = Ground((10.0, 20.0, 210.0, 170.0))
    corners = random.uniform((0, 0), (230, 190), (30, 2))
    taken = np.concatenate([corners, corners + random.uniform(1, 9, (30, 2))], axis=1)
    points = random.uniform((0, 0), (230, 190), (30, 2))
    ground.cover(taken)
    ground.cover_points(points, 3.0)
    taken = np.concatenate([taken, np.concatenate([points - 3, points + 3], axis=1)])
    corners = random.uniform((0, 0), (230, 190), (2000, 2))
    asked = np.concatenate([corners, corners + random.uniform(1, 30, (2000, 2))], axis=1)
    is_free = ground.is_free(asked)
    rects = [QRectF(QPointF(*one[:2]), QPointF(*one[2:])) for one in taken]
    view = QRectF(10, 20, 200, 150)
    for one, says_free in zip(asked, is_free, strict=True):
        rect = QRectF(QPointF(*one[:2]), QPointF(*one[2:]))
        near = rect.adjusted(-2 * CELL_PX, -2 * CELL_PX, 2 * CELL_PX, 2 * CELL_PX)
        seen = rect.intersected(view)
        if says_free:
            assert not any(seen.intersects(each) for each in rects)
        else:
            assert any(near.intersects(each) for each in rects)
    assert 0.2 < is_free.mean() < 0.9


@pytest.mark.parametrize("at", [(50.0, 50.0), (5.0, 95.0)])
def test_a_line_to_a_label_over_something_is_seen_however_steep_it_is(at):
    random = np.random.default_rng(1)
    corners = random.uniform(0, 300, (400, 2))
    boxes = np.concatenate([corners, corners + np.array([40.0, 18.0])], axis=1)
    stop = np.array([[100.0, 100.0, 140.0, 120.0]])
    over = leads_over(boxes, at, stop)
    grown = QRectF(QPointF(99, 99), QPointF(141, 121))
    for box, says_over in zip(boxes, over, strict=True):
        line = leader(tuple(box), at)
        shares = np.linspace(0, 1, 4000)[:, None]
        on_line = [] if line is None else np.array(line[0]) * (1 - shares) + np.array(at) * shares
        crossed = any(grown.contains(QPointF(*point)) for point in on_line)
        assert crossed == says_over
    assert 0.02 < over.mean() < 0.9


def test_each_label_keeps_off_those_before_it_and_the_first_stands_nearest():
    view = (0.0, 0.0, 400.0, 300.0)
    labels = [Label((200.0, 150.0), (90.0, 19.0), view) for _ in range(60)]
    found = places_of(labels, view, taken=[(300.0, 0.0, 400.0, 300.0)])
    written = [QRectF(QPointF(*box[:2]), QPointF(*box[2:])) for box in found if box is not None]
    assert found[0] == (208.0, 140.5, 298.0, 159.5)
    assert len(written) >= 15
    assert not any(one.intersects(other) for one, other in combinations(written, 2))
    assert all(box.right() <= 300.0 for box in written)


def test_more_values_are_written_than_the_first_few_that_find_no_room(shown):
    viewer = shown("spine_1.png", SIZES["1920x1080"])
    analysis = answer_for(Path("spine_1.png"), None)
    viewer.picture.show_measures(analysis.measurements)
    plates = labels(viewer)
    assert len(analysis.measurements) > 200
    assert len(plates) > 60
    assert not any(one.intersects(other) for one, other in combinations(plates, 2))
    assert covering(plates, [*names(viewer), *handles(viewer)]) == []


@pytest.mark.parametrize("name", ["film_1.png", "spine_1.png"])
def test_values_and_names_are_written_where_there_is_room(shown, name):
    viewer = shown(name, SIZES["1920x1080"])
    assert len(labels(viewer)) == len(viewer.picture.measures.keys) >= 2
    assert len(names(viewer)) >= 0.7 * len(viewer.picture.bodies.names())


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("name", CASES)
def test_corner_texts_and_directions_lie_over_no_name_and_no_handle(shown, name, size):
    viewer = shown(name, size)
    assert covering(texts(viewer), [*names(viewer), *handles(viewer)]) == []


def test_a_text_goes_to_a_corner_that_is_free_of_bodies(shown):
    viewer = shown("film_1.png", SIZES["1366x768"])
    [window, *_] = viewer.texts
    assert window.ground.center().x() < 200
    assert window.ground.center().y() > 400
    body = viewer.picture.bodies.groups[0]
    for handle in body.handles.values():
        handle.setPos(viewer.to_picture(window.ground.center()))
    viewer.fit()
    assert covering([viewer.texts[0].ground], handles(viewer)) == []
    viewer.zoom_in()
    assert viewer.texts[0].ground.center().y() > 400, "texts stay where they are while one pans"


def test_no_line_is_drawn_through_a_name(shown):
    viewer = shown("film_1.png", SIZES["1366x768"])
    [name] = [n for n in viewer.picture.bodies.names() if n.name == "C5"]
    across = on_screen(viewer, name, name.boundingRect())
    middle = across.center().y()
    image = viewer.picture.display.image
    ends = (
        viewer.to_picture(QPointF(across.left() - 40, middle)),
        viewer.to_picture(QPointF(across.right() + 40, middle)),
    )
    line = Drawing(DrawingTool.DISTANCE, 1, tuple((end.x(), end.y()) for end in ends))
    without = viewer.grab().toImage()
    viewer.picture.show_measures(measure_drawings([line], PixelGeometry.of(image)))
    [(_, label)] = viewer.picture.measures._items.values()
    label.hide()
    drawn = viewer.grab().toImage()

    def changed(x):
        places = [(round(x), round(middle) + down) for down in (-1, 0, 1)]
        return any(without.pixelColor(*at) != drawn.pixelColor(*at) for at in places)

    inside = range(round(across.left()) + 3, round(across.right()) - 3)
    assert not any(changed(x) for x in inside)
    assert changed(across.left() - 20)
    assert changed(across.right() + 20)


@pytest.mark.parametrize("size", [(549, 550), (205, 205)])
@pytest.mark.parametrize("tool", [DrawingTool.ELLIPSE, DrawingTool.RECTANGLE, DrawingTool.DISTANCE])
def test_a_label_covers_neither_its_own_line_nor_what_was_measured(shown, size, tool):
    viewer = shown("photo_1.png", size)
    image = viewer.picture.display.image
    corners = [(0.35, 0.4), (0.6, 0.55)]
    points = tuple((x * image.shape[1], y * image.shape[0]) for x, y in corners)
    measured = measure_drawings([Drawing(tool, 1, points)], PixelGeometry.of(image))
    viewer.picture.show_measures(measured)
    [(strokes, _)] = viewer.picture.measures._items.values()
    to_view = viewer.viewportTransform()
    lines, _ = strokes.segments(to_view)
    assert len(lines)
    plates = labels(viewer)
    for start, end in lines:
        for share in (0.0, 0.25, 0.5, 0.75, 1.0):
            x = start[0] + share * (end[0] - start[0])
            y = start[1] + share * (end[1] - start[1])
            assert not any(plate.contains(QPointF(x, y)) for plate in plates)
    if tool is not DrawingTool.DISTANCE:
        ends = [viewer.to_view(QPointF(*point)) for point in points]
        assert covering(plates, [QRectF(*(ends)).normalized()]) == []
    assert len(plates) == 1


def test_a_label_far_from_its_line_is_led_to_it_and_over_no_name(shown):
    viewer = shown("film_1.png", SIZES["1366x768"])
    measures = viewer.picture.measures
    analysis = answer_for(Path("film_1.png"), None)
    viewer.picture.show_measures(analysis.measurements)
    viewer.settle()
    far = [label for _, label in measures._items.values() if label.has_leader and label.has_room]
    assert far
    named = names(viewer)
    for label in far:
        place = viewer.viewportTransform().map(label.scenePos())
        plate = on_screen(viewer, label, label.plate)
        x = min(max(place.x(), plate.left()), plate.right())
        y = min(max(place.y(), plate.top()), plate.bottom())
        steps = [share / 20 for share in range(21)]
        on_line = [QPointF(x + s * (place.x() - x), y + s * (place.y() - y)) for s in steps]
        apart = [name for name in named if not name.contains(place)]
        assert not any(name.contains(point) for name in apart for point in on_line)


def test_a_value_without_room_is_told_by_its_line(shown):
    viewer = shown("spine_1.png", (205, 205))
    viewer.settle()
    measures = viewer.picture.measures
    left_out = [items for items in measures._items.values() if not items[1].has_room]
    assert left_out
    for strokes, label in left_out:
        _, polygon, _ = strokes._strokes[0]
        assert measures.text_at(polygon.first()) in [i[1].text for i in measures._items.values()]
        assert label.text
    assert measures.text_at(QPointF(2, 2)) == ""


def test_directions_keep_clear_of_a_picture_that_lies_over_this_one(shown):
    viewer = shown("disc_1.png", SIZES["1366x768"])
    inset = QRect(12, 12, 240, 400)
    assert covering(texts(viewer), [QRectF(inset)]) != []
    viewer.keep_clear_of(inset)
    assert covering([*texts(viewer), *labels(viewer)], [QRectF(inset)]) == []
    assert [text.text for text in viewer.texts if text.is_direction] == ["A", "H", "P", "F"]
    viewer.keep_free(60)
    assert min(ground.top() for ground in texts(viewer)) >= 60


@pytest.mark.parametrize("size", SIZES.values(), ids=SIZES)
@pytest.mark.parametrize("covered", [QRect(), QRect(0, 0, 4000, 60), QRect(0, 0, 4000, 24)])
@pytest.mark.parametrize("name", ["film_1.png", "spine_1.png"])
def test_the_hint_of_a_tool_lies_over_no_value_and_no_scale(shown, name, size, covered):
    viewer = shown(name, size)
    hint = "Distance: click the first point   (Backspace removes the last point, Esc cancels)"
    viewer.set_hint(hint)
    viewer.keep_clear_of(covered)
    viewer.fit()
    [ground] = [text.ground for text in viewer.texts if text.text == hint]
    others = [text.ground for text in viewer.texts if text.text != hint]
    assert others
    assert covering([ground], [*others, QRectF(covered)]) == []
    assert QRectF(viewer.rect()).contains(ground)


def test_what_is_written_finds_its_places_once_however_much_changed(qtbot, shown, monkeypatch):
    viewer = shown("spine_1.png", SIZES["1366x768"])
    qtbot.wait(20)
    measures, laid = viewer.picture.measures, []
    lay_out = measures.lay_out
    monkeypatch.setattr(measures, "lay_out", lambda: (laid.append(1), lay_out()))
    analysis = answer_for(Path("spine_1.png"), None)
    for presentation in TURNS.values():
        viewer.present(presentation)
        viewer.picture.show_measures(analysis.measurements[:40])
        viewer.zoom_in()
        viewer.picture.show_measures(analysis.measurements[:20])
    assert laid == []
    qtbot.waitUntil(lambda: bool(laid))
    qtbot.wait(20)
    assert laid == [1]
    viewer.settle()
    assert laid == [1], "nothing changed since"


def test_nothing_is_drawn_before_it_is_in_its_place(shown):
    viewer = shown("film_1.png", SIZES["1366x768"])
    viewer.grab()
    viewer.picture.show_measures([])
    viewer.picture.show_measures(answer_for(Path("film_1.png"), None).measurements[:3])
    items = [label for _, label in viewer.picture.measures._items.values()]
    assert items
    drawn = viewer.grab().toImage()
    placed = labels(viewer)
    assert placed
    for plate in placed:
        assert drawn.pixelColor(plate.topLeft().toPoint() + QPoint(4, 8)).lightness() < 40


def test_a_view_that_nobody_sees_is_laid_out_once_it_is_seen(qtbot, monkeypatch):
    laid_out = []
    real = Viewer.settle
    monkeypatch.setattr(Viewer, "settle", lambda viewer: laid_out.append(1) or real(viewer))
    analysis = answer_for(Path("film_1.png"), None)
    viewer = Viewer()
    qtbot.addWidget(viewer)
    viewer.show_image(prepare_image(analysis.image))
    viewer.show_overlay(prepare_overlay(analysis))
    qtbot.wait(20)
    assert laid_out == []
    viewer.show()
    qtbot.waitUntil(lambda: bool(laid_out))
    assert not viewer._is_due
