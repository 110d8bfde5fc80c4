"""The first line of every screen: the four screens by name and key, and the state of the gateway."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from joytui.tui.shown import fit_line
from joytui.tui.state import LinkState, link_words

TABS = (("doctor", "Doctor"), ("logs", "Logs"), ("usage", "Usage"), ("keys", "Keys"))


def masthead(current: str, state: LinkState, width: int, *, read_only: bool = False) -> Content:
    """The line for a width in cells. The names of all four screens stand first: they never give way to the state."""
    roomy = width >= 64
    parts: list[Content] = [Content.styled(" joytui ", "bold $primary")] if width >= 44 else []
    for number, (name, title) in enumerate(TABS, 1):
        pad = " " if roomy else ""
        style = "bold $background on $primary" if name == current else "$foreground"
        key_style = "bold $background on $primary" if name == current else "bold $primary"
        label = Content.assemble(
            (f" {number} ", key_style), (f"{title}{pad}", style), *([] if roomy else [(" ", style)])
        )
        parts.append(label.stylize(f"@click=app.show_screen('{name}')"))
    left = Content("").join(parts)
    left += Content.styled(_badge(state, width - left.cell_length, read_only=read_only, roomy=roomy), "bold $warning")
    right = _state(state, width - left.cell_length - 1)
    gap = max(1, width - left.cell_length - right.cell_length)
    return Content.assemble(left, " " * gap, right)


SCOPE, BESIDE = 24, 18
"""The cells for the teams' names at most, and those that are for other words beside them."""


def _badge(state: LinkState, room: int, *, read_only: bool, roomy: bool) -> str:
    """That this console changes nothing, and whose things alone it sees."""
    scope = fit_line(state.scope, max(1, min(SCOPE, room - BESIDE)))
    if read_only:
        return f" read-only{' · ' if scope else ''}{scope} " if roomy else " r/o"
    words = {"viewer": "viewer", "lead": f"lead of {scope}"}.get(state.role or "", "")
    return f" {words} " if roomy and words else ""


def _state(state: LinkState, room: int) -> Content:
    glyph, style, short, more = link_words(state)
    for words in ((short, more), (short, ""), ("", "")):
        text = " · ".join(w for w in words if w)
        content = Content.assemble((glyph, style), (f" {text} " if text else " ", "$quiet"))
        if content.cell_length <= room:
            return content
    return Content("")


class Masthead(Widget):
    """One line; follows the app's `link_state`."""

    DEFAULT_CSS = """
    Masthead { dock: top; height: 1; background: $masthead; color: $foreground; }
    """

    def __init__(self, current: str) -> None:
        super().__init__()
        self.auto_links = False
        self.current = current

    def on_mount(self) -> None:
        self.watch(self.app, "link_state", self.refresh_line, init=False)

    def refresh_line(self) -> None:
        self.refresh()

    def render(self) -> Content:
        state = getattr(self.app, "link_state", LinkState())
        options = getattr(self.app, "options", None)
        return masthead(self.current, state, self.size.width, read_only=bool(options and options.read_only))
