"""A key holder who tries to spend more than the limit, and an upstream that helps: what both can reach from outside.

A real gateway before a scripted upstream, which does what the last message says. A token costs 0.001 credits, a step of
1,024 tokens 1.024, and so does the hold of a request that names no limit.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
import signal
import sqlite3
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.bridge.chat_upstream import (
    ChatUpstream,
    Scripted,
    Seen,
    answer_json,
    call_delta,
    chunk,
    not_found,
    sse,
    usage,
)
from tests.support.hang import HANG_S, MEANWHILE_S, poll
from tests.support.joytui_process import Machine

STEP = Decimal("1.024")
WORDS = "word " * 400  # 500 tokens: half a credit
CHAT, RESPONSES = "chat/completions", "responses"
EVENTS = {"content-type": "text/event-stream"}
ENDLESS = 800
"""Pieces of 62 tokens: 50 credits, ten times the limit."""


# --- the upstream -----------------------------------------------------------------------------------------------------


def says(*more: Any, text: str = WORDS, headers: dict[str, str] | None = None) -> Scripted:
    """A whole answer, with chunks after its finish."""
    pieces = [sse([one], done=False) for one in (chunk({"content": text}), chunk({}, "stop"), *more)]
    return Scripted(200, EVENTS if headers is None else headers, [*pieces, b"data: [DONE]\n\n"])


def whole(**more: Any) -> Scripted:
    message = {"role": "assistant", "content": WORDS}
    choice = {"index": 0, "message": message, "finish_reason": "stop"}
    return answer_json({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], **more})


def tells(given: Any, output: Any) -> Scripted:
    return says({**usage(0, 0), "usage": {"prompt_tokens": given, "completion_tokens": output}})


def polite(seen: Seen) -> Scripted:
    """As OpenAI does it: usage for who asks."""
    asked = (seen.body.get("stream_options") or {}).get("include_usage")
    return says(usage(20, 500)) if asked else says()


def many(seen: Seen) -> Scripted:
    """`n` answers of 75 tokens, in a stream."""
    texts = [
        {**chunk(), "choices": [{"index": index, "delta": {"content": "word " * 60}}]}
        for index in range(seen.body["n"])
    ]
    return Scripted(pieces=[sse([text], done=False) for text in texts] + [b"data: [DONE]\n\n"])


def endless(seen: Seen) -> Scripted:
    if seen.path.endswith(RESPONSES):
        delta = b'data: {"type":"response.output_text.delta","delta":"%s"}\n\n' % (b"word " * 50)
        return Scripted(pieces=[delta] * ENDLESS)
    return Scripted(pieces=[sse([chunk({"content": "word " * 50})], done=False)] * ENDLESS)


def patches(seen: Seen) -> Scripted:
    """An endless freeform call, which the bridge keeps until it is whole."""
    name = seen.body["tools"][0]["function"]["name"]
    begin = chunk(call_delta(0, "call_1", name, '{"input": "'))
    return Scripted(
        pieces=[sse([one], done=False) for one in (begin, *[chunk(call_delta(0, arguments="word " * 50))] * ENDLESS)]
    )


ANSWERS: dict[str, Callable[[Seen], Scripted]] = {
    "no usage": lambda seen: says(),
    "no usage, whole": lambda seen: whole(),
    "negative usage": lambda seen: tells(-5, -500),
    "NaN": lambda seen: tells(math.nan, math.nan),
    "usage of 1e30": lambda seen: tells(1e30, 1e30),
    "usage of a billion": lambda seen: tells(10**9, 10**9),
    "usage of none": lambda seen: tells(0, 0),
    "usage is true": lambda seen: tells(True, True),
    "usage for who asks": polite,
    "wrong content type": lambda seen: says(usage(20, 500), headers={"content-type": "application/json"}),
    "no content type": lambda seen: says(usage(20, 500), headers={}),
    "bills": lambda seen: says({"choices": [], "metadata": {"billing": {"credits_used": "0.25"}}}),
    "many": many,
    "all at once": lambda seen: says(text="word " * 8000),
    "endless": endless,
    "patches": patches,
}


class Upstream:
    """ChatUpstream in its own thread. `go` is for answers that wait."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._served = ChatUpstream(self._script)
        self._go = asyncio.Event()
        self.asked = 0

    def _script(self, seen: Seen) -> Scripted:
        if seen.method == "GET" or seen.raw.strip() in (b"{}", b""):
            return not_found(seen)
        self.asked += 1
        said = seen.body["input"] if seen.path.endswith(RESPONSES) else seen.body["messages"][-1]["content"]
        return self._waits(seen, said) if said.startswith("waits") else ANSWERS[said](seen)

    def _waits(self, seen: Seen, said: str) -> Scripted:
        wait: Any = self._go.wait()
        if "whole" in said:
            answer = whole()
            return Scripted(200, answer.headers, [wait, *answer.pieces])
        if "endless" in said:
            first, *rest = endless(seen).pieces
            return Scripted(pieces=[first, wait, *rest])
        return Scripted(pieces=[sse([chunk({"content": WORDS})], done=False), wait, sse([chunk({}, "stop")])])

    def go(self) -> None:
        self._loop.call_soon_threadsafe(self._go.set)

    @contextmanager
    def running(self) -> Iterator[str]:
        thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        thread.start()
        self._do(self._served.__aenter__())
        try:
            yield self._served.url
        finally:
            self._do(self._served.__aexit__())
            self._loop.call_soon_threadsafe(self._loop.stop)
            thread.join(HANG_S)
            self._loop.close()

    def _do(self, work: Any) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(HANG_S)


