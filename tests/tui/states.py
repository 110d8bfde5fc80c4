"""Every screen in each of its states, as something to open: the list behind the pictures and the contact sheets.

A state is a console over fixed data and what is done to it before its picture is taken. Nothing here asks a gateway, runs a
doctor or reads a clock.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

from textual.command import CommandList
from textual.content import Content
from textual.widgets import Input, TextArea

from joytui.core.clock import parse_time, rfc3339
from joytui.core.records import Report
from joytui.core.token_counts import UsageTotals
from joytui.tui.budgets.reading import OLDER, BudgetsSnapshot
from joytui.tui.doctor.first_run import Ended, Told
from joytui.tui.doctor.fixing import Offer
from joytui.tui.doctor.snapshot import DoctorSnapshot
from joytui.tui.keys.snapshot import KeysSnapshot
from joytui.tui.logs.beside import Beside
from joytui.tui.logs.replay import replay_question
from joytui.tui.logs.surroundings import Surroundings
from joytui.tui.people.owner import Subject
from joytui.tui.screens.audit import AuditDialog
from joytui.tui.screens.budgets import BudgetsDialog
from joytui.tui.screens.fix import FixDialog
from joytui.tui.screens.fleet import FleetDialog
from joytui.tui.screens.key_check import CheckDialog
from joytui.tui.screens.key_form import KeyForm
from joytui.tui.screens.key_shown import KeyShown
from joytui.tui.screens.keys import KeysScreen
from joytui.tui.screens.latency import LatencyDialog
from joytui.tui.screens.mend import MendDialog
from joytui.tui.screens.node_forms import LimitsForm, RaiseForm
from joytui.tui.screens.outliers import OutliersDialog
from joytui.tui.screens.owner import OwnerDialog
from joytui.tui.screens.reconcile import ReconcileDialog
from joytui.tui.screens.search import SearchDialog
from joytui.tui.screens.settings import SettingsDialog
from joytui.tui.screens.setup import SetupDialog
from joytui.tui.screens.tasks import TasksDialog
from joytui.tui.screens.triage import TriageDialog
from joytui.tui.screens.trial import TrialDialog
from joytui.tui.screens.turns import TurnsDialog
from joytui.tui.screens.wallets import WalletsDialog
from joytui.tui.settings import ConsoleSettings
from joytui.tui.state import LinkState
from joytui.tui.theme import theme_name
from joytui.tui.usage.reading import Sources
from joytui.tui.usage.snapshot import Question, UsageSnapshot
from joytui.tui.views import View
from joytui.usage.limits import key_forecast
from tests.tui import data
from tests.tui.opening import LIVE, console, done, fill, settle, usage

SIZES = ((80, 24), (120, 40), (200, 60))
THEMES = ("dark", "light")
Prepare = Callable[[Any, Any], Awaitable[None]]

STARTING = LinkState("starting", url="http://127.0.0.1:8791", waited_s=3)
FAILED = LinkState(
    "failed",
    note="port 8791 is taken by nginx (pid 4711), and it is no joytui gateway",
    hint="free the port, or `joytui gateway run --port 8792`",
)
LOST = LinkState("lost", url="http://127.0.0.1:8791", note="the gateway at http://127.0.0.1:8791 does not answer")
BEHIND = replace(LIVE, phase="behind", behind_s=14.0, upstream="https://api-dev.joytokens.ai/openai/v1")


@dataclass(frozen=True, slots=True)
class State:
    """`name` is "screen-what"; `prepare` gets the console and its pilot."""

    name: str
    prepare: Prepare
    wishes: dict[str, Any] = field(default_factory=dict)
    sizes: tuple[tuple[int, int], ...] = SIZES
    themes: tuple[str, ...] = THEMES
    no_color: bool = False

    @property
    def screen(self) -> str:
        first = self.name.partition("-")[0]
        return first if first in ("doctor", "logs", "usage", "keys") else "doctor"


@asynccontextmanager
async def opened(state: State, size: tuple[int, int]) -> AsyncIterator[tuple[Any, Any]]:
    """The console in this state, in the first of its themes."""
    with patch.dict(os.environ, {"NO_COLOR": "1"} if state.no_color else {}):  # read when the app is made
        app = console(state.screen, **{"theme": state.themes[0], **state.wishes})
    # The folder of the run must not be read from a picture.
    app.options = replace(app.options, places=app.options.places._replace(config_file=CONFIG_FILE))
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(app, pilot)
        await state.prepare(app, pilot)
        for box in app.screen.query(Input):
            box.cursor_blink = False
        for area in app.screen.query(TextArea):
            area.cursor_blink = False
        await settle(app, pilot)
        yield app, pilot


async def wear(app: Any, pilot: Any, theme: str) -> None:
    """The same console in another theme, as the theme key changes it."""
    app.theme = theme_name(theme, dark=True)
    await settle(app, pilot)


CONFIG_FILE = Path("/home/anna/.config/joytui/config.toml")


# What is done before the picture


def setting_up(steps: Sequence[Told], ended: Ended | None = None, said: Sequence[str] = ()) -> Callable[[Any], object]:
    """The set-up dialog with these steps told, Codex's lines, and its end."""

    def show(screen: Any) -> None:
        screen.add_class("-ran")
        screen.query_one("#outcome").show(lambda width: Content(""))
        for told in steps:
            screen.post_message(SetupDialog.Step(told))
        for line in said:
            screen.post_message(SetupDialog.Said(line))
        if ended is not None:
            screen.post_message(SetupDialog.Over(ended))

    return show


