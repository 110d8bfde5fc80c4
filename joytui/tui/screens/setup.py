"""The guided first run: what it would write, a question, four steps that tick themselves off, and the way to the turn in Logs."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Static
from textual.worker import Worker

from joytui.core.errors import JoytuiError
from joytui.tui.doctor import first_run
from joytui.tui.doctor import verdict_text as words
from joytui.tui.doctor.first_run import TITLES, Ended, Plan, Told
from joytui.tui.doctor.walk_lines import GLYPHS
from joytui.tui.doctor.worker import Order
from joytui.tui.lines import filled, hanging, quoted
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted

if TYPE_CHECKING:
    from joytui.core.records import Report

KEPT_LINES = 100
INTRO = (
    "Sets your Codex up with joytui's gateway, which records each request. This starts the gateway, makes a key for you (500 credits "
    "a day, from this machine only), writes config.toml and the key into .env beside it, tests everything, and runs a first turn. "
    "Both files are backed up, and u restores them."
)
_COLOURS = {"pass": "$success", "warn": "$warning", "fail": "bold $error", "running": "$warning"}


class SetupDialog(Dialog[Ended]):
    """Dismisses with how it ended; `turned` there only where the user wants to see the turn in Logs."""

    DIALOG_TITLE = "Set up Codex on this machine"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,a", "go_on", "Set up"),
        Binding("n", "new_key", "New key"),
    ]

    class Planned(Message):
        def __init__(self, plan: Plan | None, problem: str = "") -> None:
            super().__init__()
            self.plan = plan
            self.problem = problem

    class Step(Message):
        def __init__(self, told: Told) -> None:
            super().__init__()
            self.told = told

    class Said(Message):
        def __init__(self, line: str) -> None:
            super().__init__()
            self.line = line

    class Over(Message):
        def __init__(self, ended: Ended, problem: str = "") -> None:
            super().__init__()
            self.ended = ended
            self.problem = problem

    def __init__(self) -> None:
        super().__init__()
        self.told = {step: Told(step, "waiting") for step in TITLES}
        self.ended: Ended | None = None
        self._plan: Plan | None = None
        self._lines: list[str] = []
        self._work: Worker[None] | None = None
        self._cancel = threading.Event()

    def compose_dialog(self) -> ComposeResult:
        yield Fitted(id="intro")
        yield Fitted(id="steps")
        with VerticalScroll(id="said", classes="box", can_focus=False):
            yield Static(id="said-text", markup=False)
        yield Fitted(id="outcome")
        with Horizontal(id="buttons"):
            yield Button("Not now", id="no")
            yield Button("Set up", id="go")

    def on_mount(self) -> None:
        self.query_one("#intro", Fitted).show(quoted(INTRO))
        self._show_steps()
        self.query_one("#go").focus()
        if self.console.options.examine is not None:  # a console that only shows what it was given looks at nothing
            self.run_worker(self._look(), group="setup", exit_on_error=False)

    # What would be done

    async def _look(self) -> None:
        options = self.console.options
        try:
            plan = await asyncio.to_thread(first_run.planned, tuple(options.codex_args), options.places)
        except JoytuiError as error:
            self.post_message(self.Planned(None, _sentence(error)))
        else:
            self.post_message(self.Planned(plan))

    def on_setup_dialog_planned(self, message: Planned) -> None:
        self._plan = message.plan
        if message.plan is None:
            self.query_one("#go").display = False
            self._show_problem(message.problem)
        else:
            self.query_one("#outcome", Fitted).show(partial(plan_text, message.plan))

    # Doing it

    def action_go_on(self) -> None:
        if self.ended is not None and self.ended.report is not None:
            self.dismiss(self.ended)
        elif self._work is None and self._plan is not None:
            self._begin(new_key=False)

    def action_new_key(self) -> None:
        if self._work is None and self.ended is not None and self.ended.elsewhere:
            self._begin(new_key=True)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "go":
            self.action_go_on()
        else:
            self.action_close()

    def _begin(self, *, new_key: bool) -> None:
        if self.console.options.examine is None:
            self._show_problem("this console has no doctor")
            return
        self.ended = None
        self.told = {step: Told(step, "waiting") for step in TITLES}
        self.add_class("-ran")
        self.query_one("#outcome", Fitted).show(quoted(""))
        self.query_one("#go").display = False
        self.query_one("#no", Button).label = "Stop"
        self._show_steps()
        self._work = self.run_worker(self._run(new_key=new_key), group="setup", exit_on_error=False)

    async def _run(self, *, new_key: bool) -> None:
        options = self.console.options
        try:
            ended = await first_run.run(
                tuple(options.codex_args),
                options.places,
                self._examine,
                self._tell,
                self._heard,
                start=options.start_gateway,
                new_key=new_key,
            )
        except JoytuiError as error:
            self.post_message(self.Over(Ended(), _sentence(error)))
        else:
            self.post_message(self.Over(ended))

    def _tell(self, told: Told) -> None:
        self.post_message(self.Step(told))

    def _heard(self, line: str) -> None:
        self.post_message(self.Said(line))

    def _examine(self) -> Report:
        options = self.console.options
        assert options.examine is not None
        return options.examine(Order(0, True, tuple(options.codex_args)), lambda step: None, self._cancel.is_set)

    def on_setup_dialog_step(self, message: Step) -> None:
        self.told[message.told.step] = message.told
        self._show_steps()

    def on_setup_dialog_said(self, message: Said) -> None:
        self._lines = [*self._lines, visible(message.line)][-KEPT_LINES:]
        self.add_class("-talks")
        self.query_one("#said-text", Static).update("\n".join(self._lines))
        self.query_one("#said", VerticalScroll).scroll_end(animate=False)

    def on_setup_dialog_over(self, message: Over) -> None:
        self._work = None
        self.ended = message.ended
        if message.problem:
            for step, told in self.told.items():
                if told.status == "running":
                    self.told[step] = Told(step, "fail", told.words)
            self._show_steps()
            self._show_problem(message.problem)
        else:
            self.query_one("#outcome", Fitted).show(partial(outcome_text, message.ended))
        self.query_one("#no", Button).label = "Close"
        self.query_one("#go", Button).label = "Show it in Logs" if message.ended.turned else "To the doctor"
        self.query_one("#go").display = message.ended.report is not None
        self.query_one("#go" if message.ended.report is not None else "#no").focus()
        self.call_after_refresh(self.query_one("#dialog").scroll_end, animate=False)

    def action_close(self) -> None:
        self._cancel.set()
        if self._work is not None:
            self._work.cancel()
        report = self.ended.report if self.ended is not None else None
        self.dismiss(Ended(report))

    # Shown

    def _show_steps(self) -> None:
        self.query_one("#steps", Fitted).show(partial(steps_text, tuple(self.told.values())))

    def _show_problem(self, text: str) -> None:
        self.query_one("#outcome", Fitted).show(
            lambda width: hanging(visible(text), "✗", "$error", width, "bold $error")
        )


def _sentence(error: JoytuiError) -> str:
    place = f"{error.where}: " if error.where else ""
    return f"{place}{error.what}" + (f"\n→ {error.hint}" if error.hint else "")


def steps_text(steps: Sequence[Told], width: int) -> Content:
    """The four steps with their signs, and what came of each under it."""
    return Content("\n").join(_step(number, told, width) for number, told in enumerate(steps, 1))


def _step(number: int, told: Told, width: int) -> Content:
    sign, colour = GLYPHS[told.status], _COLOURS.get(told.status, "$quiet")
    title = Content.assemble((f"{sign} ", colour), (f"{number}  {TITLES[told.step]}", "bold"))
    if not told.words:
        return title
    under = (Content.styled(f"     {line}", "$quiet") for line in filled(visible(told.words), width - 5))
    return Content("\n").join((title, *under))


def plan_text(plan: Plan, width: int) -> Content:
    """What would be written, as a diff."""
    parts = []
    if not plan.codex:
        from joytui.core.codex_path import INSTALL_CODEX

        told = f"There is no codex on PATH yet; `{INSTALL_CODEX}` installs it. Steps 1 and 2 work without it."
        parts.append(hanging(told, "▲", "", width, "$warning"))
    if plan.remark:
        parts.append(hanging(visible(plan.remark), "▲", "", width, "$warning"))
    parts.append(
        words.patch(plan.patch) if plan.patch else Content(f"{visible(plan.config_file)} already has the provider.")
    )
    return Content("\n").join(parts)


def outcome_text(ended: Ended, width: int) -> Content:
    """What came of it, and the one thing to do next."""
    if ended.elsewhere:
        return hanging(
            "n makes a new key here, and the old one stops working. esc changes nothing.", "→", "$primary", width
        )
    if ended.turned:
        return hanging("Codex works. Enter shows its first turn in Logs.", "✓", "bold $success", width, "bold $success")
    if ended.report is not None and ended.report.verdict.works:
        return hanging("The gateway and the files are ready for Codex.", "✓", "bold $success", width, "bold $success")
    return hanging("Enter shows what the doctor found, and how to fix it.", "→", "$primary", width)
