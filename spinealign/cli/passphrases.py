"""Passphrases of private keys: typed at the terminal or read from a file, never in a command.

What stands in a command line is seen by everybody on the computer, and kept by the shell.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from spinealign.cli.series import WrongUseError
from spinealign.cli.signing_in import asked, first_line


def add_passphrase_option(parser: argparse.ArgumentParser) -> None:
    """Let a command say in which file the passphrase of a private key stands."""
    parser.add_argument(
        "--passphrase-file", type=Path, metavar="FILE",
        help="file whose first line is the passphrase of the key (default: asked for at the "
        "terminal)",
    )  # fmt: skip


def asked_passphrase(options: argparse.Namespace) -> Callable[[Path], str]:
    """Return what gives the passphrase of a key that is protected by one."""

    def ask(key: Path) -> str:
        from spinealign.wording.models import PASSPHRASE_PROMPT

        file: Path | None = options.passphrase_file
        return asked(PASSPHRASE_PROMPT.format(file=key)) if file is None else first_line(file)

    return ask


def new_passphrase(options: argparse.Namespace) -> str:
    """Return the passphrase of a new key, asked for twice at a terminal; empty for none.

    Raises
    ------
    WrongUseError
        The two differ.
    """
    from spinealign.wording.models import (
        AGAIN_PROMPT,
        NEW_PASSPHRASE_PROMPT,
        PASSPHRASES_DIFFER,
    )

    if options.passphrase_file is not None:
        return first_line(options.passphrase_file)
    first = asked(NEW_PASSPHRASE_PROMPT.format(file=options.file))
    if first and sys.stdin.isatty() and asked(AGAIN_PROMPT) != first:
        raise WrongUseError(PASSPHRASES_DIFFER)
    return first
