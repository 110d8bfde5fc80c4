"""A backend of the package `keyring` whose store is a JSON file: real enough to keep, read and forget, without a desktop.

PYTHON_KEYRING_BACKEND=tests.support.keyring_in_a_file.FileKeyring JOYTUI_TEST_KEYRING=/path
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

from keyring.backend import KeyringBackend
from keyring.errors import KeyringError, PasswordDeleteError


class FileKeyring(KeyringBackend):
    priority = 1  # type: ignore[assignment]
    name = "test keyring"

    @property
    def _path(self) -> Path:
        return Path(os.environ["JOYTUI_TEST_KEYRING"])

    def _kept(self) -> dict[str, str]:
        return json.loads(self._path.read_text()) if self._path.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._kept().get(f"{service}/{username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._path.write_text(json.dumps({**self._kept(), f"{service}/{username}": password}))

    def delete_password(self, service: str, username: str) -> None:
        kept = self._kept()
        if kept.pop(f"{service}/{username}", None) is None:
            raise PasswordDeleteError("not there")
        self._path.write_text(json.dumps(kept))


class NoKeyring(FileKeyring):
    """What `keyring` has where a machine has none."""

    priority = 0  # type: ignore[assignment]


class LockedKeyring(FileKeyring):
    """One that its user did not unlock. What it says holds what it was given, as careless programs do."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringError(f"locked: {service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise KeyringError(f"locked: {password}")


class HangingKeyring(FileKeyring):
    """One that waits for a window that nobody sees: who waits for it never comes back."""

    def get_password(self, service: str, username: str) -> str | None:
        threading.Event().wait()
        return None
