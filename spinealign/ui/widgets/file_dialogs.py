"""Keeps Qt's own questions for files and folders on the screen, whoever opens them."""

from __future__ import annotations

from PyQt6.QtWidgets import QApplication, QFileDialog

FRAME_PX = 4
"""Borders of a window where its frame is not known yet."""


def keep_file_dialogs_on_screen(app: QApplication) -> None:
    """Limit every file dialog of Qt as soon as it is in front, wherever it was asked for.

    Qt gives it a size of its own that a small screen has no room for: its buttons lie below the
    edge (683 x 384 at 200 %). Dialogs of the operating system are no widgets and limit themselves.
    """
    app.focusWindowChanged.connect(lambda _: _limit_shown())


def _limit_shown() -> None:
    dialog = QApplication.activeModalWidget()
    if isinstance(dialog, QFileDialog) and dialog.isVisible():
        limit_to_screen(dialog)


def limit_to_screen(dialog: QFileDialog) -> None:
    """Make a dialog as large as the screen has room for at most, and move all of it there."""
    screen = dialog.screen()
    if screen is None:
        return
    room = screen.availableGeometry()
    frame = dialog.frameGeometry().size() - dialog.size()
    beside, above = max(frame.width(), FRAME_PX), max(frame.height(), FRAME_PX)
    wide = min(dialog.width(), room.width() - beside)
    high = min(dialog.height(), room.height() - above)
    dialog.resize(wide, high)
    corner = dialog.pos()
    wide, high = wide + beside, high + above
    left = max(room.left(), min(corner.x(), room.left() + room.width() - wide))
    top = max(room.top(), min(corner.y(), room.top() + room.height() - high))
    if (left, top) != (corner.x(), corner.y()):
        dialog.move(left, top)
