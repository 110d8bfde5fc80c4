"""A ticket that names a request or a thread: the gateway's own record of it is in the answer."""

from __future__ import annotations

import json
from pathlib import Path

from joytui.client.console import ConsoleClient
from joytui.doctor.triage import answer_json, render, triage
from joytui.doctor.triage.lookup import holds_ids, look_up, not_asked
from tests.gateway.served import ADMIN, SAY_HI, served
from tests.support.joytui_process import Machine

THREAD = "01a207cd-b973-7603-8c55-9c9ba1c60002"
BARE = "exceeded retry limit, last status: 429 Too Many Requests"


def plain(text: str, *_: str) -> str:
    return text


async def test_the_record_decides_what_the_words_leave_open(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        key = await gateway.key("codex-ann", daily_limit="0.001")
        refused = await gateway.chat(key, SAY_HI, thread_id=THREAD, x_request_id="req-of-ann")
        assert refused.status_code == 402
        tickets = (
            f"{BARE}, request id: req-of-ann",
            f"session id: {THREAD}\nERROR: {BARE}",
            f"my key is {key}\n{BARE}, request id: req-unknown, request id: req-of-ann",
        )
        async with ConsoleClient(gateway.url, ADMIN) as console:
            for ticket in tickets:
                asked = triage(ticket)
                assert asked.sure != "decided"
                found = await look_up(console, asked, {})
                assert [cause.id for cause in found.candidates] == ["insufficient-quota"]
                assert (found.sure, found.ask) == ("decided", "")
                said = (await gateway.logs())[0]["error_message"]
                assert said in found.reply
                assert "joytui keys" not in found.reply
                assert ("revoked" in found.reply) is (key in ticket)
                everything = render(found, plain) + json.dumps(answer_json(found))
                assert "codex-ann" in everything
                assert key not in everything
                assert answer_json(found)["looked_up"]["story"]["request"]["status"] == 402
            unknown = await look_up(console, triage(f"{BARE}, request id: req-nobody"), {})
    assert unknown.sure != "decided"
    assert "no record of it" in render(unknown, plain)


async def test_a_request_that_was_served_leaves_the_words_as_they_are(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        key = await gateway.key()
        assert (await gateway.chat(key, SAY_HI, x_request_id="req-good")).status_code == 200
        asked = triage(
            "stream disconnected before completion: stream closed before response.completed, request id: req-good"
        )
        async with ConsoleClient(gateway.url, ADMIN) as console:
            found = await look_up(console, asked, {})
    assert found.candidates == asked.candidates
    assert found.reply.startswith(asked.reply)
    assert "was answered with HTTP 200" in found.reply


def test_without_a_gateway_the_command_is_told(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"PATH": "/nowhere"})
    said = machine.call("triage", "-", stdin=f"{BARE}, request id: req-1")
    assert (said.code, "joytui triage --request req-1" in said.out) == (1, True)
    assert not (tmp_path / "home" / ".local").exists() or not list((tmp_path / "home" / ".local").rglob("*.sqlite*"))
    of_thread = not_asked(triage(f"codex resume {THREAD} fails"), "why")
    assert of_thread.looked_up is not None
    assert of_thread.looked_up.command == f"joytui logs thread:{THREAD}"
    assert not holds_ids(triage("nothing to look up").facts)
