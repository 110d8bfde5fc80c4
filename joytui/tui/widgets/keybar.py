"""The last line of every screen: the keys that work here, most useful first, as many as fit. A click presses them."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial

from textual.app import App
from textual.binding import Binding
from textual.content import Content
from textual.geometry import Size
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from joytui.tui.lines import hanging
from joytui.tui.read_only import refused_here
from joytui.tui.shown import visible
from joytui.tui.state import MOODS, Mood

KEY_NAMES = {
    "escape": "esc",
    "enter": "⏎",
    "question_mark": "?",
    "slash": "/",
    "space": "space",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "equals_sign": "=",
    "colon": ":",
    "comma": ",",
    "exclamation_mark": "!",
    "left": "←",
    "right": "→",
    "up": "↑",
    "down": "↓",
    "tab": "tab",
}


def key_name(binding: Binding) -> str:
    """A key as it is written on the screen: "r", "?", "^p", "⏎"."""
    return binding.key_display or named(binding.key.split(",")[0].strip())


def named(key: str) -> str:
    """One key of Textual's, as it is written on the screen."""
    if key.startswith("ctrl+"):
        return "^" + key.removeprefix("ctrl+")
    return KEY_NAMES.get(key, key)


def shown_bindings(screen: Screen[object]) -> list[Binding]:
    """The enabled bindings that ask to be shown, the screen's own before the app's, each action once."""
    seen: set[str] = set()
    near: list[Binding] = []
    far: list[Binding] = []
    for active in screen.active_bindings.values():
        binding = active.binding
        if not binding.show or not active.enabled or binding.action in seen or refused_here(active):
            continue
        seen.add(binding.action)
        (far if isinstance(active.node, App) else near).append(binding)
    return near + far


def keybar(bindings: Iterable[Binding], width: int) -> Content:
    """The line for a width in cells; what does not fit is left to `?`, which always fits."""
    items = [_item(b) for b in bindings]
    last = [i for i in items if i.plain.startswith(" ? ")]
    rest = [i for i in items if not i.plain.startswith(" ? ")]
    tail = last[0] if last else Content("")
    room = width - tail.cell_length
    line = Content("")
    for item in rest:
        if line.cell_length + item.cell_length > room:
            break
        line = line + item
    return line + " " * max(0, width - line.cell_length - tail.cell_length) + tail


def _item(binding: Binding) -> Content:
    key = binding.key.split(",")[0].strip()
    item = Content.assemble((f" {key_name(binding)} ", "bold $primary"), (f"{binding.description} ", "$foreground 85%"))
    return item.stylize(f"@click=app.simulate_key('{key}')")


class KeyBar(Widget):
    """One line; follows the screen's bindings. A word to the user replaces it for some seconds: `tell`. An error or a warning
    stays until a key is pressed, however long that takes.

    A word that is longer than the line gets the lines that it needs, and the body above gives way: nothing is covered.
    """

    DEFAULT_CSS = """
    KeyBar { dock: bottom; height: auto; max-height: 4; background: $masthead; }
    """
    WORD_SECONDS = 4.0
    LETTERS_A_SECOND = 18.0

    def __init__(self) -> None:
        super().__init__()
        self.auto_links = False
        self._word: Content | None = None
        self._unread = False
        self._timer: Timer | None = None

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._changed)

    def tell(self, text: str, mood: Mood = "good") -> None:
        """Shows a word in place of the keys."""
        glyph, style = MOODS[mood]
        words = visible(text).replace("\n", " ")
        room = max(12, self.size.width - 4)
        self._word = Content.assemble(" ", hanging(words, glyph, "$foreground", room, style, margin=1))
        self._unread = True
        if self._timer is not None:
            self._timer.stop()
        seen = partial(self._seen, stays=mood in ("error", "warning"))
        self._timer = self.set_timer(max(self.WORD_SECONDS, len(words) / self.LETTERS_A_SECOND), seen)
        self.refresh(layout=True)

    def _seen(self, *, stays: bool) -> None:
        """The word was there for long enough to be read; one that stays waits for a key."""
        self._unread = False
        if not stays:
            self._forget()

    def pressed(self) -> None:
        """A key was pressed: somebody is here."""
        if self._word is not None and not self._unread:
            self._forget()

    def _forget(self) -> None:
        self._word = None
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return 1 if self._word is None else self._word.plain.count("\n") + 1

    def _changed(self, screen: Screen[object]) -> None:
        if screen is self.screen:
            self.refresh()

    def render(self) -> Content:
        if self._word is not None:
            return self._word
        return keybar(shown_bindings(self.screen), self.size.width)
