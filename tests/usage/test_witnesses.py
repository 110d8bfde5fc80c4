"""Sums of gateway, telemetry and rollouts: what two of them tell is counted once."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from joytui.core.token_counts import OTHERS, UsageRow, UsageTotals
from joytui.usage.witnesses import Told, joined_totals, of_codex, topped

ONE = UsageTotals(1, 0, 100, 40, 7, 3, 0)


def times(many: int, cost: int = 0) -> UsageTotals:
    return UsageTotals._make([*(many * number for number in ONE[:-1]), cost])


def row(thread: str | None, totals: UsageTotals = ONE, **by: str | None) -> tuple[str | None, UsageRow]:
    return thread, UsageRow(by or {"model": "auto"}, "codex", totals)


def test_a_thread_with_a_rollout_is_the_rollouts() -> None:
    told = Told([row("t1"), row("t2"), row(None)])
    [sums] = of_codex([UsageRow({"model": "auto"}, "codex", ONE)], told, {"t1"})
    assert sums.totals == times(3)
    both = of_codex([], Told([row("t1"), row("t2", model="m")]), ())
    assert {one.by["model"]: one.totals.requests for one in both} == {"auto": 1, "m": 1}


def test_the_gateways_figures_hold_and_what_it_did_not_see_is_added() -> None:
    seen = Told([row("alone")], {"t1": times(2, 9), "t2": times(1, 1)})
    whole = times(3, 10)
    assert joined_totals(whole, seen, {}) == times(4, 10)
    assert joined_totals(whole, seen, {"t1": times(2)}) == times(4, 10), "seen by both"
    fewer = UsageTotals(2, 0, 999, 0, 99, 0, 0)
    assert joined_totals(whole, seen, {"t1": fewer}) == times(4, 10), "its own figures for the same requests"
    assert joined_totals(whole, seen, {"t1": times(5)}) == times(7, 10), "three went past it"
    assert joined_totals(whole, seen, {"alone": times(1)}) == times(4, 10), "telemetry and rollout are one witness"
    assert joined_totals(whole, seen, {"here": times(2)}) == times(6, 10)


@given(st.lists(st.sampled_from(["g", "gt", "gr", "gtr", "t", "tr", "r"]), max_size=8))
def test_whoever_tells_each_request_counts_once(requests: Sequence[str]) -> None:
    """Each in its own thread, seen by gateway, telemetry, rollout or several of them."""
    names = list(enumerate(requests))
    seen = {f"t{n}": ONE for n, who in names if "g" in who}
    alone = [row(f"t{n}") for n, who in names if "t" in who and "g" not in who]
    rollouts = {f"t{n}": ONE for n, who in names if "r" in who}
    assert joined_totals(times(len(seen)), Told(alone, seen), rollouts) == times(len(requests))


def test_the_largest_and_the_others() -> None:
    rows = [UsageRow({"thread": f"t{n}", "day": "2026-11-23"}, "codex", times(n)) for n in range(1, 5)]
    assert [one.by["thread"] for one in topped(rows, 2)] == ["t4", "t3", OTHERS]
    assert UsageTotals.sum(one.totals for one in topped(rows, 2)) == times(10)
    assert topped(rows, None) == rows
