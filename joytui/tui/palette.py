"""The command palette: every action of the screen and of the console, by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from textual.app import SystemCommand
from textual.screen import Screen

from joytui.tui.read_only import refused_here

if TYPE_CHECKING:
    from joytui.tui.app import ConsoleApp


def commands(app: ConsoleApp, screen: Screen[Any]) -> Iterable[SystemCommand]:
    """The screen's enabled bindings first, then what works everywhere, then themes."""
    seen: set[str] = set()
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.description or binding.action in seen or binding.action.endswith("command_palette"):
            continue
        if not active.enabled or refused_here(active) or binding.system or not (binding.show or binding.tooltip):
            continue  # moving about is for keys, not for a palette
        seen.add(binding.action)
        yield SystemCommand(binding.description, binding.tooltip, _press(app, binding.key))
    yield SystemCommand("Copy the try command", "one Codex turn, config.toml untouched", app.action_copy_try)
    yield SystemCommand("Choose a theme", "ours and Textual's", app.action_change_theme)
    if not app.options.served:
        yield SystemCommand("Save a screenshot", "SVG, in the current folder", lambda: app.action_screenshot(path="."))


def _press(app: ConsoleApp, key: str) -> Any:
    return lambda: app.simulate_key(key.split(",")[0])
