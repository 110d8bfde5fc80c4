"""A machine of one's own for each test module: gateway, keys, Codex."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.real_setup import Setup


@pytest.fixture
def setup(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Setup]:
    """HOME, CODEX_HOME and joytui's data in one folder; the gateway that the test started is stopped after it."""
    made = Setup(tmp_path_factory.mktemp("machine"))
    yield made
    made.stop_gateway()
