"""What Codex's headers tell of a request: as the real 0.171.0 sends them (a sub-agent's), and in every other shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from joytui.core.redaction import clean
from joytui.gateway.turn_metadata import TurnContext, turn_context
from tests.gateway.served import Served

ROOT, CHILD = "01a22c5a-46d4-7730-9681-f9b55ca875d9", "01a22c5a-4748-78b0-a050-9fa832d2e6b3"
TURN, ROOT_TURN = "01a22c5a-4750-7631-9ebd-fd6f600bb865", "01a22c5a-46fa-7402-a848-3477f9a235f7"
COMMIT = "351423882a8c90c4c4a92cdbc293f6b532063133"
METADATA: dict[str, Any] = {
    "session_id": ROOT, "thread_id": CHILD, "agent_name": "/root", "turn_id": TURN, "request_kind": "turn",
    "parent_thread_id": ROOT, "parent_turn_id": ROOT_TURN, "root_turn_id": ROOT_TURN, "subagent_kind": "thread_spawn",
    "thread_source": "subagent",
    "workspaces": {"/home/dev/app": {
        "associated_remote_urls": {"origin": "https://ann:s3cret@git.example.com/team/app.git"},
        "latest_git_commit_hash": COMMIT, "has_changes": True,
    }},
}  # fmt: skip
HEADERS = {
    "session-id": ROOT,
    "thread-id": CHILD,
    "x-codex-parent-thread-id": ROOT,
    "x-openai-subagent": "collab_spawn",
    "x-codex-turn-metadata": json.dumps(METADATA),
}
SUB_AGENT = TurnContext(
    thread_id=CHILD, turn_id=TURN, root_thread=ROOT, parent_thread=ROOT, root_turn=ROOT_TURN, subagent="collab_spawn",
    project="/home/dev/app", repo="git.example.com/team/app", commit_hash=COMMIT, dirty=True,
)  # fmt: skip


def test_a_sub_agent_of_codex() -> None:
    assert turn_context(HEADERS, clean) == SUB_AGENT


def test_the_metadata_alone_tells_all_but_the_thread() -> None:
    told = turn_context({"x-codex-turn-metadata": HEADERS["x-codex-turn-metadata"]}, clean)
    assert told == SUB_AGENT._replace(thread_id=None, subagent="subagent")


def test_a_thread_of_the_users_is_no_sub_agent() -> None:
    metadata = {**METADATA, "thread_source": "user", "workspaces": {"/home/dev/app": {"has_changes": False}}}
    told = turn_context({"session-id": ROOT, "x-codex-turn-metadata": json.dumps(metadata)}, clean)
    assert (told.subagent, told.repo, told.commit_hash, told.dirty) == (None, None, None, False)


def test_a_client_that_tells_nothing() -> None:
    assert turn_context({"user-agent": "curl/8"}, clean) == TurnContext()


@pytest.mark.parametrize(
    "odd", [7, None, [], {}, "", [{}], {"origin": 7}, {"/x": {"associated_remote_urls": "x"}}, True]
)
def test_members_of_another_type_are_not_told(odd: Any) -> None:
    told = turn_context({"x-codex-turn-metadata": json.dumps(dict.fromkeys(METADATA, odd))}, clean)
    assert {type(value) for value in told} <= {str, bool, type(None)}


async def test_it_is_kept_where_the_policy_keeps_logs(gateway: Served) -> None:
    headers = {name.replace("-", "_"): value for name, value in HEADERS.items()}
    await gateway.chat(await gateway.key(), **headers)
    row = (await gateway.logs(filter=f"task:{ROOT} repo:git.example.com/* commit:{COMMIT} is:dirty is:subagent"))[0]
    names = {"commit_hash": "commit"}
    assert {name: row[names.get(name, name)] for name in TurnContext._fields} == SUB_AGENT._asdict()
    await gateway.chat(await gateway.key("quiet", logs=False), **headers)
    row = (await gateway.logs())[0]
    assert {name: row[names.get(name, name)] for name in TurnContext._fields} == TurnContext()._asdict()
