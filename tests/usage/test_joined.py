"""Codex's turns beside a gateway's requests: each once, whichever of the two tells of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest

from joytui.client.console import ConsoleClient
from joytui.client.stream import RequestPage
from joytui.codex.rollouts import Turn
from joytui.codex.rollouts.tail import TurnTail
from joytui.codex.rollouts.turns import Session
from joytui.core.clock import rfc3339
from joytui.core.columnar import block_of
from joytui.core.filter_meaning import EVERYTHING, predicate, relaxed
from joytui.core.filter_terms import AnyOf
from joytui.core.filters import AllOf, Not, parse
from joytui.core.request import RequestRecord, request_id
from joytui.core.request_lines import request_view
from joytui.core.token_counts import TokenCounts
from joytui.usage.joined import FROM_ROLLOUT, TurnIndex, join, rows_told_by_rollout
from joytui.usage.newest import Wish, newest, one_request
from joytui.usage.turns import turn_record, turn_row_id

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def turn(number: int, **more: Any) -> Turn:
    """Turn `number` began so many minutes after AT."""
    facts: dict[str, Any] = {
        "time": AT + timedelta(minutes=number), "thread": f"thread-{number}", "turn": f"turn-{number}",
        "provider": "joytoken", "model": "auto", "cwd": "/home/dev/shop", "outcome": "completed", "error": None,
        "error_info": None, "codex_version": "0.171.0", "path": "", "tokens": TokenCounts(10, 0, 1, 0),
        "duration_ms": 5_000, "responses": (f"resp-{number}",),
    }  # fmt: skip
    return Turn(**{**facts, **more})


def request(number: int, **more: Any) -> RequestRecord:
    """A request of the gateway in turn `number`."""
    like = turn_record(turn(number))
    facts: dict[str, Any] = {
        "id": request_id(number + 1), "time": rfc3339(AT + timedelta(minutes=number, seconds=1)), "key": "dev-ada",
        "request_id": f"given-{number}", "source": "gateway", "sources": ("gateway",), "attempts": 1,
    }  # fmt: skip
    return replace(like, **{**facts, **more})


BARE = {"upstream_id": None, "turn_id": None}


@pytest.mark.parametrize(
    ("ours", "theirs", "told"),
    [
        (turn(1), request(1), True),
        (turn(1), request(1, upstream_id=None), True),
        (turn(1, turn=None), request(1, turn_id=None), True),
        (turn(1, turn=None, responses=()), request(1, **BARE), True),
        (turn(1, responses=()), request(1, **BARE), True),
        (turn(1), request(1, **BARE, thread_id=None), False),
        (turn(1), request(1, **BARE, time=rfc3339(AT + timedelta(minutes=2))), False),
        (turn(1), request(1, **BARE, time=rfc3339(AT)), False),
        (turn(1, outcome="running"), request(1, **BARE, time=rfc3339(AT + timedelta(minutes=9))), True),
        (turn(1), request(2), False),
        (
            turn(1, outcome="failed", error="unexpected status 402 Payment Required: no, request id: given-1"),
            request(1, **BARE, thread_id=None, status=402),
            True,
        ),
    ],
    ids=["by all", "by turn", "by answer", "by time", "by time, the request names no turn", "nothing in common", "after it",
         "before it", "while it runs", "another turn", "by the id in the words of its failure"],
)  # fmt: skip
def test_whether_a_request_is_of_a_turn(ours: Turn, theirs: RequestRecord, told: bool) -> None:
    records, alone = join([theirs], [ours])
    assert [record.sources for record in records] == [("gateway", "rollout") if told else ("gateway",)]
    assert alone == ([] if told else [ours])
    block = block_of([request_view(theirs)])
    assert TurnIndex([ours]).of_block(block) == ({0: ours} if told else {})


def test_by_column_as_by_record() -> None:
    turns = [turn(number) for number in range(0, 8, 2)]
    records = [request(number) for number in range(8)]
    block = block_of([request_view(record) for record in records])
    found = TurnIndex(turns).of_block(block)
    assert found == {number: turns[number // 2] for number in range(0, 8, 2)}
    values, codes = rows_told_by_rollout(block, found).texts["sources"]
    assert [values[code] for code in codes] == ["gateway,rollout", "gateway"] * 4
    assert TurnIndex().of_block(block) == {}


def test_what_a_row_lacks_comes_from_the_rollout() -> None:
    """Telemetry names no more than the thread; a gateway all but the branch. What they tell stays."""
    session = Session(
        originator="codex_exec", codex_version="0.171.0", root_thread="root-1", parent_thread="root-1", subagent="review",
        branch="feature/x", commit="c0ffee", origin="https://git.example.com/team/app.git",
    )  # fmt: skip
    ours = turn(1, session=session)
    nothing = dict.fromkeys(FROM_ROLLOUT)
    told = request(1, **nothing, source="telemetry", sources=("telemetry",), key=None)
    seen = replace(turn_record(ours), source="gateway", sources=("gateway",), repo="host/other", branch=None)
    joined_, alone = join([told, seen], [ours])
    assert alone == []
    assert [[getattr(one, name) for name in FROM_ROLLOUT] for one in joined_] == [
        ["feature/x", "turn-1", "/home/dev/shop", "root-1", "root-1", "review", repo, "c0ffee"]
        for repo in ("git.example.com/team/app", "host/other")
    ]
    block = rows_told_by_rollout(block_of([request_view(told), request_view(seen)]), {0: ours, 1: ours})
    for name in FROM_ROLLOUT:
        values, codes = block.texts[name]
        assert [values[code] for code in codes] == [getattr(one, name) for one in joined_], name


def test_what_was_known_first_is_forgotten_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joytui.usage.joined.MOST", 3)
    index = TurnIndex(turn(number) for number in range(5))
    assert len(index) == 3
    assert [index.of_record(request(number)) is not None for number in range(5)] == [False, False, True, True, True]


# The newest of both


class Gateway:
    """A console API with these requests."""

    url = "http://gateway"

    def __init__(self, records: Sequence[RequestRecord]) -> None:
        self.records = [*records]

    async def requests(self, filter: str = "", *, since: Any = None, until: Any = None, limit: int = 500,
                       before: Any = None, tests: str = "in") -> RequestPage:  # fmt: skip
        passes = predicate(parse(filter))
        found = [one for one in self.records if passes(one) and (since or "") <= one.time < (until or "~")]
        return RequestPage(tuple(found[::-1][:limit]), None)

    async def request(self, request_id: str) -> RequestRecord | None:
        return next((one for one in self.records if one.id == request_id), None)


class Turns:
    """The turns of this machine, without files."""

    def __init__(self, turns: Sequence[Turn]) -> None:
        self.turns = sorted(turns, key=lambda one: one.time, reverse=True)

    def before(self, moment: datetime | None, limit: int, *, since: datetime | None = None) -> list[Turn]:
        found = [
            one for one in self.turns if (moment is None or one.time < moment) and (since is None or one.time >= since)
        ]
        return found[:limit]

    def of_thread(self, thread: str) -> list[Turn]:
        return [one for one in self.turns if one.thread == thread]


async def both(
    records: Sequence[RequestRecord] | None, turns: Sequence[Turn], limit: int = 50, **wish: Any
) -> list[str]:
    """What is shown, the oldest first: "g" and "r" with the number of the turn, "gr" where both tell of it."""
    console = cast(ConsoleClient, Gateway(records)) if records is not None else None
    shown = await newest(console, cast(TurnTail, Turns(turns)), Wish(**wish), limit)
    return [
        "".join(one[0] for one in record.sources) + (record.turn_id or "").removeprefix("turn-") for record in shown
    ]


async def test_both_are_joined_and_the_newest_are_taken() -> None:
    records, turns = [request(number) for number in (1, 3)], [turn(number) for number in (0, 1, 2, 3, 4)]
    assert await both(records, turns) == ["r0", "gr1", "r2", "gr3", "r4"]
    assert await both(records, turns, 3) == ["r2", "gr3", "r4"]
    assert await both(records, turns, 0) == ["r0", "gr1", "r2", "gr3", "r4"]
    assert await both(None, turns, 2) == ["r3", "r4"]
    assert await both(records, []) == ["g1", "g3"]


async def test_a_full_page_of_the_gateway_bounds_the_turns_in_time() -> None:
    records = [request(number) for number in range(100, 200)]
    turns = [turn(number) for number in (50, 150, 250)]
    shown = await both(records, turns, 60)
    assert shown == [*(f"g{n}" if n != 150 else "gr150" for n in range(141, 200)), "r250"]


async def test_a_filter_that_finds_a_turn_but_not_its_request_shows_neither() -> None:
    records, turns = [request(1, model="gpt-5.5", project=None)], [turn(1), turn(2)]
    assert await both(records, turns, filter="model:auto") == ["r2"]
    assert await both(records, turns, filter="model:gpt-5.5") == ["gr1"]
    assert await both(records, turns, filter="source:rollout") == ["r2"]
    assert await both(records, turns, filter="-key:dev-ada") == ["r2"]


async def test_a_time_bounds_both() -> None:
    records, turns = [request(1)], [turn(0), turn(1), turn(2)]
    since, until = (rfc3339(AT + timedelta(minutes=number)) for number in (1, 2))
    assert await both(records, turns, since=since) == ["gr1", "r2"]
    assert await both(records, turns, until=until) == ["r0", "gr1"]
    assert await both(records, turns, until=rfc3339(AT + timedelta(minutes=1, milliseconds=500))) == ["r0"]


async def test_codex_alone_leaves_out_what_only_the_relay_tells() -> None:
    records = [request(1), request(2, source="telemetry", sources=("telemetry",)), request(3)]
    assert await both(records, [turn(1), turn(2)], source="codex") == ["r1", "tr2"]


async def test_one_by_its_id() -> None:
    console, turns = cast(ConsoleClient, Gateway([request(1)])), cast(TurnTail, Turns([turn(2, thread="t" * 36)]))
    own = turn_row_id(turn(2, thread="t" * 36))
    assert (await one_request(console, turns, request(1).id)) == request(1)
    for asked in (console, None):
        found = await one_request(asked, turns, own)
        assert found is not None
        assert found.id == own
        assert await one_request(asked, turns, own + "x") is None
    assert await one_request(console, None, own) is None


async def test_the_pages_of_turns_go_on_to_the_oldest(tmp_path: Path) -> None:
    turns = [turn(number) for number in range(700)]
    assert len(await both([], turns, 0)) == 700
    assert len(await both([], turns, 0, filter="thread:thread-1?")) == 10


async def test_a_filter_by_what_only_files_know_finds_the_gateways_requests() -> None:
    there, elsewhere = Session(branch="x"), Session(branch="main")
    turns = [turn(1, session=there), turn(2, session=there), turn(3, session=elsewhere), turn(4, session=there)]
    records = [request(number, branch=None, status=402 if number == 2 else 200) for number in (1, 2, 3)]
    assert await both(records, turns, filter="branch:x") == ["gr1", "gr2", "r4"]
    assert await both(records, turns, 2, filter="branch:x") == ["gr2", "r4"]
    assert await both(records, turns, filter="branch:x status:402") == ["gr2"]
    assert await both(records, turns, filter="branch:x key:dev-ada") == ["gr1", "gr2"]
    assert await both(records, turns, filter="-branch:x") == ["gr3"], "what the file says speaks against them"
    assert await both(records, turns, filter="branch:main,y") == ["gr3"]
    until = rfc3339(AT + timedelta(minutes=2))
    assert await both(records, turns, filter="branch:x", until=until) == ["gr1"]


def test_what_a_filter_asks_of_files_alone() -> None:
    branch, key = (parse(text).terms[0] for text in ("branch:x", "key:y"))
    told = ("branch", "repo")
    assert relaxed(parse("branch:x key:y status:402 since:2h"), told) == AllOf((branch,))
    assert relaxed(AnyOf((branch, branch)), told) == AnyOf((branch, branch))
    assert relaxed(Not(branch), told) == Not(branch)
    for free in (parse("key:y is:error"), AnyOf((branch, key)), Not(AllOf((branch, key))), AllOf()):
        assert relaxed(free, told) == EVERYTHING
