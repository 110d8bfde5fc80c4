"""Alerts on their way: from a request's end to a webhook, and what the console API tells of them."""

from __future__ import annotations

import asyncio
import json
import logging
import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import pytest

import joytui
from joytui.core.clock import now_ms
from joytui.core.errors import SettingsError
from joytui.core.redaction import clean
from joytui.gateway import runtime
from joytui.gateway.alerts import outbox, sending, words
from joytui.gateway.alerts.sending import Webhook, read_secret
from joytui.gateway.settings import GatewaySettings, load_settings
from joytui.gateway.settings_text import settings_of
from joytui.ledger.alerts import AlertKind, AlertRow, NewAlert, alert_id
from tests.gateway.served import SAY_HI, Served, served
from tests.support.alert_receiver import GOOD, SECRET, Answer, Post, Receiver, receiving
from tests.support.clock import Clock
from tests.support.hang import HANG_S

ROW = AlertRow(alert_id("x"), 0, "test", "org", None, {"name": "ann <b> & *co*"}, "waiting", 1, None, None)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as one:
        yield one


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALERTS_SECRET", SECRET)
    monkeypatch.setattr(runtime, "DELIVERY_S", 0.02)


def hooked(receiver: Receiver, **settings: Any) -> dict[str, Any]:
    return {"alerts_url": receiver.url, "alerts_secret_env": "ALERTS_SECRET", **settings}


async def raise_some(gateway: Served, count: int) -> None:
    alerts = [NewAlert(alert_id(n), "gateway", f"gateway:{n}", None, {"name": str(n), "last_seen": 0}) for n in range(count)]  # fmt: skip
    assert await gateway.gateway.ledger.raise_alerts(alerts) == count


async def until(gateway: Served, state: str) -> list[dict[str, Any]]:
    """All alerts, once all are in this state."""
    async with asyncio.timeout(HANG_S):
        while True:
            rows = (await gateway.ask("alerts"))["alerts"]
            if rows and {row["state"] for row in rows} == {state}:
                return list(rows)
            await asyncio.sleep(0.02)


# --- one try ---------------------------------------------------------------------------------------------------------


async def send(receiver: Receiver, form: Any = "json", row: AlertRow = ROW) -> sending.Outcome:
    webhook = Webhook(receiver.url, form, read_secret(SECRET))
    async with webhook.client() as client:
        return await webhook.send(client, row)