def pressed(*keys: str) -> Prepare:
    """The screen with its data, then these keys."""

    async def prepare(app: Any, pilot: Any) -> None:
        await fill(app, pilot)
        for key in keys:
            await pilot.press(key)
            await settle(app, pilot)

    return prepare


def showing(snapshot: Any, *keys: str, link: LinkState = LIVE) -> Prepare:
    """The screen with this snapshot, then these keys."""

    async def prepare(app: Any, pilot: Any) -> None:
        app.link_state = link
        await pilot.pause()
        shown = app.screen.show(snapshot)
        if shown is not None:
            await shown
        await settle(app, pilot)
        for key in keys:
            await pilot.press(key)
            await settle(app, pilot)

    return prepare


def linked(state: LinkState, *, filled: bool = False) -> Prepare:
    """Nothing but this connection; or the data, and then this connection."""

    async def prepare(app: Any, pilot: Any) -> None:
        if filled:
            await fill(app, pilot)
        app.link_state = state
        await settle(app, pilot)

    return prepare


def dialog(make: Callable[[Any], Any], then: Callable[[Any], object] | None = None, *keys: str) -> Prepare:
    """A dialog over the filled screen; `then` shows it what came."""

    async def prepare(app: Any, pilot: Any) -> None:
        await fill(app, pilot)
        screen = make(app)
        await app.push_screen(screen)
        await settle(app, pilot)
        if then is not None:
            then(screen)
            await settle(app, pilot)
        for key in keys:
            await pilot.press(key)
            await settle(app, pilot)

    return prepare


def refusal(status: int, *keys: str) -> Prepare:
    """The newest request with this status, its detail open."""

    async def prepare(app: Any, pilot: Any) -> None:
        await fill(app, pilot)
        store = app.store
        app.screen.view.go(max(i for i in range(len(store)) if store.status[i] == status))
        for key in ("enter", *keys):
            await pilot.press(key)
            await settle(app, pilot)

    return prepare


def told(text: str, *, error: bool = False) -> Prepare:
    async def prepare(app: Any, pilot: Any) -> None:
        await fill(app, pilot)
        app.tell(text, error=error)
        await settle(app, pilot)

    return prepare


def standing_out(*keys: str) -> Prepare:
    """Usage with its rate, its anomaly and its budget, then these keys."""

    async def prepare(app: Any, pilot: Any) -> None:
        await fill(app, pilot)
        app.screen.show(replace(app.screen.snapshot, insight=data.insight()))
        await settle(app, pilot)
        for key in keys:
            await pilot.press(key)
            await settle(app, pilot)

    return prepare


