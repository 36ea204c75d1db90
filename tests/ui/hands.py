"""A mouse and a keyboard for tests of the picture: places are pixels of the picture."""

from PyQt6.QtCore import QEvent, QPointF, Qt
from PyQt6.QtGui import QMouseEvent
from PyQt6.QtTest import QTest
from PyQt6.QtWidgets import QApplication

from spinealign.domain.findings import LandmarkName
from spinealign.ui.picture.handles import MarkRef
from spinealign.ui.results.result_page import ResultPage

NO_KEYS = Qt.KeyboardModifier.NoModifier
LEFT, NO_BUTTON = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton


def at_rest(window):
    """Whether a window neither looks at files nor analyses."""
    return not (window.workbench.looking.is_busy or window.workbench.inference.is_busy)


class Hands:
    """Does to a window's picture what a person does."""

    def __init__(self, window):
        self.window = window
        self.viewer = window.viewer

    def place_of(self, level, name):
        """Where a landmark is."""
        mark = self.mark(level, name)
        return mark.x, mark.y

    def mark(self, level, name):
        return self.body(level).landmark(LandmarkName(name))

    def body(self, level):
        bodies = self.window.workbench.editing.analysis.vertebrae
        return next(body for body in bodies if body.name == level)

    def handle(self, level, name):
        """The item that stands for a landmark."""
        ref = MarkRef(self.body(level).index, LandmarkName(name))
        return next(h for h in self.viewer.picture.handles() if h.ref == ref)

    def press(self, place, keys=NO_KEYS):
        self._send(QEvent.Type.MouseButtonPress, place, LEFT, LEFT, keys)

    def move(self, place, keys=NO_KEYS, held=True):
        self._send(QEvent.Type.MouseMove, place, NO_BUTTON, LEFT if held else NO_BUTTON, keys)

    def release(self, place, keys=NO_KEYS):
        self._send(QEvent.Type.MouseButtonRelease, place, LEFT, NO_BUTTON, keys)

    def click(self, place, keys=NO_KEYS):
        self.press(place, keys)
        self.release(place, keys)

    def double_click(self, place):
        self._send(QEvent.Type.MouseButtonDblClick, place, LEFT, LEFT, NO_KEYS)
        self.release(place)

    def drag(self, start, *places, keys=NO_KEYS):
        """Press at one place, move over others, release at the last."""
        self.press(start, keys)
        for place in places:
            self.move(place, keys)
        self.release(places[-1], keys)

    def let_go(self):
        """Deselect, with the cursor away from all points."""
        self.key(Qt.Key.Key_Escape)
        self.move((5, 5), held=False)

    def key(self, key, keys=NO_KEYS):
        QTest.keyClick(self.viewer, key, keys)

    def tool(self, name):
        self.window.actions_by_name[f"tool_{name}"].trigger()

    def _send(self, kind, place, button, buttons, keys):
        viewport = self.viewer.viewport()
        where = self.viewer.to_view(QPointF(*place))
        screen = QPointF(viewport.mapToGlobal(where.toPoint()))
        event = QMouseEvent(kind, where, screen, button, buttons, keys)
        QApplication.sendEvent(viewport, event)


def open_and_rest(qtbot, window, *paths):
    window.workbench.opener.open_paths(list(paths))
    settle(qtbot, window)


def settle(qtbot, window):
    bench = window.workbench

    def is_settled():
        return at_rest(window) and not (bench.reading.is_busy or bench.files.is_busy)

    qtbot.waitUntil(is_settled, timeout=10_000)


def has_whole_page(window):
    """Whether the results' page of the case that is shown is made, and to its end."""
    page = window.results._scroll.widget()
    return isinstance(page, ResultPage) and page._rest.is_filled


def titles(window):
    return [case.title for case in window.workbench.session.cases]


def shown_value(window):
    """What tells a slice from the others: `write_series` adds its number to all pixels."""
    return int(window.viewer.picture.display.image.pixels.min())
