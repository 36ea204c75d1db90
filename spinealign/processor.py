"""Checks the processor's instruction sets before the libraries are loaded.

NumPy, OpenCV, LiteRT, Qt and the DICOM decoders are built for x86-64-v2 (SSE4.2 and POPCNT, in
every processor since about 2009) and pick AVX2 or AVX-512 by themselves. On an older one each
of them ends the process without a word. Standard library only.
"""

from __future__ import annotations

import ctypes
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Callable

NEEDED = {"SSSE3": 9, "SSE4.1": 19, "SSE4.2": 20, "POPCNT": 23}
"""Features of x86-64-v2, and their bits in ECX of CPUID's leaf 1."""

OLD_PROCESSOR = """\
SpineAlign cannot run on this computer: its processor lacks {features}.
It needs a processor with SSE4.2 and POPCNT, as nearly all made since 2009 have.
"""
EXIT_CANNOT_RUN = 3

_WINDOWS_SSE4_2 = 38  # PF_SSE4_2_INSTRUCTIONS_AVAILABLE


def missing_features() -> tuple[str, ...]:
    """Return which needed features this processor lacks; none where that cannot be told."""
    if platform.machine().lower() not in {"x86_64", "amd64"}:
        return ()
    if sys.platform == "win32":
        has = ctypes.windll.kernel32.IsProcessorFeaturePresent(_WINDOWS_SSE4_2)
        return () if has else ("SSE4.2",)
    ecx = _feature_bits()
    return () if ecx is None else tuple(n for n, bit in NEEDED.items() if not ecx >> bit & 1)


def _feature_bits() -> int | None:
    """Return ECX of CPUID's leaf 1 as the C library found it, from version 2.33 on."""
    try:
        leaf = ctypes.CDLL(None)["__x86_get_cpuid_feature_leaf"]
    except (AttributeError, OSError, TypeError):
        return None
    leaf.restype = ctypes.POINTER(ctypes.c_uint32 * 8)
    found = leaf(0)  # glibc counts CPUID_INDEX_1 as 0; the words are EAX, EBX, ECX, EDX
    return int(found.contents[2]) if found else None


def survives(load: Callable[[], object]) -> bool:
    """Whether a child process lives through `load`; this process stays as it was."""
    if not hasattr(os, "fork"):
        return False
    child = os.fork()
    if child == 0:
        silent = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silent, 2)
        try:
            load()
        except Exception:  # noqa: BLE001 - only a violent end counts; the parent tells the rest
            os._exit(0)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) >= 0


def load_libraries() -> None:
    """Import what stops the process on a processor that is too old."""
    import cv2  # noqa: F401
    import numpy as np

    np.dot(np.ones((8, 8), np.float32), np.ones((8, 8), np.float32))
    import ai_edge_litert.interpreter  # noqa: F401


def unfit() -> tuple[str, ...]:
    """Return what this processor lacks to run the program; empty where the program runs.

    Flags are read first, at no cost. Where one is missing, a child process tries whether
    the libraries run all the same, so that nobody is turned away by mistake.
    """
    missing = missing_features()
    return () if not missing or survives(load_libraries) else missing


def refuse_old_processor() -> None:
    """Say so and end the program where the processor is too old.

    Raises
    ------
    SystemExit
        With `EXIT_CANNOT_RUN`.
    """
    lacking = unfit()
    if lacking:
        show_startup_error(OLD_PROCESSOR.format(features=", ".join(lacking)))
        raise SystemExit(EXIT_CANNOT_RUN)


def show_startup_error(words: str) -> None:
    """Tell people something although no window can be opened, wherever they may look."""
    if sys.stderr is not None:
        sys.stderr.write(words)
    if sys.platform == "win32":
        ctypes.windll.user32.MessageBoxW(None, words, "SpineAlign", 0x10)
    elif os.environ.get("DISPLAY") and sys.stderr is not None and not sys.stderr.isatty():
        for command in (["zenity", "--error", "--text"], ["kdialog", "--error"], ["xmessage"]):
            if shutil.which(command[0]):
                subprocess.run([*command, words], check=False, capture_output=True)
                return
