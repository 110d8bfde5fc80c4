"""The changes of files that a fix is made of, drafted: nothing is written."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import replace
from typing import Any

from joytui.codex import edit
from joytui.codex.edit import EditError, Keys
from joytui.codex.world import World
from joytui.core.plain_file import plain_content
from joytui.core.records import Change

SIZE_LIMIT = 1_000_000


def patch_of(changes: tuple[Change, ...]) -> str | None:
    """The unified diffs of all files, as `patch -p1 -d /` takes them; None if no file changes."""
    diffs = (edit.diff(_text(one.old or b""), _text(one.new), one.path.lstrip("/")) for one in changes)
    return "".join(diffs) or None


def _text(data: bytes) -> str:
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return data.decode("utf-16", "replace")
    return data.decode("utf-8", "replace").removeprefix("\ufeff")


class Draft:
    """Collects the changes of one fix. Each key is changed in the file that sets it now, in the user's config.toml where
    none does. `refused`: values that the gateway was seen to refuse. Raises EditError if a file cannot be changed so, and
    where a refused value would be written."""

    def __init__(self, world: World, refused: Collection[str] = ()) -> None:
        self.world = world
        self._refused = refused
        self.ask_first = False  # whether it throws away what may have been meant, or sends the key elsewhere
        self.summary = ""
        self.also: tuple[str, ...] = ()  # another way, for this shell alone
        self.secret_of = ""  # the variable whose value is written: no diff shows it
        self.then: tuple[str, ...] = ()  # what remains for the user to do: commands for their shell
        self._old: dict[str, bytes | None] = {}
        self._new: dict[str, str] = {}

    def set(self, path: Keys, value: Any, *, file: str | None = None) -> None:
        if isinstance(value, str) and value in self._refused:
            raise EditError(f"{value} was refused")
        place = file or self.file_of(path)
        self._new[place] = edit.set_key(self.text(place), path, value, name=place).text

    def remove(self, path: Keys, *, file: str | None = None) -> None:
        place = file or self.file_of(path)
        self._new[place] = edit.remove_key(self.text(place), path, name=place).text

    def rename(self, path: Keys, new: str, *, file: str | None = None) -> None:
        place = file or self.file_of(path)
        self._new[place] = edit.rename_key(self.text(place), path, new, name=place).text

    def write(self, place: str, text: str) -> None:
        """The whole text of a file."""
        self.original(place)
        self._new[place] = text

    def text(self, place: str) -> str:
        """The text of a file as it would be now."""
        if place not in self._new:
            try:
                return (self.original(place) or b"").decode("utf-8")
            except UnicodeDecodeError:
                raise EditError(f"{place} is not UTF-8") from None
        return self._new[place]

    def original(self, place: str) -> bytes | None:
        """What a file holds now; None if it is not there."""
        if place not in self._old:
            self._old[place] = _content(place)
        return self._old[place]

    def changes(self) -> tuple[Change, ...]:
        """The files that would differ."""
        made = (
            Change(place, self._old[place], text.encode("utf-8"), self.secret_of) for place, text in self._new.items()
        )
        return tuple(change for change in made if change.new != change.old)

    def file_of(self, path: Keys) -> str:
        """The file that sets a key, or the nearest table above it."""
        world = self.world
        for end in range(len(path), 0, -1):
            dotted = ".".join(path[:end])
            for key, wanted in world.wanted.items():
                if wanted and (key == dotted or key.startswith(dotted + ".")):
                    return self._layer_file(wanted[0].layer, wanted[0].origin)
        return world.config_file

    def _layer_file(self, name: str, origin: str) -> str:
        paths = [layer.path for layer in self.world.layers if layer.name == name and layer.path]
        found = next((path for path in reversed(paths) if origin.startswith(path)), None)
        if found is None:
            raise EditError(f"{origin} is not your file")
        return found


def _content(place: str) -> bytes | None:
    try:
        data = plain_content(place, SIZE_LIMIT + 1)
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise EditError(f"{place}: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > SIZE_LIMIT:
        raise EditError(f"{place} is larger than {SIZE_LIMIT} bytes")
    return data


def as_if(world: World, changes: tuple[Change, ...]) -> World:
    """What Codex would make of these changes. Nothing is written."""
    from joytui.codex.look import look

    instead = {**world.invocation.instead, **{change.path: change.new for change in changes}}
    return look(replace(world.invocation, codex_version=world.version, instead=instead))


def exists(path: str) -> bool:
    """Whether something is there, a broken link not counted."""
    return os.path.exists(path)
