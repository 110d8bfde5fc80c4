"""The doctor names the user's last real failures: what, when, how often, at which provider."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from joytui.codex.world import Invocation
from joytui.doctor.examine import examine
from tests.support.raw_gateway import HEAD, OK, answering

CONFIG = """model_provider = "joytoken"
model = "auto"
[model_providers.joytoken]
name = "joytoken"
base_url = "http://127.0.0.1:9/openai/v1"
env_key = "JOY_TOKEN_API_KEY"
"""
KEY = "jt_live_0123456789abcdef"
EMPTY = (
    f"unexpected status 402 Payment Required: Wallet balance is too low for {KEY}, url: http://h/openai/v1/responses"
)


def turn(home: Path, number: int, provider: str, error: str | None, day: str = "2026-11-23") -> None:
    folder = home / ".codex" / "sessions" / "2026" / "11" / "23"
    folder.mkdir(parents=True, exist_ok=True)
    stamp, thread = f"{day}T09:{number:02}:00.000Z", f"01a207cd-b973-7603-8c55-9c9ba1c6{number:04}"
    rows = [
        ("session_meta", {"id": thread, "timestamp": stamp, "cli_version": "0.169.0", "model_provider": provider}),
        ("event_msg", {"type": "task_started", "turn_id": "t"}),
        ("event_msg", {"type": "task_complete", "turn_id": "t", "last_agent_message": None if error else "hi",
                       "error": {"message": error} if error else None}),
    ]  # fmt: skip
    lines = [
        json.dumps({"timestamp": stamp, "ordinal": n, "type": kind, "payload": body})
        for n, (kind, body) in enumerate(rows)
    ]
    (folder / f"rollout-2026-11-23T09-{number:02}-00-{thread}.jsonl").write_text("\n".join(lines) + "\n")


def evidence(home: Path, config: str = CONFIG) -> list[str]:
    (home / ".codex").mkdir(exist_ok=True)
    (home / ".codex" / "config.toml").write_text(config)
    env = {"HOME": str(home), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": KEY}
    report = examine(Invocation((), env, home, "0.169.0", home / "etc"), send=False)
    return [one.what for one in report.verdict.evidence]


def test_failures_are_counted_and_told(tmp_path: Path) -> None:
    turn(tmp_path, 1, "joytoken", None)
    for number in (2, 3, 4):
        turn(tmp_path, number, "joytoken", EMPTY)
    told = "\n".join(evidence(tmp_path))
    assert "3 turns since 2026-11-23 09:02 UTC failed, the last at 2026-11-23 09:04 UTC at provider 'joytoken'" in told
    assert "402 Payment Required: Wallet balance is too low" in told
    assert "fits insufficient-quota" in told
    assert KEY not in told


def test_a_good_turn_since_settles_it(tmp_path: Path) -> None:
    turn(tmp_path, 1, "joytoken", EMPTY)
    turn(tmp_path, 2, "joytoken", None)
    assert not [what for what in evidence(tmp_path) if "failed" in what]


@pytest.mark.parametrize(("day", "warned"), [("2099-01-01", True), ("2020-01-01", False)])
def test_a_small_request_that_passes_is_no_budget_for_a_turn(tmp_path: Path, day: str, warned: bool) -> None:
    """The doctor's request is small: green, though Codex's turns are refused for what they may cost. Old ones are past."""
    turn(tmp_path, 1, "joytoken", EMPTY, day)
    with answering(HEAD + OK) as port:
        (tmp_path / ".codex" / "config.toml").write_text(CONFIG.replace(":9/", f":{port}/"))
        env = {"HOME": str(tmp_path), "PATH": "/nowhere", "JOY_TOKEN_API_KEY": KEY}
        report = examine(Invocation((), env, tmp_path, "0.169.0", tmp_path / "etc"))
    assert report.verdict.works
    found = [warning for warning in report.warnings if warning.cause == "insufficient-quota"]
    assert bool(found) is warned
    assert [row.status for row in report.table if row.row == "402"] == ["warn" if warned else "pass"]


@pytest.mark.parametrize("providers", [["openai"], ["openai", "joytoken"]])
def test_where_the_turns_went_explains_empty_logs(tmp_path: Path, providers: list[str]) -> None:
    for number, provider in enumerate(providers * 2):
        turn(tmp_path, number, provider, None)
    told = "\n".join(evidence(tmp_path, CONFIG.replace('model_provider = "joytoken"\n', "")))
    expected = "your last 2 turns went to provider 'openai'" if len(providers) == 1 else "went: 2 to provider"
    assert expected in told
