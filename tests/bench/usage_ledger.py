"""What Usage and `joytui usage` ask of a ledger of 1,000,000 requests: at the store, and as a client sees it.

The ledger is made by SQL, as an older joytui would have left it: its sums by project and thread are filled first, in the
slices in which a gateway does that while it works. Beside a baseline each tree makes its own ledger, with the same
requests in it, and one client asks the gateways of both by turns.
"""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from joytui.client.console import ConsoleClient
from joytui.core.clock import parse_time, rfc3339
from joytui.core.token_counts import MANY
from joytui.ledger.sql.usage_sums import usage
from joytui.ledger.sqlite import upkeep
from joytui.ledger.sqlite.engine import SqliteLedger
from joytui.tui.usage.reading import MOST_GROUPS
from joytui.tui.usage.snapshot import GROUPS, RANGES, Question
from joytui.usage.insight import gateway_insight
from tests.bench import baseline
from tests.bench.baseline import HERE, Tree
from tests.bench.gateway import running
from tests.bench.spent import Spent, by_turns, cpu_of, judged
from tests.support.ledger_corpus import write_ledger
from tests.support.older_store import as_before_parts

DAYS = 90
AIM_MS = 50.0
Ask = dict[str, Any]


def measure(folder: Path, requests: int, trees: Sequence[Tree], rounds: int) -> bool:
    """Prints the table; whether the totals are right and the baseline's promise is kept. The times do not decide."""
    now = datetime.now(UTC)
    store = _store(folder, HERE)
    took = write_ledger(store, requests, DAYS, now)
    print(f"\nledger: {requests:,} requests over {DAYS} days, {store.stat().st_size / 1e6:.0f} MB, ", end="")
    print(f"made in {took:.0f} s; load {os.getloadavg()[0]:.1f}")
    as_before_parts(store)
    ledger = _migrated(store)
    asked = questions(now)
    right = ledger.read_now(usage, [], 0, int(now.timestamp() * 1000) + 1)[1].requests == requests
    inside = {name: _median(lambda ask=ask: _at_the_store(ledger, ask), rounds) for name, ask in asked.items()}
    ledger.close()
    for tree in trees[1:]:
        _make_its_own(folder, tree, requests, now)
    outside, insight, spent = _through_the_gateways(folder, trees, asked, now, rounds)
    _print_table(inside, outside, insight)
    for tree in trees[1:]:
        right &= judged("all questions", spent[HERE], spent[tree], tree.name, baseline.AIM)
    return right


def _store(folder: Path, tree: Tree) -> Path:
    return folder / tree.name / "ledger.sqlite3"


def _make_its_own(folder: Path, tree: Tree, requests: int, now: datetime) -> None:
    """By that tree's own code: what this one writes it may not know yet."""
    program = (
        "import sys, datetime, pathlib; from tests.bench import usage_ledger as made; store = pathlib.Path(sys.argv[1]);"
        "made.write_ledger(store, int(sys.argv[2]), int(sys.argv[3]), datetime.datetime.fromisoformat(sys.argv[4]));"
        "(getattr(made, 'as_before_parts', None) or made._as_an_older_one)(store); made._migrated(store).close()"
    )
    words = [str(_store(folder, tree)), str(requests), str(DAYS), now.isoformat()]
    subprocess.run([tree.python, "-c", program, *words], cwd=tree.folder, stdout=subprocess.DEVNULL, check=True)


def _migrated(store: Path) -> SqliteLedger:
    began = time.perf_counter()
    ledger = SqliteLedger.open_store(store)
    opened = time.perf_counter() - began
    slices = []
    more = True
    while more:
        began = time.perf_counter()
        more = ledger.write_now(upkeep.fill)
        slices.append(1000 * (time.perf_counter() - began))
    print(
        f"older store: opens in {opened:.2f} s, then filled in {len(slices)} slices of {statistics.median(slices):.0f} ms ",
        end="",
    )
    print(f"(longest {max(slices):.0f} ms), {sum(slices) / 1000:.1f} s in all, beside the requests")
    return ledger


def questions(now: datetime) -> dict[tuple[str, str], Ask]:
    """By range and group, as the screen asks; then what stands out, and the command."""
    asked: dict[tuple[str, str], Ask] = {}
    for range_ in RANGES:
        for group in GROUPS:
            window = Question(range=range_, group=group).window(now)
            top = MOST_GROUPS if group in MANY else None
            asked[range_, group] = {"by": [window.asked, group], "since": rfc3339(window.begin), "top": top}
    at = (now - timedelta(days=32)).replace(minute=0, second=0, microsecond=0)
    hour = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=1)
    asked["budget, forecast, usual", "hour"] = {"by": ["hour"], "since": rfc3339(at)}
    asked["live rate", "10 minutes"] = {"by": [], "since": rfc3339(now - timedelta(minutes=10)), "until": rfc3339(now)}
    end = rfc3339(hour + timedelta(hours=1) - timedelta(milliseconds=1))
    asked["anomaly: who", "key"] = {"by": ["key"], "since": rfc3339(hour), "until": end}
    since = rfc3339(hour - timedelta(days=15))
    asked["anomaly: culprit", "key"] = {"by": ["hour", "key"], "since": since, "only": ["dev-07", "dev-21"]}
    asked["usage", "all time"] = {"by": []}
    asked["usage --by key --since 7d", "key"] = {"by": ["key"], "since": rfc3339(now - timedelta(days=7))}
    asked["usage --by day,model --since 30d", "model"] = {
        "by": ["day", "model"],
        "since": rfc3339(now - timedelta(days=30)),
    }
    asked["usage --by key,model", "all time"] = {"by": ["key", "model"]}
    return asked


