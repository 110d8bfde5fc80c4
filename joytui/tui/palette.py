"""The command palette: every action of the screen and of the console, by name, with its key."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from textual.app import SystemCommand
from textual.screen import Screen

from joytui.tui.read_only import refused_here
from joytui.tui.widgets.keybar import key_name

if TYPE_CHECKING:
    from joytui.tui.app import ConsoleApp

LONG = {
    "Config": "Copy the config.toml block",
    "Detail": "Details of the selected one",
    "Curl": "Copy as curl",
    "Step": "Open the step",
}
"""What a word in the last line is called where there is room."""


class Command(NamedTuple):
    """An action with its key: `key` is Textual's name of it, `shown` what is on the keyboard."""

    name: str
    help: str
    key: str
    shown: str


def named_commands(screen: Screen[Any]) -> Iterator[Command]:
    """What the screen's enabled bindings do, its own first, each action once."""
    seen: set[str] = set()
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.description or binding.action in seen or binding.action.endswith("command_palette"):
            continue
        if not active.enabled or refused_here(active) or binding.system or not (binding.show or binding.tooltip):
            continue  # moving about is for keys, not for a palette
        seen.add(binding.action)
        name = LONG.get(binding.description, binding.description)
        yield Command(name, binding.tooltip, binding.key.split(",")[0], key_name(binding))


def commands(app: ConsoleApp, screen: Screen[Any]) -> Iterable[SystemCommand]:
    """The screen's enabled bindings first, then what works everywhere, then themes."""
    for command in named_commands(screen):
        words = f"{command.shown}  {command.help}" if command.help else command.shown
        yield SystemCommand(command.name, words, _press(app, command.key))
    yield SystemCommand("Copy the try command", "one Codex turn; config.toml stays as it is", app.action_copy_try)
    yield SystemCommand("Choose a theme", "joytui and Textual themes", app.action_change_theme)
    if not app.options.served:
        yield SystemCommand("Save a screenshot", "SVG, in the current folder", lambda: app.action_screenshot(path="."))


def _press(app: ConsoleApp, key: str) -> Any:
    return lambda: app.simulate_key(key)