# --- the gateway ------------------------------------------------------------------------------------------------------


class Gateway:
    """`joytui gateway run`, spoken to over HTTP. `kill` takes it away as a power cut would."""

    def __init__(self, folder: Path, upstream: str, api: str) -> None:
        catalog = folder / "catalog.toml"
        catalog.write_text('[[model]]\nkey = "m"\ninput = "1000"\noutput = "1000"\n')
        env = {
            "JOYTUI_GATEWAY_CATALOG": str(catalog),
            "JOYTUI_GATEWAY_UPSTREAM": upstream,
            "JOYTUI_GATEWAY_UPSTREAM_API": api,
        }
        self.machine = Machine(folder, env)
        self.start()

    def start(self) -> None:
        self.process = self.machine.start("gateway", "run")
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().split()[1]
        self.http = httpx.Client(base_url=self.url, trust_env=False, timeout=HANG_S)
        self.token = (self.machine.data / "admin-token").read_text().strip()

    def end(self, how: signal.Signals) -> None:
        self.http.close()
        self.process.send_signal(how)
        self.process.communicate(timeout=HANG_S)

    def console(self, method: str, path: str, **options: Any) -> Any:
        headers = {"authorization": f"Bearer {self.token}"}
        answer = self.http.request(method, f"/console/v1/{path}", headers=headers, **options)
        assert answer.status_code < 300, answer.text
        return answer.json()

    def key(self, limit: str | None, period: str = "total") -> dict[str, Any]:
        policy = {f"{period}_limit": limit} if limit else {}
        name = f"key-{len(self.console('GET', 'keys')['keys'])}"
        return dict(self.console("POST", "keys", json={"name": name, "policy": policy}))

    def spent(self, key: dict[str, Any]) -> Decimal:
        """What the budget has, once nothing is held."""
        [budget] = self.console("GET", f"keys/{key['id']}")["budgets"]
        assert budget["held"] == "0"
        return Decimal(budget["spent"])

    def rows(self, key: dict[str, Any]) -> list[dict[str, Any]]:
        return [row for row in self.console("GET", "requests")["requests"] if row["key_id"] == key["id"]]

    def body(self, says: str, endpoint: str = CHAT, **fields: Any) -> dict[str, Any]:
        given = {"input": says} if endpoint == RESPONSES else {"messages": [{"role": "user", "content": says}]}
        return {"model": "m", "stream": "whole" not in says, **given, **fields}

    def ask(self, key: dict[str, Any], says: str, endpoint: str = CHAT, **fields: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {key['key']}"}
        return self.http.post(f"/openai/v1/{endpoint}", json=self.body(says, endpoint, **fields), headers=headers)


@pytest.fixture(scope="module")
def upstream() -> Iterator[tuple[Upstream, str]]:
    scripted = Upstream()
    with scripted.running() as url:
        yield scripted, url


@contextmanager
def running(folder: Path, url: str, api: str) -> Iterator[Gateway]:
    gateway = Gateway(folder, url, api)
    try:
        yield gateway
    finally:
        gateway.end(signal.SIGKILL)


@pytest.fixture(scope="module")
def gateways(upstream: tuple[Upstream, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Gateway]]:
    """One before an upstream that has Chat only, one before one that has Responses."""
    with ExitStack() as stack:
        yield {
            api: stack.enter_context(running(tmp_path_factory.mktemp(api), upstream[1], api))
            for api in ("chat", "responses")
        }


@pytest.fixture
def gateway(gateways: dict[str, Gateway]) -> Gateway:
    return gateways["chat"]


# --- what is not told is not free -------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", [CHAT, RESPONSES])
@pytest.mark.parametrize("says", list(ANSWERS)[:11])
def test_an_answer_whose_usage_is_not_told_counts(gateway: Gateway, says: str, endpoint: str) -> None:
    """Of six that cost half a credit three are let in on 2.1, since one holds 1.03 to 1.06 until it has ended."""
    key = gateway.key("2.1")
    answers = [gateway.ask(key, says, endpoint) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [200] * 3 + [402] * 3
    assert all("word" in answer.text for answer in answers[:3])
    assert Decimal("1.5") < gateway.spent(key) < Decimal("1.7")
    assert {row["cost_source"] for row in gateway.rows(key) if row["status"] == 200} == {"estimated"}


@pytest.mark.parametrize("options", [{}, {"stream_options": {"include_usage": False}}])
def test_who_did_not_ask_for_usage_gets_none(gateway: Gateway, options: dict[str, Any]) -> None:
    key = gateway.key(None)
    quiet = gateway.ask(key, "usage for who asks", **options).text
    asked = gateway.ask(key, "usage for who asks", stream_options={"include_usage": True}).text
    assert '"usage"' not in quiet
    assert json.dumps(usage(20, 500)["usage"]) in asked
    assert quiet.endswith("data: [DONE]\n\n")
    assert [(row["input_tokens"], row["output_tokens"]) for row in gateway.rows(key)] == [(20, 500)] * 2


@pytest.mark.parametrize("api", ["chat", "responses"])
@pytest.mark.parametrize("endpoint", [CHAT, RESPONSES])
def test_nothing_runs_in_the_background(
    gateways: dict[str, Gateway], upstream: tuple[Upstream, str], api: str, endpoint: str
) -> None:
    gateway, before = gateways[api], upstream[0].asked
    answer = gateway.ask(gateway.key("2"), "no usage", endpoint, background=True)
    assert (answer.status_code, answer.json()["error"]["type"]) == (400, "invalid_request_error")
    assert "background" in answer.json()["error"]["message"]
    assert upstream[0].asked == before


def test_a_model_without_a_price_costs_its_bill_or_what_it_held(gateway: Gateway) -> None:
    key = gateway.key("3")
    answers = [gateway.ask(key, "no usage", model="unheard-of").status_code for _ in range(6)]
    assert (answers, gateway.spent(key)) == ([200] * 3 + [402] * 3, 3)
    billed = gateway.key("3")
    answers = [gateway.ask(billed, "bills", model="unheard-of").status_code for _ in range(6)]
    assert (answers, gateway.spent(billed)) == ([200] * 6, Decimal("1.5"))
    long = gateway.key("3")
    assert "insufficient_quota" in gateway.ask(long, "endless", model="unheard-of").text
    assert gateway.spent(long) == 3


# --- the hold is not the client's word, and a stream ends at its limit ------------------------------------------------


@pytest.mark.parametrize(
    "fields",
    [
        {"max_completion_tokens": 1, "max_tokens": 100_000},
        {"max_completion_tokens": 100_000, "max_tokens": 1},
        {"n": 100, "max_tokens": 100},
        {"n": 2},
    ],
)
def test_the_largest_limit_times_n_is_held(gateway: Gateway, upstream: tuple[Upstream, str], fields: Any) -> None:
    before = upstream[0].asked
    answer = gateway.ask(gateway.key("2"), "no usage", **fields)
    assert (answer.status_code, answer.json()["error"]["type"]) == (402, "insufficient_quota")
    assert upstream[0].asked == before


TOLD = re.compile(
    r"total limit of 5 credits exceeded: \S+ left \(0 spent, \S+ held by running requests\), this answer was ended"
    r" because its next step may cost up to 1\.024; never resets"
)


@pytest.mark.parametrize(
    ("api", "endpoint"), [("chat", CHAT), ("chat", RESPONSES), ("responses", CHAT), ("responses", RESPONSES)]
)
def test_a_stream_ends_at_its_limit(gateways: dict[str, Gateway], api: str, endpoint: str) -> None:
    gateway = gateways[api]
    key = gateway.key("5")
    answer = gateway.ask(key, "endless", endpoint)
    data = [line[6:] for line in answer.text.splitlines() if line.startswith("data: ")]
    if endpoint == CHAT:
        assert data.pop() == "[DONE]"
        error = json.loads(data[-1])["error"]
    else:
        event = json.loads(data[-1])
        assert (event["type"], event["response"]["status"]) == ("response.failed", "failed")
        error = event["response"]["error"]
    assert error["code"] == "insufficient_quota"
    assert TOLD.fullmatch(error["message"])
    assert all(json.loads(line) for line in data), "no event is cut in two"
    assert 4 < gateway.spent(key) <= 5 + STEP
    [row] = gateway.rows(key)
    assert (row["status"], row["error_type"], row["cause"]) == (200, "insufficient_quota", "insufficient-quota")
    assert (row["error_message"], row["cost_source"]) == (error["message"], "estimated")
    assert gateway.ask(key, "no usage", endpoint).status_code == 402


def test_what_the_gateway_keeps_back_is_counted_too(gateway: Gateway) -> None:
    key = gateway.key("5")
    answer = gateway.ask(key, "patches", RESPONSES, tools=[{"type": "custom", "name": "apply_patch"}])
    assert "insufficient_quota" in answer.text
    assert 4 < gateway.spent(key) <= 5 + STEP


def test_what_comes_in_one_piece_beyond_the_limit_is_not_passed_on(gateway: Gateway) -> None:
    """An event of 10,000 tokens where two steps are left: its client gets none of it, and pays for what it sent."""
    key = gateway.key("3")
    text = gateway.ask(key, "all at once").text
    assert "insufficient_quota" in text
    assert "word" not in text
    assert 0 < gateway.spent(key) < Decimal("0.1")


def test_many_streams_at_once_are_a_step_each_above_it_at_most(gateway: Gateway) -> None:
    key = gateway.key("10")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: gateway.ask(key, "endless"), range(8)))
    assert all("insufficient_quota" in answer.text for answer in answers)
    assert 5 < gateway.spent(key) <= 10 + 8 * STEP


