"""A picture with boxes round its text, which are added, moved, sized and taken away."""

from __future__ import annotations

import msgspec
from PyQt6.QtCore import QPointF, QRectF, QSize, Qt, pyqtSignal
from PyQt6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen, QPixmap
from PyQt6.QtWidgets import QSizePolicy, QWidget

from spinealign.deidentification.boxes import Box
from spinealign.wording.deidentify_window import PICTURE_NAME

_BOX, _CHOSEN = QColor("#ff4040"), QColor("#ffd400")
_LEAST_DRAG_PX = 4
_STEPS = {
    Qt.Key.Key_Left: (-1, 0), Qt.Key.Key_Right: (1, 0), Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}  # fmt: skip
_SHARE_OF_STEP, _SHARE_OF_NEW = 0.01, 0.2


class BoxEditor(QWidget):
    """`changed` says that boxes changed, `accepted` that Return was pressed."""

    changed = pyqtSignal()
    accepted = pyqtSignal()

    def __init__(self) -> None:
        super().__init__()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(PICTURE_NAME)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(QSize(160, 120))
        self._pixmap = QPixmap()
        self._size = (1, 1)
        self._boxes: list[Box] = []
        self.chosen = -1
        self._from: QPointF | None = None
        self._to: QPointF | None = None

    @property
    def boxes(self) -> list[Box]:
        """The boxes now, in pixels of the file's own picture."""
        return list(self._boxes)

    def show_picture(self, pixmap: QPixmap, rows: int, columns: int, boxes: list[Box]) -> None:
        """Show a picture of a file of so many rows and columns, with these boxes."""
        self._pixmap, self._size, self._boxes = pixmap, (rows, columns), list(boxes)
        self.chosen = 0 if boxes else -1
        self._from = self._to = None
        self.update()

    def add_box(self) -> None:
        """Add a box in the middle, to be moved and sized."""
        rows, columns = self._size
        high, wide = max(round(rows * _SHARE_OF_NEW / 2), 1), max(round(columns * _SHARE_OF_NEW), 1)
        top, left = (rows - high) // 2, (columns - wide) // 2
        self._add(Box(top, left, min(top + high, rows), min(left + wide, columns)))

    def delete_box(self) -> None:
        """Take away the box that is selected."""
        if 0 <= self.chosen < len(self._boxes):
            del self._boxes[self.chosen]
            self.chosen = min(self.chosen, len(self._boxes) - 1)
            self._tell()

    def place_of(self, row: float, column: float) -> QPointF:
        """Return where a pixel of the file lies in this widget."""
        room, (rows, columns) = self._room(), self._size
        return QPointF(
            room.left() + column / columns * room.width(), room.top() + row / rows * room.height()
        )

    def _add(self, box: Box) -> None:
        self._boxes.append(box)
        self.chosen = len(self._boxes) - 1
        self._tell()

    def _tell(self) -> None:
        self.update()
        self.changed.emit()

    def _room(self) -> QRectF:
        """Return where the picture is drawn: as large as fits, in the middle."""
        rows, columns = self._size
        scale = min(self.width() / columns, self.height() / rows)
        wide, high = columns * scale, rows * scale
        return QRectF((self.width() - wide) / 2, (self.height() - high) / 2, wide, high)

    def _pixel(self, place: QPointF) -> tuple[float, float]:
        room, (rows, columns) = self._room(), self._size
        row = (place.y() - room.top()) / room.height() * rows
        column = (place.x() - room.left()) / room.width() * columns
        return min(max(row, 0), rows), min(max(column, 0), columns)

    def _drawn(self) -> Box | None:
        """Return the box between press and release: whole pixels that it touches."""
        if self._from is None or self._to is None:
            return None
        (row, column), (other_row, other_column) = self._pixel(self._from), self._pixel(self._to)
        top, bottom = int(min(row, other_row)), int(-(-max(row, other_row) // 1))
        left, right = int(min(column, other_column)), int(-(-max(column, other_column) // 1))
        return Box(top, left, bottom, right) if bottom > top and right > left else None

    # Painted, moved, typed

    def paintEvent(self, event: QPaintEvent | None) -> None:
        """Draw picture and boxes."""
        painter = QPainter(self)
        painter.fillRect(self.rect(), Qt.GlobalColor.black)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        if not self._pixmap.isNull():
            painter.drawPixmap(self._room(), self._pixmap, QRectF(self._pixmap.rect()))
        drawn = self._drawn()
        shown = [*self._boxes, *([] if drawn is None else [drawn])]
        for number, box in enumerate(shown):
            is_chosen = number == self.chosen and self._from is None
            painter.setPen(QPen(_CHOSEN if is_chosen else _BOX, 2 if is_chosen else 1))
            painter.drawRect(
                QRectF(self.place_of(box.top, box.left), self.place_of(box.bottom, box.right))
            )
        if self.hasFocus():
            painter.setPen(QPen(_CHOSEN, 1, Qt.PenStyle.DotLine))
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))

    def mousePressEvent(self, event: QMouseEvent | None) -> None:
        """Select a box, or begin one."""
        if event is None or event.button() != Qt.MouseButton.LeftButton or self._pixmap.isNull():
            return
        row, column = self._pixel(event.position())
        inside = [
            number
            for number, box in enumerate(self._boxes)
            if box.top <= row < box.bottom and box.left <= column < box.right
        ]
        self.chosen = inside[-1] if inside else -1
        self._from = self._to = event.position()
        self._tell()

    def mouseMoveEvent(self, event: QMouseEvent | None) -> None:
        """Draw the box that is begun."""
        if event is not None and self._from is not None:
            self._to = event.position()
            self.update()

    def mouseReleaseEvent(self, event: QMouseEvent | None) -> None:
        """Add the box that was drawn; a click only selects."""
        if event is None or self._from is None:
            return
        self._to = event.position()
        moved = self._to - self._from
        box = self._drawn() if moved.manhattanLength() >= _LEAST_DRAG_PX else None
        self._from = self._to = None
        if box is not None:
            self._add(box)
        self.update()

    def focusNextPrevChild(self, forward: bool) -> bool:
        """Let Tab go through the boxes first, then on."""
        following = self.chosen + (1 if forward else -1)
        if 0 <= following < len(self._boxes):
            self.chosen = following
            self._tell()
            return True
        return super().focusNextPrevChild(forward)

    def keyPressEvent(self, event: QKeyEvent | None) -> None:
        """Do with the selected box what the keys say."""
        if event is None:
            return
        key = event.key()
        if key in _STEPS and 0 <= self.chosen < len(self._boxes):
            is_sized = bool(event.modifiers() & Qt.KeyboardModifier.ShiftModifier)
            self._step(*_STEPS[Qt.Key(key)], is_sized)
        elif key == Qt.Key.Key_N:
            self.add_box()
        elif key in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace):
            self.delete_box()
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.accepted.emit()
        else:
            super().keyPressEvent(event)

    def _step(self, right: int, down: int, is_sized: bool) -> None:
        """Move the selected box, or its lower right corner, within the picture."""
        rows, columns = self._size
        box, step = self._boxes[self.chosen], max(round(max(rows, columns) * _SHARE_OF_STEP), 1)
        right, down = right * step, down * step
        if is_sized:
            changed = msgspec.structs.replace(
                box,
                bottom=min(max(box.bottom + down, box.top + 1), rows),
                right=min(max(box.right + right, box.left + 1), columns),
            )
        else:
            down = min(max(down, -box.top), rows - box.bottom)
            right = min(max(right, -box.left), columns - box.right)
            changed = msgspec.structs.replace(
                box, top=box.top + down, bottom=box.bottom + down, left=box.left + right,
                right=box.right + right,
            )  # fmt: skip
        self._boxes[self.chosen] = changed
        self._tell()
