"""The tab key: a real shell with the script that `joytui completion` prints."""

from __future__ import annotations

import subprocess

import pytest

from joytui.cli.completion_command import SHELLS
from joytui.cli.main import COMMANDS, main
from tests.support.hang import HANG_S
from tests.support.needs import needs

BASH = """
_tab() { COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _shtab_joytui; echo "${COMPREPLY[@]}"; }
_tab joytui lo
_tab joytui usage --source ""
_tab joytui keys ""
_tab joytui logs --cs
"""
FISH = 'complete -C "joytui lo"\ncomplete -C "joytui logs --cs"\n'


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    import contextlib
    import io

    found = {}
    for shell in SHELLS:
        with contextlib.redirect_stdout(io.StringIO()) as said:
            assert main(["completion", shell]) == 0
        found[shell] = said.getvalue()
    return found


def run(shell: str, text: str) -> list[str]:
    done = subprocess.run([shell], input=text, capture_output=True, text=True, timeout=HANG_S)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_every_command_is_in_every_script(scripts: dict[str, str]) -> None:
    for script in scripts.values():
        assert all(name in script for name in COMMANDS)


@needs("bash")
def test_bash_completes(scripts: dict[str, str]) -> None:
    commands, sources, actions, options = run("bash", scripts["bash"] + BASH)
    assert commands == "logs"
    assert sources.split() == ["gateway", "codex", "both"]
    assert {"create", "list", "revoke"} <= set(actions.split())
    assert options == "--csv"


@needs("fish")
def test_fish_completes(scripts: dict[str, str]) -> None:
    commands, options = run("fish", scripts["fish"] + FISH)
    assert commands.startswith("logs\t")
    assert options.startswith("--csv\t")


@needs("zsh")
def test_zsh_reads_it(scripts: dict[str, str]) -> None:
    run("zsh", f"autoload -Uz compinit; compinit -D -u\n{scripts['zsh']}\ntype _shtab_joytui\n")
