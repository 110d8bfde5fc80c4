"""What people really paste, by kind: texts of the shapes that bug reports have, each with the cause that it shows.

field/*.txt holds one kind each. `### CAUSE` begins a text; `### none`: it shows no failure; `### unknown`: it names none;
`### several: …`: these come first.
"""

from __future__ import annotations

import json
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from joytui.causes import CAUSES
from joytui.causes.noise import WELL
from joytui.doctor.triage import Answer, answer_json, render, triage
from joytui.doctor.triage.config_of_ticket import configuration_in
from joytui.doctor.triage.reply import KEY_SEEN
from tests.triage.recorded import coloured, framed, hard, quoted

HERE = Path(__file__).parent / "field"
KINDS = sorted(path.stem for path in HERE.glob("*.txt"))
URL = "https://api-dev.joytokens.ai/openai/v1/responses"
KEY = "jt_live_0123456789abcdef"


def texts(kind: str) -> Iterator[tuple[str, str]]:
    """What is expected, and the text."""
    for one in ("\n" + (HERE / f"{kind}.txt").read_text(encoding="utf-8")).split("\n### ")[1:]:
        expected, _, text = one.partition("\n")
        yield expected, text.strip()


_NO_CAUSE = {"no-failure": "none", "not-recognised": "unknown"}


def shown(answer: Answer) -> str:
    """The answer in the form of what is expected."""
    ids = [cause.id for cause in answer.candidates]
    if answer.kind_of_answer in _NO_CAUSE:
        return _NO_CAUSE[answer.kind_of_answer]
    return ids[0] if answer.sure == "decided" else f"several: {', '.join(ids[:3])}"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind(kind: str, record_property: Callable[[str, object], None]) -> None:
    wrong = [
        (expected, found, text[:80]) for expected, text in texts(kind) if (found := shown(triage(text))) != expected
    ]
    count = len(list(texts(kind)))
    record_property("triage", f"field: {kind:<29} {count:>5}  right {count - len(wrong)}")
    assert not wrong


def logged(words: str) -> str:
    return "\n".join(f"2026-01-01T10:11:{n % 60:02}.123456Z {line}" for n, line in enumerate(words.split("\n")))


def mailed(words: str) -> str:
    """In a mail that was answered twice, wrapped by it."""
    wrapped = [part for line in words.split("\n") for part in textwrap.wrap(line, 72, break_on_hyphens=False) or [""]]
    return quoted("Hi,\n\nwhat is this?\n\n" + quoted("\n".join(wrapped)) + "\n\nRegards")


WAYS: dict[str, Callable[[str], str]] = {
    "a terminal of 80 columns, coloured": lambda text: coloured(hard(text, 80)),
    "an answered mail": mailed,
    "a log with stamps": logged,
    "a narrow pane": lambda text: hard(text, 56),
    "a fence in a report": lambda text: f"Steps: run codex\n```\n{text}\n```\nExpected: an answer",
    "CRLF": lambda text: text.replace("\n", "\r\n"),
}
BROKEN = 0.05
"""The part of the texts in which a way of pasting may hide the cause; none may be given another cause for sure."""


@pytest.mark.parametrize(
    "way", [pytest.param(way, marks=() if place < 2 else pytest.mark.slow) for place, way in enumerate(WAYS)]
)
def test_however_it_is_pasted(way: str, record_property: Callable[[str, object], None]) -> None:
    every = [(expected, text) for kind in KINDS for expected, text in texts(kind)]
    found = [(expected, shown(triage(WAYS[way](text))), text[:80]) for expected, text in every]
    lost = [one for one in found if one[0] != one[1]]
    record_property("triage", f"field: {way:<36} {len(every):>5}  right {len(every) - len(lost)}")
    wrong = [one for one in lost if one[1] in CAUSES]
    assert not wrong
    assert len(lost) <= BROKEN * len(every), lost


BODIES = {
    '{"error":{"message":"Unknown parameter: \'reasoning.context\'.","type":"invalid_request_error","code":"unknown_parameter"}}': "request-rejected",
    '{"detail":"Unsupported parameter: safety_identifier"}': "request-rejected",
    '{"error":{"message":"litellm.BadRequestError: SomeException - {\\n  \\"error\\": {\\n    \\"message\\": \\"tools[3].type: Input should be function\\",\\n'
    '    \\"type\\": \\"invalid_request_error\\"\\n  }\\n}. Received Model Group=gpt-9","type":null,"param":null,"code":"400"}}': "request-rejected",
    '{"object":"error","message":"Tool choice must be auto","type":"BadRequestError","param":null,"code":400}': "request-rejected",
    '{"error":{"message":"Input length (50000) exceeds the maximum allowed length (32768 tokens)","code":400}}': "request-too-large",
    '{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}': "insufficient-quota",
    '{"error":{"message":"/responses: Invalid model name passed in model=auto","type":"invalid_request_error","code":"400"}}': "model-not-found",
}


