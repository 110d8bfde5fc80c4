"""No control character leaves joytui: an ESC, a C1 sequence or a turned direction that is planted comes out as a space, or escaped.

It stands in what a stranger can write (a request, an upstream's answer, a ticket), in Codex's own files, and in the names of
folders. Every command is walked, plain and as JSON, into a pipe: that is where nothing of a terminal may be.
"""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from joytui.cli.main import COMMANDS
from joytui.core.periods import PERIODS
from joytui.core.token_counts import USAGE_GROUPS
from tests.bridge.chat_upstream import ChatUpstream, Scripted, Seen, answer_json
from tests.gateway.served import SAY_HI
from tests.support.hang import HANG_S
from tests.support.joytui_process import Machine

EVIL = "\x1b]0;owned\x07\x1b]52;c;aGk=\x07\x1b[2J\x9b31m\x7f\u202e\u2066\u200b\r"
CONFIG = """model_provider = "joytoken"
model = "auto{evil}"

[model_providers.joytoken]
name = "joy{evil}"
base_url = "http://127.0.0.1:9/openai/v1"
env_key = "JOY_TOKEN_API_KEY"
wire_api = "chat"
env_key_instructions = "see{evil}"

[projects."/home/ann/{evil}"]
trust_level = "trusted"

[profiles."p{evil}"]
model_reasoning_effort = "high{evil}"
"""
TICKET = f"ERROR: unexpected status 403 Forbidden: policy {EVIL} rejected, url: http://x{EVIL}/openai/v1/responses"

GROUPED = [word for by in USAGE_GROUPS if by not in PERIODS for word in ("--by", by)]
WALK: dict[str, tuple[tuple[str, ...], ...]] = {
    "doctor": (
        ("--no-send",), ("--no-send", "--json"), ("--no-send", "--", "-m", EVIL), ("--says", TICKET),
        ("--says", TICKET, "--json"), ("--explain", EVIL), ("--no-send", "--fix", "--yes"), ("--undo",),
    ),
    "logs": ((), ("--json",), ("--csv",), ("--request", "ROW"), ("--request", "ROW", "--json"), ("--filter", f"model:{EVIL}"), ("--request", EVIL)),
    "usage": (("--focus", "-"), *((*GROUPED, *form) for form in ((), ("--json",), ("--csv",), ("--insight",)))),
    "keys": (
        ("list",), ("list", "--json"), ("check", "KEY", "--model", EVIL), ("check", "KEY", "--model", EVIL, "--json"),
        ("create", EVIL), ("revoke", EVIL), ("edit", "dev", "--owner", EVIL), ("edit", "dev", "--owner", EVIL, "--json"),
    ),
    "wallet": (("credit", "standard", "5", "--note", EVIL), ("show",), ("show", "--json")),
    "models": ((), ("--json",)),
    "gateway": (("status",), ("status", "--json"), ("settings",), ("settings", "--json")),
    "try": (("--prompt", EVIL), (EVIL,)),
    "codex": (("config",), ("config", "--json"), ("config", "--json", "--", "-m", EVIL)),
    "setup": (("--print", "--direct"), ("--print", "--local"), ("--print", "--direct", "--model", EVIL)),
    "report": (("--markdown",), ("--preview",), ("--preview", "--json"), ("--check", EVIL)),
    "triage": (("TICKET",), ("TICKET", "--json"), ("--request", "ROW"), ("--request", "ROW", "--json"), (EVIL,)),
    "serve": ((EVIL,), ("--port", EVIL)),
    "tasks": ((), ("--json",), ("--running",), (EVIL,), ("--since", EVIL)),
    "store": (("check",), ("check", "--json"), ("check", EVIL), ("backup", EVIL), ("copy", EVIL, f"another{EVIL}")),
    "telemetry": (("status",), ("status", "--json"), ("token", "create", EVIL), ("token", "list"), ("token", "revoke", EVIL)),
    "fleet": ((), ("--json",)),
    "teams": (("create", "core"), ("create", EVIL), ("add", "core", EVIL), ("list",), ("list", "--json"), ("remove", "core", EVIL), ("add", EVIL, EVIL)),
    "tokens": (("create", EVIL, "--role", "viewer"), ("create", "x", "--role", "lead", "--team", EVIL), ("list",), ("list", "--json"), ("revoke", EVIL)),
    "audit": ((), ("--json",), ("--since", EVIL)),
    "budgets": (
        ("set", f"owner:{EVIL}", "--daily", "5"), ("set", EVIL, "--daily", EVIL), ("raise", f"owner:{EVIL}", "5", "--until", "1h"),
        ("raise", "org", "5", "--until", EVIL), ("list",), ("list", "--json"),
    ),
    "alerts": (("list",), ("list", "--json"), ("list", "--since", EVIL), ("test",)),
    "completion": ((EVIL,), ("bash",), ("zsh",), ("fish",)),
}  # fmt: skip
"""What is typed. Exit codes do not matter here: also an error repeats what it was given."""


def raw(text: str) -> list[str]:
    """Lines that hold what is neither printable nor the end of a line or a tab."""
    return [line for line in text.replace("\t", "").split("\n") if not line.rstrip("\r").isprintable()]


