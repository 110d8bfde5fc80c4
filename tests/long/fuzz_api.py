"""A fuzzer over every endpoint that the gateway's OpenAPI description tells of: no fault, no hang, no key that leaks.

Rounds of some sixty sequences of requests go to a gateway in its own process; each begins with a key that works. What
breaks a promise is printed with the shortest sequence of requests that was found to break it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.gateway.fuzzing import Made, World, requests_of, send
from tests.support.hang import HANG_S

EVERYTHING = {200, 201, 400, 401, 403, 404}
"""Statuses that a run must have met to say anything."""
EXAMPLES = 60
"""Sequences of one round."""


@dataclass
class Target:
    url: str
    admin: str
    log: Path
    process: subprocess.Popen[str]


@contextmanager
def gateway(folder: Path) -> Iterator[Target]:
    """A gateway in its own process, with its log in a file."""
    env = {
        **os.environ, "JOYTUI_DATA_DIR": str(folder / "data"), "JOYTUI_CONFIG_FILE": str(folder / "c.toml"),
        "JOYTUI_GATEWAY_PORT": "0", "JOYTUI_GATEWAY_ACCESS_LOG": "true",
    }  # fmt: skip
    log = folder / "log"
    with log.open("w") as errors:
        words = [sys.executable, "-m", "joytui", "gateway", "run"]
        with subprocess.Popen(words, env=env, stdout=subprocess.PIPE, stderr=errors, text=True) as process:
            assert process.stdout is not None
            url = process.stdout.readline().split()[1]
            try:
                yield Target(url, (folder / "data" / "admin-token").read_text().strip(), log, process)
            finally:
                process.terminate()
                process.wait(HANG_S)


def fuzz(target: Target, *, rounds: int, until: float | None = None) -> int:
    """So many rounds, and more where not EVERYTHING was met, ten times as many at most; how many requests that were. Raises
    AssertionError. `until`: a moment of `time.monotonic()` after which no round begins."""
    with httpx.Client(base_url=target.url, trust_env=False, verify=False, timeout=HANG_S) as http:
        world = World(target.admin, secrets=set())
        requests = st.lists(
            st.tuples(requests_of(http.get("/openapi.json").json()), st.integers(0, 10_000)), min_size=1, max_size=4
        )
        for number in range(10 * rounds):
            if until is not None and time.monotonic() > until:
                break
            if number >= rounds and set(world.statuses) >= EVERYTHING:
                break
            _begin(http, world, number)
            _round(http, world, requests)
        assert http.get("/healthz").json()["pid"] == target.process.pid
    _look_at(target, world)
    return sum(world.statuses.values())


def _round(http: httpx.Client, world: World, requests: st.SearchStrategy[list[tuple[Made, int]]]) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, derandomize=False, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    @given(requests)
    def one(sequence: list[tuple[Made, int]]) -> None:
        for made, pick in sequence:
            send(http, world, made, pick)

    one()


def _begin(http: httpx.Client, world: World, number: int) -> None:
    """A key and a read-only token that work, wallets that do not refuse, and one request of nobody's."""
    admin = {"authorization": f"Bearer {world.admin}"}
    for tier in ("economy", "standard", "premium"):
        http.put(f"/console/v1/wallet/{tier}", json={"balance": None}, headers=admin).raise_for_status()
    made: dict[str, Any] = http.post("/console/v1/keys", json={"name": f"of-round-{number}"}, headers=admin).json()
    token: dict[str, Any] = http.post("/console/v1/tokens", json={"name": "wall"}, headers=admin).json()
    world.key, world.reader = made["key"], token["token"]
    world.secrets |= {world.key, world.reader}
    world.ids = [*world.ids[-10:], made["id"]]
    nobody = http.get("/openai/v1/models").status_code
    world.statuses[nobody] = world.statuses.get(nobody, 0) + 1


def _look_at(target: Target, world: World) -> None:
    """Something of everything was met; the gateway's own log has no fault and no secret, nor has its store."""
    assert set(world.statuses) >= EVERYTHING, world.statuses
    log = target.log.read_text(encoding="utf-8")
    assert "Traceback" not in log
    assert '"level": "error"' not in log
    stored = b"".join(file.read_bytes() for file in (target.log.parent / "data").glob("ledger.sqlite3*"))
    for secret in world.secrets | {world.admin}:
        assert secret not in log
        assert secret.encode() not in stored
    sys.stderr.write(f"{sum(world.statuses.values())} requests: {dict(sorted(world.statuses.items()))}\n")


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.long fuzz-api", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0)
    chosen = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="joytui-fuzz-") as folder, gateway(Path(folder)) as target:
        try:
            fuzz(target, rounds=10**9, until=time.monotonic() + chosen.seconds)
        except (AssertionError, httpx.HTTPError) as error:
            print(f"{type(error).__name__}: {error}", *getattr(error, "__notes__", ()), sep="\n")
            return 1
    return 0
