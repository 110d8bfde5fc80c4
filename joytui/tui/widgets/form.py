"""Forms: a row for each field with its label, its control and its help beside it. What was typed is checked while it is typed.

A field is a text, one of several choices, some of them, or a switch. Whatever it is, its value is a text, so that the rules of a
form stay pure functions over texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Checkbox, Input, Select, Static

from joytui.tui.form_field import OFF, ON, Field
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import CLOSES, Dialog

T = TypeVar("T")


class Choice(Select[str], inherit_bindings=False):
    """One of several. Arrows move on to the next field, as they do in a text; Enter and space open the list."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter,space", "show_overlay", "Choose", show=False)]

    def __init__(self, field: Field, value: str) -> None:
        known = dict(field.choices)
        options = [(Content(words), choice) for choice, words in ({} if value in known else {value: value}).items()]
        options += [(Content(words), choice) for choice, words in known.items()]
        super().__init__(options, allow_blank=False, value=value, compact=True, id=field.name)


class Tick(Checkbox):
    """A box whose state is a sign, not a colour alone: [x] or [ ]."""

    BUTTON_LEFT, BUTTON_RIGHT = "", ""

    def __init__(self, words: str, ticked: bool, *, name: str | None = None, id: str | None = None) -> None:
        super().__init__(Content(words), ticked, compact=True, name=name, id=id)
        self.BUTTON_INNER = _box(ticked)

    def watch_value(self) -> None:
        self.BUTTON_INNER = _box(self.value)
        super().watch_value()
        self.refresh()


def _box(ticked: bool) -> str:
    return "[x]" if ticked else "[ ]"


class Several(Horizontal):
    """Boxes to tick."""

    def __init__(self, field: Field, value: str) -> None:
        super().__init__(id=field.name)
        self._field = field
        self._ticked = {word.strip() for word in value.split(",") if word.strip()}

    def compose(self) -> ComposeResult:
        for choice, words in self._field.choices:
            yield Tick(words, choice in self._ticked, name=choice)

    @property
    def value(self) -> str:
        return ", ".join(box.name or "" for box in self.query(Tick) if box.value)


class FieldRow(Vertical):
    """One field. Its control has the field's name as its id, its problem "NAME-problem"."""

    DEFAULT_CSS = """
    FieldRow { height: auto; }
    FieldRow .row { height: auto; }
    FieldRow .help { color: $quiet; height: auto; width: 1fr; padding: 0 0 0 2; }
    FieldRow Several { height: 1; width: auto; }
    FieldRow Tick {
        width: auto; min-width: 5; height: 1; border: none; padding: 0; margin: 0 2 0 0; background: $surface;
        & > .toggle--button { color: $foreground; background: $panel; }
        &.-on > .toggle--button { color: $primary; text-style: bold; background: $panel; }
        &:focus > .toggle--button, &:focus > .toggle--label { background: $block-cursor-background; color: $foreground; text-style: none; }
    }
    FieldRow Choice {
        width: 1fr;
        &.-textual-compact > SelectCurrent { background: $panel; padding: 0 1; border: none; }
        &.-textual-compact:focus > SelectCurrent { background: $block-cursor-background; border: none; }
        & > SelectOverlay { background: $panel; }
    }
    """

    def __init__(self, field: Field, value: str) -> None:
        super().__init__()
        self.field = field
        self.before = value

    def compose(self) -> ComposeResult:
        with Horizontal(classes="row"):
            yield Static(self.field.label, classes="label")
            yield self._control()
            yield Static(Content(self.field.help), classes="help")
        yield Static(id=f"{self.field.name}-problem", classes="problem", markup=False)

    def _control(self) -> Widget:
        field, value = self.field, self.before
        if field.switch:
            return Tick("", value == ON, id=field.name)
        if field.several:
            return Several(field, value)
        if field.choices:
            return Choice(field, value)
        return Input(value, id=field.name, compact=True, select_on_focus=False)

    @property
    def value(self) -> str:
        control = self.query_one(f"#{self.field.name}")
        if isinstance(control, Tick):
            return ON if control.value else OFF
        assert isinstance(control, (Several, Choice, Input))
        return str(control.value)

    @property
    def changed(self) -> bool:
        return self.value != self.before

    def show_problem(self, words: str) -> None:
        line = self.query_one(f"#{self.field.name}-problem", Static)
        line.set_class(bool(words), "-there")
        line.update(Content(visible(words and f"✗ {words}", limit=200)))

    def enter(self) -> None:
        """The cursor into its control."""
        control = self.query_one(f"#{self.field.name}")
        (control.query(Tick).first() if isinstance(control, Several) else control).focus()


class FormBox(VerticalScroll):
    """Arrows move from field to field, also where it scrolls; it follows the cursor by itself."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "app.focus_next", "Next", show=False),
        Binding("up", "app.focus_previous", "Previous", show=False),
    ]


class FormDialog(Dialog[T]):
    """Subclasses yield `rows(…)` and say in `problems` what is wrong with the values, by field. What was changed is checked at once,
    everything when it is submitted (`checked`)."""

    BOX = FormBox

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        """Where there is no room beside the fields, the frame has the help of the one that has the cursor."""
        row = next((row for row in self._rows if row in event.widget.ancestors), None)
        slim = self.has_class("-slim")
        self.query_one("#dialog").border_subtitle = row.field.help if slim and row is not None else CLOSES

    def rows(self, fields: Iterable[Field], values: Mapping[str, str]) -> Iterable[FieldRow]:
        return (FieldRow(field, values.get(field.name, field.value)) for field in fields)

    def problems(self, values: Mapping[str, str]) -> Mapping[str, str]:
        """What is wrong, by field."""
        return {}

    @property
    def _rows(self) -> Sequence[FieldRow]:
        return list(self.query(FieldRow))

    def values(self) -> dict[str, str]:
        return {row.field.name: row.value for row in self._rows}

    def checked(self) -> dict[str, str] | None:
        """The values, if nothing is wrong with them; else what is wrong is shown, with the cursor at the first of it."""
        values = self.values()
        problems = self.problems(values)
        for row in self._rows:
            row.show_problem(problems.get(row.field.name, ""))
        wrong = next((row for row in self._rows if row.field.name in problems), None)
        if wrong is not None:
            wrong.enter()
        return None if problems else values

    def enter(self, name: str) -> None:
        """The cursor into this field."""
        next(row for row in self._rows if row.field.name == name).enter()

    def _typed(self, event: Message) -> None:
        problems = self.problems(self.values())
        for row in self._rows:
            row.show_problem(problems.get(row.field.name, "") if row.changed else "")

    on_input_changed = on_select_changed = on_checkbox_changed = _typed
