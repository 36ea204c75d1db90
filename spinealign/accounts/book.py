"""The accounts of an archive, in one file whose checksum only the data key can make."""

from __future__ import annotations

import hmac
import json
import re
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta
from msgspec.structs import replace

from spinealign.accounts.keys import (
    SALT_BYTES,
    Hex,
    PasswordCost,
    WrappedKey,
    WrongKeyError,
    new_key,
    password_key,
    sub_keys,
    unwrap,
    wrap,
)
from spinealign.domain.protection import AccountError, AccountProblem
from spinealign.domain.protection import Right as Right
from spinealign.files import write_durably
from spinealign.json_files import JsonError, read_json

LEAST_PASSWORD_LETTERS = 8
"""Source: NIST SP 800-63B, 5.1.1.2: at least 8, any letters, no rules on their kinds."""

MOST_PASSWORD_LETTERS = 1024

_NAME = r"^[\w.@+-]{1,64}$(?!\n)"

_COMMON = frozenset(
    [
        *("password", "password1", "passwort", "iloveyou", "changeme", "welcome1", "letmein1"),
        *("12345678", "123456789", "1234567890", "qwertyui", "qwertyuiop", "qwerty123"),
        *("abcdefgh", "hospital", "krankenhaus", "radiology", "radiologie", "spinealign"),
    ]
)
"""Words that are tried first. Source: NIST SP 800-63B, 5.1.1.2, asks for such a list."""


class Role(StrEnum):
    """What an account may do; one account may have several."""

    VIEWER = "viewer"
    READER = "reader"
    ADMINISTRATOR = "administrator"


RIGHTS: dict[Role, frozenset[Right]] = {
    Role.VIEWER: frozenset({Right.VIEW}),
    Role.READER: frozenset({Right.VIEW, Right.CHANGE, Right.SIGN, Right.IMPORT, Right.EXPORT}),
    Role.ADMINISTRATOR: frozenset(
        {
            Right.VIEW,
            Right.IMPORT,
            Right.EXPORT,
            Right.DELETE,
            Right.BACK_UP,
            Right.MANAGE_ACCOUNTS,
            Right.READ_AUDIT_TRAIL,
            Right.CHANGE_MODELS,
        }
    ),
}
"""An administrator who also reads has both roles: who manages accounts signs only as a reader."""


class SystemSignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """That an account may sign in as a user of the operating system, without its password.

    Parameters
    ----------
    user : str
        Name of that user; one user belongs to one account.
    is_always : bool
        Whether also after locking and switching; otherwise once, when the program starts.
    key : WrappedKey or None
        The data key, wrapped with a key that lies in that user's key store. None until that user
        signed in with the password once.
    """

    user: Annotated[str, Meta(min_length=1, max_length=256)]
    is_always: bool = False
    key: WrappedKey | None = None


