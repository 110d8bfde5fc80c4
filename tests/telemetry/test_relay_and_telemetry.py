"""A short run of what `python -m tests.long relay-and-telemetry` does over a hundred turns."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.long.relay_and_telemetry import relayed


@pytest.mark.codex
@pytest.mark.slow
async def test_ten_turns_are_counted_once_to_the_token(tmp_path: Path) -> None:
    ran = await relayed(10, tmp_path)
    assert ran.wrong() == [], ran.summary()