async def test_a_post_is_signed_and_has_the_alerts_id(receiver: Receiver) -> None:
    assert (await send(receiver)).good
    [post] = receiver.posts
    assert post.signed
    assert (post.id, post.headers["webhook-timestamp"]) == (ROW.id, str(now_ms() // 1000))
    assert post.json["type"] == "alert.test"
    assert post.json["data"]["title"] == "a test of joytui's alerts"


async def test_the_guide_shows_how_to_verify_one(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    await send(receiver)
    [post] = receiver.posts
    page = (Path(joytui.__file__).parent / "guide" / "alerts.md").read_text(encoding="utf-8")
    [shown] = re.findall(r"```python\n(.*?)```", page, re.S)
    names: dict[str, Any] = {}
    exec(shown, names)
    verified = names["verified"]
    monkeypatch.setattr(names["time"], "time", lambda: now_ms() / 1000)
    assert verified(SECRET, post.headers, post.body)
    assert not verified(SECRET, post.headers, post.body + b" ")
    assert not verified(SECRET, {**post.headers, "webhook-id": "alert-2"}, post.body)
    monkeypatch.setattr(names["time"], "time", lambda: now_ms() / 1000 + 301)
    assert not verified(SECRET, post.headers, post.body)


def test_every_kind_is_in_the_guide_and_has_its_words() -> None:
    page = (Path(joytui.__file__).parent / "guide" / "alerts.md").read_text(encoding="utf-8")
    kinds = set(get_args(AlertKind))
    assert set(re.findall(r"^\| `(\w+)` \|", page, re.M)) == kinds - {"test"}
    assert set(words._WORDS) == kinds


async def test_the_body_is_the_same_at_each_try(receiver: Receiver) -> None:
    await send(receiver)
    await send(receiver, row=AlertRow(*[*ROW_FIELDS, "waiting", 3, None, clean("HTTP 500", 20)]))
    assert receiver.posts[0].body == receiver.posts[1].body


ROW_FIELDS = [ROW.id, ROW.at, ROW.kind, ROW.subject, ROW.team, ROW.facts]


async def test_what_slack_takes(receiver: Receiver) -> None:
    await send(receiver, "slack")
    [post] = receiver.posts
    assert {name: value for name, value in post.json.items() if name not in ("text", "blocks")} == {
        "unfurl_links": False, "unfurl_media": False,
    }  # fmt: skip
    texts = [post.json["blocks"][0]["text"], *post.json["blocks"][1]["elements"]]
    assert [one["verbatim"] for one in texts] == [True, True], "no name becomes a link, a room or a mention"
    assert [block["type"] for block in post.json["blocks"]] == ["section", "context"]
    assert "ann &lt;b&gt; &amp; ∗co∗" in post.json["blocks"][0]["text"]["text"]


async def test_what_teams_takes(receiver: Receiver) -> None:
    await send(receiver, "teams")
    [attachment] = receiver.posts[0].json["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    texts = [block["text"] for block in attachment["content"]["body"]]
    assert texts[0] == "a test of joytui's alerts"
    assert r"ann \<b\> & \*co\*" in texts[1]


REFUSALS: list[tuple[Answer, str]] = [
    (Answer(500, {}, b"no   room\n"), "HTTP 500: no room"),
    (Answer(404, {}, b""), "HTTP 404"),
    (Answer(302, {"location": "http://127.0.0.1:1/"}, b""), "HTTP 302: redirects are not followed"),
    (Answer(400, {}, b"x" * 100_000), f"HTTP 400: {'x' * 299}…"),
]


@pytest.mark.parametrize(("answer", "words"), REFUSALS, ids=[str(answer[0]) for answer, _ in REFUSALS])
async def test_a_refusal_is_told_in_bounded_words(answer: Answer, words: str) -> None:
    with receiving(answer) as receiver:
        outcome = await send(receiver)
        assert (outcome.good, outcome.words) == (False, words)
        assert len(receiver.posts) == 1


async def test_neither_address_nor_secret_is_repeated() -> None:
    def echo(post: Post, before: int) -> Answer:
        return Answer(400, {}, f"no {post.path}, no {SECRET}".encode())

    with receiving(echo) as receiver:
        words = (await send(receiver)).words
        assert "s3cret-path" not in words
        assert SECRET[8:] not in words
        assert "s3cret" not in repr(Webhook(receiver.url, "json", b"s3cret"))
        assert Webhook(receiver.url).shown == receiver.url.replace("/hook/s3cret-path-9f8e7d", "/…")


async def test_no_part_of_an_address_is_repeated() -> None:
    """Of Teams the secret is in the query, of Slack in the last part of the path."""
    parts = ["sig=aB3dE%2Ff6hI9jK2lM5n", "aB3dE%2Ff6hI9jK2lM5n", "aB3dE/f6hI9jK2lM5n", "s3cret-path-9f8e7d"]
    with receiving(Answer(400, {}, f"no {' or '.join(parts)}".encode())) as receiver:
        receiver.url += "?api-version=1&sig=aB3dE%2Ff6hI9jK2lM5n"
        words = str((await send(receiver)).words)
    assert [part for part in ("9f8e7d", "6hI9jK2lM5n") if part in words] == []


async def test_a_receiver_that_is_not_there(receiver: Receiver) -> None:
    webhook = Webhook("http://127.0.0.1:1/hook")
    async with webhook.client() as client:
        outcome = await webhook.send(client, ROW)
    assert (outcome.status, outcome.good, "ConnectError" in outcome.words) == (None, False, True)


async def test_a_receiver_that_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sending, "LIMIT_S", 0.05)
    async with await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0) as silent:
        webhook = Webhook(f"http://127.0.0.1:{silent.sockets[0].getsockname()[1]}/")
        async with webhook.client() as client:
            outcome = await webhook.send(client, ROW)
    assert (outcome.status, outcome.good) == (None, False)


# --- settings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example.com/x", "ftp://a/x", "https://u:p@a/x", "https://a/x#y", "not a url", "https://a/b c"],
)
def test_a_url_that_is_none_is_refused_and_not_repeated(url: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        load_settings(tmp_path / "none.toml", {"JOYTUI_GATEWAY_ALERTS_URL": url})
    assert url not in str(refused.value)
    assert refused.value.where == "JOYTUI_GATEWAY_ALERTS_URL"


def test_plain_http_where_it_is_allowed() -> None:
    assert GatewaySettings(alerts_url="http://hooks.example.com/x", alerts_insecure=True).alerts_url


@pytest.mark.parametrize("text", ["", "abc", "whsec_", "whsec_c2hvcnQ=", "whsec_???", SECRET.removeprefix("whsec_")])
def test_a_secret_that_is_none_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(SettingsError) as refused:
        read_secret(text)
    assert (
        not text
        or text not in str(refused.value).replace("whsec_…", "").replace('"whsec_" and', "")
        or text == "whsec_"
    )


def test_the_settings_show_the_host_alone(tmp_path: Path) -> None:
    env = {"JOYTUI_GATEWAY_ALERTS_URL": "https://hooks.slack.com/services/T0/B0/zzz"}
    shown = {one.name: one.value for one in settings_of(tmp_path / "none.toml", env)}
    assert shown["alerts_url"] == "https://hooks.slack.com/…"
    assert "zzz" not in json.dumps(load_settings(tmp_path / "none.toml", env).given())


# --- from a request to the webhook -----------------------------------------------------------------------------------


async def test_a_limit_is_told_at_the_webhook_and_in_the_list(tmp_path: Path, receiver: Receiver) -> None:
    async with served(tmp_path, **hooked(receiver)) as gateway:
        key = await gateway.key("dev", daily_limit="0.06")
        for _ in range(40):
            if (await gateway.chat(key, {**SAY_HI, "max_tokens": 16})).status_code == 402:
                break
        else:
            raise AssertionError("never refused")
        rows = await until(gateway, "sent")
    assert min(row["facts"]["threshold"] for row in rows) == 50
    assert {post.id for post in receiver.posts} == {row["id"] for row in rows}
    assert all(post.signed for post in receiver.posts)
    assert all(count == 1 for count in receiver.taken.values())
    assert {(row["kind"], row["facts"]["name"], row["sent_at"] is None) for row in rows} == {("budget", "dev", False)}


async def test_without_a_webhook_alerts_are_kept(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        await raise_some(gateway, 1)
        told = await gateway.ask("alerts")
        assert (told["webhook"], [row["state"] for row in told["alerts"]]) == (None, ["waiting"])
        answer = await gateway.admin.post("/console/v1/alerts/test")
        assert (answer.status_code, answer.json()["error"]["type"]) == (409, "conflict")


async def test_what_fails_is_tried_again(tmp_path: Path, clock: Clock) -> None:
    def second(post: Post, before: int) -> Answer:
        return GOOD if any(one.id == post.id for one in receiver.posts[:before]) else Answer(503, {}, b"later")

    with receiving(second) as receiver:
        async with served(tmp_path, **hooked(receiver, alerts_retry_s=0.05)) as gateway:
            await raise_some(gateway, 20)
            running = asyncio.create_task(run_on(clock))
            rows = await until(gateway, "sent")
            running.cancel()
    assert {row["tries"] for row in rows} == {2}
    assert (len(receiver.taken), set(receiver.taken.values())) == (20, {1})


async def run_on(clock: Clock) -> None:
    """The tests' clock stands still; waits end by it."""
    while True:
        clock.advance(timedelta(seconds=1))
        await asyncio.sleep(0.01)


async def test_what_fails_always_is_given_up_and_said(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(outbox, "MOST_TRIES", 3)
    with receiving(Answer(500, {}, b"broken")) as receiver, caplog.at_level(logging.WARNING, "joytui.gateway"):
        async with served(tmp_path, **hooked(receiver, alerts_retry_s=0.05)) as gateway:
            await raise_some(gateway, 1)
            running = asyncio.create_task(run_on(clock))
            [row] = await until(gateway, "failed")
            running.cancel()
    assert (row["tries"], row["error"], len(receiver.posts)) == (3, "HTTP 500: broken", 3)
    assert "was not sent after 3 tries: HTTP 500: broken" in caplog.text
    assert "s3cret" not in caplog.text


async def test_a_receiver_may_ask_for_time(receiver: Receiver, tmp_path: Path) -> None:
    with receiving(Answer(429, {"retry-after": "120"}, b"")) as receiver:
        async with served(tmp_path, **hooked(receiver)) as gateway:
            await raise_some(gateway, 1)
            while not receiver.posts:
                await asyncio.sleep(0.02)
            while not (await gateway.ask("alerts"))["alerts"][0]["error"]:
                await asyncio.sleep(0.02)
            assert await gateway.gateway.ledger.due_alerts(now_ms() + 119_999) == 0
            assert await gateway.gateway.ledger.due_alerts(now_ms() + 120_000) == 1


# --- the console API -------------------------------------------------------------------------------------------------


async def test_a_test_says_what_the_receiver_said(tmp_path: Path) -> None:
    with receiving(lambda post, before: Answer(403, {}, b"no") if before else Answer(200, {}, b"thanks")) as receiver:
        async with served(tmp_path, **hooked(receiver)) as gateway:
            told = (await gateway.admin.post("/console/v1/alerts/test")).json()
            assert told == {
                "id": receiver.posts[0].id, "webhook": f"{receiver.url.partition('/hook')[0]}/…", "signed": True,
                "delivered": True, "status": 200, "answer": "thanks",
            }  # fmt: skip
            assert receiver.posts[0].json["data"]["text"] == "Sent by admin with `joytui alerts test`."
            told = (await gateway.admin.post("/console/v1/alerts/test")).json()
            assert (told["delivered"], told["status"], told["answer"]) == (False, 403, "no")
            assert (await gateway.ask("alerts"))["alerts"] == []


async def test_a_lead_sees_its_teams_alone(tmp_path: Path) -> None:
    async with served(tmp_path) as gateway:
        ledger = gateway.gateway.ledger
        await ledger.raise_alerts(
            [NewAlert(alert_id(t), "expiry", "key:k", t, {"name": "k", "days": 1, "expires_at": 0}) for t in ("core", "web")]
        )  # fmt: skip
        await raise_some(gateway, 1)
        await gateway.admin.post("/console/v1/teams", json={"name": "core"})
        body = {"name": "lead", "role": "lead", "teams": ["core"]}
        token = (await gateway.admin.post("/console/v1/tokens", json=body)).json()["token"]
        bearer = {"authorization": f"Bearer {token}"}
        rows = (await gateway.http.get("/console/v1/alerts", headers=bearer)).json()["alerts"]
        assert [row["team"] for row in rows] == ["core"]
        assert len((await gateway.ask("alerts"))["alerts"]) == 3
        assert (await gateway.ask("alerts", limit=1))["alerts"][0]["severity"] in ("warning", "critical")
        assert (await gateway.http.post("/console/v1/alerts/test", headers=bearer)).status_code == 403


# --- looking ---------------------------------------------------------------------------------------------------------


async def test_a_look_raises_what_it_finds_once(tmp_path: Path, clock: Clock) -> None:
    async with served(tmp_path) as gateway:
        await gateway.new_key("dev", expires_at=None, policy={"daily_limit": "0"})
        await gateway.gateway.alerts.look()
        await gateway.gateway.alerts.look()
        [row] = (await gateway.ask("alerts"))["alerts"]
        assert (row["kind"], row["facts"]["threshold"]) == ("budget", 100)


async def test_a_refusal_for_what_is_nearly_gone_is_the_end_of_a_limit(tmp_path: Path) -> None:
    """The limit is never reached: what is left is too little for a request."""
    from joytui.ledger.api import Shortfall

    async with served(tmp_path) as gateway:
        await gateway.key("dev", daily_limit="1")
        key_id = next(iter(gateway.gateway.keys)).row.id
        lack = Shortfall("daily", None, 1000, 960, 500, 30, now_ms())
        gateway.gateway.alerts.refused(key_id, lack)  # others hold what is left: it comes back
        gateway.gateway.alerts.refused(key_id, Shortfall("daily", None, 1000, 900, 0, 200, now_ms()))  # a large request
        gateway.gateway.alerts.refused(key_id, Shortfall(None, "economy", 1000, 960, 0, 50, now_ms()))
        await gateway.gateway.ledger.written()
        assert (await gateway.ask("alerts"))["alerts"] == []
        for _ in range(3):
            gateway.gateway.alerts.refused(key_id, Shortfall("daily", None, 1000, 960, 0, 50, now_ms()))
        await gateway.gateway.ledger.written()
        [told] = (await gateway.ask("alerts"))["alerts"]
        assert (told["title"], told["severity"]) == ("key dev: daily limit reached", "critical")
        gateway.gateway.alerts.refused(key_id, Shortfall("daily", None, 1000, 960, 0, 50, now_ms(), "team:core"))
        await gateway.gateway.ledger.written()
        titles = {row["title"] for row in (await gateway.ask("alerts"))["alerts"]}
        assert "team core: daily limit reached" in titles
