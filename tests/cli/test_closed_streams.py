"""Streams that a shell or a supervisor closed (`<&-`, `>&-`): an answer in words, or nothing; no traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.faketime import MACHINE_CLOCK
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine


@pytest.mark.parametrize(
    ("words", "redirection", "code", "said"),
    [
        (["gateway", "upstream-key", "set", "api.example.com", "--in", "file"], "<&-", 2, "no key was given"),
        (["triage", "-"], "<&-", 1, ""),
        (["doctor", "--says", "-"], "<&-", 1, ""),
        (["gateway", "settings"], ">&-", 0, ""),
        (["gateway", "upstream-key", "where", "api.example.com"], "2>&-", 1, ""),
    ],
)
def test_a_closed_stream_is_an_empty_one(
    tmp_path: Path, words: list[str], redirection: str, code: int, said: str
) -> None:
    if MACHINE_CLOCK and redirection == "<&-":
        pytest.skip("libfaketime keeps a file of its own open, on the first number that is free: here stdin's")
    command = [sys.executable, "-m", "joytui", *words]
    ended = subprocess.run(
        ["sh", "-c", f'exec "$@" {redirection}', "sh", *command],
        env=Machine(tmp_path).env,
        capture_output=True,
        text=True,
        timeout=HANG_S,
    )
    assert "Traceback" not in ended.stderr + ended.stdout
    assert (ended.returncode, said in ended.stderr) == (code, True), ended
