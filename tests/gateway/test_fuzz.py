"""A short run of the fuzzer over the gateway's API; `python -m tests.long fuzz-api --seconds N` is the long one.

A few rounds by default, many in CI (JOYTUI_REQUIRE=1), as many as JOYTUI_FUZZ_ROUNDS says by hand.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from starlette.routing import Route

from joytui.gateway.app import _catalog_routes, _telemetry_routes
from joytui.gateway.routes import OPERATIONS, console_routes
from tests.long.fuzz_api import fuzz, gateway
from tests.support.examples import ALL

ROUNDS = int(os.environ.get("JOYTUI_FUZZ_ROUNDS") or (45 if ALL else 6))


def test_the_description_tells_every_route() -> None:
    told = {(operation.method.upper(), operation.path) for operation in OPERATIONS}
    told -= {(method, path) for method, path in told if path.startswith("/openai/")}
    served: set[tuple[str, str]] = set()
    for route in [*_catalog_routes(), *_telemetry_routes(), *console_routes()]:
        assert isinstance(route, Route)
        served |= {(method, route.path) for method in route.methods or () if method != "HEAD"}
    assert told == served


@pytest.mark.slow
def test_no_fault_no_hang_no_leak(tmp_path: Path) -> None:
    with gateway(tmp_path) as target:
        assert fuzz(target, rounds=ROUNDS)
