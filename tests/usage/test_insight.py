"""`joytui usage` over a real gateway: what stands out with its culprit, budgets, the largest, both witnesses, mistakes."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from joytui.ledger.sqlite.engine import SqliteLedger
from tests.ledger.filling import add, new_key
from tests.support.joytui_process import Machine

CREDIT = 10**9
HOUR_MS = 3_600_000


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """Six days of two keys, a credit an hour each; in the hour before this one ci-nightly spent eight."""
    here = Machine(tmp_path_factory.mktemp("usage"))
    this_hour = time.time_ns() // 1_000_000 // HOUR_MS
    ledger = SqliteLedger.open_store(here.data / "ledger.sqlite3")
    made = {name: new_key(ledger, name) for name in ("dev", "ci-nightly")}
    for back in range(1, 145):
        for number, (name, key) in enumerate(made.items()):
            cost = CREDIT * (8 if back == 1 and name == "ci-nightly" else 1)
            add(
                ledger,
                (this_hour - back) * HOUR_MS + 5,
                key,
                number,
                cost_nano=cost,
                thread_id=f"t{back % 50}",
                input_tokens=10,
            )
    ledger.write_now(lambda batch: None)
    ledger.close()
    assert here.call("gateway", "start").code == 0
    yield here
    assert here.call("gateway", "stop").code == 0


def test_an_hour_out_of_the_ordinary_is_named_with_its_culprit(machine: Machine) -> None:
    found = machine.ask("usage", "--insight")["insight"]
    assert found["unit"] == "credits"
    assert found["per_hour"] == {"now": "0", "usual": "2"}
    assert (found["anomaly"]["amount"], found["anomaly"]["usual"]) == ("9", "2")
    assert found["anomaly"]["culprit"]["text"] == "key ci-nightly: 8× its usual for this hour"
    said = machine.call("usage", "--by", "key")
    assert "unusual" in said.err
    assert "9.00 Cr instead of 2.00 Cr: key ci-nightly" in said.err
    assert "insight" not in machine.ask("usage")


def test_a_budget_has_an_exit_code_and_a_forecast(machine: Machine) -> None:
    over = machine.call("usage", "--budget", "5", "--fail-over", "--json")
    assert over.code == 1
    assert over.json["budget"]["over"]
    assert "OVER BUDGET" in over.err
    assert machine.call("usage", "--budget", "5").code == 0
    within = machine.call("usage", "--budget", "400", "--fail-over", "--json")
    assert within.code == 0
    assert within.json["budget"]["left"] == "105"
    assert within.json["budget"]["runs_out"] > within.json["rows"][0].get("hour", "2026")
    assert "it lasts until" in within.err


def test_the_largest_threads_and_the_others(machine: Machine) -> None:
    view = machine.ask("usage", "--by", "thread", "--top", "2")
    assert [row["thread"] for row in view["rows"]] == ["t1", "t10", "(others)"]
    assert view["totals"]["requests"] == sum(row["requests"] for row in view["rows"]) == 288


def test_two_witnesses_are_not_added_up(machine: Machine) -> None:
    view = machine.ask("usage", "--source", "both")
    assert view["totals"] == view["totals_by_source"]["gateway"], "Codex knows of nothing here"
    assert view["totals_by_source"]["gateway"]["requests"] == 288
    assert view["totals_by_source"]["codex"]["requests"] == 0


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (["--by", "kye"], "--by"),
        (["--since", "2d", "--until", "3d"], "--until"),
        (["--source", "codex", "--budget", "5"], "--budget"),
        (["--fail-over"], "--fail-over"),
        (["--budget", "-1"], "--budget"),
        (["--top", "3"], "--top"),
        (["--by", "thread,model", "--top", "3"], "--top"),
        (["--csv", "--insight"], "--insight"),
        (["--reconcile", "--by", "key"], "--reconcile"),
    ],
)
def test_mistakes_are_named(machine: Machine, words: list[str], named: str) -> None:
    said = machine.call("usage", *words)
    assert (said.code, said.out) == (2, "")
    assert named in said.err
