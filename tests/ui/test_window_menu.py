"""What the picture can be shown with: the file's windows and tables, presets, keys."""

from dataclasses import replace

import numpy as np
import pytest
from PyQt6.QtCore import Qt
from PyQt6.QtGui import QAction
from PyQt6.QtTest import QTest

from spinealign.domain.image import DisplayWindow, WindowCurve, WindowKind
from spinealign.imaging.windows import is_same_window, manual_window, offered_windows
from spinealign.ui.picture.display_images import prepare_image
from spinealign.ui.window.menus import says_more_than_its_name
from tests import phantoms

TABLE = DisplayWindow(
    500, 1000, WindowKind.FILE_TABLE, explanation="Hard & soft",
    table=np.linspace(1, 0, 1000, dtype=np.float32),
)  # fmt: skip
OWN = (
    DisplayWindow(300, 1500, explanation="BONE"),
    DisplayWindow(40, 400),
    DisplayWindow(40, 400, curve=WindowCurve.SIGMOID, explanation="smooth"),
    TABLE,
)


@pytest.fixture
def shown(window, analysed):
    """A window with a CT slice whose file brings three windows and a table."""
    analysed()
    return show(window, windows=OWN, window=(300, 1500))


def show(main_window, **changes):
    image = main_window.workbench.current.finding.analysis.image
    image = replace(image, sha256="of this test", **changes)
    main_window.viewer.show_image(prepare_image(image))
    return main_window


def offers(window):
    actions = [a for a in window.windows.menu.actions() if not a.isSeparator() and a.isEnabled()]
    return [action.text() for action in actions]


def ticked(window):
    return [action.text() for action in window.windows.menu.actions() if action.isChecked()]


def test_everything_that_a_ct_file_offers_is_offered(shown):
    texts = offers(shown)
    assert texts[:4] == [
        "BONE (C 300, W 1500)", "Window from the file (C 40, W 400)", "smooth (C 40, W 400)",
        "Hard && soft",
    ]  # fmt: skip
    assert [text.split(" (")[0] for text in texts[4:9]] == [
        "Bone", "Soft tissue", "Brain", "Automatic", "Whole range",
    ]  # fmt: skip


def test_presets_in_hounsfield_units_are_for_ct_only(window, analysed):
    analysed("mr_1.nii")
    offered = offers(window)
    assert not any(text.startswith(("Bone", "Soft", "Brain")) for text in offered)
    assert any(text.startswith("Whole range") for text in offered)
    before = window.viewer.picture.window
    QTest.keyClick(window, Qt.Key.Key_2)
    assert window.viewer.picture.window is before


def test_without_a_picture_nothing_is_offered(window):
    assert not window.windows.button.isEnabled()
    assert offers(window) == []


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        (Qt.Key.Key_2, WindowKind.BONE),
        (Qt.Key.Key_3, WindowKind.SOFT_TISSUE),
        (Qt.Key.Key_4, WindowKind.BRAIN),
        (Qt.Key.Key_5, WindowKind.AUTOMATIC),
        (Qt.Key.Key_6, WindowKind.WHOLE_RANGE),
    ],
)
def test_number_keys_choose(shown, key, kind):
    QTest.keyClick(shown, key)
    assert shown.viewer.picture.window.kind is kind
    QTest.keyClick(shown, key)
    assert shown.viewer.picture.window.kind is kind
    assert len(ticked(shown)) == 1


def test_what_is_shown_is_ticked(shown):
    assert ticked(shown) == ["BONE (C 300, W 1500)"]
    entry = next(a for a in shown.windows.menu.actions() if a.text() == "Hard && soft")
    entry.trigger()
    assert shown.viewer.picture.window is TABLE
    assert ticked(shown) == ["Hard && soft"]
    shown.viewer.picture.drag_window(3, 0)
    assert ticked(shown) == []
    QTest.keyClick(shown, Qt.Key.Key_R)
    assert ticked(shown) == ["BONE (C 300, W 1500)"]


def test_w_goes_through_all_of_them_and_back(shown):
    display = shown.viewer.picture.display
    seen = []
    for _ in display.windows:
        seen.append(shown.viewer.picture.window)
        QTest.keyClick(shown, Qt.Key.Key_W)
    assert {id(window) for window in seen} == {id(window) for window in display.windows}
    assert shown.viewer.picture.window is display.default_window
    QTest.keyClick(shown, Qt.Key.Key_W, Qt.KeyboardModifier.ShiftModifier)
    assert shown.viewer.picture.window is seen[-1]


