"""The real Codex, talking to whom it likes: `joytui logs` shows each of its turns once, as they happen."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen

import pytest

from tests.contract.product import next_line
from tests.support.fault_gateway import FaultGateway
from tests.support.hang import HANG_S
from tests.support.real_setup import Setup

pytestmark = pytest.mark.codex

ONCE = ("-c", "model_providers.joytoken.request_max_retries=0", "-c", "model_providers.joytoken.stream_max_retries=0")
OUTCOMES = {
    "healthy": (200, None),
    "E_401": (401, "key-rejected"),
    "E_402": (402, "insufficient-quota"),
    "E_404": (404, None),
    "E_429": (429, "rate-limited"),
    "E_500": (None, "gateway-error"),
}


@pytest.fixture
def follower(setup: Setup) -> Iterator[Popen[str]]:
    """`joytui logs --follow --json` on a machine without a gateway."""
    setup.configure()
    command = [sys.executable, "-m", "joytui", "logs", "--follow", "--json"]
    process = Popen(command, env=setup.env, cwd=setup.folder, stdout=PIPE, stderr=PIPE, text=True)
    assert process.stderr is not None
    assert "no turns of Codex yet" in process.stderr.readline()
    yield process
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=HANG_S)


def test_each_outcome_of_a_direct_codex_is_told_live(setup: Setup, follower: Popen[str]) -> None:
    for outcome, (status, cause) in OUTCOMES.items():
        with FaultGateway(outcome) as gateway:
            provider = f'model_providers.joytoken.base_url="{gateway.base_url}"'
            setup.codex(
                *ONCE, "-c", provider, "say hi", version="0.171.0", JOY_TOKEN_API_KEY="jt_live_0123456789abcdef"
            )
        told = json.loads(next_line(follower))
        assert (told["status"], told["cause"], told["source"]) == (status, cause, "rollout"), outcome
        assert (told["provider"], told["model"], told["client"]) == ("joytoken", "auto", "codex_exec/0.171.0")
        assert told["project"] == str(setup.folder / "work")
        assert (told["input_tokens"] > 0) is (status == 200)
    assert len(setup.json_lines("logs")) == len(OUTCOMES)
    assert not (setup.folder / "data" / "gateway.json").exists()


def test_a_turn_through_the_gateway_is_one_row(setup: Setup, tmp_path: Path) -> None:
    setup.start_gateway()
    setup.configure()
    setup.create_key("codex-laptop")
    assert setup.codex("say hi", version="0.171.0").exit_code == 0
    (row,) = setup.json_lines("logs")
    assert (row["source"], row["sources"], row["key"]) == ("gateway", ["gateway", "rollout"], "codex-laptop")
    (alone,) = setup.json_lines("logs", "--source", "codex")
    assert (alone["source"], alone["turn_id"]) == ("rollout", row["turn_id"])
    assert alone["input_tokens"] == row["input_tokens"]
    assert setup.json_lines("logs", "--source", "gateway")[0]["sources"] == ["gateway"]
