"""The system's keyring (Secret Service, KWallet, macOS Keychain, …) through the optional package `keyring`, bounded in time.

The package is imported when a key is looked for, and not before. A keyring that is locked may ask its user with a window,
and answer when that is closed: nobody waits longer than LIMIT_S for it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

SERVICE = "joytui upstream"
LIMIT_S = 10.0
T = TypeVar("T")


class KeyringTrouble(Exception):
    """There is no keyring, or it gave no answer; the text says which."""


def backend_name() -> str:
    """The keyring that is there, by its own name. Raises KeyringTrouble if none is."""
    return str(_bounded(_backend)[0])


def read(name: str) -> str | None:
    """The key of an upstream, None if the keyring has none. Raises KeyringTrouble."""
    found: str | None = _bounded(lambda: _backend()[1].get_password(SERVICE, name))
    return found


def write(name: str, key: str) -> None:
    """Raises KeyringTrouble."""
    _bounded(lambda: _backend()[1].set_password(SERVICE, name, key))


def erase(name: str) -> bool:
    """Whether there was one. Raises KeyringTrouble."""

    def act() -> bool:
        backend = _backend()[1]
        there = backend.get_password(SERVICE, name) is not None
        if there:
            backend.delete_password(SERVICE, name)
        return there

    return _bounded(act)


def _backend() -> tuple[str, Any]:
    try:
        import keyring
    except ImportError:
        raise KeyringTrouble("the package `keyring` is not installed (pip install 'joytui[keyring]')") from None
    found = keyring.get_keyring()
    if found.priority <= 0:  # its stand-ins that fail, or forget
        raise KeyringTrouble("no keyring is running on this machine")
    return str(found.name), found


def _bounded(act: Callable[[], T]) -> T:
    """The act in its own thread: one that hangs is left behind. What the keyring raises may be anything."""
    outcome: list[T] = []
    trouble: list[BaseException] = []

    def run() -> None:
        try:
            outcome.append(act())
        except BaseException as error:
            trouble.append(error)

    thread = threading.Thread(target=run, name="keyring", daemon=True)
    thread.start()
    thread.join(LIMIT_S)
    if outcome:
        return outcome[0]
    if not trouble:
        raise KeyringTrouble(f"the keyring did not answer within {LIMIT_S:g} s: is it locked?")
    error = trouble[0]
    # only the kind: the texts of backends are not ours, and might repeat what they were given
    raise error if isinstance(error, KeyringTrouble) else KeyringTrouble(f"the keyring failed ({type(error).__name__})")
