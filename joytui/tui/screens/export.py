"""Writes what is on the screen into a file: which form, which file; then it says where that is."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from joytui.core.errors import JoytuiError
from joytui.tui.export.exported import ENDINGS, FORMS, Exported, Form
from joytui.tui.export.write import TakenError, free_name, write
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog


class ExportDialog(Dialog[str]):
    """Dismisses with the path that was written. The forms have the focus: one Enter writes the first."""

    DIALOG_TITLE = "Export what is on the screen"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "write", "Write"),
        Binding("tab", "app.focus_next", "File"),
    ]

    class Ended(Message):
        def __init__(self, path: str, *, problem: str = "", taken: bool = False) -> None:
            super().__init__()
            self.path = path
            self.problem = problem
            self.taken = taken

    def __init__(self, exported: Exported) -> None:
        super().__init__()
        self._exported = exported
        self._taken: str | None = None

    def compose_dialog(self) -> ComposeResult:
        forms = self._exported.forms
        yield Static(Content(visible(self._exported.what, limit=200)), id="what")
        yield OptionList(*(Option(_described(form), id=form) for form in forms), id="forms", compact=True)
        with Horizontal(classes="row"):
            yield Static("File", classes="label")
            yield Input(free_name(self._exported, forms[0]), id="path", select_on_focus=False)
        if self._exported.left_out:
            yield Static(Content(self._exported.left_out), classes="note")
        yield Static("It never contains keys or other secrets. Only you can read the file.", classes="note")
        yield Static(id="outcome")

    def on_mount(self) -> None:
        self.query_one(OptionList).highlighted = 0
        self.query_one(OptionList).focus()

    @property
    def form(self) -> Form:
        return self._exported.forms[self.query_one(OptionList).highlighted or 0]

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """The file's ending follows the form, as long as it is one of ours."""
        line = self.query_one(Input)
        stem, dot, ending = line.value.rpartition(".")
        if line.value == "" or dot + ending in ENDINGS.values():
            ours = stem.startswith(self._exported.name) or not stem
            wanted = free_name(self._exported, self.form) if ours else stem + ENDINGS[self.form]
            line.value = line.value if line.value.endswith(ENDINGS[self.form]) else wanted

    def on_input_changed(self, event: Input.Changed) -> None:
        """And the form follows the ending that is typed."""
        self._taken = None
        for place, form in enumerate(self._exported.forms):
            if event.value.endswith(ENDINGS[form]):
                self.query_one(OptionList).highlighted = place

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_write()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_write()

    def action_write(self) -> None:
        path = self.query_one(Input).value.strip()
        if not path:
            self._say("✗ give a file name", "$error")
            return
        self._say("Writing…", "$quiet")
        job = partial(self._write, self.form, path, replace=self._taken == path)
        self.run_worker(job, thread=True, group="export", exclusive=True, exit_on_error=False)

    def _write(self, form: Form, path: str, *, replace: bool) -> None:
        try:
            self.post_message(self.Ended(str(write(self._exported, form, path, replace=replace))))
        except TakenError:
            self.post_message(self.Ended(path, problem="a file of this name exists: ⏎ again replaces it", taken=True))
        except JoytuiError as error:
            self.post_message(self.Ended(path, problem=f"{error.what} ({error.where})"))

    def on_export_dialog_ended(self, message: Ended) -> None:
        if message.problem:
            self._taken = message.path if message.taken else None
            self._say(f"{'▲' if message.taken else '✗'} {message.problem}", "$warning" if message.taken else "$error")
            return
        self.dismiss(message.path)

    def _say(self, text: str, style: str) -> None:
        self.query_one("#outcome", Static).update(Content.styled(visible(text, limit=300), style))


def _described(form: Form) -> Content:
    name, use = FORMS[form]
    return Content.assemble((f"{name:<10}", "bold"), (use, "$quiet"))
