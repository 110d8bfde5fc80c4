"""Codex's turns among the requests of the log: whichever comes first, a turn that the gateway also has is not a row of its own."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence

from joytui.codex.rollouts import Turn
from joytui.core.columnar import Block, block_of
from joytui.core.request import ROLLOUT
from joytui.core.request_lines import request_view
from joytui.tui.logs.store import NEARLY_MS, LogStore
from joytui.usage.joined import TurnIndex, rows_told_by_rollout
from joytui.usage.turns import turn_record, turn_row_id


class Beside:
    """The turns that are known beside one store. `requests` is what the store asks of each block of the gateway's."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._turns = TurnIndex()
        self._own: set[str] = set()  # the rows that are Codex's alone
        store.beside = self.requests

    def requests(self, block: Block) -> Block:
        """A gateway's rows, told by Codex where it was; each turn's own row, if it has one, is theirs from now on."""
        found = self._turns.of_block(block)
        if not found:
            return block
        keys = block.keys()
        for row, turn in found.items():
            own = turn_row_id(turn)
            if own in self._own:
                self._own.discard(own)
                self._store.take_over(own, keys[row])
        return rows_told_by_rollout(block, found)

    def tell(self, turns: Sequence[Turn]) -> None:
        """Turns that began, went on, or ended."""
        if turns:
            self._store.put_in_time(self.rows(turns))

    def rows(self, turns: Sequence[Turn]) -> Block:
        """The rows of those turns of which no request is here, oldest first; the requests of the others are completed where they
        stand."""
        for turn in turns:
            self._turns.add(turn)
        told = self._told(turns)
        alone = sorted((turn for turn in turns if turn_row_id(turn) not in told), key=lambda turn: turn.time)
        self._own.update(map(turn_row_id, alone))
        return block_of([request_view(turn_record(turn)) for turn in alone])

    def among(self, block: Block, turns: Sequence[Turn], told: Collection[str] = ()) -> Block:
        """A page of older requests with the turns of its time, in the order of their times. `told`: the rows of turns of which
        the gateway has a request that is on no page."""
        for turn in turns:
            self._turns.add(turn)
        told = {*told} | {turn_row_id(turn) for turn in self._turns.of_block(block).values()}
        page = LogStore()
        page.held = True
        page.append_block(self.requests(block))
        page.put_in_time(self.rows([turn for turn in turns if turn_row_id(turn) not in told]))
        return page.block(range(len(page)))

    def _told(self, turns: Sequence[Turn]) -> set[str]:
        """The turns of which a request is here; those requests now say that Codex tells of them, too."""
        store, low = self._store, min((round(turn.time.timestamp() * 1000) for turn in turns), default=0)
        start = bisect_left(store.time.rows, low - NEARLY_MS)
        rows = sorted(
            {row for thread in {turn.thread for turn in turns} for row in store.text["thread_id"].places(thread, start)}
        )
        block = store.block([row for row in rows if store.text["source"].get(row) != ROLLOUT])
        found = self._turns.of_block(block)
        if fresh := {row: turn for row, turn in found.items() if ROLLOUT not in _sources(block, row)}:
            store.append_block(rows_told_by_rollout(block, fresh).take([*fresh]))
        return {turn_row_id(turn) for turn in found.values()}


def _sources(block: Block, row: int) -> Iterable[str]:
    values, codes = block.texts["sources"]
    return (values[codes[row]] or "").split(",")
