"""The long runs are no part of the test run; that each of them starts, and is bounded, is. A small year: tests/ledger/test_retention.py."""

from __future__ import annotations

import pytest

from tests.long.__main__ import found, start


@pytest.mark.parametrize("name", found())
def test_it_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        start([name, "--help"])
    assert left.value.code == 0
    assert f"python -m tests.long {name}" in capsys.readouterr().out


def test_they_are_listed_with_what_they_do(capsys: pytest.CaptureFixture[str]) -> None:
    assert start(["list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(found())
    assert all(len(line.split()) > 3 for line in lines)


def test_an_unknown_name_lists_the_others_and_help_is_no_mistake(capsys: pytest.CaptureFixture[str]) -> None:
    assert (start(["no-such-run"]), start([])) == (2, 2)
    assert "year" in capsys.readouterr().err
    assert start(["--help"]) == 0
    assert "year" in capsys.readouterr().out


@pytest.mark.parametrize("words", [["--days", "0"], ["--days", "3000"], ["--requests", "1000000"]])
def test_a_year_is_bounded(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        start(["year", *words])
    assert left.value.code == 2
    assert "--days from 1 to 2,000" in capsys.readouterr().err
