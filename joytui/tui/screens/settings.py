"""The console's settings as a form over the one settings file; what else is in that file stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Input, Static

from joytui.core.errors import SettingsError
from joytui.tui.form_field import OFF, ON, Field
from joytui.tui.settings import PERIODS, ConsoleSettings, load, read, save
from joytui.tui.shown import visible
from joytui.tui.theme import CHOICES
from joytui.tui.widgets.form import FormDialog

FIELDS = (
    Field(
        "theme",
        "Theme",
        "auto: dark or light, like the terminal",
        choices=(("", "auto"), *((name, name) for name in CHOICES)),
    ),
    Field(
        "ascii", "ASCII only", "for terminals without UTF-8", choices=(("", "as the locale says"), (ON, ON), (OFF, OFF))
    ),
    Field("budget", "Budget", "credits for a period: 20, 0.5; blank = none"),
    Field("budget_period", "Budget period", "the budget's period", choices=tuple((name, name) for name in PERIODS)),
    Field("gateway", "Gateway *", "https://…; blank = the local one"),
    Field("start_gateway", "Start it *", "start the local gateway when needed", switch=True),
)
TRUTHS = ("ascii", "start_gateway")


def shown(settings: ConsoleSettings) -> dict[str, str]:
    """The settings as the form's texts."""
    texts = {}
    for field in FIELDS:
        value = getattr(settings, field.name)
        texts[field.name] = "" if value is None else (ON if value else OFF) if field.name in TRUTHS else str(value)
    return {**texts, "theme": "" if texts["theme"] == "auto" else texts["theme"]}


def changes_of(texts: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """What to write (None: take it away), and what is wrong, by field."""
    changes: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, typed in texts.items():
        text = typed.strip()
        changes[name] = text == ON if name in TRUTHS and text else text or None
        if changes[name] is not None:
            try:
                read({name: changes[name]})
            except ValueError as error:
                problems[name] = str(error)
    return changes, problems


class SettingsDialog(FormDialog[None]):
    """All settings, or the one that is asked for."""

    DIALOG_TITLE = "Settings"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+s", "save", "Save", priority=True)]

    def __init__(self, only: str | None = None) -> None:
        super().__init__()
        self._fields = [field for field in FIELDS if only in (None, field.name)]
        self._before: dict[str, str] = {}

    def dialog_title(self) -> str:
        return self.DIALOG_TITLE if len(self._fields) > 1 else self._fields[0].label

    def compose_dialog(self) -> ComposeResult:
        path = self.console.options.places.config_file
        problem = ""
        try:
            texts = shown(load(path))
        except SettingsError as error:
            texts, problem = shown(ConsoleSettings()), f"✗ {error.what} ({error.where})"
        self._before = texts
        yield from self.rows(self._fields, texts)
        starred = "* takes effect at the next start, everything else at once. "
        words = f"{starred if len(self._fields) > 1 else ''}Kept in {path}, table [console]."
        yield Static(Content(visible(words)), classes="note")
        yield Static(Content.styled(visible(problem), "$error"), id="outcome")
        with Horizontal(id="buttons"):
            yield Button("Cancel", id="cancel")
            yield Button("Save", id="save")

    def on_mount(self) -> None:
        self.enter(self._fields[0].name)

    def problems(self, values: Mapping[str, str]) -> Mapping[str, str]:
        return changes_of(values)[1]

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_save()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "save":
            self.action_save()
        else:
            self.dismiss(None)

    def action_save(self) -> None:
        texts = self.checked()
        if texts is None:
            return
        changed = {name: value for name, value in changes_of(texts)[0].items() if texts[name] != self._before.get(name)}
        try:
            settings = save(self.console.options.places.config_file, changed)
        except SettingsError as error:
            self.query_one("#outcome", Static).update(Content.styled(visible(f"✗ {error.what}"), "$error"))
            return
        self.dismiss(None)
        self.app.call_after_refresh(self.console.take_settings, settings)
