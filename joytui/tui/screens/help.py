"""`?`: what works on this screen, generated from its bindings, so that it cannot fall behind."""

from __future__ import annotations

from collections.abc import Iterable

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.keybar import KEY_NAMES


class HelpDialog(Dialog[None]):
    DIALOG_TITLE = "Keys"

    def __init__(self, about: Screen[object]) -> None:
        super().__init__()
        self._about = list(about.active_bindings.values())
        self._heading = type(about).__name__.removesuffix("Screen")
        self._extra = getattr(about, "HELP_LINES", None)

    def compose_dialog(self) -> ComposeResult:
        here = [b for b in self._about if not isinstance(b.node, App)]
        everywhere = [b for b in self._about if isinstance(b.node, App)]
        yield Static(section(self._heading, here))
        yield Static(section("Everywhere", everywhere))
        if self._extra is not None:
            title, lines = self._extra()
            yield Static(pairs(title, lines))


def section(title: str, bindings: Iterable[ActiveBinding]) -> Content:
    """Keys and what they do, each action once with all of its keys."""
    keys: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    for active in bindings:
        binding = active.binding
        if not binding.description or binding.system:
            continue
        name = "^" + binding.key[5:] if binding.key.startswith("ctrl+") else KEY_NAMES.get(binding.key, binding.key)
        if name not in keys.setdefault(binding.action, []):
            keys[binding.action].append(name)
        more = f": {binding.tooltip}" if binding.tooltip else ""
        texts[binding.action] = binding.description + more
    return pairs(title, [(" ".join(keys[action]), text) for action, text in texts.items()])


def pairs(title: str, lines: Iterable[tuple[str, str]]) -> Content:
    rows = list(lines)
    wide = min(16, max((len(key) for key, _ in rows), default=1))
    body = [Content.assemble((f"{key:>{wide}}  ", "bold $primary"), (text, "")) for key, text in rows]
    return Content("\n").join([Content.styled(title, "bold $quiet"), *body, Content("")])
