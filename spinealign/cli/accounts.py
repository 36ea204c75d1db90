"""Accounts and the audit trail on the command line."""

from __future__ import annotations

import argparse
import platform
from pathlib import Path
from typing import Any

from spinealign.cli.series import WrongUseError
from spinealign.cli.signing_in import (
    add_action,
    asked,
    new_password,
    own_place,
    password,
    signed_in,
)

EXIT_DONE, EXIT_SOME_FAILED = 0, 1
_ROLES = ("viewer", "reader", "administrator")


def add_accounts(commands: Any) -> None:
    """Add the command `accounts` with its actions."""
    accounts = commands.add_parser(
        "accounts", help="set up, list, add, change or remove accounts of the encrypted archive"
    )
    actions = accounts.add_subparsers(required=True, metavar="ACTION")
    set_up = _action(actions, "set-up", _set_up, "make the first account, an administrator", True)
    _action(actions, "list", _list, "list the accounts")
    add = _action(actions, "add", _add, "add an account; its password is asked for", True)
    roles = _action(actions, "roles", _roles, "give an account other roles", True)
    _action(actions, "reset", _reset, "give an account a new password", True)
    _action(actions, "remove", _remove, "take an account away", True)
    words = "let an account sign in as a user of the system, without its password"
    _add_system_user(_action(actions, "system-user", _system_user, words, True))
    _action(actions, "password", _password, "change your own password")
    _action(actions, "recover", _recover, "set a password by the printed recovery key", True)
    _action(actions, "recovery-key", _recovery_key, "make a new recovery key; the old one ends")
    for action in (set_up, add):
        action.add_argument(
            "--full-name", default="", metavar="NAME", help="what stands under signatures"
        )
    for action in (add, roles):
        action.add_argument(
            "--role", action="append", choices=_ROLES, required=True,
            help="may be given more than once",
        )  # fmt: skip


def _add_system_user(action: argparse.ArgumentParser) -> None:
    action.add_argument(
        "--as", dest="allowed_user", metavar="USER",
        help="which user of the operating system (default: who is at work now)",
    )  # fmt: skip
    action.add_argument(
        "--always",
        action="store_true",
        help="also after locking and switching the user, not only when the program starts",
    )
    action.add_argument("--remove", action="store_true", help="the password only, from now on")


def add_audit_trail(commands: Any) -> None:
    """Add the command `audit-trail` with its actions."""
    audit = commands.add_parser("audit-trail", help="read, check or export the audit trail")
    actions = audit.add_subparsers(required=True, metavar="ACTION")
    events = _action(actions, "list", _audit_list, "list the events, the latest last")
    events.add_argument(
        "--last", type=int, default=100, metavar="N", help="how many (default: 100)"
    )
    _action(actions, "verify", _audit_verify, "check that no record was changed or is missing")
    export = _action(actions, "export", _audit_export, "write the events as XML (DICOM PS3.15 A.5)")
    export.add_argument("file", type=Path, metavar="FILE")
    export.add_argument("--site", default="", help="name of the institution")
    send = _action(actions, "send", _audit_send, "send what was not sent yet to the repository")
    send.add_argument("--to", metavar="HOST", help="from now on to this syslog server, over TLS")
    send.add_argument("--port", type=int, default=6514, help="its port (default: 6514)")
    send.add_argument("--site", default="", help="name of the institution")
    for name, words in (
        ("ca", "certificates of the authorities to trust (default: the system's)"),
        ("certificate", "certificate of this program, where the server asks for one"),
        ("key", "key of that certificate"),
    ):
        send.add_argument(f"--{name}", type=Path, metavar="FILE", help=words)
    send.add_argument("--stop", action="store_true", help="send no events any more")
    _action(actions, "begin-anew", _audit_begin, "set a damaged trail aside and begin a new one")


def _action(
    actions: Any, name: str, run: Any, words: str, is_named: bool = False
) -> argparse.ArgumentParser:
    positional = ("name", "NAME", "of the account") if is_named else None
    return add_action(actions, name, run, words, positional)


def _set_up(options: argparse.Namespace) -> int:
    from spinealign.accounts.key_store import ARCHIVE, KeyStore
    from spinealign.domain.protection import AccountError, AccountProblem
    from spinealign.vault.place import Protection
    from spinealign.vault.session import set_up_accounts
    from spinealign.wording.archive import KEEP_RECOVERY_KEY

    place = own_place()
    if place.protection is Protection.ACCOUNTS:
        place.book()  # a file of accounts that is lost or damaged is told, with the way back
        raise AccountError(AccountProblem.SET_UP_ALREADY)
    chosen = _given_password(options)
    session, key = set_up_accounts(
        place, options.name, options.full_name, chosen, KeyStore(ARCHIVE)
    )
    session.close()
    print(f"{KEEP_RECOVERY_KEY}\n\n    {key}\n")
    return EXIT_DONE


def _given_password(options: argparse.Namespace) -> str:
    if options.password_file is not None:
        return password(options, "")
    return new_password(options.name)


def _list(options: argparse.Namespace) -> int:
    from spinealign.vault import administration
    from spinealign.wording.archive import account_line

    with signed_in(options) as session:
        for account in administration.accounts(session):
            print(account_line(account))
    return EXIT_DONE


def _add(options: argparse.Namespace) -> int:
    from spinealign.vault import administration
    from spinealign.wording.archive import NEW_ACCOUNT

    with signed_in(options) as session:
        chosen = new_password(options.name)
        administration.add_account(
            session, options.name, options.full_name, _chosen_roles(options), chosen
        )
    print(NEW_ACCOUNT.format(name=options.name))
    return EXIT_DONE