@pytest.mark.parametrize(("says", "streams"), [("no usage", 0), ("endless", 9)])
def test_a_tree_of_64_requests_keeps_the_limit_of_its_task(gateway: Gateway, says: str, streams: int) -> None:
    """They come at once, from four threads of a task. Answers within what was held for them stay below the limit; those without an
    end are a step above it at most, each of the nine that it lets in."""
    made = gateway.console("POST", "keys", json={"name": f"tree {says}", "policy": {"per_task_limit": "10"}})
    task = f"task of {says}".replace(" ", "-")

    def ask(number: int) -> httpx.Response:
        headers = {"authorization": f"Bearer {made['key']}", "session-id": task, "thread-id": f"{task}-{number % 4}"}
        return gateway.http.post(f"/openai/v1/{CHAT}", json=gateway.body(says), headers=headers)

    with ThreadPoolExecutor(64) as pool:
        answers = list(pool.map(ask, range(64)))
    assert any("insufficient_quota" in answer.text for answer in answers)
    [node] = [one for one in gateway.console("GET", "budgets")["budgets"] if one["node"] == f"task:{task}"]
    spent = Decimal(node["limits"][0]["spent_credits"])
    assert node["limits"][0]["held_credits"] == "0"
    assert spent == sum(Decimal(row["cost_credits"]) for row in gateway.rows(made))
    assert 5 < spent <= 10 + streams * STEP
    assert sum(answer.status_code == 200 for answer in answers) <= max(streams, 20)


