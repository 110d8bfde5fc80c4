"""Words that the command line does not understand: exit code 2, and what was meant."""

from __future__ import annotations

import pytest

from joytui.cli import gateway_upstreams
from joytui.cli.main import main
from joytui.cli.parser import Parser
from tests.support.joytui_process import Machine


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


KEY = "hunter2-Sesame-0pen"


@pytest.mark.parametrize(
    "words",
    [
        ["gateway", "upstream-key", "set", f"--x={KEY}"],
        ["gateway", "upstream-key", "set", "--key", KEY],
        ["gateway", "upstream-key", "set", f"--in={KEY}"],
        ["gateway", "upstream-key", "set", f"--{KEY}"],
        ["gateway", "upstream-key", "set", f"--json={KEY}"],
        ["gateway", "upstream-key", KEY],
        ["gateway", "start", f"--upstream-key={KEY}", "--upstream", "http://127.0.0.1:1/v1"],
        ["gateway", "start", "--upstream-key", KEY],
        ["gateway", "run", "--upstream-key-env", KEY, "--upstream", "http://127.0.0.1:1/v1"],
        ["gateway", "start", "--upstream-key-env", "jt_local_abcdefgh", "--upstream", "http://127.0.0.1:1/v1"],
        ["gateway", "start", "--strict=" + KEY],
        ["gateway", KEY],
        ["gateway", "run", "--upstream-key-env", "hunter2", "--upstream", "http://127.0.0.1:1/v1"],
        ["setup", "--key", KEY],
        ["setup", "--local", "--upstream", "http://127.0.0.1:1/v1", "--upstream-key-env", KEY],
        ["keys", "list", KEY],
        ["keys", "check", "dev", f"--key={KEY}"],
        ["doctor", "--api-key", KEY],
        ["triage", "ticket", KEY],
        [f"--key={KEY}"],
        ["--api-key=sk-abcdefghijkl", "doctor"],
        ["jt_local_abcdefgh"],
    ],
)
def test_what_was_not_understood_may_be_a_key_and_is_not_repeated(words: list[str], machine: Machine) -> None:
    said = machine.call(*words)
    assert (said.code, said.out) == (2, "")
    assert said.err
    for key in (KEY, "hunter2", "abcdefgh"):
        assert key not in said.err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["keys", "list", "--jso"], "unknown option --jso; did you mean --json?"),
        (["gateway", "start", "--upstrem", "http://x"], "unknown option --upstrem; did you mean --upstream?"),
        (["usage", "--sinc=7d"], "did you mean --since?"),
        (
            ["keys", "lst"],
            "must be one of create, list, revoke, disable, enable, edit, rotate, check; did you mean list?",
        ),
        (["keys", "create", "my", "key"], "unexpected argument"),
        (["usage", "--source", "codx"], "did you mean codex?"),
    ],
)
def test_what_was_meant_is_said(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert said in err


@pytest.mark.parametrize(
    ("words", "listed"),
    [
        (["keys"], "rotate"),
        (["wallet"], "credit"),
        (["gateway"], "upstream-key"),
        (["gateway", "upstream-key"], "forget"),
        (["codex"], "effective configuration"),
        (["wallet", "credit"], "economy"),
    ],
)
def test_a_bare_command_lists_its_actions(words: list[str], listed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"usage: joytui {' '.join(words)} ")
    assert listed in err
    assert "error" not in err


def test_the_example_of_keys_has_a_budget_for_more_than_a_turn(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["keys", "--help"]) == 0
    assert "--daily 500 " in capsys.readouterr().out


def test_a_command_that_needs_no_action_runs_without_a_word() -> None:
    """`joytui gateway upstreams` alone shows; where an action is needed, the help says which there are."""
    parser = Parser()
    gateway_upstreams.configure(parser)
    assert parser.parse_args([]).upstreams_action is None
    needed = Parser()
    needed.add_subparsers(dest="action", required=True).add_parser("list")
    with pytest.raises(SystemExit) as ended:
        needed.parse_args([])
    assert ended.value.code == 2