def _at_the_store(ledger: SqliteLedger, ask: Ask) -> None:
    low, high = (
        int(parse_time(ask[name]).timestamp() * 1000) if ask.get(name) else None for name in ("since", "until")
    )
    until = high + 1 if high else int(time.time() * 1000) + 1
    ledger.read_now(usage, ask["by"], low or 0, until, None, ask.get("top"), ask.get("only"))


@contextmanager
def _gateway(data: Path, tree: Tree) -> Iterator[tuple[ConsoleClient, int]]:
    """The tree's gateway on its ledger: who asks it, and its pid."""
    env = {**os.environ, "HOME": str(data), "JOYTUI_DATA_DIR": str(data), "JOYTUI_GATEWAY_PORT": "0"}
    env["JOYTUI_CONFIG_FILE"] = str(data / "config.toml")
    with running(tree.joytui, "gateway", "run", env=env) as (url, pid):
        yield ConsoleClient(url, (data / "admin-token").read_text().strip()), pid


def _through_the_gateways(
    folder: Path, trees: Sequence[Tree], asked: Mapping[tuple[str, str], Ask], now: datetime, rounds: int
) -> tuple[dict[tuple[str, str], list[float]], list[float], dict[Tree, list[Spent]]]:
    """Milliseconds of each question and of the insight to this tree's gateway; what all questions took each tree's, each round."""
    with ExitStack() as stack:
        gateways = {tree: stack.enter_context(_gateway(_store(folder, tree).parent, tree)) for tree in trees}
        return asyncio.run(_ask_all(gateways, asked, now, rounds))


async def _ask_all(
    gateways: Mapping[Tree, tuple[ConsoleClient, int]], asked: Mapping[tuple[str, str], Ask], now: datetime, rounds: int
) -> tuple[dict[tuple[str, str], list[float]], list[float], dict[Tree, list[Spent]]]:
    took: dict[tuple[str, str], list[float]] = {name: [] for name in asked}
    spent: dict[Tree, list[Spent]] = {tree: [] for tree in gateways}
    async with AsyncExitStack() as stack:
        for console, _ in gateways.values():
            await stack.enter_async_context(console)
        for tree in by_turns(list(gateways), rounds):
            console, pid = gateways[tree]
            before = cpu_of(pid)
            each = {name: await _timed(partial(console.usage, **ask)) for name, ask in asked.items()}
            spent[tree].append(Spent(sum(each.values()), cpu_of(pid) - before))
            for name, seconds in each.items() if tree is HERE else ():
                took[name].append(1000 * seconds)
        ours = gateways[HERE][0]
        insight = [1000 * await _timed(partial(gateway_insight, ours, now, 10**12)) for _ in range(rounds)]
    return took, insight, spent


async def _timed(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def _median(work: Callable[[], object], rounds: int) -> float:
    times = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        times.append(1000 * (time.perf_counter() - began))
    return statistics.median(times)


def _print_table(
    inside: dict[tuple[str, str], float], outside: dict[tuple[str, str], list[float]], insight: list[float]
) -> None:
    print("milliseconds, median as the client sees it (at the store); the screen's questions by range and group:")
    print(f"  {'':10}" + "".join(f"{span.words:>17}" for span in RANGES.values()))
    for group in GROUPS:
        cells = [f"{statistics.median(outside[r, group]):.1f} ({inside[r, group]:.1f})" for r in RANGES]
        print(f"  {group:10}" + "".join(f"{cell:>17}" for cell in cells))
    for name, times in outside.items():
        if name[0] not in RANGES:
            print(f"  {' by '.join(name):44} {statistics.median(times):.1f} ({inside[name]:.1f})")
    print(f"  {'all that the screen says under its totals':44} {statistics.median(insight):.1f}")
    medians = {name: statistics.median(times) for name, times in outside.items()}
    slowest = max(medians, key=lambda name: medians[name])
    late = sum(time > AIM_MS for times in outside.values() for time in times)
    print(f"slowest question: {' by '.join(slowest)}, {medians[slowest]:.1f} ms  aim {AIM_MS:.0f}: ", end="")
    print(
        f"{'met' if medians[slowest] <= AIM_MS else 'MISSED'}; {late} of {sum(map(len, outside.values()))} answers took longer"
    )
