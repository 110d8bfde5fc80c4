from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from joytui.ledger.sqlite.engine import SqliteLedger


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[SqliteLedger]:
    opened = SqliteLedger.open_store(tmp_path / "data" / "ledger.sqlite3")
    yield opened
    opened.close()