def test_a_window_set_by_hand_leads_to_the_first_or_the_last(shown):
    display = shown.viewer.picture.display
    shown.viewer.picture.drag_window(30, 30)
    shown.windows.step(1)
    assert shown.viewer.picture.window is display.windows[0]
    shown.viewer.picture.drag_window(30, 30)
    shown.windows.step(-1)
    assert shown.viewer.picture.window.kind is WindowKind.WHOLE_RANGE


def test_another_picture_has_other_windows(shown):
    show(shown, windows=(), window=None, bits=16, is_hounsfield=False)
    assert [text.split(" (")[0] for text in offers(shown)[:2]] == ["Automatic", "Whole range"]
    assert [text.split(" (")[0] for text in ticked(shown)] == ["Automatic"]


def test_analysing_again_keeps_the_window(qtbot, window, analysed):
    analysed()
    QTest.keyClick(window, Qt.Key.Key_4)
    QTest.keyClick(window, Qt.Key.Key_I)
    with qtbot.waitSignal(window.workbench.session.finding_ready):
        window.navigation.analyse_here()
    assert window.viewer.picture.window.kind is WindowKind.BRAIN
    assert window.viewer.picture.is_inverted
    assert window.actions_by_name["invert"].isChecked()


def test_going_to_another_case_and_back_keeps_the_window(window, analysed):
    first = analysed()
    QTest.keyClick(window, Qt.Key.Key_4)
    analysed("mr_1.nii")
    assert window.viewer.picture.window.kind is not WindowKind.BRAIN
    window.workbench.select(first)
    assert window.viewer.picture.window.kind is WindowKind.BRAIN


def test_correcting_keeps_the_window(hands):
    QTest.keyClick(hands.window, Qt.Key.Key_6)
    hands.window.correction.changes.swap_anterior_posterior()
    assert hands.window.workbench.editing.is_edited
    assert hands.viewer.picture.window.kind is WindowKind.WHOLE_RANGE


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({"windows": OWN, "window": (300, 1500)}, WindowKind.FILE),
        ({"windows": OWN[3:]}, WindowKind.FILE_TABLE),
        ({"windows": (), "window": (300, 1500)}, WindowKind.FILE),
        ({"windows": (), "window": None, "bits": 8}, WindowKind.AS_STORED),
        ({"windows": (), "window": None, "bits": 16}, WindowKind.AUTOMATIC),
    ],
    ids=["windows", "table", "window", "8 bits", "16 bits"],
)
def test_the_default_is_offered_first_and_nothing_twice(changes, first):
    offered = offered_windows(replace(phantoms.ct_image(64), **changes))
    assert offered[0].kind is first
    for k, one in enumerate(offered):
        assert not any(is_same_window(one, other) for other in offered[k + 1 :])
    kinds = [window.kind for window in offered]
    assert kinds.count(WindowKind.AUTOMATIC) == kinds.count(WindowKind.WHOLE_RANGE) == 1


def test_a_flat_picture_still_has_windows():
    flat = replace(phantoms.ct_image(64), pixels=np.full((8, 8), 5, np.float32), window=None)
    assert all(window.width > 0 for window in offered_windows(flat))


def test_a_large_picture_is_sampled_evenly():
    rows = np.linspace(0, 1000, 2000, dtype=np.float32)
    pixels = np.broadcast_to(rows[:, None], (2000, 3000)).copy()
    image = replace(phantoms.ct_image(64), pixels=pixels, windows=OWN)
    [automatic] = [w for w in offered_windows(image) if w.kind is WindowKind.AUTOMATIC]
    assert automatic.centre == pytest.approx(500, abs=2)
    assert automatic.width == pytest.approx(990, abs=2)


def test_by_hand_is_nobodys_window():
    dragged = manual_window(OWN[0], 300, 1500)
    assert not any(is_same_window(dragged, window) for window in OWN)


def test_a_tool_tip_that_repeats_an_entry_does_not_lie_over_the_next_one(qapp):
    plain = QAction("&Save all…")
    plain.setToolTip("Save all (Ctrl+S)")
    assert not says_more_than_its_name(plain)
    assert not says_more_than_its_name(QAction("&Quit"))
    plain.setToolTip("Nothing is analysed yet")
    assert says_more_than_its_name(plain)
