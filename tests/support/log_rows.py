"""Records as the log's store takes them."""

from __future__ import annotations

from collections.abc import Iterable

from joytui.core.columnar import Block, block_of
from joytui.core.request import RequestRecord
from joytui.core.request_lines import request_view


def block_of_records(records: Iterable[RequestRecord]) -> Block:
    """As if the gateway had sent them by column."""
    return block_of([request_view(record) for record in records])
