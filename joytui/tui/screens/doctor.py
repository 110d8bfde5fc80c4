"""Doctor: why does my Codex not work, exactly, and what do I type to fix it?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, TypeVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Static

from joytui.core.codex_path import INSTALL_CODEX
from joytui.core.errors import JoytuiError
from joytui.tui.doctor.fixing import Trial, accept, fixable, offer, settle, take_back
from joytui.tui.doctor.snapshot import DoctorSnapshot
from joytui.tui.doctor.verdict_text import SEND_COSTS, context_line
from joytui.tui.doctor.walk_lines import no_codex, walk_lines
from joytui.tui.doctor.worker import Examined, Order, StepCame, run_doctor
from joytui.tui.screens.base import ConsoleScreen
from joytui.tui.widgets.verdict import VerdictPane
from joytui.tui.widgets.walk import Walk

if TYPE_CHECKING:
    from joytui.core.records import Report
    from joytui.tui.doctor.first_run import Ended
    from joytui.tui.export.exported import Exported

Done = TypeVar("Done")


def _reached(report: Report) -> bool:
    """Whether the walk came as far as asking the gateway something."""
    return any(step.id == "net.answer" and step.status != "skip" for step in report.steps)


class DoctorScreen(ConsoleScreen):
    MODE = "doctor"
    CSS_PATH = "doctor.tcss"
    AUTO_FOCUS = "Walk"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("r", "send", "Test", tooltip=f"send test requests through the gateway. {SEND_COSTS}"),
        Binding("l", "look", "Look again", tooltip="run the local checks again; nothing is sent", show=False),
        Binding("escape", "cancel", "Stop", tooltip="stop the test requests"),
        Binding("f", "fix", "Fix", tooltip="show the change that fixes it, and apply it"),
        Binding("s", "set_up", "Set up", tooltip="set Codex up with the gateway on this machine, step by step"),
        Binding("p", "triage", "Ticket", tooltip="paste a ticket and find its cause"),
        Binding("u", "undo", "Undo", tooltip="undo the latest fix", show=False),
        Binding("y", "copy_fix", "Copy fix", tooltip="copy the commands of the fix"),
        Binding("c", "copy_ticket", "Copy verdict", tooltip="copy the verdict as text for a ticket, redacted"),
        Binding("b", "copy_block", "Config", tooltip="copy the guide's config.toml block"),
        Binding("t", "try_turn", "Try a turn", tooltip="one real Codex turn through the local gateway"),
        Binding(
            "w", "surfaces", "Where", tooltip="where else Codex may start, and whether its key is there", show=False
        ),
        Binding("F", "fleet", "Fleet", tooltip="whose Codex works, among those that send telemetry", show=False),
        Binding("e", "app.export", "Export", show=False),
        Binding("left,h", "focus_walk", "Walk", show=False),
        Binding("right", "focus_verdict", "Verdict", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = DoctorSnapshot()
        self._run = 0
        self._trial: Trial | None = None
        self._cancel = threading.Event()

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="context")
        with Horizontal(id="body"):
            yield Walk(id="walk")
            yield VerdictPane(id="verdict")

    async def on_mount(self) -> None:
        self.query_one("#walk").border_title = "checks"
        self.query_one("#verdict").border_title = "verdict"
        await self.show(self.snapshot)
        self.watch(self.app, "drawn", self._begin)

    def _begin(self, drawn: bool) -> None:
        """The first look, once there is something to look at: its imports would hold up the first frame."""
        if drawn:
            self.call_after_refresh(self._start, send=False)

    def on_unmount(self) -> None:
        self._cancel.set()

    # Running

    async def _start(self, *, send: bool) -> None:
        examine = self.console.options.examine
        if examine is None:
            return
        self._cancel.set()
        self._cancel = threading.Event()
        self._run += 1
        order = Order(self._run, send, tuple(self.console.options.codex_args))
        await self.show(self.snapshot.started(send=send))
        body = partial(run_doctor, order, self, self._cancel, examine)
        self.run_worker(body, thread=True, group="doctor", name="doctor", exit_on_error=False)

    async def on_step_came(self, message: StepCame) -> None:
        if message.run == self._run and self.snapshot.running:
            await self.show(self.snapshot.with_step(message.step))

    async def on_examined(self, message: Examined) -> None:
        if message.run != self._run or not self.snapshot.running:
            return
        trial, self._trial = self._trial, None
        if message.report is not None and trial is not None:
            self.run_worker(self._settle(trial, message.report, sent=message.sent), group="fix", exclusive=True)
        elif message.report is not None:
            await self._finished(message.report, sent=message.sent)
        elif message.problem:
            await self.show(self.snapshot.failed(message.problem))
        else:
            await self.show(self.snapshot.stopped())

    async def _settle(self, trial: Trial, report: Report, *, sent: bool) -> None:
        """A fix was examined: it stands if it helped, else it is undone, and the report before it holds again."""
        report, words = await asyncio.to_thread(settle, trial, report, self.console.options.places)
        await self._finished(report, sent=sent)
        if words:
            self.console.tell(words, error=True)

    async def _finished(self, report: Report, *, sent: bool) -> None:
        self._say_when(report, sent=sent)
        self.console.need_gateway(peek=True)
        base_url = report.effective.get("base_url")
        there = base_url is not None and base_url.value and not no_codex(report)
        self.console.codex_goes_to = str(base_url.value) if base_url is not None and there else None
        await self.show(self.snapshot.finished(report, sent=sent))

    def _say_when(self, report: Report, *, sent: bool) -> None:
        """The moment of this look, and where it found what the one before found, a word that it was one."""
        clock = f"{self.now().astimezone(self.console.options.zone):%H:%M:%S}"
        self.query_one("#verdict").border_subtitle = f"{'tested' if sent else 'checked'} {clock}"
        before = self.snapshot.report
        if before is not None and before.verdict == report.verdict:
            why = (
                " Nothing was sent: this stops Codex before its first request." if sent and not _reached(report) else ""
            )
            self.console.tell(f"checked again at {clock}: the same verdict.{why}")

    async def show(self, snapshot: DoctorSnapshot) -> None:
        """The whole screen as a function of one snapshot."""
        before, self.snapshot = self.snapshot, snapshot
        self.query_one("#context", Static).update(context_line(snapshot))
        walk = self.query_one(Walk)
        walk.show(walk_lines(snapshot))
        if snapshot.report is not None and snapshot.report is not before.report:
            walk.land()
        await self.query_one(VerdictPane).show(snapshot)
        self.refresh_bindings()

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        report = self.snapshot.report
        if action == "cancel":
            return self.snapshot.running
        if action in ("send", "look"):
            return not self.snapshot.running
        if action == "copy_fix":
            return bool(report and report.verdict.fix)
        if action == "fix":
            return bool(report and not self.snapshot.running and fixable(report.verdict))
        if action == "set_up":
            return not self.snapshot.running and not (report and report.verdict.works)
        if action == "copy_ticket":
            return report is not None
        return True

    async def action_send(self) -> None:
        await self._start(send=True)

    async def action_look(self) -> None:
        await self._start(send=False)

    async def action_cancel(self) -> None:
        self._cancel.set()
        await self.show(self.snapshot.stopped())
        self.console.tell("stopped; the earlier result stays")

    def action_fix(self) -> None:
        self.run_worker(self._fix(), group="fix", exclusive=True)

    def action_set_up(self) -> None:
        from joytui.tui.screens.setup import SetupDialog

        if self.console.options.gateway_url is not None:
            self.console.tell(
                "set-up is for the gateway on this machine, but this console shows another one", error=True
            )
            return
        self.app.push_screen(SetupDialog(), self._set_up)

    async def _set_up(self, ended: Ended | None) -> None:
        """After the guided first run: its report here, and the turn in Logs where the user wants to see it."""
        if ended is None or ended.report is None:
            await self._start(send=False)
            return
        await self._finished(ended.report, sent=True)
        if ended.turned:
            self.console.show_logs("")

    def action_undo(self) -> None:
        self.run_worker(self._undo(), group="fix", exclusive=True)

    async def _fix(self) -> None:
        """The diff, the question, the change, and the doctor once more."""
        from joytui.tui.screens.fix import FixDialog

        report = self.snapshot.report
        if report is None:
            return
        args = tuple(self.console.options.codex_args)
        chosen = await asyncio.to_thread(self.console.options.offer or offer, report.verdict, args)
        if chosen is None:
            self.console.tell("no file change fixes this any more; l checks again")
        elif await self.app.push_screen_wait(FixDialog(chosen)):
            self._trial = await self._made(partial(accept, chosen, report, self.console.options.places))
            if self._trial is not None:
                self.console.tell(self._trial.words)
                await self._start(send=self.snapshot.sent)

    async def _undo(self) -> None:
        words = await self._made(partial(take_back, self.console.options.places))
        if words is not None:
            self.console.tell(words)
            await self._start(send=self.snapshot.sent)

    async def _made(self, change: Callable[[], Done]) -> Done | None:
        """A change of files in a thread; None if it was refused, which is said."""
        try:
            return await asyncio.to_thread(change)
        except JoytuiError as error:
            self.console.tell(str(error))
            return None

    def action_copy_fix(self) -> None:
        from joytui.tui.doctor.ticket import fix_text

        report = self.snapshot.report
        if report and no_codex(report):
            self.console.copy(INSTALL_CODEX, "The command that installs Codex")
        elif report and report.verdict.fix:
            self.console.copy(fix_text(report.verdict.fix), "The fix")

    def action_copy_ticket(self) -> None:
        from joytui.tui.doctor.ticket import ticket_text

        if self.snapshot.report:
            self.console.copy(ticket_text(self.snapshot.report), "The verdict")

    def action_copy_block(self) -> None:
        from joytui.core.joytoken import config_block

        self.console.copy(config_block(), "The config.toml block")

    def action_try_turn(self) -> None:
        self.console.action_try_turn()

    def action_triage(self) -> None:
        from joytui.tui.screens.triage import TriageDialog

        self.app.push_screen(TriageDialog())

    def action_surfaces(self) -> None:
        from joytui.tui.screens.surfaces import SurfacesDialog

        report = self.snapshot.report
        self.app.push_screen(SurfacesDialog(report.verdict if report and self.snapshot.sent else None))

    def action_fleet(self) -> None:
        from joytui.tui.screens.fleet import FleetDialog

        self.console.need_gateway(peek=True)
        self.app.push_screen(FleetDialog(self.now()))

    def exported(self) -> Exported | None:
        from joytui.tui.export.screens import report_exported

        return report_exported(self.snapshot.report, self.now()) if self.snapshot.report else None

    def action_focus_walk(self) -> None:
        self.query_one(Walk).focus()

    def action_focus_verdict(self) -> None:
        self.query_one(VerdictPane).focus()

    def on_walk_chosen(self, message: Walk.Chosen) -> None:
        from joytui.tui.screens.step import StepDialog

        self.app.push_screen(StepDialog(message.line, self.snapshot))
