"""The overlay file shows what the screen shows: the same layers for every state of the ticks."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtWidgets import QFileDialog

from spinealign.domain.measurements import DrawingTool
from spinealign.export.overlay import overlay_picture
from tests.ui.test_drawing import place_each
from tests.ui.test_notes import write

COBB = ("cobb_c2_c7", ("C2", "C7"))
DRAWN = ("drawn_distance", ("1",))
TEXT = (DrawingTool.TEXT, 1)


@pytest.fixture
def marked(hands):
    """A film on which a person drew a distance and wrote a text."""
    hands.key(Qt.Key.Key_D)
    place_each(hands, [(60, 500), (160, 500)])
    write(hands, "here", (300, 560))
    hands.let_go()
    return hands


def on_screen(hands):
    """Which layers are drawn on the screen, asked of what is drawn itself."""
    picture = hands.viewer.picture
    shown = {key for key, (lines, _) in picture.measures._items.items() if lines.isVisible()}
    parts = {"cobb": COBB in shown, "distance": DRAWN in shown, "text": TEXT in picture.notes.keys}
    parts["bodies"] = any(group.name.isVisible() for group in picture.bodies.groups)
    return parts


def in_file(analysis, layers):
    """Which layers are drawn in the file: without one of them it is another picture."""

    def drawn(**changes):
        return np.array(overlay_picture(analysis, layers=replace(layers, **changes)))

    whole = drawn()

    def differs(**changes):
        other = drawn(**changes)
        return other.shape != whole.shape or bool((other != whole).any())

    return {
        "cobb": differs(measures=layers.measures - {COBB}),
        "distance": differs(measures=layers.measures - {DRAWN}),
        "text": differs(notes=False),
        "bodies": differs(structures=False),
    }


@pytest.mark.parametrize(
    ("overlay", "measures", "cobb", "distance"),
    [(o, m, c, not c or o) for o, m, c in product((True, False), repeat=3)],
)
def test_the_same_layers_on_screen_and_in_the_file(marked, overlay, measures, cobb, distance):
    window = marked.window
    window.correction.measures.toggle(COBB, cobb)
    window.correction.measures.toggle(DRAWN, distance)
    window.actions_by_name["overlay"].setChecked(overlay)
    window.actions_by_name["measures"].setChecked(measures)
    expected = {
        "cobb": overlay and measures and cobb,
        "distance": overlay and measures and distance,
        "text": overlay,
        "bodies": overlay,
    }
    assert on_screen(marked) == expected
    analysis = window.workbench.editing.analysis
    assert in_file(analysis, window.viewer.picture.layers) == expected


def test_outlines_and_opacity_are_those_of_the_screen(marked):
    picture = marked.viewer.picture
    assert picture.layers.fill_opacity == pytest.approx(picture.opacity)
    marked.key(Qt.Key.Key_L)
    assert picture.layers.fill_opacity == 0


def test_a_heat_map_is_in_the_file_while_it_is_ticked(window, demonstrated):
    demonstrated()
    window.actions_by_name["heatmap"].setChecked(True)
    layers = window.viewer.picture.layers
    assert layers.heat_opacity is not None
    analysis = window.workbench.editing.analysis
    with_heat = overlay_picture(analysis, layers=layers)
    window.actions_by_name["heatmap"].setChecked(False)
    without = window.viewer.picture.layers
    assert without.heat_opacity is None
    plain = np.array(overlay_picture(analysis, layers=without))
    assert plain.shape != np.array(with_heat).shape  # no band, no bar of colours
    heights = {p.height for p in (with_heat, overlay_picture(analysis, layers=without))}
    assert len(heights) == 2


def test_the_command_hands_over_what_is_on_the_screen(qtbot, marked, fake, monkeypatch, tmp_path):
    window = marked.window
    monkeypatch.setattr(
        QFileDialog, "getSaveFileName", lambda *args: (str(tmp_path / "seen.png"), "")
    )
    window.correction.measures.toggle(COBB, False)
    with qtbot.waitSignal(window.workbench.saver.saved):
        window.actions_by_name["save_overlay"].trigger()
    [(analysis, layers)] = fake.layers
    assert analysis is window.workbench.current_analysis
    assert layers == window.viewer.picture.layers
    assert COBB not in layers.measures
    assert DRAWN in layers.measures
