"""The counting rules, on rollouts that Codex 0.80 to 0.169 wrote, and on the cases that such files can hold."""

from __future__ import annotations

import json
import random
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from joytui.codex.rollouts import Origin, read_responses, read_usage
from joytui.core.token_counts import UsageTotals
from tests.support.rollout_corpus import FIELDS, MODELS, VERSIONS, Thread, Truth, random_usage, write_corpus

FIXTURES = Path(__file__).parent / "fixtures"
AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def totals(home: Path, cache: Path | None = None) -> tuple[int, ...]:
    """requests, errors, input, cached, output, reasoning."""
    return UsageTotals.sum(row.totals for row in read_usage(home, cache).rows)[:6]


def truth_totals(truth: Truth) -> tuple[int, ...]:
    return (truth.responses + truth.failures, truth.failures, *(truth.totals[name] for name in FIELDS))


def one_file(home: Path, source: Path) -> Path:
    target = home / "sessions/2026/11/23" / source.name
    target.parent.mkdir(parents=True)
    shutil.copy(source, target)
    return target


@pytest.fixture
def truth() -> Truth:
    return Truth()


@pytest.fixture
def rng() -> random.Random:
    return random.Random(4)


@pytest.mark.parametrize("version", ["0.80.0", "0.94.0", "0.120.0", "0.140.0", "0.153.0", "0.169.0"])
def test_one_turn_of_every_version(tmp_path: Path, version: str) -> None:
    one_file(tmp_path, FIXTURES / f"one_turn/{version}_ok.jsonl")
    usage = read_usage(tmp_path)
    assert [(row.provider, row.model, row.totals) for row in usage.rows] == [
        ("joytoken", "auto", UsageTotals(1, 0, 100, 40, 7, 3))
    ]
    assert usage.broken == 0


GIT = {"commit_hash": "3514", "branch": "feature/x", "repository_url": "git@git.example.com:team/app.git"}


def meta(thread: str, **more: object) -> str:
    payload = {"id": thread, "originator": "codex_exec", "cli_version": "0.171.0", "cwd": "/app", **more}
    return json.dumps({"timestamp": "2026-11-30T12:07:23.654Z", "type": "session_meta", "payload": payload})


def used(thread: str) -> str:
    usage = {"input_tokens": 100, "output_tokens": 10, "total_tokens": 110}
    payload = {"thread_id": thread, "turn_id": "u", "response_id": f"resp_{thread}", "usage": usage}
    return json.dumps({"timestamp": "2026-11-30T12:07:24.000Z", "type": "token_usage_record", "payload": payload})


def test_a_sub_agent_stands_in_its_roots_task(tmp_path: Path) -> None:
    """As 0.171.0 writes them: the root's id is the sub-agent's `session_id`. Older ones name the parent, or nothing."""
    spawned = {"subagent": {"thread_spawn": {"parent_thread_id": "old-child", "depth": 2}}}
    threads = {
        "root": {"session_id": "root", "thread_source": "user", "git": GIT},
        "child": {"session_id": "root", "parent_thread_id": "root", "thread_source": "subagent", "git": GIT},
        "old": {},
        "old-child": {"parent_thread_id": "old", "thread_source": "subagent"},
        "old-grandchild": {"source": spawned},
        "odd": {"session_id": 7, "source": {"subagent": 7}, "git": "none"},
    }
    folder = tmp_path / "sessions/2026/11/30"
    folder.mkdir(parents=True)
    for thread, more in threads.items():
        file = folder / f"rollout-2026-11-30T12-07-23-{thread}.jsonl"
        file.write_text(f"{meta(thread, **more)}\n{used(thread)}\n")
    for _ in ("read", "from the cache"):
        origins = {row.thread: row.origin for row in read_usage(tmp_path, tmp_path / "cache").rows}
        git = Origin("root", "git.example.com/team/app", "feature/x", "3514", "codex_exec/0.171.0")
        assert (origins["root"], origins["child"]) == (git, git)
        assert [origins[f"old{more}"].task for more in ("", "-child", "-grandchild")] == ["old"] * 3
        assert origins["odd"] == Origin("odd", client="codex_exec/0.171.0")


def test_the_spaces_of_other_writers(tmp_path: Path) -> None:
    source = FIXTURES / "one_turn/0.169.0_ok.jsonl"
    target = one_file(tmp_path, source)
    target.write_text("".join(json.dumps(json.loads(line)) + "\n" for line in source.read_text().splitlines()))
    assert totals(tmp_path) == (1, 0, 100, 40, 7, 3)


