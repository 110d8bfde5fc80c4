"""What older versions of Codex do otherwise (observed with 0.94.0 and 0.120.0)."""

from __future__ import annotations

from pathlib import Path

import pytest

from joytui.codex.daemon import asks_the_daemon
from joytui.codex.look import look
from joytui.codex.world import Command, Invocation, World

TABLE = '[model_providers.{id}]\nname = "{id}"\nbase_url = "http://127.0.0.1:9/openai/v1"\nenv_key = "K"\n'


def seen(tmp_path: Path, version: str, selected: str, *, more: str = "") -> World:
    (tmp_path / "config.toml").write_text(
        f'model_provider = "{selected}"\nmodel = "m"\n' + TABLE.format(id=selected) + more
    )
    env = {"CODEX_HOME": str(tmp_path), "K": "jt_live_planted0123456789"}
    return look(Invocation(("exec", "hi"), env, tmp_path, version, tmp_path / "etc", tmp_path))


@pytest.mark.parametrize(("selected", "port"), [("ollama", 11434), ("lmstudio", 1234), ("ollama-chat", 11434)])
def test_ids_of_local_servers_lead_there(tmp_path: Path, selected: str, port: int) -> None:
    world = seen(tmp_path, "0.94.0", selected)
    assert world.plan is not None
    assert f"localhost:{port}/" in world.plan.url
    assert f"localhost:{port}" in world.problems[0].summary


def test_a_table_for_bedrock_is_ones_own_up_to_0_120(tmp_path: Path) -> None:
    world = seen(tmp_path, "0.120.0", "amazon-bedrock")
    assert world.problems == ()
    assert world.plan is not None
    assert world.plan.url == "http://127.0.0.1:9/openai/v1/responses"
    assert seen(tmp_path, "0.130.0", "amazon-bedrock").problems[0].cause == "provider-id-reserved"


@pytest.mark.parametrize(
    ("version", "says"),
    [
        ("0.94.0", "Error: agents.max_threads must be at least 1"),
        ("0.171.0", "Error: agents.max_concurrent_threads_per_session must be at least 1"),
    ],
)
def test_no_threads_at_all(tmp_path: Path, version: str, says: str) -> None:
    assert seen(tmp_path, version, "j", more="[agents]\nmax_threads = 0\n").problems[0].message == says


def test_ollama_chat_without_a_table(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text('model_provider = "ollama-chat"\n')
    one = Invocation(("exec", "hi"), {"CODEX_HOME": str(tmp_path)}, tmp_path, "0.95.0", tmp_path / "etc", tmp_path)
    assert (look(one).problems[0].message or "").startswith("Error: `ollama-chat` is no longer supported.")


@pytest.mark.parametrize(("version", "refused"), [("0.100.0", False), ("0.120.0", True), ("0.171.0", True)])
def test_auth_beside_env_key(tmp_path: Path, version: str, refused: bool) -> None:
    auth = '[model_providers.j.auth]\ncommand = "/bin/echo"\n'
    problems = seen(tmp_path, version, "j", more=auth).problems
    assert [one.cause for one in problems[:1]] == (["provider-invalid"] if refused else [])


def test_no_daemon_means_that_none_is_asked() -> None:
    assert asks_the_daemon(Command())
    assert not asks_the_daemon(Command(flags=("--no-daemon",)))
    assert not asks_the_daemon(Command("exec"))
