"""One Codex thread as the list of its turns, with what each cost and what the thread has cost by then."""

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
from joytui.core.errors import JoytuiError
from joytui.core.request import ROLLOUT
from joytui.core.token_counts import TokenCounts
from joytui.tui.figures import credits, exact_credits, when
from joytui.tui.logs.format import clean
from joytui.tui.logs.turns import Turn, turns
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.sorted_table import Entry, SortedTable, TableColumn

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.request import RequestRecord

COLUMNS = (
    TableColumn("turn", numeric=True),
    TableColumn("time", rank=1),
    TableColumn("requests", rank=4, numeric=True),
    TableColumn("model", least=10),
    TableColumn("in", rank=5, numeric=True),
    TableColumn("out", rank=6, numeric=True),
    TableColumn("took", rank=3, numeric=True),
    TableColumn("failed", rank=2, numeric=True),
    TableColumn("credits", numeric=True),
    TableColumn("by then", rank=2, numeric=True),
)
MOST = 2_000
"""How many of a thread's newest requests are read."""


class TurnsDialog(Dialog[str]):
    """Shows what Logs has at once, and the whole thread when the gateway has told it. ⏎ closes it with the filter that finds the
    requests of the chosen turn; on the totals, of the thread."""

    DIALOG_TITLE = "One thread, turn by turn"
    AUTO_FOCUS = "SortedTable"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "open", "Its requests")]

    class Read(Message):
        def __init__(self, records: Sequence[RequestRecord], problem: str = "") -> None:
            super().__init__()
            self.records = records
            self.problem = problem

    def __init__(self, thread: str, here: Sequence[RequestRecord]) -> None:
        super().__init__()
        self._thread = thread
        self._here = here

    @property
    def filter(self) -> str:
        """What finds the thread in Logs."""
        return f'thread:"{self._thread}"'

    def compose_dialog(self) -> ComposeResult:
        yield Static(id="about")
        yield SortedTable(id="turns")

    def on_mount(self) -> None:
        self.show(self._here, reading=self.console.client is not None)
        if (client := self.console.client) is not None:
            self.run_worker(self._read(client), group="turns", exclusive=True, exit_on_error=False)

    async def _read(self, client: ConsoleClient) -> None:
        from joytui.client.pages import newest_requests

        try:
            self.post_message(self.Read(await newest_requests(client, self.filter, limit=MOST)))
        except JoytuiError as error:
            self.post_message(self.Read(self._here, error.what))

    def on_turns_dialog_read(self, message: Read) -> None:
        """The gateway's requests of the thread, and the turns that only Codex reports."""
        told = {record.turn_id for record in message.records}
        alone = [one for one in self._here if one.source == ROLLOUT and one.turn_id not in told]
        self.show([*message.records, *alone], problem=message.problem)

    def show(self, records: Sequence[RequestRecord], *, reading: bool = False, problem: str = "") -> None:
        found = turns(records)
        now = datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)
        table = self.query_one(SortedTable)
        rows, totals = entries(found, now, self.console.options.zone)
        table.fill(COLUMNS, rows, totals)
        spent = exact_credits(sum(turn.cost_nano for turn in found))
        state = f"✗ {visible(problem)}" if problem else "◌ asking the gateway for the whole thread" if reading else ""
        newest = f"its newest {MOST:,} requests" if len(records) >= MOST else f"{len(found):,} turns"
        self.query_one("#about", Static).update(
            Content.assemble(
                (visible(self._thread), "bold"),
                (f"\n{newest}, {spent} Cr", ""),
                (f"  ·  {state}" if state else "", "$error" if problem else "$quiet"),
            )
        )

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.action_open()

    def action_open(self) -> None:
        entry = self.query_one(SortedTable).entry()
        self.dismiss(entry.item.filter if entry is not None else self.filter)


def entries(found: Sequence[Turn], now: datetime, zone: tzinfo | None) -> tuple[list[Entry], Entry]:
    """One a turn, oldest first, and the totals."""
    made = []
    for turn in found:
        keys = _numbers(len(turn.requests), turn.failed, turn.tokens, turn.cost_nano)
        keys |= {"turn": turn.number, "time": turn.begin_ms, "took": turn.took_ms or 0, "by then": turn.spent_nano}
        cells = _cells(keys) | {
            "turn": Text(str(turn.number)),
            "time": Text(when(datetime.fromtimestamp(turn.begin_ms / 1000, UTC), zone, now)),
            "model": Text(clean(", ".join(turn.models))),
            "took": Text("running" if turn.took_ms is None else span(turn.took_ms)),
            "by then": Text(credits(turn.spent_nano)),
        }
        made.append(Entry(str(turn.number), cells, keys, turn))
    requests = sum(len(turn.requests) for turn in found)
    sums = TokenCounts.sum(turn.tokens for turn in found)
    totals = _cells(_numbers(requests, sum(t.failed for t in found), sums, sum(t.cost_nano for t in found)))
    blank = {column.title: Text("") for column in COLUMNS}
    return made, Entry("", blank | totals | {"time": Text("all", "bold")})


def _numbers(requests: int, failed: int, tokens: TokenCounts, cost: int) -> dict[str, float]:
    return {"requests": requests, "failed": failed, "in": tokens.input, "out": tokens.output, "credits": cost}


def _cells(numbers: dict[str, float]) -> dict[str, Text]:
    failed = int(numbers["failed"])
    return {
        "requests": Text(f"{int(numbers['requests']):,}"),
        "failed": Text(f"✗ {failed:,}" if failed else "–"),
        "in": Text(count(int(numbers["in"]))),
        "out": Text(count(int(numbers["out"]))),
        "credits": Text(credits(int(numbers["credits"])), "bold"),
    }