def _roles(options: argparse.Namespace) -> int:
    from spinealign.vault import administration
    from spinealign.wording.archive import ROLE_NAMES, ROLES_SET

    with signed_in(options) as session:
        account = administration.set_roles(session, options.name, _chosen_roles(options))
    told = ", ".join(ROLE_NAMES[role] for role in account.roles)
    print(ROLES_SET.format(name=account.name, roles=told))
    return EXIT_DONE


def _chosen_roles(options: argparse.Namespace) -> Any:
    from spinealign.accounts.book import Role

    return [Role(name) for name in options.role]


def _reset(options: argparse.Namespace) -> int:
    from spinealign.vault import administration
    from spinealign.wording.archive import PASSWORD_SET

    with signed_in(options) as session:
        administration.reset_password(session, options.name, new_password(options.name))
    print(PASSWORD_SET.format(name=options.name))
    return EXIT_DONE


def _remove(options: argparse.Namespace) -> int:
    from spinealign.accounts.key_store import ARCHIVE, KeyStore
    from spinealign.vault import administration
    from spinealign.wording.archive import ACCOUNT_REMOVED

    with signed_in(options) as session:
        administration.remove_account(session, options.name, KeyStore(ARCHIVE))
    print(ACCOUNT_REMOVED.format(name=options.name))
    return EXIT_DONE


def _system_user(options: argparse.Namespace) -> int:
    from spinealign.accounts.key_store import ARCHIVE, KeyStore
    from spinealign.vault import system_account
    from spinealign.wording.archive import account_line

    store = KeyStore(ARCHIVE)
    if options.remove and (options.allowed_user or options.always):
        raise WrongUseError("--remove goes alone")
    with signed_in(options) as session:
        if options.remove:
            account = system_account.forbid(session, store, options.name)
        else:
            user = options.allowed_user or system_account.system_user()
            if not user:
                raise WrongUseError("the system does not say who is at work; name the user: --as")
            account = system_account.allow(
                session, store, options.name, user, is_always=options.always
            )
    print(account_line(account))
    return EXIT_DONE


def _password(options: argparse.Namespace) -> int:
    from spinealign.vault import administration
    from spinealign.vault.session import sign_in
    from spinealign.wording.archive import PASSWORD_CHANGED, PASSWORD_PROMPT

    if not options.user:
        raise WrongUseError("give --user NAME, the account whose password you change")
    old = password(options, PASSWORD_PROMPT.format(name=options.user))
    session = sign_in(own_place(), options.user, old)
    try:
        administration.change_password(session, old, new_password(options.user))
    finally:
        session.close()
    print(PASSWORD_CHANGED)
    return EXIT_DONE


def _recover(options: argparse.Namespace) -> int:
    from spinealign.vault.session import recover
    from spinealign.wording.archive import PASSWORD_CHANGED, RECOVERY_PROMPT

    key = asked(RECOVERY_PROMPT)
    recover(own_place(), key, options.name, new_password(options.name)).close()
    print(PASSWORD_CHANGED)
    return EXIT_DONE


def _recovery_key(options: argparse.Namespace) -> int:
    from spinealign.vault import administration
    from spinealign.wording.archive import KEEP_RECOVERY_KEY

    with signed_in(options) as session:
        key = administration.renew_recovery_key(session)
    print(f"{KEEP_RECOVERY_KEY}\n\n    {key}\n")
    return EXIT_DONE


def _audit_list(options: argparse.Namespace) -> int:
    from spinealign.wording.archive import columns, event_cells

    with signed_in(options) as session:
        rows = [event_cells(*each) for each in session.events()[-max(1, options.last) :]]
    print("\n".join(columns(rows)))
    return EXIT_DONE


def _audit_verify(options: argparse.Namespace) -> int:
    from spinealign.wording.archive import verdict_text

    with signed_in(options) as session:
        verdict = session.verify_trail()
    print(verdict_text(verdict))
    return EXIT_DONE if verdict.damage is None else EXIT_SOME_FAILED


def _audit_export(options: argparse.Namespace) -> int:
    from spinealign.audit.messages import messages_xml
    from spinealign.files import write_export
    from spinealign.wording.archive import EXPORTED_TRAIL, counted

    with signed_in(options) as session:
        events = [event for _, event in session.events()]
        lines = messages_xml(events, platform.node() or "SpineAlign", options.site)
        write_export(options.file, "".join(lines).encode())
    print(EXPORTED_TRAIL.format(count=counted(len(events), "event"), file=options.file))
    return EXIT_DONE


def _audit_send(options: argparse.Namespace) -> int:
    from spinealign.network.audit_repository import (
        Repository,
        certificate_files,
        configure,
        repository_of,
        send_new,
    )
    from spinealign.wording.archive import AUDIT_SENT, NO_REPOSITORY, SENDING_ENDED, counted

    with signed_in(options) as session:
        if options.stop:
            configure(session, None)
            print(SENDING_ENDED)
            return EXIT_DONE
        if options.to:
            tls = certificate_files(options.ca, options.certificate, options.key)
            configure(session, Repository(options.to, options.port, tls, options.site))
        repository = repository_of(session.place)
        if repository is None:
            raise WrongUseError(NO_REPOSITORY)
        count = send_new(session)
    print(AUDIT_SENT.format(count=counted(count, "event"), host=repository.host))
    return EXIT_DONE


def _audit_begin(options: argparse.Namespace) -> int:
    from spinealign.wording.archive import NEW_TRAIL_BEGUN, verdict_text

    with signed_in(options) as session:
        verdict = session.verify_trail()
        if verdict.damage is not None:
            session.begin_new_trail()
    print(verdict_text(verdict))
    if verdict.damage is not None:
        print(NEW_TRAIL_BEGUN)
    return EXIT_DONE
