"""Tasks: each agent of Codex with its sub-agents, what they cost until now, and which of them run. It is read again as requests come."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import DataTable, Static

from joytui.core.amounts import count, span
from joytui.core.clock import parse_time
from joytui.core.errors import JoytuiError
from joytui.core.money import parse_credits
from joytui.tui.figures import credits, when
from joytui.tui.logs.format import clean
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.hints import Hints
from joytui.tui.widgets.sorted_table import Entry, SortedTable, TableColumn
from joytui.usage.agent_tree import branches

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import AgentView, TaskView

COLUMNS = (
    TableColumn("task", least=27),
    TableColumn("state", rank=1),
    TableColumn("credits", numeric=True),
    TableColumn("requests", rank=2, numeric=True),
    TableColumn("failed", rank=6, numeric=True),
    TableColumn("agents", rank=3, numeric=True),
    TableColumn("tokens", rank=7, numeric=True),
    TableColumn("age", rank=3, numeric=True),
    TableColumn("last", rank=5),
    TableColumn("key", rank=4),
    TableColumn("project", rank=2, least=12),
)
REFRESH_S = 1.0
STALE_TICKS = 15
"""An agent whose tool never comes back stops running although nothing is asked: so often it is read again anyway."""
MOST = 200
ID_END = 8


class TasksDialog(Dialog[str]):
    """⏎ closes it with the filter that finds the requests of the chosen task, or of its one agent."""

    DIALOG_TITLE = "Tasks: agents with their sub-agents"
    AUTO_FOCUS = "SortedTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "open", "Its requests"),
        Binding("b", "budget", "Raise", tooltip="raise what the selected task may cost, with all of its sub-agents"),
        Binding("r", "running", "Running", tooltip="show only running tasks, or all"),
        Binding("X", "stop", "Stop", tooltip="end it, after asking: the gateway then refuses its requests"),
        Binding("u", "resume", "Resume", tooltip="let a stopped task go on"),
    ]

    class Read(Message):
        def __init__(self, tasks: Sequence[TaskView], problem: str = "") -> None:
            super().__init__()
            self.tasks = tasks
            self.problem = problem

    class Changed(Message):
        """What came of stopping or resuming a task."""

        def __init__(self, words: str, *, error: bool = False) -> None:
            super().__init__()
            self.words = words
            self.error = error

    def __init__(self) -> None:
        super().__init__()
        self._tasks: Sequence[TaskView] | None = None
        self._running_alone = False
        self._seen = -1
        self._ticks = 0

    def compose_dialog(self) -> ComposeResult:
        yield Static("◌ asking the gateway", id="about")
        yield SortedTable(id="tasks")
        changes = (
            (("b", "raises its limit"), ("X", "stops it"), ("u", "resumes it")) if self.console.may_change() else ()
        )
        yield Hints(("⏎", "shows its requests"), *changes, ("r", "shows only running"), ("o", "sorts"))
        outcome = Static(id="outcome")
        outcome.display = False
        yield outcome

    def on_mount(self) -> None:
        self.set_interval(REFRESH_S, self._tick)
        self._tick()

    def _tick(self) -> None:
        """Asks again where requests have come since the last answer."""
        self._ticks += 1
        client, version = self.console.client, self.console.store.version
        if client is not None and (version != self._seen or self._ticks % STALE_TICKS == 0):
            self._seen = version
            self.run_worker(self._read(client), group="tasks", exclusive=True, exit_on_error=False)

    async def _read(self, client: ConsoleClient) -> None:
        try:
            self.post_message(self.Read(await client.tasks(limit=MOST)))
        except JoytuiError as error:
            self.post_message(self.Read((), error.what))

    def on_tasks_dialog_read(self, message: Read) -> None:
        if message.problem:
            self.query_one("#about", Static).update(Content.styled(f"✗ {visible(message.problem)}", "$error"))
        else:
            self.show(message.tasks)

    def show(self, tasks: Sequence[TaskView]) -> None:
        self._tasks = tasks
        shown = [task for task in tasks if task.state == "running" or not self._running_alone]
        now = datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)
        table = self.query_one(SortedTable)
        table.display = bool(shown)
        table.fill(COLUMNS, entries(shown, now, self.console.options.zone))
        self.query_one("#about", Static).update(_about(tasks, shown))

    def action_running(self) -> None:
        self._running_alone = not self._running_alone
        if self._tasks is not None:
            self.show(self._tasks)

    # --- stop, and resume ---

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action not in ("stop", "resume", "budget") or self.console.may_change()

    def _chosen(self) -> TaskView | None:
        """The task under the cursor, or that of the agent there."""
        entry = self.query_one(SortedTable).entry()
        tasks = self._tasks if entry is not None else ()
        return next((task for task in tasks or () if entry and f"{entry.id} ".startswith(f"{task.id} ")), None)

    def action_stop(self) -> None:
        from joytui.tui.screens.ask import Confirm

        task = self._chosen()
        if task is None:
            return
        if task.state == "stopped":
            self._tell("this task is already stopped: u resumes it", error=True)
            return
        agents = (
            "and its sub-agent "
            if task.agents == 2
            else f"and its {task.agents - 1} sub-agents "
            if task.agents > 2
            else ""
        )
        text = f"{visible(task.id, limit=100)} {agents}of {visible(task.key or 'no key', limit=80)}.\n\nIts running requests end now, and Codex says that the task was stopped. Resume it with u."
        question = Confirm("Stop this task?", text, "Stop")
        self.app.push_screen(question, lambda yes: self._change(task.id, stop=True) if yes else None)

    def action_resume(self) -> None:
        task = self._chosen()
        if task is not None and task.state != "stopped":
            self._tell("this task is not stopped", error=True)
        elif task is not None:
            self._change(task.id, stop=False)

    def _change(self, task: str, *, stop: bool) -> None:
        client = self.console.client
        if client is None:
            self._tell("there is no gateway to ask", error=True)
        else:
            self.run_worker(self._changing(client, task, stop), group="change", exit_on_error=False)

    async def _changing(self, client: ConsoleClient, task: str, stop: bool) -> None:
        try:
            await (client.stop_task if stop else client.resume_task)(task)
            self.post_message(self.Changed("the task is stopped" if stop else "the task is resumed"))
            self.post_message(self.Read(await client.tasks(limit=MOST)))
        except JoytuiError as error:
            self.post_message(self.Changed(f"{error.what}: {error.hint}" if error.hint else error.what, error=True))

    def on_tasks_dialog_changed(self, message: Changed) -> None:
        self._tell(message.words, error=message.error)

    def _tell(self, words: str, *, error: bool) -> None:
        mark, style = ("✗", "$error") if error else ("✓", "$success")
        self.query_one("#outcome", Static).display = True
        self.query_one("#outcome", Static).update(Content.styled(f"{mark} {visible(words, limit=300)}", style))

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.action_open()

    def action_budget(self) -> None:
        """Lets the chosen task, or that of the chosen agent, cost more."""
        from joytui.tui.screens.node_forms import RaiseForm

        entry = self.query_one(SortedTable).entry()
        if entry is not None:
            task = entry.id.partition(" ")[0]
            self.app.push_screen(RaiseForm(f"task:{task}", f"task {_end(task)}"), self._raised)

    def _raised(self, told: str | None) -> None:
        if told is not None:
            self._tell(told, error=False)

    def action_open(self) -> None:
        entry = self.query_one(SortedTable).entry()
        if entry is not None:
            self.dismiss(entry.item)


def _about(tasks: Sequence[TaskView], shown: Sequence[TaskView]) -> Content:
    if not tasks:
        why = "A task is everything that one Codex prompt starts. Requests through this gateway carry its id."
        return Content.assemble(("No tasks in the last 24 hours.\n", "bold"), (why, "$quiet"))
    spent = credits(sum(parse_credits(task.cost_credits) for task in shown))
    running = sum(task.state == "running" for task in tasks)
    which = "running" if len(shown) < len(tasks) else f"of the last 24 hours, {running:,} running"
    return Content.assemble((f"{len(shown):,} {which}", "bold"), (f"  ·  {spent} Cr  ·  sub-agents included", "$quiet"))


def entries(tasks: Sequence[TaskView], now: datetime, zone: tzinfo | None) -> list[Entry]:
    """A line for each task, and below it one for each of its sub-agents. An entry's `item` is the filter that finds its requests."""
    made = []
    for task in tasks:
        of_task = {
            "state": _stopped(task),
            "agents": str(task.agents),
            "key": clean(task.key or "–"),
            "project": clean(task.repo or task.project or ""),
        }
        made.append(_entry(task.id, clean(task.id), task, of_task, f'task:"{task.id}"', now, zone))
        for stem, agent in branches(task):
            name = clean(" ".join(part for part in (_end(agent.id), agent.subagent) if part) or "–")
            found = f'thread:"{agent.id}"' if agent.id else f'task:"{task.id}"'
            made.append(_entry(f"{task.id} {agent.id}", f"{stem}{name}", agent, {}, found, now, zone))
    return made


