"""Who is at work on the command line: passwords asked for at the terminal or read from a file."""

from __future__ import annotations

import argparse
import getpass
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spinealign.cli.series import WrongUseError

if TYPE_CHECKING:
    from spinealign.vault.place import Place
    from spinealign.vault.session import Session


def add_profile_option(parser: argparse.ArgumentParser, is_below: bool = False) -> None:
    """Let a command state the profile in which readings and corrections are kept.

    Parameters
    ----------
    parser : ArgumentParser
    is_below : bool
        Whether the command above has the option too: what is stated there counts.
    """
    parser.add_argument(
        "--profile-dir", type=Path, metavar="DIR",
        default=argparse.SUPPRESS if is_below else None,
        help="the profile with readings and corrections, as the window was opened with "
        "(default: the environment variable SPINEALIGN_PROFILE, else the usual one)",
    )  # fmt: skip


def add_sign_in_options(parser: argparse.ArgumentParser, is_below: bool = False) -> None:
    """Let a command state the profile, the account and where its password comes from.

    `is_below` is that of `add_profile_option`.
    """
    add_profile_option(parser, is_below)
    parser.add_argument("--user", metavar="NAME", help="account that you sign in with")
    parser.add_argument(
        "--system-user", action="store_true",
        help="sign in as the system's user, where an administrator allowed it, without a password",
    )  # fmt: skip
    parser.add_argument(
        "--password-file", type=Path, metavar="FILE",
        help="file whose first line is the password (default: asked for at the terminal)",
    )  # fmt: skip


def add_action(
    actions: Any, name: str, run: Any, words: str, positional: tuple[str, str, str] | None = None
) -> argparse.ArgumentParser:
    """Add an action of a command; `positional` is its first argument: name, metavar, help."""
    parser: argparse.ArgumentParser = actions.add_parser(name, help=words)
    if positional is not None:
        argument, metavar, told = positional
        parser.add_argument(argument, metavar=metavar, help=told)
    add_sign_in_options(parser)
    parser.set_defaults(run=partial(_told, run))
    return parser


def is_named(options: argparse.Namespace) -> bool:
    """Return whether a command says who signs in."""
    return bool(options.user or options.system_user)


def _told(run: Any, options: argparse.Namespace) -> int:
    """Run an action; a disk that is full or cannot be written is told in the words of the archive.

    Raises
    ------
    SpineAlignError
    """
    from spinealign.archive.problems import as_archive_error

    try:
        return int(run(options))
    except OSError as error:
        if error.filename is None:  # of what is printed
            raise
        raise as_archive_error(error) or error from error


def own_place() -> Place:
    """Return where the archive of the profile lies."""
    from spinealign.domain.paths import profile_dir
    from spinealign.vault.place import Place

    return Place.of_profile(profile_dir())


@contextmanager
def signed_in(options: argparse.Namespace) -> Iterator[Session]:
    """Open the archive for one command, and sign out at its end.

    Raises
    ------
    WrongUseError
        There is no archive, or an account has to be named.
    SpineAlignError
    """
    session = _opened(options)
    try:
        _warn_of_damage(session)
        yield session
    finally:
        session.close()


def _warn_of_damage(session: Session) -> None:
    """Say at every command that the trail is not as it was written, until there is a new one."""
    from spinealign.domain.protection import AuditDamagedError
    from spinealign.wording import explain
    from spinealign.wording.archive import EVENTS_WAIT

    if session.trail_damage is not None:
        message = explain(AuditDamagedError(session.trail_damage))
        sys.stderr.write(f"{message.sentence} {EVENTS_WAIT}\n")


def _opened(options: argparse.Namespace) -> Session:
    from spinealign.accounts.key_store import ARCHIVE, KeyStore
    from spinealign.domain.protection import AccountError, AccountProblem
    from spinealign.vault.place import Protection
    from spinealign.vault.session import open_with_key_store, sign_in
    from spinealign.vault.system_account import bring_key_up_to_date
    from spinealign.wording.archive import NO_ARCHIVE, PASSWORD_PROMPT

    place = own_place()
    if place.protection is Protection.NONE:
        raise WrongUseError(NO_ARCHIVE)
    if place.protection is Protection.KEY_STORE:
        return open_with_key_store(place, KeyStore(ARCHIVE))
    if options.system_user:
        return _opened_as_system_user(place, options)
    if not options.user:
        raise WrongUseError("give --user NAME, the account that you sign in with")
    given = password(options, PASSWORD_PROMPT.format(name=options.user))
    session = sign_in(place, options.user, given)
    account = session.person.account
    if account is not None and account.must_change:
        session.close()
        raise AccountError(AccountProblem.PASSWORD_IS_TEMPORARY, account.name)
    if account is not None and account.system_sign_in is not None:
        bring_key_up_to_date(session, KeyStore(ARCHIVE))
    return session


def _opened_as_system_user(place: Place, options: argparse.Namespace) -> Session:
    from spinealign.accounts.key_store import ARCHIVE, KeyStore
    from spinealign.domain.protection import AccountError, AccountProblem
    from spinealign.vault.system_account import (
        account_of,
        sign_in_as_system_user,
        system_user,
    )

    own = system_user()
    account = account_of(place.book().accounts, own)
    if account is None:
        raise AccountError(AccountProblem.NO_SYSTEM_SIGN_IN, options.user or own)
    return sign_in_as_system_user(place, KeyStore(ARCHIVE), options.user or account.name)


def password(options: argparse.Namespace, prompt: str) -> str:
    """Return the password of the account that a command signs in with."""
    file: Path | None = options.password_file
    return asked(prompt) if file is None else first_line(file)


def first_line(file: Path) -> str:
    """Return the first line of a file that holds a password.

    Raises
    ------
    WrongUseError
        It cannot be read.
    """
    try:
        return file.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeDecodeError):
        raise WrongUseError(f"the password file {file} cannot be read") from None


def new_password(name: str) -> str:
    """Ask for a new password twice; once where there is no terminal."""
    from spinealign.wording.archive import AGAIN_PROMPT, NEW_PASSWORD_PROMPT, NOT_THE_SAME

    first = asked(NEW_PASSWORD_PROMPT.format(name=name))
    if sys.stdin.isatty() and asked(AGAIN_PROMPT) != first:
        raise WrongUseError(NOT_THE_SAME)
    return first


def asked(prompt: str) -> str:
    """Ask at the terminal without showing what is typed, or take a line where there is none.

    Raises
    ------
    KeyboardInterrupt
        Nothing was typed but the end of all typing, which stops the command as Ctrl+C does.
    """
    if sys.stdin.isatty():
        try:
            return getpass.getpass(prompt)
        except (EOFError, KeyboardInterrupt):
            sys.stderr.write("\n")  # the prompt stands in this line
            raise KeyboardInterrupt from None
    return sys.stdin.readline().rstrip("\r\n")
