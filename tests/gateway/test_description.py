"""`/openapi.json` against what the gateway does."""

from __future__ import annotations

from joytui.gateway.console_reads import MOST, MOST_GROUPS
from joytui.gateway.openapi import OPERATIONS


def test_the_description_bounds_counts_as_the_gateway_does() -> None:
    queries = {one.path: one.query for one in OPERATIONS if one.method == "get"}
    assert queries["/console/v1/usage"]["top"]["maximum"] == MOST_GROUPS
    assert queries["/console/v1/requests"]["limit"]["maximum"] == MOST
