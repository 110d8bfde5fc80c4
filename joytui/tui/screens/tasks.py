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
from joytui.tui.figures import credits, exact_credits, when
from joytui.tui.logs.format import clean
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog
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
        Binding("r", "running", "Running", tooltip="show only running tasks, or all"),
    ]

    class Read(Message):
        def __init__(self, tasks: Sequence[TaskView], problem: str = "") -> None:
            super().__init__()
            self.tasks = tasks
            self.problem = problem

    def __init__(self) -> None:
        super().__init__()
        self._tasks: Sequence[TaskView] | None = None
        self._running_alone = False
        self._seen = -1
        self._ticks = 0

    def compose_dialog(self) -> ComposeResult:
        yield Static("◌ asking the gateway", id="about")
        yield SortedTable(id="tasks")
        yield Static("⏎ its requests  ·  r only running  ·  o sorts", classes="note")

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

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.action_open()

    def action_open(self) -> None:
        entry = self.query_one(SortedTable).entry()
        if entry is not None:
            self.dismiss(entry.item)


def _about(tasks: Sequence[TaskView], shown: Sequence[TaskView]) -> Content:
    if not tasks:
        why = "A task is everything that one Codex prompt starts. Requests through this gateway carry its id."
        return Content.assemble(("No tasks in the last 24 hours.\n", "bold"), (why, "$quiet"))
    spent = exact_credits(sum(parse_credits(task.cost_credits) for task in shown))
    running = sum(task.state == "running" for task in tasks)
    which = "running" if len(shown) < len(tasks) else f"of the last 24 hours, {running:,} running"
    return Content.assemble(
        (f"{len(shown):,} {which}", "bold"), (f"  ·  {spent} Cr  ·  a task's line sums up its agents", "$quiet")
    )


def entries(tasks: Sequence[TaskView], now: datetime, zone: tzinfo | None) -> list[Entry]:
    """A line for each task, and below it one for each of its sub-agents. An entry's `item` is the filter that finds its requests."""
    made = []
    for task in tasks:
        of_task = {
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
        "state": Text("● running" if one.state == "running" else one.state),
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
