"""Programs that others write against the Responses API: OpenAI's Agents SDK and the Node client, at a Chat-only upstream."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from joytui.core.joytoken import KEY_VARIABLE
from tests.bridge.chat_upstream import (
    ChatUpstream,
    Scripted,
    Seen,
    answer_json,
    call_delta,
    chunk,
    not_found,
    stream,
    usage,
)
from tests.support.codex_run import bounded
from tests.support.hang import HANG_S
from tests.support.real_programs import AGENTS, OPENAI_NODE, node_folder, python_of
from tests.support.real_setup import Setup

pytestmark = pytest.mark.slow


AGENT = """
import asyncio, os
from agents import Agent, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled
from openai import AsyncOpenAI

set_tracing_disabled(True)

@function_tool
def get_weather(city: str) -> str:
    "The weather of a city."
    return f"sunny in {city}"

async def main() -> None:
    client = AsyncOpenAI(base_url=os.environ["BASE"], api_key=os.environ["KEY"], max_retries=0)
    model = OpenAIResponsesModel("m", client)
    agent = Agent("weather", instructions="Be brief.", tools=[get_weather], model=model)
    whole = await Runner.run(agent, "What's the weather in Oslo?")
    print("whole:", whole.final_output)
    streamed = Runner.run_streamed(agent, "What's the weather in Oslo?")
    kinds = {event.type async for event in streamed.stream_events()}
    print("streamed:", streamed.final_output, "run_item_stream_event" in kinds)
    usage = whole.context_wrapper.usage
    print("tokens:", usage.input_tokens, usage.output_tokens)

asyncio.run(main())
"""
NODE = """
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE, apiKey: process.env.KEY, maxRetries: 0 });
const tool = { type: "function", name: "get_weather", description: "d", strict: false,
  parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] } };
const asked = [{ role: "user", content: "What's the weather in Oslo?" }];
const first = await client.responses.create({ model: "m", input: asked, tools: [tool], metadata: { team: "a" } });
const call = first.output.find((item) => item.type === "function_call");
console.log("call:", call.name, call.arguments, first.metadata.team, first.tools.length);
const output = { type: "function_call_output", call_id: call.call_id, output: "sunny in Oslo" };
const stream = client.responses.stream({ model: "m", input: [...asked, ...first.output, output], tools: [tool] });
for await (const event of stream) if (event.type === "response.output_text.done") console.log("text:", event.text);
const last = await stream.finalResponse();
console.log("last:", last.status, last.output_text, last.usage.total_tokens);
try {
  await client.responses.create({ model: "m", input: [{ type: "item_reference", id: "msg_1" }] });
} catch (error) {
  console.log("refused:", error.status, error.message);
}
"""


def model(seen: Seen) -> Scripted:
    """Calls the tool, and then says what it answered; streamed where that is asked for."""
    if not seen.path.endswith("/chat/completions"):
        return not_found(seen)
    if not seen.body.get("messages"):
        return answer_json({"error": {"message": "messages is required"}}, 400)
    outputs = [message["content"] for message in seen.body["messages"] if message["role"] == "tool"]
    arguments = json.dumps({"city": "Oslo"})
    if seen.body.get("stream"):
        delta = {"content": f"It is {outputs[-1]}."} if outputs else call_delta(0, "c1", "get_weather", arguments)
        return stream(chunk(delta), chunk({}, "stop" if outputs else "tool_calls"), usage(10, 4))
    call = {"id": "c1", "type": "function", "function": {"name": "get_weather", "arguments": arguments}}
    said: dict[str, Any] = {"content": f"It is {outputs[-1]}."} if outputs else {"content": None, "tool_calls": [call]}
    choice = {
        "index": 0,
        "message": {"role": "assistant", **said},
        "finish_reason": "stop" if outputs else "tool_calls",
    }
    counts = {"prompt_tokens": 10, "completion_tokens": 4, "total_tokens": 14}
    return answer_json({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], "usage": counts})


async def run(folder: Path, program: list[str]) -> str:
    """What the program printed, which must end well."""
    setup = Setup(folder)
    async with ChatUpstream(model) as upstream:
        try:
            await asyncio.to_thread(setup.start_gateway, "--upstream", upstream.url)
            await asyncio.to_thread(setup.create_key, "client")
            env = {
                "PATH": os.environ["PATH"],
                "HOME": setup.env["HOME"],
                "BASE": f"{setup.url}/openai/v1",
                "KEY": setup.env[KEY_VARIABLE],
            }
            done = await asyncio.to_thread(bounded, program, env, folder / "work", HANG_S)
        finally:
            await asyncio.to_thread(setup.stop_gateway)
    assert done.exit_code == 0, done.stdout + done.stderr[-3000:]
    return done.stdout


async def test_the_agents_sdk_runs_an_agent_with_a_tool(tmp_path: Path) -> None:
    program = tmp_path / "agent.py"
    program.write_text(AGENT)
    said = await run(tmp_path, [str(python_of(AGENTS)), str(program)])
    assert said.splitlines() == ["whole: It is sunny in Oslo.", "streamed: It is sunny in Oslo. True", "tokens: 20 8"]


async def test_the_node_client_takes_a_turn_with_a_tool(tmp_path: Path) -> None:
    program = node_folder(OPENAI_NODE) / "turn.mjs"  # Node looks for packages beside the program
    program.write_text(NODE)
    said = (await run(tmp_path, ["node", str(program)])).splitlines()
    assert said[:3] == [
        'call: get_weather {"city": "Oslo"} a 1',
        "text: It is sunny in Oslo.",
        "last: completed It is sunny in Oslo. 14",
    ]
    assert said[3].startswith("refused: 400 ")
    assert "item_reference is not supported: send the item itself" in said[3]