def foreseen(place: int) -> Prepare:
    """Keys with the cursor on this key, and whether its limits last."""

    async def prepare(app: Any, pilot: Any) -> None:
        await fill(app, pilot)
        key = data.keys()[place]
        app.screen.go_to(key.id)
        app.screen.post_message(
            KeysScreen.Foreseen(key.id, key_forecast(key.budgets, data.spending_of_a_key(), data.NOW))
        )
        await settle(app, pilot)
        if app.size.width < 110:
            await pilot.press("space")
            await settle(app, pilot)

    return prepare


def log_of_days(*keys: str) -> Prepare:
    """Requests of three days, the last of them today's, then these keys."""

    async def prepare(app: Any, pilot: Any) -> None:
        rows = data.requests(150)
        hours = (52, 49, 24)
        for place, row in enumerate(rows[:-1]):
            back = hours[place * 4 // len(rows)] if place * 4 // len(rows) < 3 else 0
            row["time"] = rfc3339(parse_time(row["time"]) - timedelta(hours=back))
        app.store.append(rows)
        app.link_state = LIVE
        await settle(app, pilot)
        app.screen.view.catch_up()
        app.screen.each_second()
        for key in keys:
            await pilot.press(key)
        await settle(app, pilot)

    return prepare


async def log_without_requests(app: Any, pilot: Any) -> None:
    app.codex_goes_to = "https://api-dev.joytokens.ai/openai/v1"
    app.link_state = LIVE
    await settle(app, pilot)


def log_of_codex(*keys: str, turns: bool = True) -> Prepare:
    """Codex's turns on a machine where no gateway runs, then these keys."""

    async def prepare(app: Any, pilot: Any) -> None:
        app.options = replace(app.options, turns_home=Path("/home/ada/.codex"))  # after the start: nothing is read
        app.codex_turns = SimpleNamespace(looked=True, beside=Beside(app.store))
        app.link_state = LinkState("idle", looked=True)
        app.codex_turns.beside.tell(data.codex_turns() if turns else [])
        app.screen.turns_came()
        await settle(app, pilot)
        await pilot.press(*keys)
        await settle(app, pilot)

    return prepare


async def timed(app: Any, pilot: Any) -> None:
    """A request whose every time was measured, as the gateway tells it when a detail is open."""
    await refusal(200)(app, pilot)
    screen = app.screen
    record = screen.selected()
    whole = replace(record, queue_ms=38.0, first_byte_ms=record.ttft_ms * 0.55)
    screen.post_message(screen.Surrounded(Surroundings(record.id, whole, data.keys()[1], ())))
    await settle(app, pilot)


async def palette(app: Any, pilot: Any) -> None:
    await fill(app, pilot)
    await pilot.press("ctrl+p")
    await pilot.pause()
    await settle(app, pilot)
    await pilot.press(*"cop")
    found = app.screen.query_one(CommandList)
    while not found.option_count:
        await pilot.pause()
    await settle(app, pilot)


async def form_with_mistakes(app: Any, pilot: Any) -> None:
    await fill(app, pilot)
    await app.push_screen(KeyForm(data.NOW))
    await settle(app, pilot)
    app.screen.query_one("#daily_limit", Input).value = "two"
    app.screen.query_one("#ip_allow", Input).value = "10.0.0.300"
    await pilot.press("ctrl+s")
    await settle(app, pilot)


async def settings_with_mistakes(app: Any, pilot: Any) -> None:
    await fill(app, pilot)
    await app.push_screen(SettingsDialog())
    await settle(app, pilot)
    app.screen.query_one("#budget", Input).value = "much"
    await pilot.press("ctrl+s")
    await settle(app, pilot)


def node_budget(place: int) -> Prepare:
    """The burn-down of a limit of the tree of budgets."""

    async def prepare(app: Any, pilot: Any) -> None:
        await fill(app, pilot)
        app.screen.show(replace(app.screen.snapshot, insight=data.insight_of_node(place)))
        await pilot.press("b")
        await settle(app, pilot)

    return prepare


async def triage(app: Any, pilot: Any) -> None:
    from joytui.doctor.triage import triage as read
    from joytui.tui.doctor.triage_text import answered

    await fill(app, pilot)
    screen = TriageDialog()
    await app.push_screen(screen)
    await settle(app, pilot)
    ticket = "unexpected status 404 Not Found: Not Found, url: https://api-dev.joytokens.ai/v1/responses"
    area = screen.query_one(TextArea)
    with screen.prevent(TextArea.Changed):
        area.text = ticket
    screen.query_one("#answer").show(partial(answered, read(ticket, ())))
    screen.query_one("#result").focus()  # a text area's cursor blinks
    await settle(app, pilot)


def created() -> Any:
    from joytui.core.wire import KeyCreated

    first = data.keys()[0].model_dump()
    return KeyCreated(**{**first, "name": "codex-dora", "key": "jt_local_" + "k7Qm" * 12})


def fix_offer() -> Any:
    fix = data.BASE_URL_PATH.verdict.fix
    assert fix is not None
    return Offer("", None, None, fix.summary, fix.patch or "", ("Comments and order of the file stay as they are.",))  # type: ignore[arg-type]


def running(report: Report, many: int) -> DoctorSnapshot:
    snapshot = DoctorSnapshot().started(send=True)
    for step in report.steps[:many]:
        snapshot = snapshot.with_step(step)
    return snapshot


def both_sources() -> UsageSnapshot:
    rows = data.usage_rows("day", "model", 7)
    codex = [{**row, "source": "codex", "cost_credits": "0"} for row in rows if row["model"] != "deepseek-v4"]
    sums, theirs = data.usage_totals(rows), data.usage_totals(codex)
    return UsageSnapshot(Question(source="both"), data.typed([*rows, *codex]), sums, source="both", codex_totals=theirs)


def usage_beside_before() -> UsageSnapshot:
    """A week beside the one before it, and one of the models cost nothing."""
    rows = data.usage_rows("day", "model", 7)
    free = [{**row, "cost_credits": "0"} if row["model"] == "deepseek-v4" else row for row in rows]
    before = data.usage_totals(data.usage_rows("day", "key", 7))._replace(cost_nano=4_917_300_000)
    return UsageSnapshot(Question(), data.typed(free), data.usage_totals(free), before=before)


def wild_usage() -> UsageSnapshot:
    """A Saturday that flattens all other days."""
    rows = data.usage_rows("day", "key", 7)
    wild = [
        {**row, "cost_credits": "10661.6475"} if row["day"] == "2026-11-21" and row["key"] == "ci-nightly" else row
        for row in rows
    ]
    return UsageSnapshot(Question(group="key"), data.typed(wild), data.usage_totals(wild))


async def opened_usage(app: Any, pilot: Any) -> None:
    """From the year into a day of a month, with its requests by hour."""
    await fill(app, pilot)
    screen = app.screen
    for range, keys in (("months", ("left", "enter")), ("calendar month", (*["left"] * 8, "enter"))):
        screen.show(usage(replace(screen.snapshot.asked, range=range)))
        for key in keys:
            await pilot.press(key)
            await settle(app, pilot)
    screen.show(usage(screen.snapshot.asked))
    await settle(app, pilot)


def codex_alone() -> UsageSnapshot:
    asked = Question(group="project", source="codex")
    rows = [{**row, "source": "codex", "cost_credits": "0"} for row in data.usage_rows("day", "project", 7)]
    for row in rows:
        row["project"] = {"team-a": "/home/anna/shop", "team-b": "/home/anna/payments-service-of-the-platform-team"}[
            row["project"]
        ]
    return UsageSnapshot(asked, data.typed(rows), data.usage_totals(rows), source="codex")


async def messages(app: Any, pilot: Any) -> None:
    await fill(app, pilot)
    app.tell("The config.toml block is copied.")
    app.tell("the gateway at http://127.0.0.1:8791 does not answer", error=True)
    app.tell(
        "while you were away: 10661 Cr on Sat 21 Nov 11:00–15:00, owner Ben · key ci-nightly; a shows it", warning=True
    )
    await pilot.press("exclamation_mark")
    await settle(app, pilot)


def outliers(app: Any) -> Any:
    return OutliersDialog(data.NOW - timedelta(days=7), data.NOW - timedelta(days=1), data.NOW)


def mending(name: str, **policy: Any) -> Prepare:
    """The dialog over a refusal, with a key whose policy refuses so."""
    from tests.tui import test_mend

    def record(app: Any) -> Any:
        text = {"limit": test_mend.LIMIT, "address": test_mend.ADDRESS, "wallet": test_mend.WALLET}[name]
        cause = "policy-rejected" if name == "address" else "insufficient-quota"
        return MendDialog(test_mend.refused(cause, text, ip="203.0.113.7", model="auto"))

    return dialog(record, lambda s: s.post_message(MendDialog.Known(test_mend.key(**policy))))


def mending_node() -> Prepare:
    """The same over a refusal by a team's limit."""
    from tests.tui import test_mend

    def record(app: Any) -> Any:
        return MendDialog(test_mend.refused("insufficient-quota", f"team:core: {test_mend.LIMIT}", model="auto"))

    return dialog(record, lambda s: s.post_message(MendDialog.Known(data.budgets().nodes[1])))


def wallets(app: Any) -> Any:
    return WalletsDialog()


async def views(app: Any, pilot: Any) -> None:
    await fill(app, pilot)
    found = [
        View("failed-today", "logs", {"filter": "is:error since:today"}),
        View("team", "usage", {"range": "month", "group": "owner", "table": "yes"}),
    ]
    with patch("joytui.tui.screens.views.load_views", lambda path: {view.name: view for view in found}):
        await pilot.press("V")
        await settle(app, pilot)


ASCII = {"ascii": True}
ELSEWHERE = {"surfaces": lambda args, how, verdict: data.SURFACES}

STATES: tuple[State, ...] = (
    # Doctor
    State("doctor-looking", linked(LinkState())),
    State("doctor-full", pressed()),
    State("doctor-healthy", showing(done(data.HEALTHY)), ELSEWHERE),
    State("doctor-patch", showing(done(data.BASE_URL_PATH)), {"offer": lambda verdict, args: None}),
    State("doctor-undecided", showing(done(data.UNDECIDED, sent=False))),
    State("doctor-no-codex", showing(done(data.NO_CODEX))),
    State("doctor-sending", showing(running(data.HEALTHY, 8))),
    State("doctor-stopped", showing(running(data.HEALTHY, 8).stopped())),
    State("doctor-failed", showing(DoctorSnapshot().started(send=True).failed("KeyError: 'status'. This is a bug in joytui; l, which checks only this machine, may still help"))),
    State("doctor-step", pressed("enter")),
    State("doctor-step-not-reached", pressed("down", "enter")),
    State("doctor-row", pressed("up", "up", "enter")),
    State("doctor-setup", dialog(lambda app: SetupDialog(), lambda s: s.post_message(SetupDialog.Planned(data.SETUP_PLAN)))),
    State("doctor-setup-no-codex", dialog(lambda app: SetupDialog(), lambda s: s.post_message(SetupDialog.Planned(replace(data.SETUP_PLAN, codex=False))))),
    State("doctor-setup-refused", dialog(lambda app: SetupDialog(), lambda s: s.post_message(SetupDialog.Planned(None, "config.toml:3: Codex cannot read the file\n→ `joytui doctor --fix` fixes it or says how; then `joytui setup` again")))),
    State("doctor-setup-under-way", dialog(lambda app: SetupDialog(), setting_up(data.SETUP_STEPS[:3]))),
    State("doctor-setup-other-key", dialog(lambda app: SetupDialog(), setting_up(data.SETUP_ELSEWHERE, Ended(elsewhere=True)))),
    State("doctor-setup-done", dialog(lambda app: SetupDialog(), setting_up(data.SETUP_STEPS, Ended(data.HEALTHY, turned=True), data.CODEX_SAYS))),
    State("doctor-fix", dialog(lambda app: FixDialog(fix_offer()))),
    State("doctor-triage", triage),
    State("doctor-fleet", dialog(lambda app: FleetDialog(data.NOW), lambda s: s.show(data.people()))),
    State("doctor-fleet-nobody", dialog(lambda app: FleetDialog(data.NOW), lambda s: s.show(()))),
    State("doctor-surfaces", pressed("w"), ELSEWHERE),
    State("doctor-try", dialog(lambda app: TrialDialog())),
    State("doctor-try-ran", dialog(lambda app: TrialDialog(), lambda s: [*map(s._say, data.CODEX_SAYS), s._show_problem("Codex said nothing for 60 s")])),
    State("doctor-try-works", dialog(lambda app: TrialDialog(), lambda s: [*map(s._say, data.CODEX_SAYS), s.post_message(TrialDialog.Ended(data.trial()))])),
    State("doctor-export", pressed("x")),
    State("doctor-help", pressed("question_mark")),
    # Logs
    State("logs-full", pressed()),
    State("logs-days", log_of_days()),
    State("logs-days-above", log_of_days("home", *["down"] * 40)),
    State("logs-empty", log_without_requests),
    State("logs-codex", log_of_codex()),
    State("logs-codex-failure", log_of_codex("e", "e", "enter")),
    State("logs-codex-nothing", log_of_codex(turns=False)),
    State("logs-starting", linked(STARTING)),
    State("logs-not-connected", linked(FAILED)),
    State("logs-lost", linked(LOST, filled=True)),
    State("logs-filtered", pressed("slash", *"status:4xx", "enter")),
    State("logs-filtered-nothing", pressed("slash", *"cost>99", "enter")),
    State("logs-filter-line", pressed("slash", *"key:codex-")),
    State("logs-filter-wrong", pressed("slash", *"stauts:4xx", "enter")),
    State("logs-paused", pressed("up", "up", "space")),
    State("logs-detail", refusal(200)),
    State("logs-running", pressed("enter")),
    State("logs-timeline", timed),
    State("logs-refusal", refusal(402)),
    State("logs-no-first-byte", refusal(502)),
    State("logs-compare", pressed("E", "space", "up", "equals_sign")),
    State("logs-patterns", pressed("p")),
    State("logs-turns", dialog(lambda app: TurnsDialog("0199f3a0-1111-7000-8000-000000000003", data.thread_records()))),
    State("logs-tasks", dialog(lambda app: TasksDialog(), lambda s: s.show(data.tasks()))),
    State("logs-tasks-none", dialog(lambda app: TasksDialog(), lambda s: s.show(()))),
    State("logs-latency", dialog(lambda app: LatencyDialog(), lambda s: s.show(data.latencies()))),
    State("logs-latency-first-token", dialog(lambda app: LatencyDialog(), lambda s: s.show(data.latencies()), "t", "left", "left")),
    State("logs-replay", dialog(lambda app: replay_question(app.screen.selected()))),
    State("logs-go-to-id", pressed("colon")),
    State("doctor-messages", messages),
    State("usage-outliers", dialog(outliers, lambda s: s.post_message(OutliersDialog.Found(data.insight())))),
    State("keys-owner", dialog(lambda app: OwnerDialog(Subject("Ben"), data.NOW), lambda s: s.post_message(OwnerDialog.Found(data.owner_card())))),
    State("keys-owner-gone", dialog(lambda app: OwnerDialog(Subject("Ben"), data.NOW))),
    State("logs-export-no-color", pressed("x", "down"), no_color=True, sizes=((120, 40),), themes=("dark",)),
    State("frame-settings-no-color", dialog(lambda app: SettingsDialog(), None, "enter"), ASCII, no_color=True, sizes=((120, 40),), themes=("dark",)),
    State("usage-no-outliers", dialog(outliers, lambda s: s.post_message(OutliersDialog.Found(replace(data.insight(), anomalies=()))))),
    State("logs-mend-limit", mending("limit", daily_limit="40", weekly_limit="100")),
    State("logs-mend-node", mending_node()),
    State("logs-mend-address", mending("address", ip_allow=["10.0.0.0/8"])),
    State("logs-mend-wallet", mending("wallet", daily_limit="40")),
    State("keys-columns", pressed("C")),
    State("logs-columns", pressed("C", "down", "down", "space", "end", "up", "space", "enter")),
    State("keys-wallets", dialog(wallets, lambda s: s.post_message(WalletsDialog.Known(*data.wallets())))),
    State("usage-budgets", dialog(lambda app: BudgetsDialog(), lambda s: s.show(data.budgets()))),
    State("usage-budgets-chosen", dialog(lambda app: BudgetsDialog(), lambda s: s.show(data.budgets(), "owner Anna: each day 50.00 → 60.00 Cr"), "down", "down", "down")),
    State("usage-budgets-none", dialog(lambda app: BudgetsDialog(), lambda s: s.show(BudgetsSnapshot(())))),
    State("usage-budgets-own", dialog(lambda app: BudgetsDialog(), lambda s: s.show(BudgetsSnapshot(()))), {"settings": ConsoleSettings(budget="180")}),
    State("usage-budgets-older", dialog(lambda app: BudgetsDialog(), lambda s: s.post_message(BudgetsDialog.Known(None, OLDER)))),
    State("usage-budgets-limits", dialog(lambda app: LimitsForm(data.budgets().nodes[1], "team core"))),
    State("usage-budgets-new", dialog(lambda app: LimitsForm(None, ""))),
    State("usage-budgets-raise", dialog(lambda app: RaiseForm("owner:Anna", "owner Anna", data.budgets().nodes[2].limits), None, *"12.5", "enter")),
    State("usage-budget-of-node", node_budget(2)),
    State("usage-budget-of-total", node_budget(5)),
    State("usage-audit", dialog(lambda app: AuditDialog(), lambda s: s.show(data.changes()))),
    State("usage-audit-filtered", dialog(lambda app: AuditDialog(), lambda s: s.show(data.changes()), "slash", *"key bea")),
    State("usage-audit-nothing-fits", dialog(lambda app: AuditDialog(), lambda s: s.show(data.changes()), "slash", *"zzz")),
    State("usage-audit-none", dialog(lambda app: AuditDialog(), lambda s: s.show(()))),
    State("usage-audit-beyond", dialog(lambda app: AuditDialog(), lambda s: s.post_message(AuditDialog.Known(problem="no", beyond=True)))),
    State("usage-audit-problem", dialog(lambda app: AuditDialog(), lambda s: s.post_message(AuditDialog.Known(problem="the gateway failed: HTTP 500")))),
    State("usage-audit-change", dialog(lambda app: AuditDialog(), lambda s: s.show(data.changes()), "down", "down", "enter")),
    State("usage-views", views),
    State("usage-views-none", pressed("V")),
    State("logs-export", pressed("x")),
    State("logs-help", pressed("question_mark")),
    # Usage
    State("usage-loading", showing(UsageSnapshot(Question(), loading=True))),
    State("usage-full", pressed()),
    State("usage-empty", showing(UsageSnapshot(Question(), totals=UsageTotals()))),
    State("usage-starting", linked(STARTING)),
    State("usage-not-connected", linked(FAILED)),
    State("usage-problem", showing(UsageSnapshot(Question(), problem="the gateway answered HTTP 500: database is locked"))),
    State("usage-day-by-key", showing(usage(Question(range="day", group="key", metric="requests")))),
    State("usage-month", showing(usage(Question(range="month")))),
    State("usage-before", showing(usage_beside_before())),
    State("usage-wild", showing(wild_usage())),
    State("usage-opened", opened_usage),
    State("usage-table", pressed("v")),
    State("usage-table-sorted", pressed("v", *"ooo")),
    State("usage-chosen", standing_out("left", "left", "down", "down")),
    State("usage-budget", standing_out("b")),
    State("usage-both", showing(both_sources())),
    State("usage-codex", showing(codex_alone())),
    State("usage-reconcile", dialog(lambda app: ReconcileDialog(Sources(None, None, Path()), Question(), data.NOW), lambda s: s.show(data.reconciliation()))),
    State("usage-help", pressed("question_mark")),
    # Keys
    State("keys-loading", showing(KeysSnapshot())),
    State("keys-full", pressed()),
    State("keys-empty", showing(KeysSnapshot(loaded=True))),
    State("keys-starting", linked(STARTING)),
    State("keys-not-connected", linked(FAILED)),
    State("keys-problem", showing(KeysSnapshot(data.keys(), True, "the gateway answered HTTP 500: database is locked"))),
    State("keys-disabled", showing(KeysSnapshot((data.keys()[0].model_copy(update={"state": "disabled"}), *data.keys()[1:]), loaded=True))),
    State("keys-detail", pressed("down", "space")),
    State("keys-forecast", foreseen(0)),
    State("keys-forecast-no-limit", foreseen(3)),
    State("keys-forecast-gone", foreseen(2)),
    State("keys-new", dialog(lambda app: KeyForm(data.NOW))),
    State("keys-new-wrong", form_with_mistakes),
    State("keys-limits", dialog(lambda app: KeyForm(data.NOW, data.keys()[2], ("daily_limit", "weekly_limit", "total_limit")))),
    State("keys-edit", dialog(lambda app: KeyForm(data.NOW, data.keys()[2]))),
    State("keys-dry-run-yes", dialog(lambda app: CheckDialog(data.keys()[0]), lambda s: s.post_message(CheckDialog.Answered(data.verdict(allowed=True))))),
    State("keys-dry-run-no", dialog(lambda app: CheckDialog(data.keys()[0]), lambda s: s.post_message(CheckDialog.Answered(data.verdict(allowed=False))))),
    State("keys-shown", dialog(lambda app: KeyShown(created(), app.link_state.base_url))),
    State("keys-rotate", pressed("r")),
    State("keys-revoke", pressed("down", "X")),
    State("keys-help", pressed("question_mark")),
    # The frame
    State("frame-palette", palette, themes=("dark",)),  # an open palette keeps its theme
    State("frame-palette-light", palette, themes=("light",)),
    State("frame-settings", dialog(lambda app: SettingsDialog())),
    State("frame-settings-choice", dialog(lambda app: SettingsDialog(), None, "enter")),
    State("usage-set-budget", dialog(lambda app: SettingsDialog("budget"))),
    State("frame-settings-wrong", settings_with_mistakes),
    State("frame-search", dialog(lambda app: SearchDialog())),
    State("frame-search-hits", pressed("ctrl+f", *"co")),
    State("frame-search-nothing", dialog(lambda app: SearchDialog(), lambda s: s.post_message(SearchDialog.Answered("req_42", None)))),
    State("frame-jump", pressed("ctrl+o")),
    State("frame-behind", linked(BEHIND, filled=True)),
    State("frame-told", told("codex-ben is disabled: every Codex that uses it gets 403. d enables it.")),
    State("frame-told-error", told("the gateway answered HTTP 500: database is locked", error=True)),
    # Without colour, without more than ASCII, in high contrast
    *(State(f"{screen}-ascii", pressed(), ASCII, ((80, 24), (120, 40)), ("dark",)) for screen in ("doctor", "logs", "usage", "keys")),
    *(State(f"{screen}-contrast", pressed(), {}, ((80, 24), (120, 40)), ("contrast", "contrast-light")) for screen in ("doctor", "logs", "usage", "keys")),
    *(State(f"{screen}-no-color", pressed(), {}, ((80, 24), (120, 40)), ("dark",), no_color=True) for screen in ("doctor", "logs", "usage", "keys")),
    # Narrower than the smallest that is promised
    *(State(f"{screen}-narrow", pressed(), {}, ((60, 20), (40, 12)), ("dark",)) for screen in ("doctor", "logs", "usage", "keys")),
)  # fmt: skip
