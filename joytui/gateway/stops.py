"""The tasks that are stopped, as requests are judged by them: a copy of what the store has (`Gateway` keeps it fresh)."""

from __future__ import annotations

from collections.abc import Iterable

from joytui.core.request import Opened
from joytui.gateway import refusals
from joytui.gateway.key_lookup import KeyEntry
from joytui.gateway.refusals import Refused
from joytui.gateway.request_body import ModelRequest
from joytui.gateway.turn_digest import turn_of
from joytui.ledger.records import EVERYBODY, StoppedTask, Watch


class Stops:
    def __init__(self) -> None:
        self._by_task: dict[str, dict[str, StoppedTask]] = {}

    def __bool__(self) -> bool:
        return bool(self._by_task)

    def replace(self, rows: Iterable[StoppedTask]) -> None:
        """Takes over all that are stopped."""
        self._by_task = {}
        for row in rows:
            self.put(row)

    def put(self, row: StoppedTask) -> None:
        self._by_task.setdefault(row.task, {})[row.scope] = row

    def drop(self, task: str) -> None:
        self._by_task.pop(task, None)

    def of(self, task: str | None) -> StoppedTask | None:
        """The stop of a task, whoever it holds for."""
        return next(iter((self._by_task.get(task or "") or {}).values()), None)

    def refusal(self, task: str | None, budget_id: str) -> Refused | None:
        """Why nothing of a task is answered to the keys of this budget; None where it is."""
        found = self._by_task.get(task or "", {})
        row = found.get(EVERYBODY) or found.get(budget_id)
        return None if row is None else refusals.task_stopped(row)


def watch_for(key: KeyEntry, opened: Opened, request: ModelRequest) -> Watch | None:
    """What the breaker of a key counts this request by; None where the key has none, or the request names no task."""
    breaker = key.policy.breaker
    if breaker is None or opened.root_thread is None:
        return None
    turn = turn_of(request.body, opened.root_thread) if breaker.identical_turns is not None else None
    return Watch(
        key.row.budget_id,
        opened.root_thread,
        opened.thread_id or opened.root_thread,
        breaker.requests_per_minute,
        breaker.identical_turns,
        turn.digest if turn else None,
        turn.items if turn else 0,
    )
