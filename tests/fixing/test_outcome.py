"""A fix that did not help is put back by itself, and what was tried is no longer the advice."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from joytui.core.records import CodexInfo, Evidence, Finding, Report
from joytui.doctor.fix.outcome import outcome
from joytui.tui.screens.fix import FixDialog
from tests.fixing.broken import GOOD, Broken
from tests.fixing.conftest import VERSION, until
from tests.support.fault_gateway import FaultGateway
from tests.support.joytui_process import Machine
from tests.tui.opening import console, settle

UNKNOWN = Broken("unknown", "model-not-found", GOOD.replace('"auto"', '"gpt-none"'))


def found(cause: str | None, what: str = "", *, works: bool | None = False, key: str = "") -> Finding:
    details = {"key": key} if key else {}
    return Finding(works, cause, evidence=(Evidence(what, ""),), details=details)


@pytest.mark.parametrize(
    ("mended", "verdict", "warnings", "expected"),
    [
        (found("base-url-path", "a"), found(None, works=True), (), "helped"),
        (found("base-url-path", "a"), found("key-rejected"), (), "helped"),
        (found("base-url-path", "at one address"), found("base-url-path", "at another"), (), "no help"),
        (found("base-url-path"), found("connection-refused"), (found("base-url-path"),), "no help"),
        (found("base-url-path"), found(None, works=None), (), "helped"),
        (found("config-syntax", "line 1"), found("config-syntax", "line 2"), (), "helped"),
        (found("config-syntax", "line 1"), found("config-syntax", "line 1"), (), "no help"),
        (found("config-type", "is no number", key="a"), found("config-type", "is no number", key="b"), (), "helped"),
    ],
)
def test_it_helped_where_the_fault_is_gone(
    mended: Finding, verdict: Finding, warnings: tuple[Finding, ...], expected: str
) -> None:
    assert outcome(mended, report(mended), report(verdict, *warnings)) == expected


def test_a_warning_s_fix_that_stops_a_working_codex_is_worse() -> None:
    warning = found("model-defaulted")
    before = report(found(None, works=True), warning)
    assert outcome(warning, before, report(found("model-not-found"))) == "worse"
    assert outcome(warning, before, report(found(None, works=None))) == "helped"


def report(verdict: Finding, *warnings: Finding) -> Report:
    return Report(1, "", "", CodexInfo(None, None, "", ()), {}, verdict, warnings, (), ())


# --- in the product


@pytest.fixture
def refusing(lay: Callable[[Broken], Path]) -> Iterator[tuple[Path, bytes]]:
    """A configuration that asks a gateway for a model that is not in its catalog; the gateway refuses any other, too."""
    with FaultGateway("model_not_found_404") as gateway:
        place = lay(UNKNOWN)
        place.write_text(re.sub(r"http://[^/]+", gateway.origin, place.read_text()))
        yield place, place.read_bytes()


def test_fix_puts_back_what_did_not_help(machine: Machine, home: Path, refusing: tuple[Path, bytes]) -> None:
    place, before = refusing
    said = machine.call("doctor", "--fix", "--yes", "--json", *VERSION)
    assert said.code == 1
    assert place.read_bytes() == before
    assert [path.name for path in home.iterdir()] == ["config.toml"]
    assert "the change did not help (model-not-found was still there); put back: " in said.err
    (tried,) = said.json["fixes"]
    assert tried == {
        "cause": "model-not-found",
        "summary": 'Write model = "auto".',
        "files": [str(place)],
        "outcome": "no help",
        "put_back": True,
        "why": "model-not-found was still there",
    }
    verdict = said.json["verdict"]
    assert verdict["fix"]["commands"] == []
    assert verdict["fix"]["patch"] is None
    assert "tried and undone" in verdict["evidence"][-1]["what"]
    assert "nothing to undo" in machine.call("doctor", "--undo").err


def test_fix_says_in_json_what_helped(machine: Machine, lay: Callable[[Broken], Path]) -> None:
    place = lay(Broken("empty", "", GOOD.replace('"auto"', '""')))
    said = machine.call("doctor", "--fix", "--yes", "--json", *VERSION)
    assert said.code == 0
    outcomes = [(one["cause"], one["outcome"], one["put_back"]) for one in said.json["fixes"]]
    assert outcomes == [("model-empty", "helped", False)]
    assert 'model = "auto"' in place.read_text()


@pytest.mark.usefixtures("shell")
async def test_the_screen_puts_back_what_did_not_help(home: Path, refusing: tuple[Path, bytes]) -> None:
    from joytui.tui.doctor.worker import examine_here

    place, before = refusing
    app = console("doctor", examine=examine_here)
    async with app.run_test(size=(110, 40)) as pilot:
        await settle(app, pilot)
        await pilot.press("r")
        await settle(app, pilot)
        assert app.screen.snapshot.report.verdict.cause == "model-not-found"
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, FixDialog))
        await pilot.press("a")
        await settle(app, pilot)
        verdict = app.screen.snapshot.report.verdict
        assert (verdict.cause, verdict.fix.commands) == ("model-not-found", ())
        assert "tried and undone" in verdict.evidence[-1].what
        assert app.screen.check_action("fix", ()) is False
        assert place.read_bytes() == before
        assert [path.name for path in home.iterdir()] == ["config.toml"]
