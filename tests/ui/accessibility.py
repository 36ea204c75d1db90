"""What a screen reader is told: Qt's own accessibility tree, which PyQt does not wrap.

The functions are those that Qt exports; the places in the table of virtual functions are those of
`QAccessibleInterface` in Qt 6 (qaccessible.h), as the Itanium ABI lays them out on x86-64 Linux.
"""

import ctypes
import platform
import sys
from dataclasses import dataclass
from pathlib import Path

import PyQt6
import pytest
from PyQt6 import sip

IS_KNOWN = sys.platform == "linux" and platform.machine() == "x86_64"
needs_accessibility_tree = pytest.mark.skipif(not IS_KNOWN, reason="another binary interface")

_QUERY = "_ZN11QAccessible24queryAccessibleInterfaceEP7QObject"
_IS_VALID, _CHILD_COUNT, _TEXT, _ROLE = 2, 10, 12, 15
_NAME, _DESCRIPTION = 0, 1

ROLES = {
    0: "none", 12: "menu item", 43: "button", 44: "check box", 45: "radio button", 46: "combo box",
}  # fmt: skip
"""Those with a meaning of their own here (enum QAccessible::Role)."""


@dataclass(frozen=True)
class Told:
    """What is told of a widget."""

    name: str
    description: str
    role: int


class _String(ctypes.Structure):
    """A QString: owner, letters, length."""

    _fields_ = (("d", ctypes.c_void_p), ("letters", ctypes.c_void_p), ("size", ctypes.c_ssize_t))


def _library():
    found = Path(PyQt6.__file__).parent / "Qt6" / "lib" / "libQt6Gui.so.6"
    return ctypes.CDLL(str(found))


def told_of(widget):
    """Return what a screen reader is told of a widget."""
    query = _library()[_QUERY]
    query.restype, query.argtypes = ctypes.c_void_p, [ctypes.c_void_p]
    interface = query(sip.unwrapinstance(widget))
    if not interface or not _call(interface, _IS_VALID, ctypes.c_bool):
        return None
    role = _call(interface, _ROLE, ctypes.c_int)
    return Told(_text(interface, _NAME), _text(interface, _DESCRIPTION), role)


def _function(interface, place):
    table = ctypes.cast(interface, ctypes.POINTER(ctypes.c_void_p))[0]
    return ctypes.cast(table, ctypes.POINTER(ctypes.c_void_p))[place]


def _call(interface, place, result):
    return ctypes.CFUNCTYPE(result, ctypes.c_void_p)(_function(interface, place))(interface)


def _text(interface, which):
    """Return a text; it is handed over in memory that the caller brings."""
    found = _String()
    ask = ctypes.CFUNCTYPE(ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)
    ask(_function(interface, _TEXT))(ctypes.addressof(found), interface, which)
    if not found.size:
        return ""
    return ctypes.string_at(found.letters, 2 * found.size).decode("utf-16-le")
