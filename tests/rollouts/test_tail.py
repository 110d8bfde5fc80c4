"""The turns as they happen: what a poll tells of files that grow, and what it looks at to see it."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from joytui.codex.rollouts import watch
from joytui.codex.rollouts.tail import TurnTail
from joytui.core.clock import now
from joytui.core.token_counts import TokenCounts
from tests.support.rollout_corpus import Thread, Truth

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


class Seconds:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def thread_of(home: Path, at: datetime = AT, seed: int = 1, *, version: str = "0.169.0") -> Thread:
    thread = Thread(random.Random(seed), Truth(), at, version=version)
    thread.begin_turn()
    thread.write(home)
    return thread


def told(tail: TurnTail) -> list[tuple[str | None, str, int]]:
    return [(turn.turn, turn.outcome, turn.tokens.input) for turn in tail.poll()]


def test_a_turn_is_told_when_it_begins_goes_on_and_ends(tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()
    tail = TurnTail(tmp_path, Seconds())
    assert told(tail) == []
    thread = thread_of(tmp_path)
    assert told(tail) == [(thread.turn, "running", 0)]
    assert told(tail) == []
    thread.answer((100, 40, 7, 3))
    thread.answer((200, 40, 7, 3))
    thread.write(tmp_path)
    assert told(tail) == [(thread.turn, "running", 300)]
    thread.wait(2)
    thread.end_turn()
    thread.write(tmp_path)
    (turn,) = tail.poll()
    assert (turn.outcome, turn.tokens, turn.duration_ms) == ("completed", TokenCounts(300, 80, 14, 6), 1200)
    assert len(turn.responses) == 2
    first = thread.turn
    thread.begin_turn()
    thread.write(tmp_path)
    assert told(tail) == [(thread.turn, "running", 0)]
    assert thread.turn != first


def test_a_half_written_line_is_told_when_it_is_whole(tmp_path: Path) -> None:
    thread = thread_of(tmp_path)
    tail = TurnTail(tmp_path, Seconds())
    thread.end_turn("unexpected status 402 Payment Required: no", 402)
    path = thread.path(tmp_path)
    whole = ("\n".join(thread.lines) + "\n").encode()
    path.write_bytes(whole[:-20])
    assert told(tail) == [(thread.turn, "running", 0)]
    path.write_bytes(whole)
    (turn,) = tail.poll()
    assert (turn.outcome, turn.http_status) == ("failed", 402)


def test_what_was_there_is_no_news_but_for_the_turn_that_goes_on(tmp_path: Path) -> None:
    thread = thread_of(tmp_path)
    thread.end_turn()
    thread.wait(60)
    thread.begin_turn()
    os.utime(thread.write(tmp_path), (thread.moment.timestamp(),) * 2)
    tail = TurnTail(tmp_path, Seconds())
    assert told(tail) == []
    thread.end_turn()
    thread.write(tmp_path)
    assert told(tail) == [(thread.turn, "completed", 0)]


def test_a_file_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    (tmp_path / "sessions").mkdir()
    tail = TurnTail(tmp_path, Seconds())
    thread = thread_of(tmp_path)
    tail.poll()
    other = Thread(random.Random(2), Truth(), AT, version="0.169.0", model="gpt-5.5")
    other.begin_turn()
    other.end_turn()
    thread.path(tmp_path).write_text("\n".join(other.lines) + "\n")
    (turn,) = tail.poll()
    assert (turn.thread, turn.outcome) == (other.id, "completed")


def test_the_last_turns_run_on_only_in_files_of_the_last_hour(tmp_path: Path) -> None:
    old, new = thread_of(tmp_path, AT, 1), thread_of(tmp_path, AT + timedelta(minutes=1), 2)
    for thread, age in ((old, timedelta(hours=2)), (new, timedelta(minutes=2))):
        os.utime(thread.path(tmp_path), ((now() - age).timestamp(),) * 2)
    assert [turn.outcome for turn in TurnTail(tmp_path).last(10)] == ["running", "unfinished"]


def test_a_page_before_a_moment_leaves_out_what_is_newer(tmp_path: Path) -> None:
    threads = []
    for number in range(5):
        threads.append(thread := thread_of(tmp_path, AT + timedelta(hours=number), number))
        os.utime(thread.path(tmp_path), (thread.moment.timestamp(),) * 2)
    found = TurnTail(tmp_path).before(AT + timedelta(hours=3), 2)
    assert [turn.thread for turn in found] == [threads[2].id, threads[1].id]
    since = TurnTail(tmp_path).before(None, 9, since=AT + timedelta(hours=3))
    assert [turn.thread for turn in since] == [threads[4].id, threads[3].id]


# What is looked at


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """How many walks over all files were made since it was asked last."""
    made: list[Path] = []
    find = watch.find_rollouts
    monkeypatch.setattr(watch, "find_rollouts", lambda home: made.append(home) or find(home))

    def since_then() -> int:
        many, made[:] = len(made), []
        return many

    return since_then


def test_nothing_is_walked_while_nothing_happens(tmp_path: Path, walks: Callable[[], int]) -> None:
    thread_of(tmp_path)
    seconds = Seconds()
    tail = TurnTail(tmp_path, seconds)
    assert walks() == 1
    for _ in range(int(watch.SLOW_S) - 1):
        seconds.now += 1
        assert tail.poll() == []
    assert walks() == 0
    seconds.now += 1
    tail.poll()
    assert walks() == 1


def test_walks_that_take_long_come_less_often(
    tmp_path: Path, walks: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "SLOW_REST", 1e9)
    thread_of(tmp_path)
    seconds = Seconds()
    tail = TurnTail(tmp_path, seconds)
    assert walks() == 1
    seconds.now += 2 * watch.SLOW_S
    assert tail.poll() == []
    assert walks() == 0


def test_a_new_thread_of_the_day_and_one_that_was_written_last_need_no_walk(
    tmp_path: Path, walks: Callable[[], int]
) -> None:
    first = thread_of(tmp_path, seed=1)
    tail = TurnTail(tmp_path, Seconds())
    second = thread_of(tmp_path, AT + timedelta(minutes=1), seed=2)
    assert [turn for turn, _, _ in told(tail)] == [second.turn]
    first.end_turn()
    first.write(tmp_path)
    assert told(tail) == [(first.turn, "completed", 0)]
    assert walks() == 1


def test_an_old_thread_that_is_resumed_is_found_by_what_codex_writes_beside_it(
    tmp_path: Path, walks: Callable[[], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watch, "NEAR", 1)
    old = thread_of(tmp_path, AT - timedelta(days=3), seed=1)
    os.utime(old.path(tmp_path), (old.moment.timestamp(),) * 2)
    thread_of(tmp_path, AT, seed=2)
    seconds = Seconds()
    tail = TurnTail(tmp_path, seconds)
    old.end_turn()
    old.write(tmp_path)
    assert told(tail) == []
    seconds.now += 1
    (tmp_path / "state_5.sqlite").write_text("a turn began")
    assert told(tail) == [(old.turn, "completed", 0)]
    assert walks() == 2


def test_another_day_and_a_first_session_are_found(tmp_path: Path) -> None:
    tail = TurnTail(tmp_path / "codex", Seconds())
    assert tail.poll() == []
    first = thread_of(tmp_path / "codex", AT, seed=1)
    assert [turn for turn, _, _ in told(tail)] == [first.turn]
    second = thread_of(tmp_path / "codex", AT + timedelta(days=1), seed=2)
    assert [turn for turn, _, _ in told(tail)] == [second.turn]


def test_todays_first_thread_is_found_though_files_of_later_days_are_there(
    tmp_path: Path, walks: Callable[[], int]
) -> None:
    thread_of(tmp_path, now() + timedelta(days=40), seed=1)
    today = tmp_path / "sessions" / f"{now():%Y/%m/%d}"
    today.mkdir(parents=True)
    tail = TurnTail(tmp_path, Seconds())
    thread = thread_of(tmp_path, now(), seed=2)
    assert [turn for turn, _, _ in told(tail)] == [thread.turn]
    assert walks() == 1