def test_what_n_answers_write_together_counts(gateway: Gateway) -> None:
    """A hundred at once, of which a client says that each has one token."""
    key = gateway.key("1.5")
    assert "insufficient_quota" in gateway.ask(key, "many", n=100, max_tokens=1).text
    assert Decimal("0.5") < gateway.spent(key) <= Decimal("1.5") + STEP


def test_an_answer_that_the_store_does_not_keep_up_with_is_a_step_ahead_at_most(tmp_path: Path) -> None:
    """Another program writes to the store: what a client may have until it is asked is what is held, and a step more."""
    scripted = Upstream()
    with scripted.running() as url, running(tmp_path, url, "chat") as gateway:
        with reading(gateway, gateway.key("100"), "waits, endless") as had:
            poll(lambda: bool(had), lambda: "the first words")
            gateway.ask(gateway.key(None), "no usage")
            store = sqlite3.connect(gateway.machine.data / "ledger.sqlite3", isolation_level=None)
            store.execute("BEGIN IMMEDIATE")
            scripted.go()
            had.reader.join(MEANWHILE_S)
            meanwhile = "".join(had)
            store.close()
        assert len("".join(had)) > 10 * len(meanwhile), "and then it goes on"
        assert len(re.findall("word ", meanwhile)) * 5 <= 2 * 1024 * 4


