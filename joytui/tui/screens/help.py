"""`?`: what works on this screen, generated from its bindings, so that it cannot fall behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from textwrap import wrap

from textual.app import App, ComposeResult
from textual.binding import ActiveBinding
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Input

from joytui.tui.read_only import refused_here
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted
from joytui.tui.widgets.keybar import named

Lines = list[tuple[str, str]]

# What every screen of every program can do, and no help needs to say.
_UNSAID = ("scroll_", "app.focus_", "screen.copy_text", "focus_", "page_left", "page_right", "command_palette")


class HelpDialog(Dialog[None]):
    """The screen's own keys first, then moving about, then what works everywhere, then what the screen adds itself: that
    comes first where its line is open."""

    DIALOG_TITLE = "Keys"

    def __init__(self, about: Screen[object]) -> None:
        super().__init__()
        bindings = list(about.active_bindings.values())
        name = type(about).__name__.removesuffix("Screen")
        own = [b for b in bindings if isinstance(b.node, Screen)]
        moving = [b for b in bindings if not isinstance(b.node, (App, Screen, Input))]  # how to edit a line is known
        everywhere = [b for b in bindings if isinstance(b.node, App)]
        self._parts: list[tuple[str, Lines]] = [
            (name, key_lines(own)),
            ("Moving", key_lines(moving)),
            ("Everywhere", [*key_lines(everywhere), ("^p", "Command palette: every action by name")]),
        ]
        extra = getattr(about, "HELP_LINES", None)
        if extra is not None:
            self._parts.insert(0 if isinstance(about.focused, Input) else len(self._parts), extra())

    def compose_dialog(self) -> ComposeResult:
        for title, lines in self._parts:
            if lines:
                part = Fitted(classes="help")
                part.show(lambda width, title=title, lines=lines: pairs(title, lines, width))  # type: ignore[misc]
                yield part


def key_lines(bindings: Iterable[ActiveBinding]) -> Lines:
    """Keys and what they do, each action once with all of its keys."""
    keys: dict[str, list[str]] = {}
    texts: dict[str, str] = {}
    for active in bindings:
        binding = active.binding
        if not binding.description or binding.system or binding.action.startswith(_UNSAID) or refused_here(active):
            continue
        name = binding.key_display or named(binding.key)
        if name not in keys.setdefault(binding.action, []):
            keys[binding.action].append(name)
        more = f": {binding.tooltip}" if binding.tooltip else ""
        texts[binding.action] = binding.description + more
    return [(" ".join(keys[action]), text) for action, text in texts.items()]


def pairs(title: str, lines: Sequence[tuple[str, str]], width: int) -> Content:
    """A titled list of keys and words, the words wrapped beside the keys."""
    wide = min(14, max((len(key) for key, _ in lines), default=1))
    room = max(16, width - wide - 2)
    rows = [Content.styled(title.upper(), "bold $quiet")]
    for key, text in lines:
        first, *more = wrap(text, room) or [""]
        rows.append(Content.assemble((f"{key:>{wide}}  ", "bold $primary"), first))
        rows.extend(Content(" " * (wide + 2) + line) for line in more)
    return Content("\n").join([*rows, Content("")])
