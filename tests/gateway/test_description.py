"""`/openapi.json` against what the gateway does."""

from __future__ import annotations

from joytui.core.token_counts import MOST_TOP
from joytui.gateway.console_reads import MOST
from joytui.gateway.openapi import OPERATIONS


def test_the_description_bounds_counts_as_the_gateway_does() -> None:
    queries = {one.path: one.query for one in OPERATIONS if one.method == "get"}
    assert queries["/console/v1/usage"]["top"]["maximum"] == MOST_TOP
    assert queries["/console/v1/requests"]["limit"]["maximum"] == MOST
