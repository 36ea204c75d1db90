"""`PointerTool`: interface of tools that handle mouse events on the image."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from PyQt6.QtCore import QPointF, Qt
from PyQt6.QtGui import QKeyEvent


@dataclass(frozen=True)
class Pointer:
    """Where the mouse is, in pixels of the picture, and which keys are held."""

    point: QPointF
    modifiers: Qt.KeyboardModifier


class PointerTool(Protocol):
    """Who takes mouse and keys before the viewer does: the handles and tools on the picture."""

    def press(self, pointer: Pointer) -> bool:
        """Take the left button's press, or leave it to the viewer to pan."""

    def drag(self, pointer: Pointer) -> None:
        """Follow the mouse while a press that was taken is held."""

    def release(self, pointer: Pointer) -> None:
        """End what a press began."""

    def let_go(self) -> None:
        """End what a press began whose release was never told: a dialog or another window had it.

        Nothing is placed: where the button was released is not known.
        """

    def hover(self, pointer: Pointer) -> Qt.CursorShape | None:
        """Follow the mouse without a button; return the cursor to show."""

    def double_click(self, pointer: Pointer) -> bool:
        """Take a double click, or leave it to the viewer to fit the picture."""

    def wants_key(self, event: QKeyEvent) -> bool:
        """Whether this key is for the picture, whatever it means in the window."""

    def key(self, event: QKeyEvent) -> bool:
        """Take a key, or leave it to the viewer."""

    def tip(self, point: QPointF) -> str:
        """Return what is said about this place of the picture."""
