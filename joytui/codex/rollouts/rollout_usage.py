"""What Codex's own files say about usage: responses counted once, and rollups by hour, provider, model, folder, thread with its origin."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from joytui.codex.rollouts.cache import Cache, cache_path, listing
from joytui.codex.rollouts.files import RolloutFile, find_rollouts
from joytui.codex.rollouts.origin import Origin, rooted
from joytui.core.token_counts import UsageTotals

if TYPE_CHECKING:
    from joytui.codex.rollouts.count import Entry
    from joytui.codex.rollouts.reading import FileResult

HOUR_MS = 3_600_000


class RolloutRow(NamedTuple):
    """Sums of one hour, provider, model, folder and thread. `hour` is Unix time in hours (UTC).

    `totals.requests` counts responses and failed turns, `errors` the failed turns alone (0.163 and later write them).
    """

    hour: int
    provider: str | None
    model: str | None
    project: str | None
    thread: str
    totals: UsageTotals
    origin: Origin = Origin()


class RolloutUsage(NamedTuple):
    """Usage by Codex's own files. `broken` lines were left out; `files` is how many were found."""

    rows: tuple[RolloutRow, ...]
    files: int
    broken: int


def read_usage(
    home: Path, cache_dir: Path | None = None, since: datetime | None = None, until: datetime | None = None
) -> RolloutUsage:
    """Rollups over every rollout below `home` (a CODEX_HOME) in `since <= time < until`. Never raises for the files.

    With a cache folder, files are read once: the next run reads what was added. Bounds need not be whole hours.
    """
    files = find_rollouts(home)
    with Cache(cache_path(home, cache_dir) if cache_dir else None) as cache:
        mark = listing(home, files)
        if _whole_hour(since) and _whole_hour(until):
            rows, broken = _kept(cache.rollup(mark)) or _rolled_up(_refresh(cache, home))
        else:
            results, _ = _refresh(cache, home)
            rows = _of_origins(roll_up(_between(merge(results), since, until)), results)
            broken = _broken(results)
    return RolloutUsage(tuple(_within(rows, since, until)), len(files), broken)


def read_responses(
    home: Path, cache_dir: Path | None = None, since: datetime | None = None, until: datetime | None = None
) -> list[Entry]:
    """Every response and failed turn, each once, oldest first: for reconciling with a gateway's records."""
    with Cache(cache_path(home, cache_dir) if cache_dir else None) as cache:
        results, _ = _refresh(cache, home)
    return sorted(
        _between(merge(results), since, until), key=lambda entry: (entry.ms, entry.thread, entry.response or "")
    )


Refreshed = tuple[list["FileResult"], list[RolloutRow]]


def _refresh(cache: Cache, home: Path) -> Refreshed:
    """Reads what the cache does not know yet, and keeps it with the new rollup."""
    from joytui.codex.rollouts.reading import read_files, uncollected

    with uncollected():
        files = find_rollouts(home)
        known = cache.results()
        changed = read_files([(file, known.get(file.name)) for file in files if not _fresh(known.get(file.name), file)])
        results = {**known, **{result.name: result for result, _ in changed}}
        ordered = [results[file.name] for file in files]
        rows = _of_origins(roll_up(merge(ordered)), ordered)
        mark = listing(home, files)
        if changed or len(known) != len(files) or cache.rollup(mark) is None:
            rollup = json.dumps([_broken(ordered), rows], separators=(",", ":"))
            cache.keep(changed, set(known) - {file.name for file in files}, mark, rollup)
    return ordered, rows


def _rolled_up(refreshed: Refreshed) -> tuple[list[RolloutRow], int]:
    results, rows = refreshed
    return rows, _broken(results)


def _broken(results: Iterable[FileResult]) -> int:
    return sum(result.broken for result in results)


def _fresh(known: FileResult | None, file: RolloutFile) -> bool:
    return known is not None and known.is_of(file)


def merge(results: Iterable[FileResult]) -> list[Entry]:
    """The entries of all files, each response once: by (thread id, response id), the thread's own file first.

    Copies of a response in other threads' files (forks) count only where the thread's own file is gone.
    """
    entries: list[Entry] = []
    seen: set[tuple[str, str]] = set()
    foreign: list[Entry] = []
    for result in results:
        own = result.state[0]
        for entry in result.entries:
            if entry.response is None:
                entries.append(entry)
            elif entry.thread != own:
                foreign.append(entry)
            elif (key := (entry.thread, entry.response)) not in seen:
                seen.add(key)
                entries.append(entry)
    for entry in foreign:
        if (key := (entry.thread, entry.response or "")) not in seen:
            seen.add(key)
            entries.append(entry)
    return entries


def roll_up(entries: Iterable[Entry]) -> list[RolloutRow]:
    """Sums by hour, provider, model, folder and thread, in the order of hours."""
    groups: dict[tuple[int, str | None, str | None, str | None, str], list[Entry]] = {}
    for entry in entries:
        ms, thread, _, _, provider, model, cwd, *_ = entry
        groups.setdefault((ms // HOUR_MS, provider, model, cwd, thread), []).append(entry)
    rows = [RolloutRow(*key, _totals(group)) for key, group in groups.items()]
    return sorted(rows, key=lambda row: row.hour)


def _of_origins(rows: Iterable[RolloutRow], results: Iterable[FileResult]) -> list[RolloutRow]:
    """The rows with what the files say of their threads."""
    origins = rooted({result.state[0]: Origin(*result.state[-1]) for result in results})
    return [row._replace(origin=origins.get(row.thread, row.origin)) for row in rows]


def _totals(entries: Sequence[Entry]) -> UsageTotals:
    *_, spent, cached, output, reasoning, source = zip(*entries, strict=True)
    return UsageTotals(len(entries), source.count("e"), sum(spent), sum(cached), sum(output), sum(reasoning))


def _kept(rollup: str | None) -> tuple[list[RolloutRow], int] | None:
    if rollup is None:
        return None
    try:
        broken, rows = json.loads(rollup)
        made = [[*key, UsageTotals._make(totals), Origin._make(origin)] for *key, totals, origin in rows]
        return list(map(RolloutRow._make, made)), int(broken)
    except (ValueError, TypeError):
        return None


def _whole_hour(moment: datetime | None) -> bool:
    return moment is None or _milliseconds(moment) % HOUR_MS == 0


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _within(rows: Sequence[RolloutRow], since: datetime | None, until: datetime | None) -> Iterable[RolloutRow]:
    low = _milliseconds(since) // HOUR_MS if since else None
    high = -(-_milliseconds(until) // HOUR_MS) if until else None
    for row in rows:
        if (low is None or row.hour >= low) and (high is None or row.hour < high):
            yield row


def _between(entries: Iterable[Entry], since: datetime | None, until: datetime | None) -> Iterable[Entry]:
    low = _milliseconds(since) if since else None
    high = _milliseconds(until) if until else None
    for entry in entries:
        if (low is None or entry.ms >= low) and (high is None or entry.ms < high):
            yield entry
