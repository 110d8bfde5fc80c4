"""One real Codex turn through the local gateway, config.toml untouched."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Static
from textual.worker import Worker

from joytui.core.errors import JoytuiError
from joytui.core.joytoken import try_command
from joytui.tui.lines import quoted
from joytui.tui.shown import visible
from joytui.tui.state import LinkState
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted

if TYPE_CHECKING:
    from joytui.client.trial import TrialOutcome

KEPT_LINES = 200


class TrialDialog(Dialog[None]):
    """Asks first; then Codex's own words as they come, and what came of it. Escape ends Codex and closes."""

    DIALOG_TITLE = "Try one Codex turn"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter,r", "run", "Run"),
        Binding("y", "copy_command", "Copy command"),
        Binding("b", "copy_block", "Copy config.toml"),
    ]

    class Said(Message):
        def __init__(self, line: str) -> None:
            super().__init__()
            self.line = line

    class Ended(Message):
        def __init__(self, outcome: TrialOutcome | None, problem: str = "") -> None:
            super().__init__()
            self.outcome = outcome
            self.problem = problem

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[str] = []
        self._work: Worker[None] | None = None
        self._waiting = False

    def compose_dialog(self) -> ComposeResult:
        yield Static(
            "Makes a key for one hour, runs one real Codex turn through the gateway (read-only, in an empty folder) and "
            "revokes the key. Your config.toml stays as it is. By hand:",
            id="intro",
        )
        command = Fitted(classes="box", id="command")
        command.show(quoted(try_command(self.console.link_state.base_url)))
        yield command
        with VerticalScroll(id="said", classes="box"):
            yield Static(id="said-text", markup=False)
        yield Static(id="outcome")
        with Horizontal(id="buttons"):
            yield Button("Copy command", id="copy")
            yield Button("Run", id="run")

    def on_mount(self) -> None:
        self.query_one("#run").focus()
        self.watch(self.app, "link_state", self._link_changed, init=False)

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "run":
            self.action_run()
        else:
            self.action_copy_command()

    def action_copy_command(self) -> None:
        self.console.copy(try_command(self.console.link_state.base_url), "The command")

    def action_copy_block(self) -> None:
        self.console.copy_block()

    def action_run(self) -> None:
        if self._work is not None or self._waiting:
            return
        link = self.console.link
        if link is None:
            self._show_problem("this console has no gateway")
            return
        if link.client is not None and self.console.link_state.connected:
            self._begin()
            return
        self._waiting = True
        self._say("starting the gateway…")
        self.console.need_gateway(start=self.console.options.start_gateway)

    def _link_changed(self, state: LinkState) -> None:
        if not self._waiting:
            return
        if state.connected:
            self._waiting = False
            self._begin()
        elif state.phase in ("failed", "off"):
            self._waiting = False
            self._show_problem(f"{state.note} {state.hint}".strip())

    def _begin(self) -> None:
        self._lines.clear()
        self._say("starting Codex…")
        self._work = self.run_worker(self._turn(), group="trial", exit_on_error=False)

    async def _turn(self) -> None:
        from joytui.client.trial import run_trial

        client = self.console.client
        if client is None:
            return
        try:
            outcome = await run_trial(client, on_line=self._heard)
        except JoytuiError as error:
            self.post_message(self.Ended(None, f"{error.what}\n→ {error.hint}" if error.hint else error.what))
        else:
            self.post_message(self.Ended(outcome))

    def _heard(self, line: str) -> None:
        self.post_message(self.Said(line))

    def on_trial_dialog_said(self, message: Said) -> None:
        self._say(message.line)

    def _say(self, line: str) -> None:
        self._lines = [*self._lines, visible(line)][-KEPT_LINES:]
        self.add_class("-ran")
        self.query_one("#said-text", Static).update("\n".join(self._lines))
        self.query_one("#said", VerticalScroll).scroll_end(animate=False)

    def on_trial_dialog_ended(self, message: Ended) -> None:
        self._work = None
        if message.outcome is None:
            self._show_problem(message.problem)
        else:
            self._show_outcome(outcome_text(message.outcome))

    def _show_problem(self, text: str) -> None:
        self._show_outcome(Content.styled(f"✗ {visible(text)}", "bold $error"))

    def _show_outcome(self, words: Content) -> None:
        self.query_one("#outcome", Static).update(words)
        self.call_after_refresh(self.query_one("#dialog").scroll_end, animate=False)

    def action_close(self) -> None:
        if self._work is not None:
            self._work.cancel()
        self.dismiss(None)


def outcome_text(outcome: TrialOutcome) -> Content:
    """What came of the turn: it works or not, what it said, what it cost (in the summary)."""
    glyph, colour = ("✓", "$success") if outcome.works else ("✗", "$error")
    return Content.assemble(
        (f"{glyph} {visible(outcome.summary)}", f"bold {colour}"),
        (f"\n“{visible(outcome.said, limit=400)}”" if outcome.said else "", ""),
        ("\nesc, then 2, shows it in Logs." if outcome.requests else "", "$quiet"),
    )
