"""Codex's turns beside the requests of a gateway: which turn a request belongs to, so that nothing is shown twice.

A request is a turn's by its ids (those of its answers, or the one in the words of its failure), else by thread and turn, else,
where the request names no turn, by thread and time. The gateway's row wins; its `sources` then name the rollout too, and what it lacks
(FROM_ROLLOUT) comes from there. A turn of
which a gateway has a request has no row of its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from joytui.codex.rollouts import Turn
from joytui.core.columnar import Block, coded, milliseconds
from joytui.core.request import ROLLOUT, RequestRecord, joined, parted
from joytui.usage.turns import failure_of, turn_record, turn_row_id

MOST = 20_000
"""How many turns are remembered; the oldest are forgotten first."""
SLACK_MS = 2_000
"""What clocks and buffers may differ by where nothing but the time joins."""
FROM_ROLLOUT = ("branch", "turn_id", "project", "root_thread", "parent_thread", "subagent", "repo", "commit_hash")
"""What no gateway knows (the branch), and what telemetry does not tell, which names the thread alone (observed with 0.171.0)."""
_IDS = ("upstream_id", "request_id", "id")


class TurnIndex:
    """Turns by what tells that a request is theirs."""

    def __init__(self, turns: Iterable[Turn] = ()) -> None:
        self._turns: dict[str, Turn] = {}
        self._by_id: dict[str, str] = {}
        self._by_turn: dict[str, str] = {}
        self._by_thread: dict[str, list[str]] = {}
        for turn in turns:
            self.add(turn)

    def __len__(self) -> int:
        return len(self._turns)

    def add(self, turn: Turn) -> None:
        """One more, or what is known of it now."""
        own = turn_row_id(turn)
        if own not in self._turns:
            self._by_thread.setdefault(turn.thread, []).append(own)
            if turn.turn:
                self._by_turn[turn.turn] = own
        self._turns[own] = turn
        failed = failure_of(turn).request_id if turn.error else None
        for name in (*turn.responses, *([failed] if failed else [])):
            self._by_id[name] = own
        if len(self._turns) > MOST:
            self._forget(self._turns.pop(next(iter(self._turns))))

    def _forget(self, turn: Turn) -> None:
        self._by_turn.pop(turn.turn or "", None)
        for name in turn.responses:
            self._by_id.pop(name, None)
        places = self._by_thread.get(turn.thread, [])
        del places[:1]
        if not places:
            self._by_thread.pop(turn.thread, None)

    def of_record(self, record: RequestRecord) -> Turn | None:
        """The turn that a request belongs to."""
        ids = (record.upstream_id, record.request_id, record.id)
        return self._found(ids, record.thread_id, record.turn_id, milliseconds(record.time))

    def of_block(self, block: Block) -> dict[int, Turn]:
        """The turns that a block's requests belong to, by row. Costs nothing per row where none does."""
        turns, threads = block.texts["turn_id"], block.texts["thread_id"]
        near = self._by_turn.keys() & set(turns.values) or self._by_thread.keys() & set(threads.values)
        if not self._turns or not (near or any(not self._by_id.keys().isdisjoint(block.ids[name]) for name in _IDS)):
            return {}
        found = {}
        for row in range(block.rows):
            ids = [block.ids[name][row] for name in _IDS]
            thread, turn = threads.values[threads.codes[row]], turns.values[turns.codes[row]]
            if (hit := self._found(ids, thread, turn, block.numbers["time"][row])) is not None:
                found[row] = hit
        return found

    def _found(self, ids: Sequence[str | None], thread: str | None, turn: str | None, ms: int) -> Turn | None:
        own = next((self._by_id[name] for name in ids if name in self._by_id), None)
        own = own or (self._by_turn.get(turn) if turn else None)
        if own is not None:
            return self._turns.get(own)
        return self._at(thread, ms) if thread and not turn else None

    def _at(self, thread: str, ms: int) -> Turn | None:
        """The turn of a thread in which that moment lies."""
        for own in reversed(self._by_thread.get(thread, ())):
            turn = self._turns.get(own)
            if turn is not None and (begin := turn.time.timestamp() * 1000) - SLACK_MS <= ms:
                end = begin + (turn.duration_ms or 0) + SLACK_MS
                return turn if ms <= end or turn.outcome in ("running", "unfinished") else None
        return None


def told_by_rollout(record: RequestRecord, turn: Turn) -> RequestRecord:
    """A gateway's record of which a rollout tells too. What only the rollout knows it takes from there."""
    own = turn_record(turn)
    known = {name: getattr(own, name) for name in FROM_ROLLOUT if getattr(record, name) is None}
    return replace(record, sources=_with_rollout(record.sources), **known)


def rows_told_by_rollout(block: Block, found: Mapping[int, Turn]) -> Block:
    """A block in which rollouts tell of these rows, too."""
    texts = dict(block.texts)

    def write(name: str, values: Mapping[int, str | None]) -> None:
        given, codes = texts[name]
        column = [given[code] for code in codes]
        for row, value in values.items():
            column[row] = value
        texts[name] = coded(column)

    given, codes = texts["sources"]
    write("sources", {row: joined(_with_rollout(parted(given[codes[row]]))) for row in found})
    own = {row: turn_record(turn) for row, turn in found.items()}
    for name in FROM_ROLLOUT:
        given, codes = texts[name]
        lacking = {row: getattr(own[row], name) for row in found if given[codes[row]] is None}
        if any(value is not None for value in lacking.values()):
            write(name, lacking)
    return replace(block, texts=texts)


def _with_rollout(sources: tuple[str, ...]) -> tuple[str, ...]:
    return sources if ROLLOUT in sources else (*sources, ROLLOUT)


def join(records: Iterable[RequestRecord], turns: Sequence[Turn]) -> tuple[list[RequestRecord], list[Turn]]:
    """The records of a gateway, completed; and the turns of which none of them reports."""
    index = TurnIndex(turns)
    told: set[str] = set()
    rows = []
    for record in records:
        turn = index.of_record(record)
        rows.append(record if turn is None else told_by_rollout(record, turn))
        told.update([turn_row_id(turn)] if turn else ())
    return rows, [turn for turn in turns if turn_row_id(turn) not in told]
