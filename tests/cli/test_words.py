"""Words that the command line does not understand: exit code 2, and what was meant."""

from __future__ import annotations

import pytest

from joytui.cli.main import main


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["lgos"], "unknown command lgos, did you mean logs?"),
        (["lgos", "--json"], "unknown command lgos, did you mean logs?"),
        (["qqqq"], "unknown command qqqq"),
        (["--gateway", "http://127.0.0.1:1", "logs"], "joytui logs --gateway …"),
        (["--gateway", "http://127.0.0.1:1", "logs", "--json"], "options follow the command"),
        (["--jsn"], "unknown option --jsn"),
    ],
)
def test_what_is_no_command_is_explained(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err
    assert "qqqq, did you" not in err


def test_the_example_of_keys_has_a_budget_for_more_than_a_turn(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "--help"]) == 0
    assert "--daily 500 " in capsys.readouterr().out
