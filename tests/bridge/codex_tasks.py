"""What the scripted upstream does with each task that Codex brings: the answers of a model that knows them by heart.

A task is told by a word in the last user message; its turn by how many assistant messages with calls there are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from tests.bridge.chat_upstream import Chunk, Scripted, Seen, answer_json, call_delta, chunk, not_found, stream, usage

CREATE = "*** Begin Patch\n*** Add File: poem.txt\n+roses are red\n+violets are blue\n*** End Patch\n"
EDIT = "*** Begin Patch\n*** Update File: poem.txt\n@@\n roses are red\n-violets are blue\n+violets are green\n*** End Patch\n"
ADD = "*** Begin Patch\n*** Update File: poem.txt\n@@\n violets are green\n+sugar is sweet “é”\n*** End Patch\n"
POEM = "roses are red\nviolets are green\nsugar is sweet “é”\n"
THOUGHT = "The user wants to know. I shall look first, naïvely."
SIGNATURE = {"extra_content": {"google": {"thought_signature": "c2lnbmF0dXJl"}}}


def prompt_of(body: Any) -> str:
    """The words of the last user message; of a task for an agent its payload. Answers of agents are no prompts.

    Neighbouring user messages arrive as one: what Codex writes of its surroundings (in tags), and then the prompt.
    """
    for message in reversed(body["messages"]):
        if message["role"] != "user":
            continue
        text = re.split(r"</\w+>\s*", str(message["content"]))[-1].strip()
        if text and not text.startswith(("<", "Message Type: FINAL_ANSWER")):
            return text.split("Payload:\n")[-1]
    raise AssertionError("no user message")


def turn_of(body: Any) -> int:
    return sum(1 for m in body["messages"] if m["role"] == "assistant" and m.get("tool_calls"))


def count(turn: int) -> Chunk:
    """Tokens that tell turns apart."""
    return usage(1000 + 100 * turn, 20 + turn, cached=500 + turn, reasoning=3)


def say(text: str, turn: int) -> Scripted:
    return stream(
        chunk({"role": "assistant", "content": ""}),
        *(chunk({"content": c}) for c in text),
        chunk({}, "stop"),
        count(turn),
    )


def calling(turn: int, name: str, arguments: Any) -> Scripted:
    """One call, its arguments in pieces of seven characters."""
    text = json.dumps(arguments, ensure_ascii=False)
    pieces = [text[i : i + 7] for i in range(0, len(text), 7)]
    return stream(
        chunk(call_delta(0, f"call_{turn}", name, "")),
        *(chunk(call_delta(0, arguments=piece)) for piece in pieces),
        chunk({}, "tool_calls"),
        count(turn),
    )


def parallel(body: Any) -> Scripted:
    if turn_of(body):
        return say("both are done", 1)
    return stream(
        chunk(call_delta(0, "call_a", "exec_command", "")),
        chunk(call_delta(1, "call_b", "exec_command", "")),
        chunk(call_delta(0, arguments='{"cmd":"echo one')),
        chunk(call_delta(1, arguments='{"cmd":"echo two')),
        chunk(call_delta(1, arguments=' > two.txt"}')),
        chunk(call_delta(0, arguments=' > one.txt"}')),
        chunk({}, "stop"),
        count(0),
    )


def patching(body: Any) -> Scripted:
    """Creates a file, edits it twice, looks at it: by whatever means this shape of request offers."""
    offered = {tool["function"]["name"] for tool in body["tools"]}
    turn = turn_of(body)
    if turn == 4:
        return say("the poem is written", turn)
    look = "cat poem.txt"
    if "functions__exec" in offered:
        patches = [f"text(await tools.apply_patch({json.dumps(p)}))" for p in (CREATE, EDIT, ADD)]
        script = [*patches, f"text((await tools.exec_command({{cmd: {json.dumps(look)}}})).output)"][turn]
        return calling(turn, "functions__exec", {"input": script})
    if turn == 3:
        return calling(turn, "exec_command", {"cmd": look})
    patch = (CREATE, EDIT, ADD)[turn]
    if "apply_patch" in offered:
        return calling(turn, "apply_patch", {"input": patch})
    return calling(turn, "exec_command", {"cmd": f"apply_patch <<'EOF'\n{patch}EOF\n"})


def thinking(body: Any) -> Scripted:
    if turn_of(body):
        return say("I have looked", 1)
    return stream(
        *(chunk({"reasoning_content": word}) for word in THOUGHT.split(" ")[:1]),
        chunk({"reasoning_content": THOUGHT[len(THOUGHT.split(" ")[0]) :]}),
        chunk(call_delta(0, "call_t", "exec_command", '{"cmd":"true"}', **SIGNATURE)),
        chunk({}, "tool_calls"),
        count(0),
    )


def delegating(body: Any) -> Scripted:
    """Starts a sub-agent, which it may have to search for first, waits for it, and ends."""
    offered = {tool["function"]["name"] for tool in body["tools"]}
    turn, task = turn_of(body), prompt_of(body).replace("delegate", "child")
    if "collaboration__spawn_agent" in offered:
        spawn = {"task_name": "helper", "message": task, "fork_turns": "none"}
        steps = [("collaboration__spawn_agent", spawn), ("collaboration__wait_agent", {})]
    else:
        outputs = [m["content"] for m in body["messages"] if m["role"] == "tool"]
        agent = next((json.loads(o)["agent_id"] for o in outputs if o.startswith('{"agent_id"')), None)
        search = [("tool_search", {"query": "spawn agent"})] if "tool_search" in offered else []
        spawn = {"message": task}
        steps = [*search, ("multi_agent_v1__spawn_agent", spawn), ("multi_agent_v1__wait_agent", {"targets": [agent]})]
    return calling(turn, *steps[turn]) if turn < len(steps) else say("delegated", turn)


def child(body: Any) -> Scripted:
    return say(f"{prompt_of(body)} is done", 0)


class Cutting:
    """Breaks off in the middle the first time, answers the second."""

    def __init__(self) -> None:
        self.times = 0

    def __call__(self, body: Any) -> Scripted:
        self.times += 1
        if self.times == 1:
            return stream(chunk({"content": "half of an ans"}), done=False, cut=True)
        return say("whole answer", 0)


class Model:
    """The script of a Chat-only upstream. `bodies`: the Chat requests of each task, in order."""

    def __init__(self) -> None:
        self.bodies: dict[str, list[Any]] = {}
        self._tasks: dict[str, Callable[[Any], Scripted]] = {
            "parallel": parallel,
            "patch": patching,
            "think": thinking,
            "delegate": delegating,
            "child": child,
            "cut": Cutting(),
        }

    def __call__(self, seen: Seen) -> Scripted:
        if not seen.path.endswith("/chat/completions") or seen.method != "POST":
            return not_found(seen)
        if not seen.body.get("messages"):
            return answer_json({"error": {"message": "messages is required", "type": "invalid_request_error"}}, 400)
        task, _, label = prompt_of(seen.body).partition(" ")
        self.bodies.setdefault(f"{task} {label}".strip(), []).append(seen.body)
        return self._tasks[task](seen.body)
