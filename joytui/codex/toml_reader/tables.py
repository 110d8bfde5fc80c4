"""The tables of a TOML document while it is read: what is defined so far, and what may still extend it.

A header opens a table once. A table that dotted keys made can be extended by dotted keys of the same section only; inline
tables and arrays are frozen. The faults are in Codex's words (0.169.0, observed).
"""

from __future__ import annotations

from collections.abc import Container
from typing import Any

from joytui.codex.toml_reader.cursor import Names
from joytui.codex.toml_reader.document import Path
from joytui.codex.toml_reader.faults import duplicate_key, no_extension

Table = dict[str, Any]


class Tables:
    """`root` is the whole, `current` the table that the last header opened, at the path `prefix`; `places` has the offset
    of each key. Tables and arrays are told apart by identity: two may be equal."""

    def __init__(self) -> None:
        self.root: Table = {}
        self.places: dict[Path, int] = {}
        self.current: Table = self.root
        self.prefix: Path = ()
        self._opened: set[int] = {id(self.root)}  # by a header
        self._dotted: dict[int, int] = {}  # made by dotted keys -> the table in whose section they stand
        self._frozen: set[int] = set()  # inline tables and literal arrays
        self._arrays: set[int] = set()  # arrays of tables
        self._closed: tuple[Container[int], ...] = (self._opened, self._dotted, self._frozen)  # to a header
        self._kept: list[Any] = []  # references, so that no later object gets the id of one that is marked

    def open(self, names: Names, *, many: bool) -> None:
        """A header `[a.b]`, or `[[a.b]]` if `many`."""
        holder: Table = self.root
        prefix: Path = ()
        for name, offset in names[:-1]:
            holder, prefix = self._step_into(holder, prefix, name, offset, names[0][1])
        name, offset = names[-1]
        if many:
            self._open_element(holder, (*prefix, name), name, offset)
        else:
            self._open_table(holder, (*prefix, name), name, offset)

    def _step_into(self, holder: Table, prefix: Path, name: str, offset: int, first: int) -> tuple[Table, Path]:
        path: Path = (*prefix, name)
        child = holder.get(name)
        if child is None:
            child = holder[name] = {}
            self.places.setdefault(path, offset)
        elif isinstance(child, list) and id(child) in self._arrays:
            return child[-1], (*path, len(child) - 1)
        elif not isinstance(child, dict) or id(child) in self._frozen:
            raise no_extension(self._kind(child), first)
        return child, path

    def _open_element(self, holder: Table, path: Path, name: str, offset: int) -> None:
        child = holder.get(name)
        if child is None:
            child = holder[name] = []
            self._arrays.add(id(child))
            self.places[path] = offset
        elif id(child) not in self._arrays:
            raise duplicate_key(name, offset)
        self.current, self.prefix = {}, (*path, len(child))
        child.append(self.current)
        self.places[self.prefix] = offset

    def _open_table(self, holder: Table, path: Path, name: str, offset: int) -> None:
        child = holder.get(name)
        if child is None:
            child = holder[name] = {}
        elif not isinstance(child, dict) or any(id(child) in marked for marked in self._closed):
            raise duplicate_key(name, offset)
        self.places[path] = offset
        self._opened.add(id(child))
        self.current, self.prefix = child, path

    def holder_of(self, table: Table, prefix: Path, names: Names, *, inline: bool) -> tuple[Table, Path]:
        """The table below this one that `names` lead to, made where it is missing, for a key that is in the body of
        `table`. `inline`: that body is in braces."""
        owner = id(table)
        for name, offset in names:
            child = table.get(name)
            if child is None:
                child = table[name] = {}
                self._dotted[id(child)] = owner
                self.places.setdefault((*prefix, name), offset)
            elif not isinstance(child, dict) or (id(child) in self._frozen and not inline):
                raise no_extension(self._kind(child), names[0][1])
            elif self._dotted.get(id(child)) != owner:
                raise duplicate_key(name, offset)
            table, prefix = child, (*prefix, name)
        return table, prefix

    def put(self, table: Table, path: Path, name: str, offset: int, value: Any) -> None:
        """A value under its name, the last of the path."""
        if name in table:
            raise duplicate_key(name, offset)
        table[name] = value
        self.places[path] = offset

    def freeze(self, value: Table | list[Any]) -> None:
        """Marks an inline table (with the tables that its dotted keys made) or a literal array."""
        self._frozen.add(id(value))
        self._kept.append(value)
        if isinstance(value, dict):
            for child in value.values():
                if isinstance(child, dict) and id(child) not in self._frozen:
                    self.freeze(child)

    def _kind(self, value: Any) -> str:
        if isinstance(value, dict):
            return "inline table" if id(value) in self._frozen else "table"
        names = ((bool, "boolean"), (int, "integer"), (float, "float"), (str, "string"), (list, "array"))
        return next((name for kind, name in names if isinstance(value, kind)), "datetime")
