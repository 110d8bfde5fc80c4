"""The benches are no part of the test run; that each of them starts is."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

from tests.bench import doctor
from tests.bench.__main__ import names, start
from tests.bench.spent import Spent, by_turns, finished, judged, times

MODULES = sorted(file.stem for file in Path(__file__).parent.glob("*.py") if file.stem.isidentifier())


@pytest.mark.parametrize("module", MODULES)
def test_it_imports(module: str) -> None:
    import_module(f"tests.bench.{module}")


@pytest.mark.parametrize("name", names())
def test_it_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        start([name, "--help"])
    assert left.value.code == 0
    assert f"python -m tests.bench {name}" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["console", "gateway", "startup", "usage"])
def test_a_commit_that_is_none_ends_it_in_words(name: str) -> None:
    with pytest.raises(SystemExit, match="--baseline"):
        start([name, "--baseline", "no-such-commit"])


def test_the_situations_that_the_doctor_is_timed_in_are_there() -> None:
    assert {one.name for one in doctor.chosen()} == {*doctor.LOCAL, *doctor.REMOTE, *doctor.HEALTHY}


def test_an_unknown_name_lists_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert start(["no-such-bench"]) == 2
    assert "startup" in capsys.readouterr().err


def test_pairs_are_judged_by_their_median(capsys: pytest.CaptureFixture[str]) -> None:
    ours = [Spent(2.0, 1.0), Spent(9.0, 1.1), Spent(2.2, 1.2)]
    theirs = [Spent(1.0, 1.0), Spent(9.0, 1.0), Spent(1.0, 1.0)]
    assert times(ours, theirs) == Spent(2.0, 1.1)
    assert judged("a start", ours, theirs, "the other", 1.1, by="CPU")
    assert not judged("a start", ours, theirs, "the other", 1.1, by="clock")
    assert "a start: 2.00 times the other by the clock" in capsys.readouterr().out


def test_turns_go_to_and_fro() -> None:
    assert "".join(by_turns("ab", 3)) == "abbaab"


def test_what_a_process_computed_is_known_when_it_ended() -> None:
    work = "import time\nwhile time.process_time() < 0.05: pass\nraise SystemExit(3)"
    process = subprocess.Popen([sys.executable, "-c", work], env={"PATH": os.environ["PATH"]})
    assert finished(process) >= 0.05
    assert process.returncode == 3
