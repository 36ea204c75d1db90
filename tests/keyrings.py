"""A key store in memory in place of the system's: no test touches the real one."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest


@dataclass
class FakeKeyring:
    """A backend of keyring.

    `kept` is by service and name. `is_locked` plays a store that nobody unlocked.
    """

    kept: dict[tuple[str, str], str] = field(default_factory=dict)
    is_locked: bool = False
    priority: float = 5

    def get_password(self, service: str, name: str) -> str | None:
        self._require_open()
        return self.kept.get((service, name))

    def set_password(self, service: str, name: str, secret: str) -> None:
        self._require_open()
        self.kept[service, name] = secret

    def delete_password(self, service: str, name: str) -> None:
        from keyring.errors import PasswordDeleteError

        self._require_open()
        if (service, name) not in self.kept:
            raise PasswordDeleteError(name)
        del self.kept[service, name]

    def _require_open(self) -> None:
        from keyring.errors import KeyringLocked

        if self.is_locked:
            raise KeyringLocked


def use(monkeypatch: pytest.MonkeyPatch, *, is_there: bool = True) -> FakeKeyring:
    """Have the program find this key store, or a system that has none."""
    module = "keyring.backends.SecretService" if is_there else "keyring.backends.fail"
    kind = type("Keyring", (FakeKeyring,), {"__module__": module})
    backend = kind(priority=5 if is_there else 0)
    for name in ("get_password", "set_password", "delete_password"):
        monkeypatch.setattr(f"keyring.{name}", getattr(backend, name))
    monkeypatch.setattr("keyring.get_keyring", lambda: backend)
    return backend
