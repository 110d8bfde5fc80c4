"""Which files count, damaged ones, growing ones, and the cache: corrupt, shared, read-only."""

from __future__ import annotations

import os
import random
import sqlite3
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from joytui.codex.rollouts import read_responses, read_usage, reading
from joytui.codex.rollouts.cache import cache_path
from joytui.codex.rollouts.count import Counter, milliseconds
from joytui.codex.rollouts.files import find_rollouts
from joytui.codex.rollouts.lines import Scanner
from joytui.codex.rollouts.shapes import time_of
from joytui.codex.rollouts.turns import last_turns
from joytui.core.token_counts import UsageTotals
from tests.support.examples import examples
from tests.support.hang import HANG_S
from tests.support.needs import needs
from tests.support.rollout_corpus import Thread, Truth, write_corpus

AT = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


def thread_of(answers: int, seed: int = 1, version: str = "0.169.0", at: datetime = AT) -> Thread:
    thread = Thread(random.Random(seed), Truth(), at, version=version)
    thread.begin_turn()
    for _ in range(answers):
        thread.answer((10, 4, 2, 1))
    return thread


def input_of(home: Path, cache: Path | None = None) -> int:
    return sum(row.totals.input_tokens for row in read_usage(home, cache).rows)


def test_no_folder_is_no_usage(tmp_path: Path) -> None:
    assert read_usage(tmp_path / "none", tmp_path / "cache").rows == ()
    (tmp_path / "sessions").write_text("a file")
    assert read_usage(tmp_path).rows == ()


def test_an_answer_and_a_failure_of_the_same_millisecond(tmp_path: Path) -> None:
    """The failure has no response id, and what has none comes first."""
    thread = thread_of(1)
    thread.end_turn("unexpected status 402 Payment Required: wallet is empty")
    thread.write(tmp_path)
    failed, answered = read_responses(tmp_path)
    assert (failed.ms, failed.source, failed.response) == (answered.ms, "e", None)
    assert answered.response


def test_plain_wins_over_zst_and_sessions_over_archived(tmp_path: Path) -> None:
    thread = thread_of(3)
    plain = thread.write(tmp_path)
    thread.write(tmp_path, archived=True)
    thread.write(tmp_path, compressed=True)
    thread.write(tmp_path, archived=True, compressed=True)
    assert [file.path for file in find_rollouts(tmp_path)] == [str(plain)]
    assert input_of(tmp_path) == 30


def test_files_without_a_threads_name_are_told_apart_by_their_folder(tmp_path: Path) -> None:
    for day, answers in (("01", 1), ("02", 2)):
        path = tmp_path / f"sessions/2026/11/{day}/rollout-1.jsonl"
        path.parent.mkdir(parents=True)
        path.write_text("\n".join(thread_of(answers, seed=answers).lines) + "\n")
    archived = tmp_path / "archived_sessions/2026/11/02/rollout-1.jsonl"
    archived.parent.mkdir(parents=True)
    archived.write_text("\n".join(thread_of(9).lines) + "\n")
    assert input_of(tmp_path) == 30


@pytest.mark.parametrize("archived", [False, True])
def test_compressed_rollouts(tmp_path: Path, archived: bool) -> None:
    thread_of(5).write(tmp_path, compressed=True, archived=archived)
    assert input_of(tmp_path, tmp_path / "cache") == 50
    assert len(last_turns(tmp_path)) == 1


