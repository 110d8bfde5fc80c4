from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from joytui.ledger.sqlite.engine import SqliteLedger
from tests.support.postgres import PostgresServer


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = SqliteLedger.open_store(tmp_path / "data" / "ledger.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def postgres_store(postgres_server: PostgresServer) -> str:
    """The URL of a store that is the test's own."""
    return postgres_server.empty_store()
