"""What has no sensible size ends in a clear line, within the doctor's time and little memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from joytui.codex.dotenv import read_dotenv
from joytui.codex.layers import MAX_FILE
from joytui.codex.survey import MAX_DOTENV
from joytui.codex.world import Invocation
from joytui.core.records import Report
from joytui.doctor import examine
from tests.support.hang import alive, ended, poll
from tests.support.raw_gateway import CONFIG, HEAD, KEY, OK, answering

AUTH = (
    CONFIG.replace('env_key = "JOY_TOKEN_API_KEY"\n', "")
    + '[model_providers.joytoken.auth]\ncommand = "{command}"\nargs = {args}\n'
)


def examined(tmp_path: Path, config: str, *args: str, dotenv: str = "") -> Report:
    (tmp_path / ".env").write_text(dotenv)
    env = {"CODEX_HOME": str(tmp_path), "PATH": "/usr/bin:/bin", "JOY_TOKEN_API_KEY": KEY}
    with answering(HEAD + OK) as port:
        (tmp_path / "config.toml").write_text(config.replace("{port}", str(port)))
        return examine(Invocation(args, env, tmp_path, "0.171.0", tmp_path / "etc", tmp_path))


def why(report: Report) -> str:
    return report.verdict.evidence[0].what


def test_a_huge_dotenv_is_not_read_and_is_told(tmp_path: Path) -> None:
    report = examined(tmp_path, CONFIG, dotenv="A=1\n" * (MAX_DOTENV // 4 + 1))
    assert report.verdict.works is True
    assert [one.evidence[0].what for one in report.warnings if "larger than 1 MiB" in one.evidence[0].what]


def test_a_huge_configuration_is_not_read_and_is_told(tmp_path: Path) -> None:
    report = examined(tmp_path, "#\n" * (MAX_FILE // 2) + CONFIG)
    assert report.verdict.cause == "config-unreadable"
    assert why(report).endswith("is larger than 8 MiB, so joytui does not read it")
    assert report.verdict.codex_says is None


@pytest.mark.parametrize("line", ["{names} = 1\n", "[{names}]\n"])
def test_a_key_of_thousands_of_names_is_what_codex_calls_it(tmp_path: Path, line: str) -> None:
    report = examined(tmp_path, CONFIG + line.format(names=".".join(["a"] * 20_000)))
    assert report.verdict.cause == "config-syntax"
    assert "recursion limit" in (report.verdict.codex_says or "")


def test_eighty_names_are_taken(tmp_path: Path) -> None:
    report = examined(tmp_path, ".".join(["a"] * 80) + " = 1\n" + CONFIG)
    assert report.verdict.works is True


def test_a_flag_of_thousands_of_names(tmp_path: Path) -> None:
    report = examined(tmp_path, CONFIG, "-c", ".".join(["a"] * 20_000) + "=1")
    assert report.verdict.cause == "config-type"


def test_a_command_that_prints_without_end(tmp_path: Path) -> None:
    report = examined(tmp_path, AUTH.replace("{command}", "yes").replace("{args}", "[]"))
    told = [one.evidence[0].what for one in (report.verdict, *report.warnings)]
    assert "auth.command printed more than 64 kB" in " ".join(told)


def test_a_command_that_hangs_is_ended_with_its_children(tmp_path: Path) -> None:
    command = AUTH.replace("{command}", "sh").replace(
        "{args}", f'["-c", "sleep 600 & echo $! > {tmp_path}/child; wait"]'
    )
    report = examined(tmp_path, command + "timeout_ms = 300\n")
    told = [one.evidence[0].what for one in (report.verdict, *report.warnings)]
    assert "auth.command did not finish within 0.3 s" in told
    child = int((tmp_path / "child").read_text())
    poll(lambda: not alive(child), lambda: f"the end of {child}")


def test_a_value_that_never_ends_is_read_once() -> None:
    with ended():
        assert read_dotenv('A="\n' + "x\n" * 200_000, {}) == ()
    found = read_dotenv('A="1\n2" # three\nB=\'4\n\\\'\nC="5\\\n6"\n', {})
    assert [(one.name, one.value, one.line, one.last) for one in found[:2]] == [
        ("A", "1\n2", 1, 2),
        ("B", "4\n\\", 3, 4),
    ]
