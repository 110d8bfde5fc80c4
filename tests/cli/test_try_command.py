"""`joytui try` with the real Codex, from a shell's point of view."""

from __future__ import annotations

import contextlib
import os
import signal
from pathlib import Path

import pytest

from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine


def test_without_codex(machine: Machine) -> None:
    said = machine.run("try", env={"PATH": "/nonexistent"})
    assert (said.code, said.out) == (3, "")
    assert "npm install -g @openai/codex" in said.err
    assert not machine.data.exists(), "no gateway is started for nothing"


@pytest.mark.codex
def test_ctrl_c_ends_codex_and_revokes_the_key(machine: Machine) -> None:
    from tests.support.real_codex import codex

    scratch = machine.folder / "scratch"
    scratch.mkdir()
    path = f"{Path(codex()).parent}:{machine.env['PATH']}"
    machine.ask("gateway", "start")
    process = machine.start("try", "--json", env={"PATH": path, "TMPDIR": str(scratch)})
    assert process.stderr
    for line in process.stderr:
        if "session id" in line:
            break
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=HANG_S)
    assert (process.returncode, out) == (130, "")
    assert "Traceback" not in err
    assert [key["state"] for key in machine.ask("keys", "list")["keys"]] == ["revoked"]
    assert list(scratch.glob("joytui-try-*")) == []
    assert not working_in(scratch)


def working_in(folder: Path) -> list[str]:
    """The processes whose working folder is (or was) below the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if os.readlink(process / "cwd").startswith(f"{folder}/"):
                found.append(process.name)
    return found


@pytest.mark.codex
def test_json_outcome(machine: Machine) -> None:
    from tests.support.real_codex import codex

    said = machine.run("try", "--json", env={"PATH": f"{Path(codex()).parent}:{machine.env['PATH']}"})
    assert said.code == 0, said.err
    assert said.json["works"] is True
    assert said.json["requests"][0]["thread_id"]
    assert said.json["input_tokens"] > 1000
    assert "codex │" in said.err
    assert "jt_local_" not in said.out + said.err
