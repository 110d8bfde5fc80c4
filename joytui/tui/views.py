"""Saved views: a screen as it was set up, under a name, in the settings file.

[views.failed-today]
screen = "logs"
filter = "is:error since:today"
columns = "time, status, key, owner, client"     # without it: all that fit

[views.last-week]
screen = "usage"
range = "calendar week"  # day, week, month, weeks, months, calendar day, calendar week, calendar month
back = "1"               # the one before; with at = "2026-11-28" the window lies around that day
group = "owner"
table = "yes"            # the numbers, and not the chart
columns = "requests, credits"
sort = "-credits"        # the largest first
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from joytui.core.errors import SettingsError
from joytui.tui.memory import SCREENS
from joytui.tui.settings import document_of, edit

TABLE = "views"
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
NAMING = "letters, digits, - and _, at most 40, so that it fits into an address"


@dataclass(frozen=True, slots=True)
class View:
    """`values`: what the screen needs to be as it was, by its own names."""

    name: str
    screen: str
    values: Mapping[str, str] = field(default_factory=dict)

    @property
    def words(self) -> str:
        """For example "usage · range month · group owner"."""
        return " · ".join([self.screen, *(f"{name} {value}" for name, value in self.values.items())])


def load_views(path: Path) -> dict[str, View]:
    """By name, in the file's order. Raises SettingsError, with the file and the view."""
    tables = document_of(path).get(TABLE, {})
    if not isinstance(tables, dict):
        raise SettingsError(f"{TABLE} must contain a table for each view: [{TABLE}.NAME]", where=str(path))
    return {name: _view(path, name, table) for name, table in tables.items()}


def _view(path: Path, name: str, table: object) -> View:
    where = f"{path} [{TABLE}.{name}]"
    if not NAME.fullmatch(name):
        raise SettingsError(f"a view's name has {NAMING}", where=where)
    if not isinstance(table, dict) or not all(isinstance(value, str) for value in table.values()):
        raise SettingsError('each value of a view must be text: group = "owner"', where=where)
    screen = table.get("screen")
    if screen not in SCREENS:
        raise SettingsError(f"screen is one of {', '.join(SCREENS)}", where=where)
    return View(name, screen, {key: value for key, value in table.items() if key != "screen"})


def save_view(path: Path, view: View) -> None:
    """Adds it, or replaces the one of its name. Raises SettingsError."""
    if not NAME.fullmatch(view.name):
        raise SettingsError(f"a view's name has {NAMING}", where=f"[{TABLE}]")

    def put(document: dict[str, dict[str, object]]) -> None:
        document.setdefault(TABLE, {})[view.name] = {"screen": view.screen, **view.values}

    edit(path, put)


def delete_view(path: Path, name: str) -> None:
    """Takes it out of the file. Raises SettingsError."""
    edit(path, lambda document: document.get(TABLE, {}).pop(name, None))