def test_a_zst_file_of_several_frames_and_one_cut_off(tmp_path: Path) -> None:
    thread = thread_of(400)
    path = thread.write(tmp_path, compressed=True)
    half = len(thread.lines) // 2
    frames = [
        zstandard.compress(("\n".join(part) + "\n").encode()) for part in (thread.lines[:half], thread.lines[half:])
    ]
    path.write_bytes(b"".join(frames))
    assert input_of(tmp_path) == 4000
    path.write_bytes(frames[0] + frames[1][: len(frames[1]) // 2])
    usage = read_usage(tmp_path)
    assert usage.broken >= 1
    assert 1900 <= sum(row.totals.input_tokens for row in usage.rows) < 4000


def test_broken_lines_are_counted_and_left_out(tmp_path: Path) -> None:
    thread = thread_of(2)
    thread.lines[3:3] = ["not json", '{"timestamp":"x","type":"event_msg"', "[1,2]", "", '"text"', "{" * 5000]
    thread.lines.insert(1, thread.lines[-1][:200])
    thread.lines.insert(5, '{"timestamp":"2026-11-23T09:30:00Z","type":"token_usage_record","payload":{"usage":7}}')
    thread.write(tmp_path)
    usage = read_usage(tmp_path, tmp_path / "cache")
    assert sum(row.totals.input_tokens for row in usage.rows) == 20
    assert usage.broken == 7
    assert read_usage(tmp_path, tmp_path / "cache").broken == 7


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = thread_of(1).write(tmp_path)
    path.write_bytes(b"\xff\xfe\x00\n" + path.read_bytes() + b"\x80" * 300)
    assert input_of(tmp_path) == 10


def test_a_line_longer_than_the_buffer(tmp_path: Path) -> None:
    thread = thread_of(1)
    thread.text("x" * 9_000_000)
    thread.answer((5, 0, 1, 0))
    thread.write(tmp_path)
    assert input_of(tmp_path, tmp_path / "cache") == 15


def test_a_growing_file_is_read_from_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    thread = thread_of(0)
    offsets: list[int] = []
    scan = Scanner.scan

    def spy(self, file, reader, offset=0):
        offsets.append(offset)
        return scan(self, file, reader, offset)

    monkeypatch.setattr(Scanner, "scan", spy)
    for number in range(1, 6):
        thread.answer((10, 4, 2, 1), repeat=2)
        path = thread.write(tmp_path)
        os.utime(path, ns=(number, number))
        assert input_of(tmp_path, tmp_path / "cache") == 10 * number
    assert offsets[0] == 0
    assert all(offsets[1:])


@pytest.mark.parametrize("version", ["0.94.0", "0.140.0", "0.169.0"])
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_cut_anywhere_reading_on_gives_the_same(version: str, tmp_path_factory, data) -> None:
    """What is read in pieces, cut at any byte, is what is read at once."""
    home = tmp_path_factory.mktemp("cut")
    thread = thread_of(3, version=version)
    thread.end_turn("unexpected status 402: é")
    thread.wait(5)
    thread.begin_turn()
    thread.answer((7, 1, 1, 1), repeat=2)
    whole = ("\n".join(thread.lines) + "\n").encode()
    path = thread.write(home)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=4)))
    for number, cut in enumerate([*cuts, len(whole)], 1):
        path.write_bytes(whole[:cut])
        os.utime(path, ns=(number, number))
        rows = read_usage(home, home / "cache").rows
    assert rows == read_usage(home).rows
    assert sum(row.totals.input_tokens for row in rows) == 37


def test_a_file_that_was_replaced_is_read_anew(tmp_path: Path) -> None:
    path = thread_of(2).write(tmp_path)
    assert input_of(tmp_path, tmp_path / "cache") == 20
    longer = thread_of(7, seed=2)
    path.write_text("\n".join(longer.lines) + "\n")
    assert input_of(tmp_path, tmp_path / "cache") == 70
    path.unlink()
    assert input_of(tmp_path, tmp_path / "cache") == 0


def test_archiving_changes_nothing(tmp_path: Path) -> None:
    thread = thread_of(2, version="0.94.0")
    path = thread.write(tmp_path)
    assert input_of(tmp_path, tmp_path / "cache") == 20
    path.rename(thread.write(tmp_path, archived=True))
    assert input_of(tmp_path, tmp_path / "cache") == 20


def test_a_warm_run_opens_no_rollout(tmp_path: Path) -> None:
    path = thread_of(2).write(tmp_path)
    before = read_usage(tmp_path, tmp_path / "cache")
    kept = path.stat()
    path.write_bytes(b"\0" * kept.st_size)
    os.utime(path, ns=(kept.st_mtime_ns, kept.st_mtime_ns))
    assert read_usage(tmp_path, tmp_path / "cache") == before


@pytest.mark.parametrize("damage", [b"", b"not a database" * 100, b"SQLite format 3\0" + b"\xff" * 4000])
def test_a_corrupt_cache_is_rebuilt(tmp_path: Path, damage: bytes) -> None:
    thread_of(2).write(tmp_path)
    cache = tmp_path / "cache"
    assert input_of(tmp_path, cache) == 20
    path = cache_path(tmp_path, cache)
    path.write_bytes(damage)
    assert input_of(tmp_path, cache) == 20
    assert input_of(tmp_path, cache) == 20
    assert path.read_bytes()[:15] == b"SQLite format 3"


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE files SET result = 'x'; DELETE FROM rollup",
        "UPDATE rollup SET rows = '[1,[[2]]]'",
        "DROP TABLE files",
        "DROP TABLE rollup",
        "PRAGMA user_version = 99",
        "UPDATE files SET result = replace(result, '[', '{'), size = 1; DELETE FROM rollup",
    ],
)
def test_a_cache_with_wrong_contents_is_read_past(tmp_path: Path, sql: str) -> None:
    thread_of(2).write(tmp_path)
    cache = tmp_path / "cache"
    assert input_of(tmp_path, cache) == 20
    with sqlite3.connect(cache_path(tmp_path, cache)) as database:
        database.executescript(sql)
    database.close()
    assert input_of(tmp_path, cache) == 20
    assert input_of(tmp_path, cache) == 20


def test_without_a_writable_cache(tmp_path: Path) -> None:
    thread_of(2).write(tmp_path)
    (tmp_path / "cache").write_text("a file where the folder belongs")
    assert input_of(tmp_path, tmp_path / "cache") == 20


