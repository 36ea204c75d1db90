"""Keeps this program's memory out of the system's crash files, while it holds keys and patients.

A crash file (core dump) is the memory of a program, written to the disk in plain when it crashes:
data key, pictures and texts with it. It is switched off once, before the first password is typed
into the archive, and stays off until the program ends.
"""

from __future__ import annotations

import ctypes
import sys
from contextlib import suppress

_PR_SET_DUMPABLE = 4
"""Source: prctl(2). Linux then writes no core dump, not through a pipe either, and other programs
of the same user can neither look into the memory nor trace the program."""

_SEM_NOGPFAULTERRORBOX = 0x0002
"""Source: Windows API, SetErrorMode. The program ends without Windows Error Reporting."""

_WER_FAULT_REPORTING_FLAG_NOHEAP = 1
"""Source: Windows API, WerSetFlags. A report that is made all the same has no heap in it."""


def switch_off_core_dumps() -> None:
    """Have the system write no memory of this program to the disk when it crashes.

    Nothing is raised where the system knows no such wish: work goes on as it did.
    """
    if sys.platform == "win32":
        with suppress(AttributeError, OSError):
            system = ctypes.windll
            before = system.kernel32.GetErrorMode()
            system.kernel32.SetErrorMode(before | _SEM_NOGPFAULTERRORBOX)
            system.wer.WerSetFlags(_WER_FAULT_REPORTING_FLAG_NOHEAP)
        return
    import resource

    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if sys.platform == "linux":
        with suppress(AttributeError, OSError):
            ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