def answer(seen: Seen) -> Scripted:
    if seen.method == "GET":
        return answer_json({"data": [{"id": f"up{EVIL}", "display_name": EVIL, "owned_by": EVIL}]}, 200)
    if b"as an error" in seen.raw:
        return answer_json({"error": {"message": f"no{EVIL}way", "type": f"t{EVIL}"}}, 418)
    choice = {"message": {"role": "assistant", "content": "hi"}, "finish_reason": f"stop{EVIL}"}
    usage = {"prompt_tokens": 5, "completion_tokens": 2}
    return answer_json(
        {"id": f"a{EVIL}", "model": f"m{EVIL}", "provider": EVIL, "choices": [choice], "usage": usage}, 200
    )


@pytest.fixture(scope="module")
def walked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, str, str]]:
    """A machine whose folders, files, upstream and clients are hostile; the id of a request there, and what /metrics said."""
    machine = Machine(tmp_path_factory.mktemp("walk"))
    home = machine.folder / f"ho{EVIL}me"
    (home / ".codex").mkdir(parents=True)
    escaped = json.dumps(EVIL)[1:-1].replace("\x7f", "\\u007f")
    (home / ".codex" / "config.toml").write_text(CONFIG.replace("{evil}", escaped), encoding="utf-8")
    (machine.folder / "ticket.txt").write_text(TICKET, encoding="utf-8")
    machine.env |= {"HOME": str(home), "CODEX_HOME": str(home / ".codex"), "JOYTUI_GATEWAY_METRICS_PUBLIC": "true"}
    machine.env |= {"JOY_TOKEN_API_KEY": f"jt_{EVIL}"}

    async def visit() -> tuple[str, str]:
        async with ChatUpstream(answer) as upstream:
            words = ("gateway", "start", "--upstream", upstream.url, "--upstream-api", "chat", "--json")
            started = await asyncio.to_thread(machine.run, *words)
            assert started.code == 0, started.err
            admin = {"authorization": f"Bearer {(machine.data / 'admin-token').read_text().strip()}"}
            async with httpx.AsyncClient(base_url=started.json["url"], trust_env=False, timeout=HANG_S) as http:
                wanted = {"name": "dev", "owner": EVIL + "ann", "labels": [f"l{EVIL}"]}
                made = await http.post("/console/v1/keys", headers=admin, json=wanted)
                head = {"authorization": f"Bearer {made.json()['key']}", "user-agent": b"to\x9b31mol"}
                head |= {
                    "session-id": b"ro\x9b31mot",
                    "thread-id": b"th\x9b31mread",
                    "x-openai-subagent": b"ki\x9b31mnd",
                }
                workspace = {
                    "associated_remote_urls": {"origin": f"https://host/{EVIL}"},
                    "latest_git_commit_hash": EVIL,
                }
                head["x-codex-turn-metadata"] = json.dumps({"parent_thread_id": EVIL, "workspaces": {EVIL: workspace}})
                for user in ("", "as an error"):
                    body = {**SAY_HI, "model": f"m{EVIL}", "user": user}
                    await http.post("/openai/v1/chat/completions", headers=head, json=body)
                rows = (await http.get("/console/v1/requests", headers=admin)).json()["requests"]
                metrics = (await http.get("/metrics")).text
            machine.env["THE_KEY"] = made.json()["key"]
            return rows[0]["id"], metrics

    row, metrics = asyncio.run(visit())
    yield machine, row, metrics
    machine.call("gateway", "stop")


def test_every_command_is_walked() -> None:
    assert set(WALK) == set(COMMANDS)


@pytest.mark.parametrize(
    ("command", "words"), [(name, words) for name, all_words in WALK.items() for words in all_words],
    ids=lambda part: part if isinstance(part, str) else " ".join(word.replace(EVIL, "EVIL")[:20] for word in part) or "plain",
)  # fmt: skip
def test_nothing_raw_comes_out(
    walked: tuple[Machine, str, str], command: str, words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    machine, row, _ = walked
    monkeypatch.chdir(machine.folder)  # some of them write a file of that name
    told = {"ROW": row, "KEY": machine.env["THE_KEY"], "TICKET": str(machine.folder / "ticket.txt")}
    said = machine.call(command, *(told.get(word, word) for word in words))
    assert "Traceback" not in said.err
    assert not raw(said.out)
    assert not raw(said.err)
    if "--json" in words and said.out and command != "logs":
        json.loads(said.out)


def test_a_bundle_has_none_in_any_file(walked: tuple[Machine, str, str], tmp_path: Path) -> None:
    machine, _, _ = walked
    assert machine.call("report", "-o", str(tmp_path / "r.zip")).code == 0
    with zipfile.ZipFile(io.BytesIO((tmp_path / "r.zip").read_bytes())) as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert {name: raw(text) for name, text in texts.items() if raw(text)} == {}
    json.loads(texts["report.json"])


def test_metrics_and_the_gateways_log_have_none(walked: tuple[Machine, str, str]) -> None:
    machine, _, metrics = walked
    assert 'gen_ai_request_model="m' in metrics
    assert not raw(metrics)
    assert not raw((machine.data / "gateway.log").read_text(encoding="utf-8"))