def soft(words: str, width: int) -> str:
    """As Codex's own screen breaks it: between words, and in those that are too long."""
    return "\n".join(textwrap.wrap(words, width, break_on_hyphens=False))


@pytest.mark.parametrize("width", [30, 44, 60, 80, 100, 200])
@pytest.mark.parametrize("broken", [hard, soft])
@pytest.mark.parametrize("around", [str, framed])
def test_a_body_on_a_screen_of_any_width(
    width: int, broken: Callable[[str, int], str], around: Callable[[str], str]
) -> None:
    screen = "  >_ OpenAI Codex (v0.171.0)\n     /home/dev/app\n\n› say hi\n\n\n{}\n\n\n› Ask Codex to do anything\n\n  auto default · /home/dev/app"
    for body, cause in BODIES.items():
        assert shown(triage(screen.format(around(broken(f"■ {body}", width))))) == cause, body


def test_a_line_of_a_log_is_no_body_of_an_error() -> None:
    answer = triage('{"level":"info","msg":"request","status":200,"path":"/v1/responses"}')
    assert answer.kind_of_answer == "not-recognised"


def test_the_gateway_s_numbers_are_in_the_reply() -> None:
    sentences = (
        "402 Payment Required: daily limit of 5 credits exceeded: 0.1 left (4.9 spent), this request may cost up to 0.5; resets 2026-12-01T00:00:00Z",
        "403 Forbidden: IP 203.0.113.9 is not allowed by the key's policy (allowed: 10.0.0.0/8)",
        "403 Forbidden: model gpt-9 is not allowed: this key is fixed to auto (use it, or auto)",
        "404 Not Found: model not found: gpt-9 (use auto or a model key of the catalog, GET /api/v1/models)",
    )
    for sentence in sentences:
        answer = triage(f"■ unexpected status {sentence}, url: {URL}")
        assert answer.sure == "decided", sentence
        assert sentence.split(": ", 1)[1] in answer.reply


def test_a_key_in_a_ticket_is_masked_and_to_be_revoked() -> None:
    answer = triage(f"my key {KEY} gives unexpected status 401 Unauthorized: no, url: {URL}")
    everything = json.dumps(answer_json(answer)) + render(answer, lambda text, *_: text)
    assert KEY not in everything
    assert KEY_SEEN in answer.reply
    masked = triage(f"unexpected status 401 Unauthorized: Incorrect API key provided: jt_****, url: {URL}")
    assert KEY_SEEN not in masked.reply


def test_a_password_in_an_address_is_nowhere_in_the_answer() -> None:
    config = CONFIGURATION.replace("https://gw.example.org/v1", "https://ann:hunter2@gw.example.org/v1/responses")
    answer = triage(f"Why does it fail?\n\n{config}")
    assert shown(answer) == "base-url-path"
    assert "hunter2" not in json.dumps(answer_json(answer)) + render(answer, lambda words, *_: words)


def test_what_stops_codex_before_its_request_comes_first() -> None:
    config = CONFIGURATION.replace("/v1", "/v1/responses") + "wire_api = 3\n"
    assert shown(triage(f"Why does it fail?\n\n{config}")) == "config-type"


def test_what_several_causes_share_is_asked_of_the_writer_once() -> None:
    limited = "exceeded retry limit, last status: 429 Too Many Requests"
    bare, with_id = triage(limited), triage(f"{limited}, request id: req_77")
    assert "request id" in bare.ask
    assert "please send the request id" not in with_id.reply
    assert "req_77" in with_id.reply
    unauthorized = triage(f"unexpected status 401 Unauthorized: Unauthorized, url: {URL}")
    assert unauthorized.kind_of_answer == "several"
    groups = answer_json(unauthorized)["groups"]
    assert sorted(name for group in groups for name in group["causes"]) == sorted(c.id for c in unauthorized.candidates)
    for reply in (bare.reply, with_id.reply, unauthorized.reply):
        assert "joytui keys" not in reply
        assert not any(word.isdigit() for word in reply.split("The most likely first")[0].split())


