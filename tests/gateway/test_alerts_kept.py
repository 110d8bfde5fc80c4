"""Alerts come to a receiver though it fails a third of the time, and though gateways are killed while they send."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.hang import HANG_S
from tests.support.needs import needs

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("engine", ["sqlite", pytest.param("postgres", marks=needs("PostgreSQL"))])
def test_each_alert_comes(engine: str) -> None:
    """Ten thousand of them: `python -m tests.long alerts`. In a process of its own: gateways go by the machine's clock, not by the tests'."""
    command = [sys.executable, "-m", "tests.long", "alerts", "--alerts", "120", "--kills", "1", "--engine", engine]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=HANG_S)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert f"{engine}: 120 alerts, 1 kills: 120 taken" in ended.stdout
