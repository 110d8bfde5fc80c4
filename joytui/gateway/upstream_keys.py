"""Where an upstream's key comes from: the environment, then the system's keyring, then a file of mode 0600.

Never a command line (every user of the machine can read those), and never the store. An upstream goes by its name in the
settings, else by its host, or by its address where two share that. The file says of each name whether its key is in the keyring (null) or here: so a keyring is not
asked, nor the package for it imported (10 MB, 0.2 s), by who keeps nothing in it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from joytui.core.errors import SettingsError
from joytui.core.places import Places
from joytui.core.whole_file import write_whole
from joytui.gateway import system_keyring
from joytui.gateway.system_keyring import KeyringTrouble

FILE_NAME = "upstream-keys.json"
ALERTS_SECRET = "alerts-webhook"  # noqa: S105 (a name)
"""Under which the secret that signs alerts is kept, beside the keys of upstreams."""


@dataclass(frozen=True, slots=True)
class UpstreamKey:
    """`source` is for people: "environment variable NAME", "keyring (…)", "file PATH"."""

    value: str = field(repr=False)
    source: str


class UpstreamKeys:
    """The three places. `given`: the keys that were handed out, for the redaction of this process's log."""

    def __init__(self, file: Path, env: Mapping[str, str] = os.environ) -> None:
        self.file = file
        self.given: list[str] = []
        self._env = env

    @classmethod
    def of(cls, places: Places, env: Mapping[str, str] = os.environ) -> UpstreamKeys:
        return cls(places.data_dir / FILE_NAME, env)

    def find(self, name: str, variable: str | None = None) -> UpstreamKey | None:
        """The key of the environment, else the one that is kept, None if there is none.

        Raises SettingsError for a file that others can read, and for a keyring that has it and gives no answer.
        """
        found = self._in_environment(variable) or self._kept(name)
        if found is not None:
            self.given.append(found.value)
        return found

    def in_environment(self, variable: str) -> str | None:
        """What a variable holds that the settings name for a secret besides the key."""
        found = self._in_environment(variable)
        if found is not None:
            self.given.append(found.value)
        return found.value if found else None

    def names(self) -> set[str]:
        """For whom a key is kept. Raises SettingsError."""
        return set(self._read())

    def keep(self, name: str, key: str, *, to: str | None = None) -> str:
        """Keeps a key and says where: `to` "keyring" or "file", None: the keyring where there is one, else the file.

        What the other place held for the name goes. Raises SettingsError.
        """
        kept = self._read()
        if to != "file":
            try:
                system_keyring.write(name, key)
            except KeyringTrouble as trouble:
                if to == "keyring":
                    raise SettingsError(f"not kept: {trouble}", hint="--in file stores it in a file") from None
            else:
                self._write({**kept, name: None})
                return self._keyring_name()
        self._write({**kept, name: key})
        if kept.get(name, "") is None:
            self._erase(name)
        return f"file {self.file}"

    def forget(self, name: str) -> list[str]:
        """The places that had a key for the name, and have it no longer. Raises SettingsError."""
        kept = self._read()
        gone = [self._keyring_name()] if self._erase(name) else []
        if name in kept:
            if kept.pop(name) is not None:
                gone.append(f"file {self.file}")
            self._write(kept)
        return gone

    # --- the environment and the keyring ------------------------------------------------------------------------------

    def _in_environment(self, variable: str | None) -> UpstreamKey | None:
        value = self._env.get(variable, "").strip() if variable else ""
        return UpstreamKey(value, f"environment variable {variable}") if value else None

    def _kept(self, name: str) -> UpstreamKey | None:
        kept = self._read()
        if name not in kept:
            return None
        source, value = f"file {self.file}", kept[name]
        if value is None:
            try:
                source, value = self._keyring_name(), system_keyring.read(name)
            except KeyringTrouble as trouble:
                hint = f"unlock it; or {COMMAND.replace('NAME', name + ' --in file')}"
                raise SettingsError(f"the key for {name} is kept in the keyring: {trouble}", hint=hint) from None
        value = (value or "").strip()
        return UpstreamKey(value, source) if value else None

    def _erase(self, name: str) -> bool:
        try:
            return system_keyring.erase(name)
        except KeyringTrouble:
            return False

    def _keyring_name(self) -> str:
        try:
            return f"keyring ({system_keyring.backend_name()})"
        except KeyringTrouble:
            return "keyring"

    # --- the file -----------------------------------------------------------------------------------------------------

    def _read(self) -> dict[str, str | None]:
        try:
            with self.file.open(encoding="utf-8") as file:
                self._check_mode(os.fstat(file.fileno()))
                data = json.load(file)
            if isinstance(data, dict) and all(isinstance(value, (str, type(None))) for value in data.values()):
                return data
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise SettingsError(f"the upstream keys cannot be read: {error.strerror}", where=str(self.file)) from None
        except ValueError:  # no JSON, no UTF-8: what it says is not shown, it may be a key
            pass
        raise SettingsError(
            'not a file of upstream keys: {"name of the upstream": "its key", or null: it is in the keyring}', where=str(self.file),
            hint=f"remove it and store the keys again: {COMMAND}",
        )  # fmt: skip

    def _check_mode(self, stat: os.stat_result) -> None:
        if not hasattr(os, "geteuid"):
            return  # Windows: the profile's folder keeps others out, modes say nothing
        if stat.st_mode & 0o077:
            raise SettingsError(
                f"other users may read the upstream keys (mode {stat.st_mode & 0o777:04o})", where=str(self.file),
                hint=f"chmod 600 {self.file}; if others use this machine, also replace the keys",
            )  # fmt: skip
        if stat.st_uid != os.geteuid():
            raise SettingsError("the file with upstream keys belongs to another user", where=str(self.file))

    def _write(self, keys: Mapping[str, str | None]) -> None:
        try:
            if not keys:
                self.file.unlink(missing_ok=True)
                return
            write_whole(self.file, f"{json.dumps(keys, indent=2, ensure_ascii=False)}\n".encode(), lasting=True)
        except OSError as error:
            raise SettingsError(f"the key cannot be stored: {error.strerror}", where=str(self.file)) from None


COMMAND = "`joytui gateway upstream-key set NAME`"
