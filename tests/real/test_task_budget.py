"""The real Codex 0.171.0 at the limit of its task: it shows our words, and the same thread goes on once the limit is raised."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.real_codex import NEWEST
from tests.support.real_setup import Setup

pytestmark = pytest.mark.codex


@pytest.fixture
def setup(tmp_path: Path) -> Iterator[Setup]:
    made = Setup(tmp_path)
    yield made
    made.stop_gateway()


def test_a_task_at_its_limit_goes_on_once_it_is_raised(setup: Setup) -> None:
    setup.start_gateway()
    setup.configure(extra="stream_max_retries = 0\nrequest_max_retries = 0\n")
    setup.create_key("dev", "--fixed-model", "joytui-offline", "--per-task", "50")
    assert setup.codex("say hi", version=NEWEST).exit_code == 0
    [task] = json.loads(setup.joytui("tasks", "--json").stdout)["tasks"]
    assert (task["limit_credits"], task["state"]) == ("50", "ended")
    setup.joytui("budgets", "set", f"task:{task['id']}", "--total", "1")
    refused = setup.codex("resume", "--last", "and again", version=NEWEST)
    assert refused.exit_code == 1
    assert f"402 Payment Required: task {task['id']}: total limit of 1 credits exceeded" in refused.stderr
    assert f"`joytui tasks raise {task['id']} AMOUNT` lets it go on" in refused.stderr
    said = setup.joytui("tasks", "raise", task["id"], "100").stdout
    assert said.startswith(f"{task['id']} may cost 101")
    assert setup.codex("resume", "--last", "and now", version=NEWEST).exit_code == 0
    [after] = json.loads(setup.joytui("tasks", "--json").stdout)["tasks"]
    assert (after["id"], after["limit_credits"]) == (task["id"], "101")
    assert after["requests"] > task["requests"]
