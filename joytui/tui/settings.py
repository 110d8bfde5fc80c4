"""The console's settings: the table [console] of the settings file, whose other tables stay as they are.

[console]
theme = "auto"            # auto, dark, light, contrast, contrast-light, or one of Textual's themes
ascii = false             # use only ASCII characters
gateway = ""              # another gateway's URL; without one, the local one
start_gateway = true      # the console starts the local gateway where a screen needs it
budget = "100"            # credits for a period, for the burn-down on Usage
budget_period = "month"   # day, week or month

[console.keymap]          # other keys for actions: tui/keymap.py
"logs.replay" = "R"
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from joytui.core.errors import SettingsError
from joytui.core.money import MoneyError, parse_credits
from joytui.core.plain_file import NotPlainError, is_other_than_file, settings_text
from joytui.core.whole_file import write_whole

TABLE = "console"
Period = Literal["day", "week", "month"]
PERIODS: tuple[Period, ...] = get_args(Period)


@dataclass(frozen=True, slots=True)
class ConsoleSettings:
    """None: the setting is not given."""

    theme: str | None = None
    ascii: bool | None = None
    gateway: str | None = None
    start_gateway: bool = True
    budget: str | None = None
    budget_period: Period = "month"
    keymap: Mapping[str, str] = field(default_factory=dict)

    @property
    def budget_nano(self) -> int | None:
        """The budget in nano-credits."""
        return parse_credits(self.budget) if self.budget else None


def load(path: Path) -> ConsoleSettings:
    """The settings of the file; the defaults where there is none. Raises SettingsError, with the file."""
    table = document_of(path).get(TABLE, {})
    if not isinstance(table, dict):
        raise SettingsError(f"{TABLE} must be a table: [{TABLE}]", where=str(path))
    try:
        return read(table)
    except ValueError as error:
        raise SettingsError(str(error), where=f"{path} [{TABLE}]") from None


def document_of(path: Path) -> dict[str, Any]:
    """The whole settings file as data; nothing if there is none. Raises SettingsError, with the file."""
    try:
        text = settings_text(path)
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise SettingsError(f"the settings cannot be read: {why}", where=str(path)) from None
    import tomllib  # most have no such file, and the first frame waits for this

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(str(error), where=str(path)) from None
    except RecursionError:
        raise SettingsError("it is nested too deeply", where=str(path)) from None


def read(table: Mapping[str, Any]) -> ConsoleSettings:
    """Checks the values of the table. Raises ValueError for the first one that is wrong."""
    known = {one.name for one in fields(ConsoleSettings)}
    for name in table:
        if name not in known:
            raise ValueError(f"no setting is called {name!r} (one of {', '.join(sorted(known))})")
    for name in ("ascii", "start_gateway"):
        if not isinstance(table.get(name, True), bool):
            raise ValueError(f"{name} must be true or false")
    for name in ("theme", "gateway"):
        if not isinstance(table.get(name, ""), str):
            raise ValueError(f"{name} must be text")
    keymap = table.get("keymap", {})
    if not isinstance(keymap, Mapping) or not all(isinstance(keys, str) and keys.strip() for keys in keymap.values()):
        raise ValueError('keymap must be a table of actions and keys: "logs.replay" = "R"')
    if table.get("budget_period", "month") not in PERIODS:
        raise ValueError(f"budget_period is one of {', '.join(PERIODS)}")
    values = {name: value for name, value in table.items() if value != ""}
    if "budget" in values:
        values["budget"] = _credits(values["budget"])
    return ConsoleSettings(**values)


def _credits(value: Any) -> str:
    text = str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    try:
        if isinstance(text, str) and parse_credits(text) > 0:
            return text
    except MoneyError:
        pass
    raise ValueError("budget must be an amount of credits: 20, 0.5")


def save(path: Path, changes: Mapping[str, Any]) -> ConsoleSettings:
    """Writes these settings into the table, None takes one away; everything else in the file stays byte for byte.

    Returns the settings as they are then. Raises SettingsError if the file or a value does not allow it.
    """

    def change(document: Any) -> None:
        table = document.setdefault(TABLE, {})
        for name, value in changes.items():
            if value is None:
                table.pop(name, None)
            else:
                table[name] = value
        read(table.unwrap() if hasattr(table, "unwrap") else table)

    edit(path, change)
    return load(path)


def edit(path: Path, change: Callable[[Any], object]) -> None:
    """Changes the settings file's document in place, and writes it in one step; what the change leaves alone stays byte for byte.

    Raises SettingsError if the file is wrong already, the change does not hold (ValueError), or it cannot be written.
    """
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    load(path)  # a file that is wrong already is not written over
    try:
        text = settings_text(path) if path.exists() else ""
        document = tomlkit.parse(text)
        change(document)
        _write(path, tomlkit.dumps(document))
    except (ValueError, TOMLKitError) as error:
        raise SettingsError(str(error), where=f"{path} [{TABLE}]") from None
    except OSError as error:
        raise SettingsError(f"the settings cannot be written: {error.strerror}", where=str(path)) from None


def _write(path: Path, text: str) -> None:
    """In one step, and through a link: a settings file is often one into a repository of such files."""
    target = path.resolve()
    if is_other_than_file(target):  # JOYTUI_CONFIG_FILE=/dev/null, and nothing may take its place
        raise NotPlainError(str(target))
    write_whole(target, text.encode(), mode=target.stat().st_mode & 0o777 if target.exists() else None)
