"""Entry of the program: a subcommand goes to the command line, everything else to the window."""

from __future__ import annotations

import argparse
import codecs
import gc
import io
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from spinealign import __version__
from spinealign.processor import EXIT_CANNOT_RUN, refuse_old_processor, show_startup_error
from spinealign.working_files import private_working_folder

_WINDOW = "spinealign.ui.app"
_WORKER_OF_A_PACKAGE = "--multiprocessing-fork"
_TRACKER_OF_A_PACKAGE = "from multiprocessing."
NO_DISPLAY = """\
SpineAlign found no display to open its window on.
Use the command line instead, for example:  spinealign analyze IMAGE --out results
"""
NO_WINDOW_LIBRARY = """\
SpineAlign's window could not start, because a library of the system is missing or does not fit:
  {detail}
On Debian or Ubuntu install it with:  apt install libgl1 libegl1 libxkbcommon-x11-0 libxcb-cursor0 \
libdbus-1-3 libfontconfig1
The command line works without it, for example:  spinealign analyze IMAGE --out results
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run SpineAlign and return its exit code."""
    _open_missing_streams()
    _print_whatever_comes()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if _is_process_of_a_package(sys.argv):
        import multiprocessing

        multiprocessing.freeze_support()
    refuse_old_processor()
    with private_working_folder():
        return _run(given)


def program() -> NoReturn:
    """Run SpineAlign and end the process.

    Once a window was there, the process ends without taking Qt's objects down one by one: PyQt goes
    through all that Python owns and deletes them, and crashes where one takes others with it that
    come next (``release_QApplication``, ``cleanup_on_exit``). All work is done and saved by then.
    """
    code = main()
    if _WINDOW in sys.modules:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(code)
    sys.exit(code)


def _is_process_of_a_package(arguments: Sequence[str]) -> bool:
    """Whether this is a helper of a packaged program, which has no other program to start.

    A worker process is this program with an argument. On Linux and macOS so is the process that
    clears up after workers (`multiprocessing.resource_tracker`), which gets a line of Python to
    run. PyInstaller's `freeze_support` does what either is for.
    """
    is_tracker = arguments[-2:-1] == ["-c"] and arguments[-1].startswith(_TRACKER_OF_A_PACKAGE)
    return _WORKER_OF_A_PACKAGE in arguments or is_tracker


def _run(given: list[str]) -> int:
    # Reading the names must not import the commands.
    from spinealign.cli.command_names import COMMANDS

    if given and given[0] in COMMANDS:
        return _run_command(given)
    if given[:1] == ["--profile-dir"] and {*given[2:3]} & {*COMMANDS}:
        return _run_command([*given[2:], *given[:2]])
    parser = _window_parser(COMMANDS)
    options = parser.parse_args(given)
    if options.self_test:
        if options.images:
            parser.error("--self-test analyses the samples and takes no images")
        profile = [] if options.profile_dir is None else ["--profile-dir", str(options.profile_dir)]
        return _run_command(["self-test", *profile])
    if not has_display():
        sys.stderr.write(NO_DISPLAY)
        return 1
    # Started before anything else is loaded: both take their time, each on its own processor.
    from spinealign.ui.work.worker_start import started_process

    process = started_process(options.profile_dir)
    # Until there is a window nothing is thrown away: looking for it takes a tenth of the start.
    gc.disable()
    try:
        from spinealign.ui.app import run_window
        from spinealign.ui.work.remote_services import started_worker
    except ImportError as error:
        process.kill()
        process.close()
        if (error.name or "").startswith("spinealign"):
            raise
        show_startup_error(NO_WINDOW_LIBRARY.format(detail=error))
        return EXIT_CANNOT_RUN
    worker = started_worker(options.profile_dir, process)
    return run_window(options.images, options.profile_dir, worker)


def _run_command(given: Sequence[str]) -> int:
    from spinealign.cli.main import run_command

    return run_command(given)


def _open_missing_streams() -> None:
    """Give a windowed program on Windows, which has no terminal, somewhere to write to."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115


def _print_whatever_comes() -> None:
    """Print plain letters where the terminal lacks ours, and escape names that are no Unicode."""
    codecs.register_error(_PLAIN_LETTERS, _plain_letters)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=_PLAIN_LETTERS)


_PLAIN_LETTERS = "spinealign_plain_letters"
_PLAIN = str.maketrans(
    {
        "\N{NO-BREAK SPACE}": " ", "\N{NARROW NO-BREAK SPACE}": " ", "\N{EN DASH}": "-",
        "\N{MINUS SIGN}": "-", "\N{DEGREE SIGN}": " deg", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
        "\N{LEFT DOUBLE QUOTATION MARK}": '"', "\N{RIGHT DOUBLE QUOTATION MARK}": '"',
        "\N{HORIZONTAL ELLIPSIS}": "...", "\N{MIDDLE DOT}": "-", "\N{MULTIPLICATION SIGN}": "x",
        "\N{PLUS-MINUS SIGN}": "+/-", "\N{SUPERSCRIPT TWO}": "2",
    }
)  # fmt: skip
"""What stands for our own signs on a terminal without them."""


def _plain_letters(error: UnicodeError) -> tuple[str | bytes, int]:
    """Return plain letters for those that could not be encoded; others are escaped."""
    if isinstance(error, UnicodeEncodeError):
        letters = error.object[error.start : error.end].translate(_PLAIN)
        if letters.isascii():
            return letters, error.end
    return codecs.backslashreplace_errors(error)


def has_display() -> bool:
    """Whether a window can be opened here."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM") in {"offscreen", "vnc"}:
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def _window_parser(commands: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spinealign",
        description="Open the SpineAlign window, or run a command without a window.",
        epilog=f"Commands: {', '.join(commands)}. 'spinealign COMMAND --help' explains each.",
    )
    parser.add_argument("images", nargs="*", type=Path, help="files or folders to open")
    parser.add_argument("--version", action="version", version=f"SpineAlign {__version__}")
    parser.add_argument("--self-test", action="store_true", help="analyse the samples and exit")
    parser.add_argument("--profile-dir", type=Path, help="keep settings in this folder")
    return parser


if __name__ == "__main__":
    program()