@pytest.mark.slow
def test_a_cache_that_is_held_by_another(tmp_path: Path) -> None:
    thread = thread_of(2)
    thread.write(tmp_path)
    cache = tmp_path / "cache"
    assert input_of(tmp_path, cache) == 20
    holder = sqlite3.connect(cache_path(tmp_path, cache), isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    thread.answer((10, 4, 2, 1))
    thread.write(tmp_path)
    try:
        assert input_of(tmp_path, cache) == 30
    finally:
        holder.close()
    assert input_of(tmp_path, cache) == 30


def test_the_cache_is_the_users_alone(tmp_path: Path) -> None:
    thread_of(1).write(tmp_path)
    read_usage(tmp_path, tmp_path / "cache")
    assert stat.S_IMODE(cache_path(tmp_path, tmp_path / "cache").stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "cache").stat().st_mode) == 0o700


READ = (
    "import sys; from pathlib import Path; from joytui.codex.rollouts import read_usage; h, c = map(Path, sys.argv[1:]); \
print(sum(r.totals.input_tokens for r in read_usage(h, c).rows))"
)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Truth]:
    home = tmp_path_factory.mktemp("corpus")
    return home, write_corpus(home, 30_000_000, seed=3)


def test_concurrent_first_runs_agree(corpus: tuple[Path, Truth], tmp_path: Path) -> None:
    """Four processes at once, each with its helper process, on one new cache."""
    home, truth = corpus
    command = [sys.executable, "-c", READ, str(home), str(tmp_path / "cache")]
    runs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    assert {run.communicate(timeout=HANG_S)[0].strip() for run in runs} == {str(truth.totals["input"])}
    assert all(run.returncode == 0 for run in runs)
    assert input_of(home, tmp_path / "cache") == truth.totals["input"]


def test_bounds_that_are_no_whole_hours(corpus: tuple[Path, Truth], tmp_path: Path) -> None:
    home, _ = corpus
    entries = read_responses(home, tmp_path / "cache")
    middle = datetime.fromtimestamp(entries[len(entries) // 2].ms / 1000, UTC) + timedelta(seconds=1)
    for since, until in ((middle, None), (None, middle), (middle - timedelta(hours=30), middle)):
        wanted = [
            entry.input
            for entry in entries
            if (not since or entry.ms >= since.timestamp() * 1000)
            and (not until or entry.ms < until.timestamp() * 1000)
        ]
        rows = read_usage(home, tmp_path / "cache", since, until).rows
        assert sum(row.totals.input_tokens for row in rows) == sum(wanted)


@settings(max_examples=60, deadline=None)
@given(
    lines=st.lists(
        st.binary(max_size=200) | st.sampled_from([b"{}", b'{"type":"session_meta","payload":{}}', b"[" * 3000])
    )
)
def test_any_bytes_are_read_without_an_error(lines: list[bytes]) -> None:
    import io

    class Raw(io.BytesIO):
        pass

    counter = Counter()
    Scanner().scan(Raw(b"\n".join(lines)), counter)
    assert isinstance(counter.state(), list)


@needs("two cores")
def test_a_second_process_reads_a_part_and_delivers_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    truth = write_corpus(tmp_path, 3_000_000, seed=5)
    alone = read_usage(tmp_path)
    here: list[str] = []
    monkeypatch.setattr(reading, "_WORTH_A_PROCESS", 0)
    monkeypatch.setattr(reading, "_may_fork", lambda: True)
    read_file, parent = reading.read_file, os.getpid()
    begun, begins = os.pipe()

    def counted(file: Any, *rest: Any) -> Any:
        """Here the first file waits until the other process, which may get its turn late, has taken one, too."""
        if os.getpid() != parent:
            os.write(begins, b"x")
        else:
            if not here:
                os.read(begun, 1)
            here.append(file.name)
        return read_file(file, *rest)

    monkeypatch.setattr(reading, "read_file", counted)
    assert read_usage(tmp_path, tmp_path / "cache") == alone
    assert len(here) < alone.files  # the rest came from the other process, and none was read twice
    assert len(here) == len(set(here))
    assert UsageTotals.sum(row.totals for row in alone.rows).input_tokens == truth.totals["input"]
    assert read_usage(tmp_path, tmp_path / "cache") == alone


@settings(max_examples=examples(200))
@given(st.datetimes(datetime(1970, 1, 1), datetime(2200, 1, 1)), st.sampled_from("Z +-z"), st.integers(1, 9))
def test_the_time_at_a_lines_head_is_read_as_any_other(moment: datetime, zone: str, digits: int) -> None:
    stamp = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}000"[:digits] + zone
    assert time_of(f'{{"timestamp":"{stamp}","type":"x"}}'.encode()) in (0, milliseconds(stamp))
    assert time_of(f'{{"timestamp":"{stamp[:23]}Z"'.encode()) == milliseconds(f"{stamp[:23]}Z") or digits < 3