def _stopped(task: TaskView) -> str:
    return "" if task.state != "stopped" else "■ runaway" if task.stopped_why else "■ stopped"


def _end(thread: str | None) -> str:
    """The end of a thread's id, which tells it from those that began in the same minute."""
    return f"…{thread[-ID_END:]}" if thread and len(thread) > ID_END + 1 else thread or ""


def _entry(
    id: str,
    name: str,
    one: TaskView | AgentView,
    of_task: dict[str, str],
    found: str,
    now: datetime,
    zone: tzinfo | None,
) -> Entry:
    cost, tokens = parse_credits(one.cost_credits), one.input_tokens + one.output_tokens
    age = (now - parse_time(one.started_at)).total_seconds() * 1000
    last = parse_time(one.last_at)
    texts = {
        "task": Text(name),
        "state": Text(of_task.get("state") or ("● running" if one.state == "running" else one.state)),
        "credits": Text(credits(cost), "bold"),
        "requests": Text(f"{one.requests:,}"),
        "failed": Text(f"✗ {one.errors:,}" if one.errors else "–"),
        "tokens": Text(count(tokens)),
        "age": Text(span(max(0.0, age))),
        "last": Text(when(last, zone, now)),
        **{title: Text(of_task.get(title, "")) for title in ("agents", "key", "project")},
    }
    keys = {
        "credits": cost,
        "requests": one.requests,
        "failed": one.errors,
        "tokens": tokens,
        "age": age,
        "last": last.timestamp(),
    }
    return Entry(id, texts, keys | {"agents": int(of_task.get("agents", 0))}, found)
