"""gpt-oss without the marks of its channels: what it thinks, calls and says is told apart; anybody else's words are not."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from joytui.gateway.bridge.channels import BareChannels
from joytui.gateway.bridge.quirks import DEFAULT, GPT_OSS, GROQ, quirks_for
from joytui.gateway.bridge.stream import Answer, ResponsesStream
from tests.bridge.bridging import function, names_of
from tests.bridge.chat_upstream import chunk

CALL = '{"cmd": "ls"}'
TO = "to=functions.exec_command"
BARE = [
    ("analysisThe user greets.assistantfinalHello", "The user greets.", "Hello", 0),
    ("assistantfinalHello", "", "Hello", 0),
    ("final**Hello**", "", "**Hello**", 0),
    (f"analysisI look.assistantcommentary {TO} json{CALL}", "I look.", "", 1),
    (f"analysisI look.assistant {TO}commentary json{CALL}", "I look.", "", 1),
    (f"commentary {TO} {CALL}assistantcommentary {TO} json{CALL}", "", "", 2),
    (f"analysisLs.assistantcommentaryI look.assistantcommentary {TO} code{CALL}", "Ls.", "I look.", 1),
    ("analysisI ask the assistant.assistantanalysisOnce more.assistantfinalYes", "I ask the assistant.Once more.", "Yes", 0),
    ("finalHe writes assistantfinal and assistantcommentary", "", "He writes assistantfinal and assistantcommentary", 0),
]  # fmt: skip
WORDS = [
    *("analysis of the case: assistantfinal", "final answer", "Hello", "commentary", "analysis", "assistant", " a"),
    *(
        "analysis_tools.py was changed as you asked.",
        "final/report.md holds all of it now.",
        "final(x) ends the iteration.",
    ),
]


def answer(text: str, size: int, quirks: Any = GPT_OSS) -> tuple[str, str, list[Any]]:
    stream = ResponsesStream(Answer("resp_1", 7, "m", names_of(function("exec_command")), quirks=quirks))
    for at in range(0, len(text), size):
        stream.feed(chunk({"content": text[at : at + size]}))
    stream.feed("[DONE]")
    stream.end()
    assert stream.status == "completed"
    output = stream.response["output"]
    thought, said = (
        "".join(part["text"] for item in output if item["type"] == kind for part in item["content"])
        for kind in ("reasoning", "message")
    )
    return thought, said, [item for item in output if item["type"] == "function_call"]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(("text", "thought", "said", "calls"), BARE, ids=lambda value: str(value)[:30])
def test_each_channel_is_what_it_is(text: str, thought: str, said: str, calls: int, size: int) -> None:
    found = answer(text, size)
    assert found[:2] == (thought, said)
    assert [(call["name"], json.loads(call["arguments"])) for call in found[2]] == [
        ("exec_command", {"cmd": "ls"})
    ] * calls


@pytest.mark.parametrize("text", WORDS)
def test_its_ordinary_words_stay(text: str) -> None:
    assert answer(text, 3) == ("", text, [])


@pytest.mark.parametrize("text", [bare[0] for bare in BARE])
def test_to_another_model_these_are_words(text: str) -> None:
    assert answer(text, 5, DEFAULT) == ("", text, [])


def test_the_upstream_may_be_the_one_to_name_the_model() -> None:
    stream = ResponsesStream(Answer("resp_1", 7, "default"))
    stream.feed({**chunk({"content": BARE[0][0]}, "stop"), "model": "gpt-oss-20b"})
    stream.end()
    assert [item["type"] for item in stream.response["output"]] == ["reasoning", "message"]


@given(
    st.lists(st.sampled_from([*"analysisfinal{} T", "analysis", "assistant", "commentary", "final", " to=functions.f"]))
)
def test_any_split_gives_the_same(words: list[str]) -> None:
    whole, pieces = BareChannels(), BareChannels()
    told = whole.feed("".join(words)) + whole.end()
    assert "".join(map(pieces.feed, words)) + pieces.end() == told


@pytest.mark.parametrize(
    ("url", "model", "quirks"),
    [
        ("http://127.0.0.1:8000/v1", "openai/gpt-oss-120b", GPT_OSS),
        ("http://127.0.0.1:11434/v1", "gpt-oss:20b", GPT_OSS),
        ("https://api.groq.com/openai/v1", "openai/gpt-oss-20b", GROQ),
    ],
)
def test_the_models_name_tells_it(url: str, model: str, quirks: Any) -> None:
    assert quirks_for(url, model) is quirks