class Account(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One account.

    Parameters
    ----------
    name : str
        What is typed to sign in; never differs from another's in capital letters only.
    full_name : str
        What stands under a signature.
    roles : tuple of Role
    salt : str
        Hexadecimal digits.
    cost : PasswordCost
        What its password cost when it was set.
    key : WrappedKey
        The data key, wrapped with the key of the password.
    must_change : bool
        Whether the password was given by an administrator.
    system : SystemSignIn, optional
        Left out of the file where it is not allowed, so that files of before stay as they are.
    """

    name: Annotated[str, Meta(pattern=_NAME)]
    full_name: Annotated[str, Meta(max_length=200)]
    roles: tuple[Role, ...]
    salt: Hex
    cost: PasswordCost
    key: WrappedKey
    must_change: bool = False
    system: SystemSignIn | msgspec.UnsetType = msgspec.UNSET

    @property
    def system_sign_in(self) -> SystemSignIn | None:
        """As which user of the system it may sign in; None where that is not allowed."""
        return None if self.system is msgspec.UNSET else self.system

    def may(self, right: Right) -> bool:
        """Return whether one of its roles has a right."""
        return any(right in RIGHTS[role] for role in self.roles)


class AccountsFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the file of accounts holds.

    Parameters
    ----------
    archive : str
        Identifier of the archive that the keys open.
    accounts : tuple of Account
    recovery : WrappedKey
        The data key, wrapped with the recovery key.
    mac : str
        Keyed checksum of all the rest.
    """

    archive: Annotated[str, Meta(pattern=r"^[0-9a-f]{32}$(?!\n)")]
    accounts: tuple[Account, ...]
    recovery: WrappedKey
    mac: Hex


@dataclass
class Unlocked:
    """Somebody who signed in, and the data key, until `drop`.

    Parameters
    ----------
    account : Account
    """

    account: Account
    _key: bytearray = field(repr=False)

    @property
    def data_key(self) -> bytes:
        """The data key.

        Raises
        ------
        AccountError
            It was dropped.
        """
        if not any(self._key):
            raise AccountError(AccountProblem.NOT_ALLOWED, self.account.name)
        return bytes(self._key)

    def require(self, right: Right) -> None:
        """Raise `AccountError` where the account has not a right."""
        if not self.account.may(right):
            raise AccountError(AccountProblem.NOT_ALLOWED, self.account.name)

    def drop(self) -> None:
        """Overwrite the key in memory. Copies that a library made are its own affair."""
        for place in range(len(self._key)):
            self._key[place] = 0


@dataclass(frozen=True)
class NewBook:
    """What setting up the first account gives.

    Parameters
    ----------
    book : AccountBook
    administrator : Unlocked
    recovery_key : bytes, 32 long
        To be printed once; it is kept nowhere.
    """

    book: AccountBook
    administrator: Unlocked
    recovery_key: bytes = field(repr=False)


class AccountBook:
    """The accounts of one archive.

    Parameters
    ----------
    path : Path
        Of the file of accounts.
    cost : callable
        What a new password may cost; see `calibrated_cost`.

    Raises
    ------
    AccountError
        The file cannot be read.
    """

    def __init__(self, path: Path, cost: Callable[[], PasswordCost]) -> None:
        self._path, self._cost = path, cost
        self._content = self._read()

    @property
    def archive(self) -> str:
        """Identifier of the archive that the keys open."""
        return self._content.archive

    @property
    def accounts(self) -> tuple[Account, ...]:
        """Every account, as the file says; checked once somebody signed in."""
        return self._content.accounts

    def name_of(self, typed: str) -> str | None:
        """Return how an account's name is written; None where there is no such account."""
        account = self._found(typed)
        return None if account is None else account.name

    def sign_in(self, name: str, password: str) -> Unlocked:
        """Return the account with the data key.

        A name that does not exist takes as long as a wrong password.

        Raises
        ------
        AccountError
            ``WRONG_NAME_OR_PASSWORD``, ``FILE_CHANGED``.
        """
        self._content = self._read()
        account = self._found(name)
        tried = account or _nobody(self.accounts)
        key = password_key(password, bytes.fromhex(tried.salt), tried.cost)
        try:
            data_key = unwrap(tried.key, key, _bound(self.archive, tried.name))
        except WrongKeyError:
            data_key = b""
        if account is None or not data_key:
            raise AccountError(AccountProblem.WRONG_NAME_OR_PASSWORD, name)
        self._require_unchanged(data_key)
        return Unlocked(account, bytearray(data_key))

    def sign_in_as_system_user(self, name: str, user: str, key: bytes) -> Unlocked:
        """Return the account with the data key, by the key that the system's key store holds.

        Parameters
        ----------
        name : str
            Of the account.
        user : str
            Who is at work by the operating system.
        key : bytes, 32 long

        Raises
        ------
        AccountError
            ``NO_SYSTEM_SIGN_IN``, ``SYSTEM_KEY_MISSING``, ``FILE_CHANGED``.
        """
        self._content = self._read()
        account = self._required(name)
        allowed = account.system_sign_in
        if allowed is None or account.must_change or not is_same(allowed.user, user):
            raise AccountError(AccountProblem.NO_SYSTEM_SIGN_IN, account.name)
        try:
            if allowed.key is None:
                raise WrongKeyError
            data_key = unwrap(allowed.key, key, _system(self.archive, account.name, user))
        except WrongKeyError as error:
            raise AccountError(AccountProblem.SYSTEM_KEY_MISSING, account.name) from error
        self._require_unchanged(data_key)
        return Unlocked(account, bytearray(data_key))

    def data_key_of(self, recovery_key: bytes) -> bytes:
        """Return the data key by the recovery key.

        Raises
        ------
        AccountError
            ``WRONG_RECOVERY_KEY``, ``FILE_CHANGED``.
        """
        self._content = self._read()
        try:
            data_key = unwrap(self._content.recovery, recovery_key, _recovery(self.archive))
        except WrongKeyError as error:
            raise AccountError(AccountProblem.WRONG_RECOVERY_KEY) from error
        self._require_unchanged(data_key)
        return data_key

    def new_password_problem(self, name: str, password: str) -> AccountProblem | None:
        """Return why an account does not take a password; None where it would."""
        if self._found(name) is None:
            return AccountProblem.NO_SUCH_ACCOUNT
        return password_problem(password, name)

    def recover(self, recovery_key: bytes, name: str, password: str) -> Unlocked:
        """Give an account a new password by the recovery key, and sign it in.

        Raises
        ------
        AccountError
            ``WRONG_RECOVERY_KEY``, ``FILE_CHANGED``, ``NO_SUCH_ACCOUNT``, or of the password.
        """
        data_key = self.data_key_of(recovery_key)
        account = self._with_password(self._required(name), data_key, password)
        self._write(data_key, self._replaced(account))
        return Unlocked(account, bytearray(data_key))

    def add(
        self, by: Unlocked, name: str, full_name: str, roles: Iterable[Role], password: str
    ) -> Account:
        """Add an account, whose password has to be changed at the first signing in.

        Raises
        ------
        AccountError
        """
        by.require(Right.MANAGE_ACCOUNTS)
        if re.match(_NAME, name) is None:
            raise AccountError(AccountProblem.NAME_NOT_ALLOWED, name)
        if self._found(name) is not None:
            raise AccountError(AccountProblem.NAME_TAKEN, name)
        account = _account(
            self.archive, name, full_name, _some(roles), password, by.data_key, self._cost()
        )
        account = replace(account, must_change=True)
        self._write(by.data_key, (*self.accounts, account))
        return account

    def remove(self, by: Unlocked, name: str) -> None:
        """Take an account away; nothing is encrypted anew.

        Raises
        ------
        AccountError
        """
        by.require(Right.MANAGE_ACCOUNTS)
        account = self._required(name)
        self._write(by.data_key, tuple(each for each in self.accounts if each is not account))

    def set_roles(self, by: Unlocked, name: str, roles: Iterable[Role]) -> Account:
        """Give an account other roles.

        Raises
        ------
        AccountError
        """
        by.require(Right.MANAGE_ACCOUNTS)
        account = replace(self._required(name), roles=_some(roles))
        self._write(by.data_key, self._replaced(account))
        return account

    def allow_system(self, by: Unlocked, name: str, user: str, *, is_always: bool) -> Account:
        """Let an account sign in as a user of the operating system; a key it has stays.

        Raises
        ------
        AccountError
            ``NOT_ALLOWED``; ``SYSTEM_USER_TAKEN`` names the account of that user.
        """
        by.require(Right.MANAGE_ACCOUNTS)
        account, key = self._required(name), None
        for each in self.accounts:
            allowed = each.system_sign_in
            if allowed is None or not is_same(allowed.user, user):
                continue
            if each is not account:
                raise AccountError(AccountProblem.SYSTEM_USER_TAKEN, each.name)
            key = allowed.key
        account = replace(account, system=SystemSignIn(user, is_always, key))
        self._write(by.data_key, self._replaced(account))
        return account

    def forbid_system(self, by: Unlocked, name: str) -> Account:
        """Let an account sign in with its password only.

        Raises
        ------
        AccountError
        """
        by.require(Right.MANAGE_ACCOUNTS)
        account = replace(self._required(name), system=msgspec.UNSET)
        self._write(by.data_key, self._replaced(account))
        return account

    def wrap_for_system(self, by: Unlocked, name: str, key: bytes) -> Account:
        """Wrap the data key for a user of the system, as an administrator or for oneself.

        Parameters
        ----------
        by : Unlocked
        name : str
            Of an account to which that is allowed.
        key : bytes, 32 long
            What lies in that user's key store.

        Raises
        ------
        AccountError
            ``NO_SYSTEM_SIGN_IN``, ``NOT_ALLOWED``.
        """
        account = self._required(name)
        if account.name != by.account.name:
            by.require(Right.MANAGE_ACCOUNTS)
        allowed = account.system_sign_in
        if allowed is None:
            raise AccountError(AccountProblem.NO_SYSTEM_SIGN_IN, account.name)
        wrapped = wrap(by.data_key, key, _system(self.archive, account.name, allowed.user))
        account = replace(account, system=replace(allowed, key=wrapped))
        self._write(by.data_key, self._replaced(account))
        return account

    def reset_password(self, by: Unlocked, name: str, password: str) -> Account:
        """Give an account a password that has to be changed at the next signing in.

        Raises
        ------
        AccountError
        """
        by.require(Right.MANAGE_ACCOUNTS)
        account = self._with_password(self._required(name), by.data_key, password)
        account = replace(account, must_change=True)
        self._write(by.data_key, self._replaced(account))
        return account

    def change_password(self, name: str, old: str, new: str) -> Unlocked:
        """Change one's own password.

        Raises
        ------
        AccountError
        """
        unlocked = self.sign_in(name, old)
        account = self._with_password(unlocked.account, unlocked.data_key, new)
        self._write(unlocked.data_key, self._replaced(account))
        return Unlocked(account, bytearray(unlocked.data_key))

    def renew_recovery_key(self, by: Unlocked) -> bytes:
        """Return a new recovery key; the earlier one opens nothing any more.

        Raises
        ------
        AccountError
        """
        by.require(Right.MANAGE_ACCOUNTS)
        recovery_key = new_key()
        wrapped = wrap(by.data_key, recovery_key, _recovery(self.archive))
        self._write(by.data_key, self.accounts, wrapped)
        return recovery_key

    def _with_password(self, account: Account, data_key: bytes, password: str) -> Account:
        made = _account(
            self.archive,
            account.name,
            account.full_name,
            account.roles,
            password,
            data_key,
            self._cost(),
        )
        return replace(made, system=account.system)

    def _found(self, name: str) -> Account | None:
        wanted = _folded(name)
        return next((each for each in self.accounts if _folded(each.name) == wanted), None)

    def _required(self, name: str) -> Account:
        account = self._found(name)
        if account is None:
            raise AccountError(AccountProblem.NO_SUCH_ACCOUNT, name)
        return account

    def _replaced(self, account: Account) -> tuple[Account, ...]:
        return tuple(account if each.name == account.name else each for each in self.accounts)

    def _read(self) -> AccountsFile:
        try:
            return read_json(self._path, AccountsFile)
        except (JsonError, OSError) as error:
            raise AccountError(AccountProblem.FILE_UNREADABLE) from error

    def _require_unchanged(self, data_key: bytes) -> None:
        if not hmac.compare_digest(_mac(data_key, self._content), self._content.mac):
            raise AccountError(AccountProblem.FILE_CHANGED)

    def _write(
        self, data_key: bytes, accounts: tuple[Account, ...], recovery: WrappedKey | None = None
    ) -> None:
        if not any(Role.ADMINISTRATOR in account.roles for account in accounts):
            last = next(each.name for each in self.accounts if Role.ADMINISTRATOR in each.roles)
            raise AccountError(AccountProblem.LAST_ADMINISTRATOR, last)
        self._content = _sealed(
            data_key, self.archive, accounts, recovery or self._content.recovery
        )
        write_durably(self._path, msgspec.json.encode(self._content))


def create_book(
    path: Path,
    name: str,
    full_name: str,
    password: str,
    cost: Callable[[], PasswordCost],
    archive: str = "",
    data_key: bytes = b"",
) -> NewBook:
    """Set up the first account, which administers and reads.

    Parameters
    ----------
    path : Path
        Of the file of accounts, which must not exist.
    name, full_name, password : str
    cost : callable
        What a new password may cost.
    archive : str
        Identifier of an archive that there is already; empty for a new one.
    data_key : bytes, 32 long
        Of that archive; empty for a new one.

    Raises
    ------
    AccountError
        Of the name or the password.
    FileExistsError
        There are accounts already.
    """
    if path.exists():
        raise FileExistsError(path)
    if re.match(_NAME, name) is None:
        raise AccountError(AccountProblem.NAME_NOT_ALLOWED, name)
    archive, data_key = archive or secrets.token_hex(16), data_key or new_key()
    recovery_key = new_key()
    roles = (Role.READER, Role.ADMINISTRATOR)
    account = _account(archive, name, full_name, roles, password, data_key, cost())
    recovery = wrap(data_key, recovery_key, _recovery(archive))
    content = _sealed(data_key, archive, (account,), recovery)
    write_durably(path, msgspec.json.encode(content))
    return NewBook(AccountBook(path, cost), Unlocked(account, bytearray(data_key)), recovery_key)


def password_problem(password: str, name: str) -> AccountProblem | None:
    """Return why a password is not taken, or None."""
    folded = unicodedata.normalize("NFKC", password).casefold()
    if len(folded) < LEAST_PASSWORD_LETTERS:
        return AccountProblem.PASSWORD_TOO_SHORT
    if len(password) > MOST_PASSWORD_LETTERS:
        return AccountProblem.PASSWORD_TOO_LONG
    if folded in _COMMON or len(set(folded)) == 1:
        return AccountProblem.PASSWORD_COMMON
    if len(name) >= len(folded) // 2 and name.casefold() in folded:
        return AccountProblem.PASSWORD_HAS_NAME
    return None


def _account(
    archive: str,
    name: str,
    full_name: str,
    roles: tuple[Role, ...],
    password: str,
    data_key: bytes,
    cost: PasswordCost,
) -> Account:
    problem = password_problem(password, name)
    if problem is not None:
        raise AccountError(problem, name)
    salt = secrets.token_bytes(SALT_BYTES)
    key = wrap(data_key, password_key(password, salt, cost), _bound(archive, name))
    return Account(name, full_name, roles, salt.hex(), cost, key)


def _nobody(accounts: tuple[Account, ...]) -> Account:
    """Return an account that no password opens, which takes as long as the others."""
    cost = max((account.cost for account in accounts), key=lambda each: each.passes)
    return Account(
        "nobody", "", (), bytes(SALT_BYTES).hex(), cost, WrappedKey("00" * 12, "00" * 48)
    )


def _some(roles: Iterable[Role]) -> tuple[Role, ...]:
    chosen = frozenset(roles)
    if not chosen:
        raise AccountError(AccountProblem.NO_ROLE)
    return tuple(role for role in Role if role in chosen)


def _sealed(
    data_key: bytes, archive: str, accounts: tuple[Account, ...], recovery: WrappedKey
) -> AccountsFile:
    content = AccountsFile(archive, accounts, recovery, "")
    return replace(content, mac=_mac(data_key, content))


def _mac(data_key: bytes, content: AccountsFile) -> str:
    plain = msgspec.to_builtins(replace(content, mac=""))
    text = json.dumps(plain, sort_keys=True, separators=(",", ":"))
    return hmac.digest(sub_keys(data_key, content.archive).accounts, text.encode(), "sha256").hex()


def _bound(archive: str, name: str) -> str:
    return f"{archive}/account/{_folded(name)}"


def _recovery(archive: str) -> str:
    return f"{archive}/recovery"


def _system(archive: str, name: str, user: str) -> str:
    return f"{archive}/account/{_folded(name)}/system/{_folded(user)}"


def is_same(name: str, other: str) -> bool:
    """Return whether two names mean the same: capital letters make no difference."""
    return _folded(name) == _folded(other)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()
