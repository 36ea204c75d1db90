"""Finds access keys that two parts of a window share, and parts without a name.

A key that two parts share only moves the focus from one to the other, and presses neither.
"""

from collections import defaultdict

from PyQt6.QtCore import Qt
from PyQt6.QtGui import QKeySequence
from PyQt6.QtWidgets import QAbstractButton, QAbstractSpinBox, QLabel, QTabBar, QWidget


def clashing_keys(window):
    """Return what shares an access key, as {key: texts}; what is hidden does not count."""
    found = defaultdict(list)
    for widget in window.findChildren(QAbstractButton):
        found[_key(widget.text())].append(widget)
    for widget in window.findChildren(QLabel):
        if widget.buddy() is not None:
            found[_key(widget.text())].append(widget)
    for bar in window.findChildren(QTabBar):
        for place in range(bar.count()):
            found[_key(bar.tabText(place))].append(bar)
    shown = {key: [w for w in widgets if w.isVisible()] for key, widgets in found.items() if key}
    return {key: widgets for key, widgets in shown.items() if len(widgets) > 1}


def _key(text):
    return QKeySequence.mnemonic(text).toString()


def unnamed(window):
    """Return what takes the keys and has no name for a screen reader."""
    labelled = {label.buddy() for label in window.findChildren(QLabel) if label.buddy()}
    return [
        type(widget).__name__
        for widget in window.findChildren(QWidget)
        if widget.isVisible()
        and widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        and not widget.accessibleName()
        and not (isinstance(widget, QAbstractButton) and widget.text())
        and not isinstance(widget, QTabBar)
        and widget.focusProxy() is None
        and not isinstance(widget.parentWidget(), QAbstractSpinBox)
        and widget not in labelled
    ]
