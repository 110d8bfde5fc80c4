"""Each kind of thing that a ticket can hold: recognised, and read as what it is."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from joytui.causes import CAUSES
from joytui.doctor.triage import Answer, answer_json, render, triage
from joytui.doctor.triage.clean import LIMIT, bounded
from tests.support.examples import ALL, examples
from tests.support.hang import ended
from tests.support.steps import grows_linearly

URL = "https://api-dev.joytokens.ai/openai/v1/responses"


def plain(text: str, *_: str) -> str:
    return text


def ids(answer: Answer) -> list[str]:
    return [cause.id for cause in answer.candidates]


def body(kind: str, message: str) -> str:
    return json.dumps({"error": {"message": message, "type": kind}})


BODIES = [
    (body("policy_rejected", "requested tier is not allowed"), "decided", "policy-rejected"),
    (body("insufficient_quota", "daily quota exceeded"), "decided", "insufficient-quota"),
    (body("upstream_error", "provider invoke failed"), "decided", "upstream-error"),
    (body("routing_error", "no usable model"), "decided", "upstream-error"),
    (body("stream_error", "writer does not support streaming"), "decided", "gateway-error"),
    (body("invalid_api_key", "api key is not active"), "not decidable", "key-rejected"),
    (body("missing_api_key", "missing api key"), "not decidable", "env-key-missing"),
    ('{"code":50300,"message":"admin-bff not available"}', "one of", "upstream-error"),
    (
        'the gateway said {"error":{"message":"requested tier is not allowed","type":"policy_rejected"}} to me',
        "decided",
        "policy-rejected",
    ),
]


@pytest.mark.parametrize(("text", "sure", "first"), BODIES, ids=[case[0][:40] for case in BODIES])
def test_error_bodies_of_joytoken(text: str, sure: str, first: str) -> None:
    answer = triage(text)
    assert (answer.kind, answer.sure, ids(answer)[0]) == ("error-body", sure, first)
    assert answer.details.get("policy") in (None, "tier")


def curl(
    status: str, answer: str, *, method: str = "POST", path: str = "/openai/v1/responses", auth: bool = True
) -> str:
    sent = "> Authorization: Bearer ‹hidden›\n" if auth else ""
    return (
        f"*   Trying 10.0.0.1:443...\n* Connected to api-dev.joytokens.ai (10.0.0.1) port 443\n> {method} {path} HTTP/1.1\n"
        f"> Host: api-dev.joytokens.ai\n{sent}> Accept: */*\n>\n< HTTP/1.1 {status}\n< content-type: application/json\n"
        f"< x-request-id: req_77\n<\n{answer}\n* Connection #0 to host left intact\n"
    )


EXCHANGES = [
    (curl("403 Forbidden", body("policy_rejected", "IP not allowed")), ["policy-rejected"]),
    (curl("402 Payment Required", body("insufficient_quota", "wallet")), ["insufficient-quota"]),
    (curl("401 Unauthorized", body("missing_api_key", "missing api key"), auth=False), ["env-key-missing", "key-header-dropped", "key-missing", "redirected"]),
    (curl("404 Not Found", '{"detail":"Not Found"}', path="/v1/responses"), ["base-url-path", "not-a-gateway"]),
    (curl("405 Method Not Allowed", "", method="GET"), ["redirected", "responses-unsupported", "base-url-path"]),
    (curl("503 Service Unavailable", "no healthy upstream"), ["upstream-error"]),
    (curl("407 Proxy Authentication Required", ""), ["proxy-denied"]),
    (curl("200 OK", 'data: {"object":"chat.completion.chunk"}'), ["chat-stream-on-responses"]),
    ("HTTP/2 429 \nretry-after: 3600\ncontent-type: text/plain\n\nslow down", ["rate-limited"]),
    ("curl: (6) Could not resolve host: api-dev.joytokens.invalid", ["dns-failure"]),
    ("curl: (60) SSL certificate problem: certificate has expired", ["tls-expired"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "causes"), EXCHANGES, ids=[case[1][0] + str(n) for n, case in enumerate(EXCHANGES)])
def test_http_exchanges(text: str, causes: list[str]) -> None:
    answer = triage(text)
    assert ids(answer) == causes
    assert answer.kind in ("http-dump", "terminal")


def event(message: str, kind: str = "error") -> str:
    return json.dumps(
        {"type": kind, "message": message} if kind == "error" else {"type": kind, "error": {"message": message}}
    )


def test_the_retry_lines_of_exec_json_carry_the_reason() -> None:
    retry = f"Reconnecting... 1/5 (unexpected status 404 Not Found: no route POST /v1/responses, url: {URL.replace('/openai/v1', '/v1')})"
    answer = triage('{"type":"thread.started","thread_id":"t"}\n{"type":"turn.started"}\n' + event(retry))
    assert (answer.kind, ids(answer)[0]) == ("exec-json", "base-url-path")
    refused = "unexpected status 402 Payment Required: Wallet balance is too low, url: " + URL
    answer = triage(event(f"Reconnecting... 5/5 ({refused})") + "\n" + event(refused, "turn.failed"))
    assert (answer.sure, ids(answer), answer.details["quota"]) == ("decided", ["insufficient-quota"], "wallet")


def test_a_run_that_ended_well_accuses_nobody() -> None:
    lines = ['{"type":"turn.started"}', event("Reconnecting... 1/5 (stream closed before response.completed)")]
    lines += [
        '{"type":"item.completed","item":{"type":"agent_message","text":"hi"}}',
        '{"type":"turn.completed","usage":{}}',
    ]
    answer = triage("\n".join(lines))
    assert (answer.kind, ids(answer), answer.ask) == ("exec-json", [], "")


def codex_doctor(**failing: str) -> str:
    checks = {
        name.replace("__", "."): {"id": name, "status": "fail", "summary": text, "details": {}}
        for name, text in failing.items()
    }
    return json.dumps(
        {"schemaVersion": 1, "overallStatus": "fail" if failing else "ok", "codexVersion": "0.169.0", "checks": checks}
    )


def test_codex_s_own_doctor_never_decides() -> None:
    healthy = triage(codex_doctor())
    assert (healthy.kind, healthy.sure, ids(healthy)) == ("codex-doctor", "not decidable", [])
    assert "joytui doctor" in healthy.ask
    assert healthy.facts.codex_version == "0.169.0"
    for failing in ({"config__load": "x"}, {"auth__credentials": "x"}, {"network__provider_reachability": "x"}):
        assert len(triage(codex_doctor(**failing)).candidates) > 1


def rollout(provider: str, error: str | None) -> str:
    rows: list[dict[str, Any]] = [
        {"type": "session_meta", "payload": {"id": "t", "model_provider": provider, "cli_version": "0.169.0"}}
    ]
    failed = {
        "type": "task_complete",
        "error": {"message": error} if error else None,
        "last_agent_message": None if error else "hi",
    }
    rows.append({"type": "event_msg", "payload": failed})
    return "\n".join(json.dumps({"timestamp": "2026-11-23T09:47:39.183Z", **row}) for row in rows)


def test_rollouts() -> None:
    failed = triage(rollout("joytoken", f"unexpected status 402 Payment Required: weekly limit, url: {URL}"))
    assert (failed.kind, ids(failed), failed.facts.provider) == ("rollout", ["insufficient-quota"], "joytoken")
    elsewhere = triage(rollout("openai", None))
    assert ids(elsewhere)[0] == "provider-not-selected"
    assert triage(rollout("joytoken", None)).candidates == ()


def test_a_doctor_s_report_decides_by_its_verdict() -> None:
    verdict = {
        "works": False,
        "cause": "key-shadowed-by-dotenv",
        "title": "t",
        "evidence": [{"what": "w", "where": "~/.codex/.env:1"}],
    }
    answer = triage(json.dumps({"schema_version": 1, "verdict": verdict, "codex": {"version": "0.169.0"}}))
    assert (answer.kind, answer.sure, ids(answer)) == ("joytui-report", "decided", ["key-shadowed-by-dotenv"])


@pytest.mark.parametrize("words", ["401 unauthorized!!", "it hangs", "nothing in the JoyToken logs", "model not found", "403", "proxy", "quota exceeded", "too many requests"])  # fmt: skip
def test_a_user_s_own_words_are_never_sure(words: str) -> None:
    answer = triage(f"Hello, since today codex says: {words}. What can I do?")
    assert answer.kind == "prose"
    assert len(answer.candidates) > 1
    assert answer.ask


@pytest.mark.parametrize("text", ["", "   \n", "Thanks!", "\x00\x01\x02", "{}", "[]", "null", "{" * 5000])
def test_nothing_in_it_asks_for_more(text: str) -> None:
    answer = triage(text)
    assert answer.sure == "not decidable"
    assert answer.ask
    assert answer.reply


MISLEADING = {
    "We’re currently experiencing high demand, which may cause temporary errors.": "HTTP 500",
    "Reconnecting... waiting for network": "does not mean that the network is down",
    "stream disconnected before completion: stream closed before response.completed": "seven causes",
    "exceeded retry limit, last status: 429 Too Many Requests": "hides the gateway's own words",
    "To use Codex with your ChatGPT plan, upgrade to Plus: https://chatgpt.com/explore/plus.": "a ChatGPT plan does not help",
    "Quota exceeded. Check your plan and billing details.": "a ChatGPT plan does not help",
}


@pytest.mark.parametrize("words", MISLEADING)
def test_misleading_texts_are_called_so(words: str) -> None:
    answer = triage(f"ERROR: {words}")
    assert any(MISLEADING[words] in note for note in answer.notes)
    assert MISLEADING[words] in answer.reply


def test_windows_clipboard_and_damaged_zips() -> None:
    text = "ERROR: Quota exceeded. Check your plan and billing details."
    assert ids(triage(text.encode("utf-16"))) == ["insufficient-quota"]
    assert triage(b"PK\x03\x04broken").candidates == ()
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("holiday.jpg", b"x")
    assert triage(buffer.getvalue()).candidates == ()


def test_rules_that_do_not_load_are_named() -> None:
    """As 0.169.0 prints it for a rules/default.rules with a bracket that is open."""
    printed = "Error loading rules:\nParse error: unexpected new line here, expected one of ')'\n --> /home/ann/.codex/rules/default.rules:1:27"
    answer = triage(printed)
    assert (answer.kind, answer.sure, ids(answer)) == ("terminal", "decided", ["rules-invalid"])


# --- properties -------------------------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    ["ERROR: ", "unexpected status 404 Not Found: ", f", url: {URL}", "\n", "\x1b[31m", "│ ", '{"type":"error","message":"', '"}', "{", "[[",
     "HTTP/1.1 401 Unauthorized\n", "> POST /openai/v1/responses HTTP/1.1\n", "Missing environment variable: `", "`", "Reconnecting... 1/5",
     "curl: (60) ", '{"verdict": {', "PK\x03\x04", "\r", "\\", "é", "\ud800", "\x9b", "'", '"', " | ", "0" * 90, "a " * 60, "\n\n"]
)  # fmt: skip
SECRETS = ("jt_live_0123456789abcdef", "sk-proj-Zq8xWv3mTn7fLc1eYd2b", "ghp_abcdefghij0123456789KLMN")


@settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.one_of(st.text(max_size=400), st.lists(st.one_of(PIECES, st.text(max_size=12)), max_size=60).map("".join)),
    st.sampled_from(SECRETS),
)
def test_any_text_gets_an_answer_and_no_key_comes_out(text: str, secret: str) -> None:
    answer = triage(f"{text} {secret} {text}")
    shown = json.dumps(answer_json(answer)) + render(answer, plain)
    assert answer.sure in ("decided", "one of", "not decidable")
    assert secret not in shown
    assert (answer.sure == "decided") == (len(answer.candidates) == 1)
    assert all(cause.id in CAUSES for cause in answer.candidates)


@settings(max_examples=examples(100), deadline=None)
@given(st.binary(max_size=600))
def test_any_bytes_get_an_answer(data: bytes) -> None:
    assert triage(data).reply
    assert triage(b"PK\x03\x04" + data).reply


LONG = {
    "one line": "x",
    "escapes": "\x1b[31m",
    "braces": '{"',
    "brackets": "[",
    "lines": "ERROR: Reconnecting... 1/5\n",
    "errors": f"ERROR: unexpected status 401 Unauthorized: no, url: {URL}, request id: r\n",
    "spaces": " ",
    "blank lines": "\n",
    "json lines": '{"type":"error","message":"' + "a" * 200 + "\n",
    "urls": "://a:b@",
    "key names": "api_key ",
    "backticks": "Missing environment variable: `",
    "words in backticks": "a ",
}
AROUND = {
    "one line": "ERROR: unexpected status 404 Not Found: {}",
    "spaces": "ERROR: a{}b",
    "blank lines": 'ERROR: a{}{{"type":"error"',
    "words in backticks": "ERROR: Missing environment variable: ` {}",
}


def long_text(name: str, size: int) -> str:
    """About so many characters of one kind, as a program or an attacker may repeat them."""
    return AROUND.get(name, "{}").format(LONG[name] * (size // len(LONG[name])))


@pytest.mark.parametrize("name", LONG)
def test_long_texts_take_work_by_their_length(name: str) -> None:
    def work(size: int) -> Callable[[], object]:
        text = long_text(name, size)
        return lambda: triage(text)

    work(500)()  # what is made once, by whichever test comes first, is no part of it
    assert grows_linearly(work, 5_000)
    with ended():  # what goes on within one regular expression has no steps: what is quadratic there takes hours here
        assert triage(long_text(name, LIMIT if ALL else LIMIT // 10)).reply


def test_more_than_the_limit_is_not_looked_at() -> None:
    assert len(bounded("a" * 3 * LIMIT)) <= LIMIT + 1
