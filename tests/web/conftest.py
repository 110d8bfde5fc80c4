"""One gateway and one read-only server for the tests that only look at them."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterator

import pytest

from tests.support.joytui_process import Machine
from tests.support.served import Served, start


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    """A machine with a gateway that stays until the end, since it has a key."""
    made = Machine(tmp_path_factory.mktemp("served"))
    assert made.run("gateway", "start").code == 0
    made.ask("keys", "create", "codex-anna", "--daily", "500")
    yield made
    made.run("gateway", "stop")


@pytest.fixture(scope="module")
def served(machine: Machine) -> Iterator[Served]:
    one = start(machine)
    yield one
    with contextlib.suppress(ProcessLookupError):
        one.end()
        os.killpg(one.process.pid, signal.SIGKILL)