# --- a gateway that dies ----------------------------------------------------------------------------------------------


def test_what_a_client_had_of_a_stream_is_not_free_after_a_crash(tmp_path: Path) -> None:
    scripted = Upstream()
    with scripted.running() as url, running(tmp_path, url, "chat") as gateway:
        key = gateway.key("100")
        with reading(gateway, key, "waits") as had:
            poll(lambda: bool(had), lambda: "the first words")
            gateway.ask(gateway.key(None), "no usage")  # what was handed over before its row is written
            gateway.end(signal.SIGKILL)
        gateway.start()
        [row] = gateway.rows(key)
        assert (row["error_type"], row["cost_source"]) == ("gateway_interrupted", "estimated")
        assert "charged for what is known to have passed" in row["error_message"]
        assert row["output_tokens"] == 500
        assert gateway.spent(key) == Decimal(row["cost_credits"]) > Decimal("0.5")


@pytest.mark.parametrize("says", ["waits", "waits, whole"])
def test_no_client_has_an_answer_that_the_store_has_not(tmp_path: Path, says: str) -> None:
    """Another program writes to the store while an answer ends: killed then, the gateway would not know that it was whole."""
    scripted = Upstream()
    with scripted.running() as url, running(tmp_path, url, "chat") as gateway:
        with reading(gateway, gateway.key("100"), says) as had:
            poll(lambda: scripted.asked > 0 and bool(had or "whole" in says), lambda: "an upstream that was asked")
            gateway.ask(gateway.key(None), "no usage")
            store = sqlite3.connect(gateway.machine.data / "ledger.sqlite3", isolation_level=None)
            store.execute("BEGIN IMMEDIATE")
            scripted.go()
            had.reader.join(MEANWHILE_S)
            gateway.process.send_signal(signal.SIGKILL)
            store.close()
        assert had.reader.is_alive() is False
        assert '"finish_reason": "stop"' not in "".join(had)


class Had(list[str]):
    """What a client has read so far, in its own thread."""

    reader: threading.Thread


@contextmanager
def reading(gateway: Gateway, key: dict[str, Any], says: str) -> Iterator[Had]:
    """A client that reads its answer to its end; who wants another end sees to that in the block."""
    had = Had()

    def read() -> None:
        headers, body = {"authorization": f"Bearer {key['key']}"}, gateway.body(says)
        with (
            suppress(httpx.HTTPError),
            httpx.Client(trust_env=False, timeout=HANG_S) as http,
            http.stream("POST", f"{gateway.url}/openai/v1/{CHAT}", json=body, headers=headers) as answer,
        ):
            had.extend(answer.iter_text())

    had.reader = threading.Thread(target=read, daemon=True)
    had.reader.start()
    yield had
    had.reader.join(HANG_S)
