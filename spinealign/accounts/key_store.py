"""Passwords and tokens, in the system's key store where there is one, else nowhere."""

from __future__ import annotations

from typing import Protocol

NETWORK, ARCHIVE = "SpineAlign network", "SpineAlign archive"
"""Under which the key store lists what belongs to this program."""

_KEY_STORES = ("SecretService", "libsecret", "kwallet", "macOS", "Windows", "chainer")
"""Backends of keyring that are the system's own; files in plain text are none of them."""


class Secrets(Protocol):
    """Where passwords and tokens are kept."""

    @property
    def is_there(self) -> bool:
        """Whether anything can be kept."""

    def get(self, name: str) -> str | None:
        """Return the secret of a name; None where there is none."""

    def set(self, name: str, secret: str) -> bool:
        """Keep a secret; False where there is no key store."""

    def forget(self, name: str) -> None:
        """Take a secret away."""


class KeyStore:
    """The system's key store, asked by keyring; a store that is locked or fails counts as none.

    Parameters
    ----------
    service : str
        `NETWORK` or `ARCHIVE`.
    """

    def __init__(self, service: str = NETWORK) -> None:
        self._service = service

    @property
    def is_there(self) -> bool:
        """Whether this system has a key store that can be used."""
        import keyring

        backend = keyring.get_keyring()
        name = type(backend).__module__
        is_systems = name.startswith("keyring.backends.") and name.endswith(_KEY_STORES)
        return is_systems and backend.priority > 0

    def get(self, name: str) -> str | None:
        """Return the secret of a name; None where there is none."""
        import keyring
        from keyring.errors import KeyringError

        try:
            return keyring.get_password(self._service, name) if self.is_there else None
        except KeyringError:
            return None

    def set(self, name: str, secret: str) -> bool:
        """Keep a secret; False where there is no key store."""
        import keyring
        from keyring.errors import KeyringError

        if not self.is_there:
            return False
        try:
            keyring.set_password(self._service, name, secret)
        except KeyringError:
            return False
        return True

    def forget(self, name: str) -> None:
        """Take a secret away."""
        import keyring
        from keyring.errors import KeyringError

        if self.is_there:
            try:
                keyring.delete_password(self._service, name)
            except KeyringError:
                return