def test_quotes_of_a_word_processor_around_the_key() -> None:
    refused = f"unexpected status 401 Unauthorized: invalid api key, url: {URL}"
    assert shown(triage(f"export JOY_TOKEN_API_KEY=“jt…”\n{refused}")) == "key-malformed"
    assert shown(triage(f'export JOY_TOKEN_API_KEY="jt…"\n{refused}')) == "key-rejected"


def test_the_pasted_configuration_only_chooses_among_what_the_words_leave_open() -> None:
    config = '[model_providers.gw]\nname = "gw"\nbase_url = "https://gateway.example/v1"\n'
    words = "unexpected status {}, url: https://gateway.example/v1/responses"
    assert shown(triage(f"{config}\n{words.format('401 Unauthorized: missing api key')}")) == "env-key-missing"
    assert (
        shown(triage(f"{config}\n{words.format('402 Payment Required: daily quota exceeded')}")) == "insufficient-quota"
    )
    named = config + 'http_headers = { "X-Title" = "x" }\n'
    assert shown(triage(f"{named}\n{words.format('401 Unauthorized: missing api key')}")).startswith("several")


def test_the_reply_quotes_the_error_and_not_its_body() -> None:
    body = '{"error":{"message":"无效的令牌 (request id: 2026)","type":"new_api_error","code":""}}'
    reply = triage(f"unexpected status 401 Unauthorized: {body}, url: {URL}").reply
    assert "“无效的令牌 (request id: 2026)”" in reply
    assert "new_api_error" not in reply
    page = "<html><head><title>403 Forbidden</title></head><body></body></html>"
    assert "<html>" not in triage(f"unexpected status 403 Forbidden: {page}, url: {URL}").reply


def test_a_reply_can_name_another_header() -> None:
    missing = '{ "statusCode": 401, "message": "Access denied due to missing subscription key." }'
    assert 'env_http_headers = { "api-key" = "NAME" }' in triage(f"unexpected status 401 Unauthorized: {missing}").reply


def test_no_reply_advises_what_the_ticket_shows_refused() -> None:
    refused = f"unexpected status 404 Not Found: The model `auto` does not exist., url: {URL}"
    assert 'model = "auto"' not in triage(refused).reply
    joytui = (
        f"unexpected status 404 Not Found: model not found: gpt-9 (use auto or a model key of the catalog), url: {URL}"
    )
    assert 'model = "auto"' in triage(joytui).reply
    elsewhere = "unexpected status 404 Not Found: Not Found, url: https://gateway.example/v1/messages/responses"
    assert "/openai/v1" not in triage(elsewhere).reply


REFUSED = f"ERROR: unexpected status 402 Payment Required: daily quota exceeded, url: {URL}"
MISSING = f"ERROR: unexpected status 401 Unauthorized: missing api key, url: {URL}"
INVALID = f"ERROR: unexpected status 401 Unauthorized: invalid api key, url: {URL}"
SAID_BESIDE = {
    "a sentence about a variable": (
        f"We do not use OPENAI_BASE_URL any more, it is ignored.\n{REFUSED}",
        "insufficient-quota",
    ),
    "joytui's doctor works elsewhere": (
        f"✓ Codex works through the gateway\n\nBut from cron:\n{REFUSED}",
        "insufficient-quota",
    ),
    "a sentence that begins so": (
        f"Codex works through the gateway at home, but not here:\n{REFUSED}",
        "insufficient-quota",
    ),
    "Codex's doctor has warnings": (
        f"Codex Doctor v0.171.0 · linux-x86_64\n\nNotes\n   ✗ auth         no Codex credentials were found\n\n{REFUSED}",
        "insufficient-quota",
    ),
    "what the key has not": (f"{INVALID}\nThe key has no quotes and no trailing newline.", "key-rejected"),
    "a line break of another thing": (
        f"{MISSING}\nThere is a new line at the end of the docs.",
        "several: env-key-missing",
    ),
    "no credential of OpenAI's": (
        f"{MISSING}\nI have requires_openai_auth = true, but no OpenAI key.",
        "several: env-key-missing",
    ),
    "the page of a 502": (
        "stream disconnected before completion: stream closed before response.completed\n"
        f"ERROR: unexpected status 502 Bad Gateway: <html><title>502 Bad Gateway</title></html>, url: {URL}",
        "upstream-error",
    ),
    "a stream that has its items": (
        "Codex prints nothing.\nevent: response.output_text.delta\nevent: response.output_item.done\nevent: response.completed",
        "several: stream-output-missing",
    ),
    "a log in which the route was served": (
        'Our log:\n"GET /v1/models HTTP/1.1" 200\n"POST /v1/responses HTTP/1.1" 200\n"POST /v1/responses HTTP/1.1" 404',
        "several: responses-unsupported",
    ),
    "what env prints": (
        "$ env | grep JOY\nJOY_TOKEN_API_KEY=jt…\nERROR: Missing environment variable: `JOY_TOKEN_API_KEY`.",
        "several: key-unset",
    ),
}


