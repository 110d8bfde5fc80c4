"""A store of every engine, for tests that hold all of them to the same: parametrize over ENGINES, and ask `new_store`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from joytui.ledger.api import Ledger
from tests.support.needs import needs

ENGINES = ("sqlite", pytest.param("postgres", marks=needs("PostgreSQL")))

IN_CI = ("sqlite", pytest.param("postgres", marks=(needs("PostgreSQL"), pytest.mark.slow)))
"""The same for tests that open many stores."""


def new_store(request: pytest.FixtureRequest, folder: Path) -> Callable[[], Ledger]:
    """Opens an empty store of the engine that `request.param` names: the same store, however often it is called. In PostgreSQL
    the next one takes its place."""
    if request.param == "sqlite":
        from joytui.ledger.sqlite.engine import SqliteLedger

        return lambda: SqliteLedger.open_store(folder / "ledger.sqlite3")
    from joytui.ledger.postgres import url
    from joytui.ledger.postgres.engine import PostgresLedger

    store = url.parse(request.getfixturevalue("postgres_server").empty_store())
    return lambda: PostgresLedger.open_store(store)
