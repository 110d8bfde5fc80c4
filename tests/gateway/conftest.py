from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.gateway.served import Served, served


@pytest.fixture
async def gateway(tmp_path: Path) -> AsyncIterator[Served]:
    """A fresh gateway with the offline model and the default settings."""
    async with served(tmp_path) as here:
        yield here
