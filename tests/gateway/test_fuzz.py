"""A fuzzer over every endpoint that the gateway's OpenAPI description tells of: no fault, no hang, no key that leaks.

A few rounds by default, many in CI (JOYTUI_REQUIRE=1), as many as JOYTUI_FUZZ_ROUNDS says by hand.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from starlette.routing import Route

from joytui.gateway.app import _catalog_routes
from joytui.gateway.routes import OPERATIONS, console_routes
from tests.gateway.fuzzing import Made, World, requests_of, send
from tests.support.examples import ALL
from tests.support.hang import HANG_S

ROUNDS = int(os.environ.get("JOYTUI_FUZZ_ROUNDS") or (120 if ALL else 6))
MOST_ROUNDS = 10 * ROUNDS
"""Where something of everything was not met before."""
EVERYTHING = {200, 201, 400, 401, 403, 404}
EXAMPLES = 60
"""In one round; each round begins with a key that works."""


@dataclass
class Target:
    url: str
    admin: str
    log: Path
    process: subprocess.Popen[str]


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A gateway in a process of its own, with its log in a file."""
    folder = tmp_path_factory.mktemp("fuzz")
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
            yield Target(url, (folder / "data" / "admin-token").read_text().strip(), log, process)
            process.terminate()
            process.wait(HANG_S)


def test_the_description_tells_every_route() -> None:
    told = {(operation.method.upper(), operation.path) for operation in OPERATIONS}
    told -= {(method, path) for method, path in told if path.startswith("/openai/")}
    served: set[tuple[str, str]] = set()
    for route in [*_catalog_routes(), *console_routes()]:
        assert isinstance(route, Route)
        served |= {(method, route.path) for method in route.methods or () if method != "HEAD"}
    assert told == served


@pytest.mark.slow
def test_no_fault_no_hang_no_leak(target: Target) -> None:
    with httpx.Client(base_url=target.url, trust_env=False, verify=False, timeout=HANG_S) as http:
        description = http.get("/openapi.json").json()
        world = World(target.admin, secrets=set())
        requests = st.lists(st.tuples(requests_of(description), st.integers(0, 10_000)), min_size=1, max_size=4)
        for number in range(MOST_ROUNDS):
            if number >= ROUNDS and set(world.statuses) >= EVERYTHING:
                break
            _begin(http, world, number)
            _round(http, world, requests)
        assert http.get("/healthz").json()["pid"] == target.process.pid
    _look_at(target, world)


def _round(http: httpx.Client, world: World, requests: st.SearchStrategy[list[tuple[Made, int]]]) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, database=None, phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck), print_blob=False,
    )  # fmt: skip
    @given(requests)
    def fuzz(sequence: list[tuple[Made, int]]) -> None:
        for made, pick in sequence:
            send(http, world, made, pick)

    fuzz()


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