@pytest.mark.parametrize("name", SAID_BESIDE)
def test_what_is_said_beside_a_failure_does_not_decide_against_it(name: str) -> None:
    text, expected = SAID_BESIDE[name]
    assert shown(triage(text)).startswith(expected)


CONFIGURATION = """model_provider = "gw"
model = "auto"
[model_providers.gw]
name = "gw"
base_url = "https://gw.example.org/v1"
env_key = "GW_KEY"
"""
CHANGED = {
    "baseUrl": (("base_url =", "baseUrl ="), "Codex does not know baseUrl. Write base_url instead"),
    "env_keys": (("env_key =", "env_keys ="), "Codex does not know env_keys. Write env_key instead"),
    "an endpoint": (("/v1", "/v1/responses"), 'Write base_url = "https://gw.example.org/v1"'),
    "no selection": (('model_provider = "gw"\n', ""), 'Put model_provider = "gw" at the very top'),
    "a key": (("GW_KEY", "sk-0123456789abcdef0123"), 'Write env_key = "JOY_TOKEN_API_KEY"'),
}


def test_what_this_machine_has_says_nothing_of_a_ticket_s(tmp_path: Path) -> None:
    """A ticket's configuration names files, programs and variables of another machine: they are not read here, nor missed."""
    (tmp_path / "catalog.json").write_text("[", encoding="utf-8")
    there, not_there = (f'model_catalog_json = "{tmp_path / name}"\n' for name in ("catalog.json", "none.json"))
    server = '[mcp_servers.own]\ncommand = "/home/ann/bin/own"\nrequired = true\n'
    own = "export CODEX_HOME=/home/ann/codex\n"
    for before, behind in ((there, ""), (not_there, ""), ("", server), (own, "")):
        assert shown(triage(f"Why is it slow?\n\n{before}{CONFIGURATION}{behind}")) == "unknown"
    said = f"Error: No such file or directory (os error 2)\n\n{{}}{CONFIGURATION}"
    assert shown(triage(said.format(not_there))) == shown(triage(said.format(there))) == "model-catalog-missing"


@pytest.mark.parametrize("name", CHANGED)
def test_the_reply_about_a_configuration_uses_its_own_names(name: str) -> None:
    change, advice = CHANGED[name]
    reply = triage(f"Why does this not work?\n\n{CONFIGURATION.replace(*change)}").reply
    assert advice in reply
    assert "0123456789abcdef" not in reply


def test_a_fault_that_the_words_exclude_is_not_told() -> None:
    """Quotes that a mail program made curly: Codex's own words show that the file was read."""
    curly = CONFIGURATION.replace('"auto"', "“auto”")
    assert shown(triage(f"What is wrong?\n\n{curly}")) == "config-syntax"
    refused = f"unexpected status 403 Forbidden: requested tier is not allowed, url: {URL}"
    assert shown(triage(f"{curly}\n{refused}")) == "policy-rejected"


@pytest.mark.parametrize(
    ("words", "well"),
    [
        ("Danke, jetzt läuft alles wieder.", True),
        ("Fixed, it was the missing key. You can close the ticket.", True),
        ("It works with curl, but Codex stays silent.", False),
        ("Everything works in the Python SDK, only Codex doesn't.", False),
        ("Codex worked until yesterday.", False),
        ("It works fine. Where do I see what it cost last month?", False),
    ],
)
def test_who_says_that_it_works_is_not_asked_what_fails(words: str, well: bool) -> None:
    assert (WELL in triage(words).reply) is well


def test_a_line_that_an_error_points_at_is_no_configuration() -> None:
    words = "8 | [model_providers.joytoken]\n  |                  ^^^^^^^^^ duplicate key"
    assert configuration_in(words) is None
    assert configuration_in(words.split("\n")[0].removeprefix("8 | ")) is not None
