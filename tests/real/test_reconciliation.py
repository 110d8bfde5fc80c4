"""Codex's own files against the gateway's ledger, over a real session: every difference is explained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from joytui.client.stream import record_of
from joytui.codex.rollouts import last_turns, read_responses
from joytui.usage.reconcile import Reconciliation, reconcile
from tests.support.real_setup import Setup

pytestmark = pytest.mark.codex


@pytest.fixture
def other(tmp_path_factory: pytest.TempPathFactory):
    made = Setup(tmp_path_factory.mktemp("other"))
    yield made
    made.stop_gateway()


def test_turns_a_failure_and_another_provider(setup: Setup, other: Setup) -> None:
    setup.start_gateway()
    other.start_gateway()
    other_key = other.create_key("other")["key"]
    table = f'[model_providers.other]\nname = "other"\nbase_url = "{other.url}/openai/v1"\nenv_key = "OTHER_KEY"\n'
    setup.configure(extra=table)
    setup.create_key("codex-laptop", "--total", "100")

    assert setup.codex("say hi").exit_code == 0
    assert setup.codex("resume", "--last", "say it again").exit_code == 0
    assert setup.codex("-c", "model_provider=other", "say hi elsewhere", OTHER_KEY=other_key).exit_code == 0
    key = setup.json_lines("logs")[0]["key_id"]
    setup.console("POST", f"/keys/{key}/disable")
    assert setup.codex("-c", "model_providers.joytoken.stream_max_retries=2", "say no").exit_code == 1
    setup.console("POST", f"/keys/{key}/enable")
    assert setup.codex("--ephemeral", "say nothing of it").exit_code == 0

    found = reconciled(setup)
    kinds = {difference.kind: difference for difference in found.differences}
    assert found.matched == 2
    assert set(kinds) == {"elsewhere", "retried", "unknown-to-codex"}
    assert len(found.differences) == 3
    assert "provider `other`" in kinds["elsewhere"].explanation
    assert len(kinds["retried"].requests) == 1  # refused alike three times: one row
    assert "3 requests" in kinds["retried"].explanation
    assert "--ephemeral" in kinds["unknown-to-codex"].explanation
    printed = json.loads(setup.joytui("usage", "--reconcile", "--json").stdout)
    assert printed["matched"] == 2
    assert [one["explanation"] for one in printed["differences"]] == [one.explanation for one in found.differences]
    turns = last_turns(setup.codex_home)
    assert [turn.outcome for turn in turns] == ["failed", "completed", "completed", "completed"]
    assert [turn.provider for turn in turns] == ["joytoken", "other", "joytoken", "joytoken"]
    assert turns[0].http_status == 403
    assert "disabled" in (turns[0].error or "")


def test_a_session_of_an_older_codex(setup: Setup) -> None:
    """0.140.0 notes no response ids: threads, tokens and times match."""
    setup.start_gateway()
    setup.configure()
    setup.create_key("codex-laptop")
    for prompt in (("say hi",), ("resume", "--last", "again")):
        assert setup.codex(*prompt, version="0.140.0").exit_code == 0
    found = reconciled(setup)
    assert (found.matched, found.differences) == (2, ())
    assert found.codex_tokens == found.gateway_tokens


def reconciled(setup: Setup) -> Reconciliation:
    records = [record_of(line) for line in setup.json_lines("logs", "--limit", "0", "--source", "gateway")]
    return reconcile(read_responses(setup.codex_home, Path(setup.env["JOYTUI_DATA_DIR"]) / "cache"), records)
