"""The lines that take off what came along with a key do so in a real shell."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from joytui.codex.look import look
from joytui.codex.world import Invocation
from joytui.core.redaction import Redactor
from joytui.doctor.fix.registry import fix_for
from tests.support.fault_gateway import GOOD_KEY
from tests.support.hang import HANG_S
from tests.support.raw_gateway import CONFIG

KEY = GOOD_KEY
NAME = "JOY_TOKEN_API_KEY"


@pytest.mark.parametrize(
    "value",
    [
        f"Bearer {KEY}", f"bearer {KEY}", f'"{KEY}"', f"'{KEY}'", f"{KEY}'", f"`{KEY}`", f"“{KEY}”", f"{NAME}={KEY}",
        f'"Bearer {KEY}"', f" {KEY}",
    ],
)  # fmt: skip
def test_the_lines_leave_the_key_alone(tmp_path: Path, value: str) -> None:
    fix = fixed(tmp_path, value)
    *lines, last = fix.commands
    assert last == "joytui doctor"
    assert lines
    script = "\n".join([*lines, f'printf %s "${NAME}"'])
    for shell in ("sh", "bash"):
        done = subprocess.run(
            [shell, "-c", script], env={"PATH": "/usr/bin:/bin", NAME: value}, capture_output=True, timeout=HANG_S
        )
        assert done.stdout.decode() == KEY, (shell, lines)
    assert KEY not in fix.summary + script
    clean = Redactor([value])
    assert [clean.text(line) for line in lines] == lines, "a line that is masked is not shown"


@pytest.mark.parametrize(
    "value", [f'export {NAME}="{KEY}"', f"{KEY[:8]} {KEY[8:]}", f"{KEY}\u200b", "$JOY_KEY", "ключ-который-не-ascii"]
)
def test_what_no_line_can_know_is_set_again(tmp_path: Path, value: str) -> None:
    assert f"export {NAME}='<your key>'" in fixed(tmp_path, value).commands


@pytest.mark.parametrize(
    ("shell", "line"),
    [({"SHELL": "/usr/bin/fish"}, "set -gx {} '<your key>'"), ({"OS": "Windows_NT"}, "$env:{} = '<your key>'")],
)
def test_another_kind_of_shell_is_told_in_its_own_words(tmp_path: Path, shell: dict[str, str], line: str) -> None:
    assert fixed(tmp_path, f"Bearer {KEY}", shell).commands == (line.format(NAME), "joytui doctor")


def fixed(tmp_path: Path, value: str, shell: Mapping[str, str] = {}):
    home = tmp_path / "codex"
    home.mkdir()
    (home / "config.toml").write_text(CONFIG.format(port=9))
    env = {"HOME": str(tmp_path), "CODEX_HOME": str(home), "PATH": "/nowhere", NAME: value, **shell}
    world = look(Invocation((), env, tmp_path, "0.169.0", tmp_path / "etc"))
    (odd,) = [issue for issue in world.suspicions if issue.cause == "key-malformed"]
    return fix_for("key-malformed", world, odd.details)


def test_only_a_variable_s_own_value_is_no_secret() -> None:
    for text in (
        "api_key=${secretvalue",
        'API_KEY="$ecretvalue1"',
        'api_key="${X#*secretvalue}"',
    ):
        assert "secretvalue" not in Redactor().text(text), text
    line = """export X_API_KEY="$(printf %s "$X_API_KEY" | tr -d '\\r\\n')\""""
    assert Redactor().text(line) == line