def test_keys_in_another_order(tmp_path: Path) -> None:
    source = FIXTURES / "one_turn/0.140.0_ok.jsonl"
    target = one_file(tmp_path, source)
    records = [json.loads(line) for line in source.read_text().splitlines()]
    target.write_text("".join(json.dumps(dict(reversed(record.items()))) + "\n" for record in records))
    assert totals(tmp_path) == (1, 0, 100, 40, 7, 3)


def test_a_fork_of_0_140_replays_its_parent_within_its_own_first_second() -> None:
    """Recorded: responses 42 to 48 of one server, whose usage was 100+n, 40+n, 7+n, 3; the fork answered within 70 ms."""
    home = FIXTURES / "forked_0.140.0_resumed_0.169.0"
    numbers = range(42, 49)
    assert totals(home)[2:5] == tuple(sum(base + n for n in numbers) for base in (100, 40, 7))
    assert totals(home)[0] == 7


@pytest.mark.parametrize(("name", "numbers"), [("forked_0.169.0", range(36, 42)), ("spawned_0.169.0", range(4, 9))])
def test_children_of_0_169_count_once(name: str, numbers: range) -> None:
    home = FIXTURES / name
    assert sorted(entry.response or "" for entry in read_responses(home)) == sorted(f"resp_{n}" for n in numbers)
    assert totals(home)[2] == sum(100 + n for n in numbers)


def test_a_failed_turn_is_an_error_without_tokens(tmp_path: Path) -> None:
    one_file(tmp_path, FIXTURES / "one_turn/0.169.0_failed_402.jsonl")
    assert totals(tmp_path) == (1, 1, 0, 0, 0, 0)


def test_totals_that_repeat_count_once_and_rate_limits_alone_never(tmp_path: Path, truth: Truth, rng) -> None:
    thread = Thread(rng, truth, AT, version="0.94.0")
    thread.begin_turn()
    thread.token_count(None)
    thread.answer((100, 40, 7, 3), repeat=4)
    thread.answer((100, 40, 7, 3), repeat=2)
    thread.write(tmp_path)
    assert totals(tmp_path) == truth_totals(truth) == (2, 0, 200, 80, 14, 6)


def test_an_older_thread_resumed_by_a_newer_codex_and_back(tmp_path: Path, truth: Truth, rng) -> None:
    thread = Thread(rng, truth, AT, version="0.140.0")
    for version in ("0.140.0", "0.169.0", "0.140.0", "0.169.0"):
        thread.version = version
        thread.wait(60)
        thread.begin_turn()
        thread.answer(random_usage(rng), repeat=2)
        thread.answer(random_usage(rng))
        thread.end_turn()
    thread.write(tmp_path)
    assert totals(tmp_path) == truth_totals(truth)


def test_a_repeated_total_before_the_next_turns_record(tmp_path: Path, truth: Truth, rng) -> None:
    """The last total is repeated (new rate limits) in a turn that then fails: it is no new usage."""
    thread = Thread(rng, truth, AT, version="0.169.0")
    thread.begin_turn()
    usage = (500, 100, 50, 10)
    thread.answer(usage)
    thread.end_turn()
    thread.wait(30)
    thread.begin_turn()
    thread.token_count(usage)
    thread.end_turn("unexpected status 402 Payment Required: no")
    thread.write(tmp_path)
    assert totals(tmp_path) == (2, 1, 500, 100, 50, 10)


def test_a_token_count_before_its_record_counts_once(tmp_path: Path, truth: Truth, rng) -> None:
    thread = Thread(rng, truth, AT, version="0.169.0")
    thread.begin_turn()
    thread.total = (10, 0, 1, 0)
    thread.token_count((10, 0, 1, 0))
    thread.total = (0, 0, 0, 0)
    thread.answer((10, 0, 1, 0))
    thread.write(tmp_path)
    assert totals(tmp_path) == (1, 0, 10, 0, 1, 0)


