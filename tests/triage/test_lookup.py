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


def test_a_bundle_that_the_ticket_names_is_read_where_it_lies_beside_it(tmp_path: Path) -> None:
    machine = Machine(tmp_path, {"PATH": "/nowhere"})
    ticket = tmp_path / "tickets" / "t.txt"
    ticket.parent.mkdir()
    ticket.write_text("Codex does not work, see joytui-report-7.zip")
    assert machine.call("triage", str(ticket)).code == 1
    assert machine.call("report", "-o", str(ticket.parent / "joytui-report-7.zip")).code in (0, 1)
    assert machine.call("triage", str(ticket), "--json").json["kind"] == "bundle"
    ticket.write_text("see ../joytui-report-7.zip and /etc/joytui-report.zip")
    (ticket.parent / "joytui-report-7.zip").rename(tmp_path / "joytui-report-7.zip")
    assert machine.call("triage", str(ticket), "--json").json["kind"] == "prose"


def test_a_limit_is_told_with_what_is_left() -> None:
    said = "daily limit of 40 credits exceeded: 7.63 left (32.37 spent), this request may cost up to 10.53; resets 2026-12-01T00:00:00Z"
    reply = triage(f"unexpected status 402 Payment Required: {said}, url: https://gateway.example/v1/responses").reply
    assert (
        "may cost up to 10.53 credits, but only 7.63 of the daily limit of 40 are left. It resets on 2026-12-01 at 00:00 UTC."
        in reply
    )


def test_windows_is_asked_in_its_own_words() -> None:
    words = "unexpected status 401 Unauthorized: Unauthorized, url: https://api-dev.joytokens.ai/openai/v1/responses"
    for prompt, asked in (
        ("$ codex", "${#JOY_TOKEN_API_KEY}"),
        ("PS C:\\Users\\dev> codex", "$env:JOY_TOKEN_API_KEY.Length"),
    ):
        answer = triage(f"{prompt}\n{words}")
        assert asked in answer.ask
        assert asked in answer.reply


def test_an_address_and_an_id_that_a_mail_broke_are_whole() -> None:
    mail = "> unexpected status 404 Not Found: no, url:\n> https://gateway.exam\n> ple/openai/v1/responses, request\n> id: req_12345"
    facts = triage(mail).facts
    assert facts.urls == ("https://gateway.example/openai/v1/responses",)
    assert facts.request_ids == ("req_12345",)
