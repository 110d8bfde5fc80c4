"""Saved views: opens one, saves what is shown under a name, deletes one."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from joytui.core.errors import SettingsError
from joytui.tui.shown import visible
from joytui.tui.views import View, delete_view, load_views, save_view
from joytui.tui.widgets.dialog import Dialog


class ViewsDialog(Dialog[View]):
    """Dismisses with the view that is wanted. `here`: the screen below as a view without a name."""

    DIALOG_TITLE = "Views"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Open"),
        Binding("delete", "delete", "Delete", show=False),
        Binding("tab", "app.focus_next", "Name", show=False),
    ]

    def __init__(self, here: View) -> None:
        super().__init__()
        self._here = here
        self._views: list[View] = []

    def compose_dialog(self) -> ComposeResult:
        yield OptionList(id="views")
        if not self.console.options.read_only:
            with Horizontal(classes="row"):
                yield Static("Save as", classes="label")
                yield Input(placeholder=f"a name for {self._here.words}"[:60], id="name", compact=True)
        yield Static(id="note", classes="note")
        yield Static(id="outcome")

    def on_mount(self) -> None:
        self._show("")

    def _show(self, words: str, *, error: bool = False) -> None:
        """The views as the file has them now, and a word."""
        try:
            self._views = list(load_views(self.console.options.places.config_file).values())
        except SettingsError as problem:
            words, error = f"✗ {problem.what} ({problem.where})", True
        options = self.query_one(OptionList)
        options.clear_options()
        options.add_options(Option(_line(view)) for view in self._views)
        options.display = bool(self._views)
        self.query_one("#note", Static).update(self._note())
        self.query_one("#outcome", Static).update(
            Content.styled(visible(words, limit=300), "$error" if error else "$success")
        )
        if self._views:
            options.highlighted = 0
            options.focus()
        elif self.query("#name"):
            self.query_one("#name", Input).focus()

    def _note(self) -> str:
        if not self._views:
            return "No views yet. A view saves a screen with its filter, window, group, columns and order under a name."
        opened = "⏎ opens it; so do `joytui --view NAME`, and ?view=NAME in the address of `joytui serve`."
        return opened if self.console.options.read_only else f"{opened} Delete removes it."

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return not (action == "delete" and self.console.options.read_only)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_open()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        name = event.value.strip()
        try:
            save_view(self.console.options.places.config_file, View(name, self._here.screen, self._here.values))
        except SettingsError as problem:
            self.query_one("#outcome", Static).update(Content.styled(f"✗ {visible(problem.what)}", "$error"))
        else:
            event.input.value = ""
            self._show(f"✓ saved as {name} in {self.console.options.places.config_file}")

    def action_open(self) -> None:
        place = self.query_one(OptionList).highlighted
        if self._views and place is not None:
            self.dismiss(self._views[place])

    def action_delete(self) -> None:
        place = self.query_one(OptionList).highlighted
        if not self._views or place is None or self.focused is not self.query_one(OptionList):
            return
        name = self._views[place].name
        try:
            delete_view(self.console.options.places.config_file, name)
        except SettingsError as problem:
            self._show(f"✗ {problem.what}", error=True)
        else:
            self._show(f"✓ {name} is deleted")


def _line(view: View) -> Content:
    return Content.assemble((f"{view.name:<18} ", "bold"), (visible(view.words, limit=200), "$quiet"))