def test_a_record_copied_into_another_file_counts_once_for_its_own_thread(tmp_path: Path, truth: Truth, rng) -> None:
    parent = Thread(rng, truth, AT, version="0.169.0", provider="openai")
    parent.begin_turn()
    parent.answer((10, 0, 1, 0), response="resp_1")
    parent.write(tmp_path)
    child = Thread(rng, truth, AT - timedelta(hours=1), version="0.169.0", provider="joytoken")
    child.lines += [line for line in parent.lines if "token_usage_record" in line]
    child.write(tmp_path)
    assert [(row.provider, row.totals.input_tokens) for row in read_usage(tmp_path).rows] == [("openai", 10)]


def test_two_threads_may_share_a_response_id(tmp_path: Path, truth: Truth, rng) -> None:
    """Gateways exist that repeat their ids: (thread, response) is the key, not the response alone."""
    for _ in range(2):
        thread = Thread(rng, truth, AT, version="0.169.0")
        thread.begin_turn()
        thread.answer((10, 0, 1, 0), response="resp_1")
        thread.write(tmp_path)
    assert totals(tmp_path)[2] == 20


def test_a_replay_without_ids_ends_with_its_first_second(tmp_path: Path, truth: Truth, rng) -> None:
    parent = Thread(rng, truth, AT, version="0.94.0")
    parent.begin_turn()
    parent.answer((100, 40, 7, 3))
    parent.write(tmp_path)
    child = Thread(rng, truth, AT + timedelta(minutes=5), version="0.94.0", parent=parent)
    child.wait(1.5)
    child.begin_turn()
    child.answer((30, 0, 5, 0))
    child.write(tmp_path)
    assert totals(tmp_path) == truth_totals(truth) == (2, 0, 130, 40, 12, 3)


def test_provider_by_settings_and_model_by_turn(tmp_path: Path, truth: Truth, rng) -> None:
    thread = Thread(rng, truth, AT, version="0.169.0", provider="joytoken", model="auto")
    thread.begin_turn()
    thread.answer((1, 0, 1, 0))
    thread.settings("openai")
    thread.model = "gpt-5.5"
    thread.begin_turn()
    thread.answer((2, 0, 1, 0))
    foreign = {"model_provider_id": "elsewhere", "cwd": "/nowhere"}
    thread.event("thread_settings_applied", thread_id="another-thread", thread_settings=foreign)
    thread.answer((4, 0, 1, 0))
    thread.write(tmp_path)
    rows = read_usage(tmp_path).rows
    assert sorted((row.provider, row.model, row.totals.input_tokens) for row in rows) == [
        ("joytoken", "auto", 1),
        ("openai", "gpt-5.5", 6),
    ]
    assert {row.project for row in rows} == {thread.cwd}


def test_totals_without_last_usage_are_subtracted(tmp_path: Path, truth: Truth, rng) -> None:
    thread = Thread(rng, truth, AT, version="0.80.0")
    thread.begin_turn()
    for total in ((10, 5, 2, 1), (30, 5, 4, 1), (3, 0, 1, 0)):
        counts = dict(zip(("input_tokens", "cached_input_tokens", "output_tokens"), total, strict=False))
        thread.event("token_count", info={"total_token_usage": counts})
    thread.write(tmp_path)
    assert totals(tmp_path)[2:5] == (33, 5, 5)


def test_counts_that_are_none_are_nothing(tmp_path: Path, truth: Truth, rng) -> None:
    thread = Thread(rng, truth, AT, version="0.80.0")
    thread.begin_turn()
    for value in (-5, 1.5, "7", None, True, 10**30, [1]):
        usage = {"input_tokens": value, "output_tokens": 3}
        thread.event("token_count", info={"total_token_usage": {**usage, "n": str(value)}, "last_token_usage": usage})
        thread.event("token_count", info={"total_token_usage": {"input_tokens": 1}, "last_token_usage": "none"})
    thread.write(tmp_path)
    assert totals(tmp_path)[2] == 7  # the fallback: the totals 1 after each reset


def test_a_generated_corpus_to_the_token(tmp_path: Path) -> None:
    truth = write_corpus(tmp_path / "home", 3_000_000, seed=11)
    assert totals(tmp_path / "home", tmp_path / "cache") == truth_totals(truth)
    groups: dict[tuple[str | None, str | None], int] = {}
    for row in read_usage(tmp_path / "home", tmp_path / "cache").rows:
        groups[row.provider, row.model] = groups.get((row.provider, row.model), 0) + row.totals.input_tokens
    assert {place: n for place, n in groups.items() if n} == {p: c["input"] for p, c in truth.groups.items()}
    assert {model for _, model in groups} == set(MODELS)
    assert len(VERSIONS) == 5
