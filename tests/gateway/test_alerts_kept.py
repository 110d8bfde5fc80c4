"""Alerts come to a receiver though it fails a third of the time, and though gateways are killed while they send."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.long.alerts import run
from tests.support.needs import needs

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgres", marks=needs("PostgreSQL"))])
def test_each_alert_comes(engine: str, tmp_path: Path) -> None:
    """Ten thousand of them: `python -m tests.long alerts`."""
    seed = random.randrange(10**6)
    record = run(engine, 120, 1, seed, tmp_path)
    assert record.wrong == [], f"seed {seed}: {record.words}"
    assert (record.kills, record.taken) == (1, 120)
