"""The console's settings as a form over the one settings file; what else stands in that file stays as it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import Button, Input, Static

from joytui.core.errors import SettingsError
from joytui.tui.settings import ConsoleSettings, load, read, save
from joytui.tui.shown import visible
from joytui.tui.theme import CHOICES, theme_name
from joytui.tui.widgets.dialog import Dialog


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    label: str
    placeholder: str
    truth: bool = False


FIELDS = (
    Field("theme", "Theme", f"auto, {', '.join(CHOICES)}"),
    Field("ascii", "ASCII only", "yes or no; empty: as the locale says", truth=True),
    Field("budget", "Budget", "credits for a period: 20, 0.5; empty: none"),
    Field("budget_period", "Budget period", "day, week or month; empty: month"),
    Field("gateway", "Gateway *", "https://…; empty: the local one"),
    Field("start_gateway", "Start it *", "yes or no: may the console start the local gateway", truth=True),
)
WORDS = {"yes": True, "true": True, "on": True, "no": False, "false": False, "off": False}


def shown(settings: ConsoleSettings) -> dict[str, str]:
    """The settings as the form's texts."""
    texts = {}
    for field in FIELDS:
        value = getattr(settings, field.name)
        texts[field.name] = "" if value is None else ("yes" if value else "no") if field.truth else str(value)
    return texts


def changes_of(texts: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """What to write (None: take it away), and what is wrong, by field."""
    changes: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for field in FIELDS:
        text = texts[field.name].strip()
        value: Any = text or None
        if field.truth and text:
            value = WORDS.get(text.lower())
            if value is None:
                problems[field.name] = "yes or no"
        if field.name == "theme" and text and theme_name(text, dark=True) not in _themes():
            problems[field.name] = f"one of auto, {', '.join(CHOICES)}, or a theme of Textual's"
        changes[field.name] = value
        if value is not None and field.name not in problems:
            try:
                read({field.name: value})
            except ValueError as error:
                problems[field.name] = str(error)
    return changes, problems


def _themes() -> set[str]:
    from textual.theme import BUILTIN_THEMES

    return set(BUILTIN_THEMES)


class SettingsDialog(Dialog[None]):
    DIALOG_TITLE = "Settings"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "save", "Save", priority=True),
        Binding("down", "app.focus_next", "Next", show=False),
        Binding("up", "app.focus_previous", "Previous", show=False),
    ]

    def __init__(self, first: str = "theme") -> None:
        super().__init__()
        self._first = first
        self._before: dict[str, str] = {}

    def compose_dialog(self) -> ComposeResult:
        path = self.console.options.places.config_file
        problem = ""
        try:
            texts = shown(load(path))
        except SettingsError as error:
            texts, problem = shown(ConsoleSettings()), f"✗ {error.what} ({error.where})"
        self._before = texts
        for field in FIELDS:
            with Horizontal(classes="row"):
                yield Static(field.label, classes="label")
                yield Input(texts[field.name], placeholder=field.placeholder, id=field.name)
            yield Static(id=f"{field.name}-problem", classes="problem", markup=False)
        words = f"* from the console's next start; all else holds at once. Kept in {path}, table [console]."
        yield Static(Content(visible(words)), classes="note")
        yield Static(Content.styled(visible(problem), "$error"), id="outcome")
        with Horizontal(id="buttons"):
            yield Button("Cancel", id="cancel")
            yield Button("Save", id="save")

    def on_mount(self) -> None:
        self.query_one(f"#{self._first}", Input).focus()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_save()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "save":
            self.action_save()
        else:
            self.dismiss(None)

    def action_save(self) -> None:
        texts = {field.name: self.query_one(f"#{field.name}", Input).value for field in FIELDS}
        changes, problems = changes_of(texts)
        for field in FIELDS:
            line = self.query_one(f"#{field.name}-problem", Static)
            line.set_class(field.name in problems, "-there")
            line.update(problems.get(field.name, ""))
        if problems:
            self.query_one(f"#{next(iter(problems))}", Input).focus()
            return
        try:
            changed = {name: value for name, value in changes.items() if texts[name] != self._before.get(name)}
            settings = save(self.console.options.places.config_file, changed)
        except SettingsError as error:
            self.query_one("#outcome", Static).update(Content.styled(visible(f"✗ {error.what}"), "$error"))
            return
        self.dismiss(None)
        self.app.call_after_refresh(self.console.take_settings, settings)
