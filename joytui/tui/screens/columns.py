"""Which columns a list shows: each with a box to tick."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import OptionList, Static

from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.hints import Hints

NOTE = "On a narrow screen, the least important are left out first. V saves the choice in a view."


class ColumnsDialog(Dialog[tuple[str, ...]]):
    """Dismisses with the titles of the ticked columns, in their order; () for all that fit, None if nothing is changed.
    `chosen` are ticked at first."""

    DIALOG_TITLE = "Columns"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "tick", "Tick", show=False),
        Binding("enter", "apply", "Show these", priority=True),
        Binding("a", "everything", "All that fit"),
    ]

    def __init__(self, titles: Sequence[str], chosen: Collection[str]) -> None:
        super().__init__()
        self._titles = titles
        self._before = set(chosen).intersection(titles)
        self._ticked = set(self._before)

    def compose_dialog(self) -> ComposeResult:
        yield Hints(("space", "ticks"), ("⏎", "shows these"), ("a", "shows all that fit"))
        yield OptionList(*map(self._line, self._titles), compact=True)
        yield Static(NOTE, classes="note")

    def _line(self, title: str) -> Content:
        return Content.assemble(("✓ " if title in self._ticked else "· ", "$success"), title)

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(OptionList).highlighted = 0
        self.query_one(OptionList).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_tick()

    def action_tick(self) -> None:
        options = self.query_one(OptionList)
        if (place := options.highlighted) is not None:
            self._ticked ^= {self._titles[place]}
            options.replace_option_prompt_at_index(place, self._line(self._titles[place]))

    def action_apply(self) -> None:
        wanted = tuple(title for title in self._titles if title in self._ticked)
        unchanged = self._ticked == self._before
        self.dismiss(None if unchanged else () if len(wanted) == len(self._titles) else wanted)

    def action_everything(self) -> None:
        self.dismiss(())
