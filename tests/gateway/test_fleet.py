"""Several gateways on one PostgreSQL, in real processes."""

from __future__ import annotations

import random
import signal
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from functools import partial
from pathlib import Path

import httpx
import pytest

from tests.gateway.served import SAY_HI
from tests.long.chaos import chaos, summary
from tests.support import postgres
from tests.support.fleet import Member, fleet
from tests.support.hang import HANG_S, poll
from tests.support.joytui_process import Machine
from tests.support.needs import needs
from tests.support.raw_gateway import HEAD, OK, RawGateway
from tests.support.terminal import Terminal

pytestmark = [pytest.mark.slow, needs("PostgreSQL")]
CHAOS_S = 60


async def test_a_minute_of_chaos_loses_nothing(tmp_path: Path) -> None:
    """Ten minutes of it: `python -m tests.long chaos`."""
    seed = random.randrange(10**6)
    with postgres.running(durable=True) as server:
        record, wrong = await chaos(CHAOS_S, seed, tmp_path, server)
    assert wrong == [], f"seed {seed}: {summary(record)}"
    assert record.looks > CHAOS_S
    assert sum(told.whole for told in record.told.values()) > 100


def test_what_each_says_of_all(tmp_path: Path) -> None:
    """A key made at the one works at the other; both list both; each has metrics of its own."""
    with (
        postgres.running() as server,
        fleet([Member(tmp_path / name, server.url("postgres")) for name in ("a", "b")]) as (one, other),
    ):
        key = {"authorization": f"Bearer {one.new_key('ann')['key']}"}
        with httpx.Client(trust_env=False, verify=False) as http:
            while http.get(f"{other.url}/openai/v1/models", headers=key).status_code != 200:
                pass
            for member in (one, other):
                answer = http.post(f"{member.url}/openai/v1/chat/completions", json=SAY_HI, headers=key)
                assert answer.status_code == 200
            metrics = {http.get(f"{m.url}/metrics", headers=m.bearer).text for m in (one, other)}
            assert (
                len({line.split("{")[1].split('"')[1] for text in metrics for line in text.splitlines() if "{" in line})
                == 2
            )
        for member in (one, other):
            with member.console() as http:
                status = http.get("/status").json()
            assert {(row["url"], row["alive"]) for row in status["gateways"]} == {(m.url, True) for m in (one, other)}
            assert (status["requests"], status["store"].startswith("postgresql://")) == (2, True)
        assert other.end() == 0
        with one.console() as http:
            assert [row["url"] for row in http.get("/status").json()["gateways"]] == [one.url]


def test_a_console_misses_nothing_while_its_gateway_is_killed(tmp_path: Path) -> None:
    """It looks through one of three. Requests go to all of them; its own is killed in the middle, and comes back."""
    with (
        postgres.running() as server,
        fleet([Member(tmp_path / name, server.url("postgres"), lease_s="5") for name in "abc"]) as members,
    ):
        watched, *others = members
        keys = [watched.new_key(f"who-{number:02d}")["key"] for number in range(18)]
        machine = Machine(tmp_path / "console")
        token = watched.bearer["authorization"].removeprefix("Bearer ")
        words = [sys.executable, "-m", "joytui", "--screen", "logs", "--gateway", watched.url]
        env = {**machine.terminal_env, "JOYTUI_ADMIN_TOKEN": token}
        with Terminal(words, columns=140, lines=40, env=env, cwd=machine.folder) as terminal:
            for number in range(6):
                ask(members[number % 3], keys[number])
            terminal.wait_for("who-05")
            watched.end(signal.SIGKILL)
            for number in range(6, 12):
                ask(others[number % 2], keys[number])
            watched.start()
            for number in range(12, 18):
                ask(members[number % 3], keys[number])
            names = [f"who-{number:02d}" for number in range(18)]
            screen = terminal.wait_for(*names)
            assert {name: screen.count(name) for name in names} == dict.fromkeys(names, 1)
            terminal.send("ctrl+q")
            assert terminal.wait_exit() == 0
            assert terminal.left_behind() == []


def test_a_task_that_is_stopped_at_one_is_stopped_at_all(tmp_path: Path) -> None:
    """An answer that is running at another ends, too."""
    begun = HEAD + b'data: {"type":"response.output_text.delta","delta":"word"}\n\n'
    with RawGateway([HEAD + OK, begun], unfinished=[begun]) as upstream, postgres.running() as server:
        words = ("--upstream", f"http://127.0.0.1:{upstream.port}/v1", "--upstream-api", "responses")
        with fleet([Member(tmp_path / name, server.url("postgres"), *words) for name in "abc"]) as (one, other, third):
            key = {"authorization": f"Bearer {one.new_key('ann')['key']}", "session-id": "root"}
            body = {"model": "m", "input": "hi", "stream": True}
            with httpx.Client(trust_env=False, verify=False, timeout=HANG_S) as http:
                while http.get(f"{other.url}/openai/v1/models", headers=key).status_code != 200:
                    pass
                assert post(http, one, key, body).status_code == 200
                with http.stream("POST", f"{other.url}/openai/v1/responses", json=body, headers=key) as running:
                    parts = running.iter_text()
                    assert "word" in next(parts)
                    assert change(third, "stop") == "stopped"
                    assert "this task was stopped at" in "".join(parts)
                for member in (one, other, third):
                    until(lambda member=member: post(http, member, key, body).status_code == 400)
                assert change(one, "resume") == "ended"
            with third.console() as console:
                rows = console.get("/requests", params={"filter": "task:root status:200"}).json()["requests"]
            assert [(row["error_type"], row["cause"]) for row in rows] == [
                ("task_stopped", "task-stopped"),
                (None, None),
            ]


