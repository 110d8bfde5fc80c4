from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.joytui_process import Machine


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    """A fresh home; whatever gateway was started in it is stopped."""
    here = Machine(tmp_path)
    yield here
    here.call("gateway", "stop")


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """One gateway for the tests that only add to it."""
    here = Machine(tmp_path_factory.mktemp("shared"))
    assert here.call("gateway", "start").code == 0
    yield here
    assert here.call("gateway", "stop").code == 0
