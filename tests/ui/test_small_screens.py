"""Small screens and large letters: nothing is cut, nothing lies over what it is about."""

import pytest
from PyQt6.QtCore import QPointF, QRect
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication, QDialog

from spinealign.domain.reading import AddendumDraft
from spinealign.ui.reading.sign_dialog import AddendumDialog
from tests.ui.cut_texts import cut_texts, settled_cut_texts

SCREENS = {
    "1366x768": (1284, 691),
    "1920x1080 at 200 %": (902, 486),
    "1366x768 at 200 %": (683, 384),
    "3840x2160": (3840, 2100),
}
"""What a window has of a screen, in pixels that scaling does not change."""


@pytest.fixture(params=SCREENS.values(), ids=SCREENS)
def small(request, window):
    """A window that is as large as a screen allows."""
    window.resize(*request.param)
    return window


@pytest.fixture
def seen(qtbot, small, analysed):
    """Return a function that analyses a file in such a window and waits for the whole page."""

    def run(name):
        analysed(name)
        qtbot.waitUntil(lambda: small.results._scroll.widget()._rest.is_filled)
        QApplication.processEvents()
        return small

    return run


@pytest.mark.parametrize("name", ["ct_1.dcm", "mr_1.nii", "disc_1.png", "film_1.png", "photo.png"])
def test_no_word_is_cut_without_a_tool_tip(qtbot, seen, name):
    window = seen(name)
    bar = window.results._scroll.verticalScrollBar()
    found = []
    for place in range(0, bar.maximum() + 1, max(bar.pageStep(), 1)):
        bar.setValue(place)
        found += settled_cut_texts(qtbot, window)
    assert sorted(set(found)) == []


def test_the_start_page_is_not_cut(qtbot, small):
    small.workbench.preferences.is_first_start = True
    small.start()
    assert settled_cut_texts(qtbot, small) == []


@pytest.mark.parametrize(
    "command", ["keyboard", "about", "models", "places", "letterhead", "phrases"]
)
def test_dialogs_are_not_cut(qtbot, small, command):
    small.actions_by_name[command].trigger()
    qtbot.waitUntil(lambda: small.findChild(QDialog) is not None)
    dialog = small.findChild(QDialog)
    if command == "keyboard":
        # The manual is a window of its own, as large as the real screen lets it be.
        dialog.resize(small.size())
    QApplication.processEvents()
    assert dialog.height() <= small.height()
    assert dialog.width() <= small.width()
    assert settled_cut_texts(qtbot, dialog) == []
    dialog.reject()


@pytest.mark.parametrize("command", ["settings", "sign", "compare", "manual"])
def test_larger_dialogs_are_scrolled_and_not_cut(qtbot, small, analysed, command):
    analysed("film_1.png")
    small.actions_by_name[command].trigger()
    tops = QApplication.topLevelWidgets
    qtbot.waitUntil(
        lambda: any(isinstance(w, QDialog) and w.isVisible() for w in tops()), timeout=10_000
    )
    [dialog] = [w for w in tops() if isinstance(w, QDialog) and w.isVisible()]
    # Windows of their own take what a real screen has; they must do with this one.
    dialog.resize(dialog.size().boundedTo(small.size()))
    QApplication.processEvents()
    assert dialog.height() <= small.height()
    assert dialog.width() <= small.width()
    assert settled_cut_texts(qtbot, dialog) == []
    dialog.close()


@pytest.mark.parametrize("size", SCREENS.values(), ids=SCREENS)
def test_the_picture_of_a_disc_does_not_lie_over_the_disc(window, analysed, size):
    window.resize(*size)
    analysed("disc_1.png")
    QApplication.processEvents()
    discs = window.workbench.current_analysis.discs
    for disc in (discs[0], discs[-1]):
        window.disc_inset.look_at(disc, window.workbench.current_analysis)
        inset = window.disc_inset.geometry()
        assert window.viewer.rect().contains(inset)
        corners = [window.viewer.to_view(QPointF(*point)).toPoint() for point in disc.outline]
        xs, ys = [p.x() for p in corners], [p.y() for p in corners]
        shown = QRect(min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys))
        assert not inset.intersects(shown)
        assert window.viewer.viewport().rect().contains(shown)


def test_words_that_are_cut_are_found(window):
    label, button = window.status.step, window.status.cancel
    label.setText("Ready")
    label.setToolTip("")
    button.show()
    assert cut_texts(window) == []
    label.setFixedWidth(8)
    button.setFixedWidth(20)
    QApplication.processEvents()
    assert cut_texts(window) == [("ElidedLabel", "Ready"), ("QPushButton", "Cancel")]


def test_the_fields_of_an_addendum_do_not_jump(qtbot):
    dialog = AddendumDialog("", AddendumDraft(), None)
    qtbot.addWidget(dialog)
    dialog.resize(420, 320)
    with qtbot.waitExposed(dialog):
        dialog.show()
    parts = (dialog.text, dialog.reason, dialog.name, dialog.add)
    before = [part.geometry() for part in parts]
    for part, words in zip(parts, ("Seen again.", "A second look", "Dr Ada"), strict=False):
        QTest.keyClicks(part, words)
        QApplication.processEvents()
        assert [each.geometry() for each in parts] == before
    assert dialog.add.isEnabled()