def test_a_breaker_counts_over_all(tmp_path: Path) -> None:
    with (
        postgres.running() as server,
        fleet([Member(tmp_path / name, server.url("postgres")) for name in "abc"]) as members,
    ):
        policy = {"max_requests_per_minute": 6}
        with members[0].console() as console:
            made = console.post("/keys", json={"name": "ann", "policy": policy}).json()
        key = {"authorization": f"Bearer {made['key']}", "session-id": "root"}
        body = {"model": "auto", "input": "hi"}
        with httpx.Client(trust_env=False, verify=False, timeout=HANG_S) as http:
            for member in members:  # a request of no task, so that each knows the key
                free = {"authorization": key["authorization"]}
                until(lambda member=member, free=free: post(http, member, free, body).status_code == 200)
            answers = [post(http, members[number % 3], key, body) for number in range(7)]
            assert [answer.status_code for answer in answers] == [200] * 6 + [400]
            assert answers[-1].json()["error"]["code"] == "runaway_stopped"
            for member in members:
                until(lambda member=member: post(http, member, key, body).status_code == 400)
            assert change(members[1], "resume") == "ended"
            for member in members:
                until(lambda member=member: post(http, member, key, body).status_code == 200)


def post(http: httpx.Client, member: Member, headers: dict[str, str], body: dict[str, object]) -> httpx.Response:
    return http.post(f"{member.url}/openai/v1/responses", json=body, headers=headers)


def change(member: Member, what: str) -> str:
    """The state of the task, once it is stopped or resumed there."""
    with member.console() as console:
        return str(console.post(f"/tasks/{what}", json={"task": "root"}).json()["state"])


def until(holds: Callable[[], bool]) -> None:
    """What is done at one gateway is known at another a moment later."""
    poll(holds, lambda: "what was done at another gateway")


def test_three_gateways_keep_the_limit_of_a_task_and_of_a_team_to_the_nano_credit(tmp_path: Path) -> None:
    """64 clients of one task, spread over three gateways, on the keys of two people of a team."""
    with (
        postgres.running() as server,
        fleet([Member(tmp_path / name, server.url("postgres")) for name in "abc"]) as members,
    ):
        with members[0].console() as http:
            http.post("/teams", json={"name": "core"})
            keys = []
            for owner in ("ann", "bea"):
                http.post("/teams/core/owners", json={"owner": owner})
                made = {"name": owner, "owner": owner, "policy": {"per_task_limit": "3"}}
                keys.append(http.post("/keys", json=made).json()["key"])
            assert http.put("/budgets", json={"node": "team:core", "total_limit": "4"}).status_code == 200
        for member in members:
            for key in keys:
                ask(member, key)  # until it knows the key

        def send(number: int, task: str) -> httpx.Response:
            headers = {"authorization": f"Bearer {keys[number % 2]}", "session-id": task}
            with httpx.Client(trust_env=False, verify=False, timeout=HANG_S) as http:
                return http.post(f"{members[number % 3].url}/openai/v1/chat/completions", json=SAY_HI, headers=headers)

        for task in ("t1", "t2"):
            with ThreadPoolExecutor(64) as pool:
                answers = list(pool.map(partial(send, task=task), range(64)))
            assert {answer.status_code for answer in answers} == {200, 402}
        told = {answer.json()["error"]["message"].split(":")[0] for answer in answers if answer.status_code == 402}
        assert told <= {"team", "task t2"}
        with members[1].console() as http:
            nodes = {one["node"]: one["limits"][0] for one in http.get("/budgets").json()["budgets"]}
            rows = http.get("/requests", params={"limit": 1000}).json()["requests"]
        cost = {
            task: sum(Decimal(row["cost_credits"]) for row in rows if row["root_thread"] == task)
            for task in ("t1", "t2", None)
        }
        for node, limit, spent in (
            ("team:core", 4, sum(cost.values())),
            ("task:t1", 3, cost["t1"]),
            ("task:t2", 3, cost["t2"]),
        ):
            assert (Decimal(nodes[node]["spent_credits"]), nodes[node]["held_credits"]) == (spent, "0"), node
            assert spent <= limit


def ask(member: Member, key: str) -> None:
    """One answer; a key that was just made may not be known there yet."""
    with httpx.Client(trust_env=False, verify=False, timeout=HANG_S) as http:
        headers = {"authorization": f"Bearer {key}"}
        while http.post(f"{member.url}/openai/v1/chat/completions", json=SAY_HI, headers=headers).status_code != 200:
            pass
