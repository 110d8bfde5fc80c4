"""The last turns: where they went, how they ended."""

from __future__ import annotations

import os
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from joytui.codex.rollouts import last_turns, turns_by_provider
from tests.support.rollout_corpus import Thread, Truth

FIXTURES = Path(__file__).parent / "fixtures"
AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def test_a_failure_of_0_169_has_codexs_words(tmp_path: Path) -> None:
    target = tmp_path / "sessions/2026/11/23/a.jsonl"
    target.parent.mkdir(parents=True)
    shutil.copy(FIXTURES / "one_turn/0.169.0_failed_402.jsonl", target)
    (turn,) = last_turns(tmp_path)
    assert turn.outcome == "failed"
    assert turn.error is not None
    assert turn.error.startswith("unexpected status 402 Payment Required: Wallet balance is too low")
    assert turn.error_info == {"http_connection_failed": {"http_status_code": 402}}
    assert turn.http_status == 402
    assert (turn.provider, turn.model, turn.codex_version) == ("joytoken", "auto", "0.169.0")
    assert turn.time == datetime(2026, 11, 23, 9, 47, 32, 647000, UTC)


def test_failures_of_older_versions_have_none() -> None:
    (turn,) = last_turns(FIXTURES / "failed_0.140.0")
    assert (turn.outcome, turn.error, turn.http_status) == ("failed", None, None)
    (turn,) = last_turns(FIXTURES / "failed_0.94.0")
    assert turn.outcome == "unfinished"  # six contexts of one turn that was retried


def test_a_forks_replay_is_not_a_turn() -> None:
    turns = last_turns(FIXTURES / "forked_0.140.0_resumed_0.169.0")
    assert [turn.outcome for turn in turns] == ["completed"] * 4
    assert [turn.codex_version for turn in turns] == ["0.140.0"] * 4
    assert len({turn.turn for turn in turns}) == 4


def test_the_newest_first_and_no_more_than_asked(tmp_path: Path) -> None:
    for number in range(12):
        provider = "openai" if number < 8 else "joytoken"
        at = AT + timedelta(minutes=number)
        thread = Thread(random.Random(number), Truth(), at, version="0.169.0", provider=provider)
        thread.begin_turn()
        if number % 2:
            thread.answer((1, 0, 1, 0))
            thread.end_turn()
        else:
            thread.end_turn("unexpected status 401 Unauthorized: no", 401)
        path = thread.write(tmp_path)
        os.utime(path, (thread.moment.timestamp(), thread.moment.timestamp()))
    turns = last_turns(tmp_path, limit=6)
    assert [turn.time for turn in turns] == [AT + timedelta(minutes=n) for n in range(11, 5, -1)]
    assert turns_by_provider(turns) == {"joytoken": 4, "openai": 2}
    assert [turn.http_status for turn in turns] == [None, 401] * 3


def test_interrupted_and_unfinished(tmp_path: Path) -> None:
    thread = Thread(random.Random(1), Truth(), AT, version="0.169.0")
    thread.begin_turn()
    thread.event("turn_aborted", turn_id=thread.turn, reason="interrupted")
    thread.wait(60)
    thread.begin_turn()
    thread.write(tmp_path)
    assert [turn.outcome for turn in last_turns(tmp_path)] == ["unfinished", "interrupted"]


def test_no_codex_home(tmp_path: Path) -> None:
    assert last_turns(tmp_path / "none") == ()
    assert turns_by_provider(()) == {}
