"""What holds for every test: nothing of the developer's own machine leaks in, and what is required is not skipped."""

from __future__ import annotations

import gc
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import hypothesis
import pytest

from joytui.core import clock as core_clock
from tests.support import postgres
from tests.support.clock import CLOCK, NOW, Clock
from tests.support.cpu_seconds import CpuSeconds
from tests.support.faketime import MACHINE_CLOCK
from tests.support.inherited import own_signals, own_variables
from tests.support.needs import REQUIRED, see_to

gc.disable()  # until all tests are collected: what they are made of stays until the end, and looking through it costs seconds

_scratch = tempfile.TemporaryDirectory(prefix="joytui-tests-")
own_variables(Path(_scratch.name))
own_signals()

# One instant for all tests: also for fixtures that outlive a test, so it is set here and not by a fixture.
core_clock.time_ns = CLOCK
os.environ.update(MACHINE_CLOCK)


@pytest.fixture
def clock() -> Iterator[Clock]:
    """The clock of every test, to be moved by this one."""
    yield CLOCK
    CLOCK.moment = NOW


@pytest.fixture(scope="module")
def machine_clock() -> Iterator[None]:
    """The machine's clock, for tests whose own process takes part in what real processes do."""
    with mock.patch.object(core_clock, "time_ns", time.time_ns):
        yield


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.PostgresServer]:
    """One for all tests of a process that need it."""
    with postgres.running() as server:
        yield server


# The layers whose tests are pure: values in, values out, files at most; no process, no server, no screen.
FAST = ("causes", "codex", "core", "ledger", "rollouts", "triage", "usage")
_HERE = Path(__file__).parent


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """`pytest -m fast` does not even import what it would leave out: half of its time."""
    aside = collection_path.parent == _HERE and collection_path.is_dir() and collection_path.name not in FAST
    return True if aside and config.option.markexpr == "fast" else None


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("JOYTUI_CPU") == "1":
        config.pluginmanager.register(CpuSeconds())


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What takes minutes runs on request, and always in CI (JOYTUI_REQUIRE=1); what is fast has its mark.

    JOYTUI_MORE=1 leaves out what a plain machine has run just so: CI runs the user's tests first.
    """
    for item in items:
        folder = item.path.relative_to(_HERE).parts[0]
        if folder in FAST and not any("PostgreSQL" in mark.args for mark in item.iter_markers("needs")):
            item.add_marker("fast")
        if folder == "attack":
            item.add_marker("slow")
    if os.environ.get("JOYTUI_MORE") == "1":
        config.hook.pytest_deselected(items=[item for item in items if not _needs_more(item)])
        items[:] = filter(_needs_more, items)
    for marker, variable, what in (
        ("codex", "JOYTUI_CODEX", "runs the real Codex from npm"),
        ("slow", "JOYTUI_SLOW", "takes long or costs much, what a faster test covers in part"),
    ):
        if REQUIRED or os.environ.get(variable) == "1":
            continue
        skip = pytest.mark.skip(reason=f"{what}: {variable}=1 pytest -m {marker}")
        for item in items:
            if item.get_closest_marker(marker):
                item.add_marker(skip)


def _needs_more(item: pytest.Item) -> bool:
    """Whether a plain machine skips a test, or tries it on fewer examples."""
    more = vars(getattr(item, "module", None) or object).keys() & {"ALL", "examples", "sample"}
    return bool(more) or any(item.get_closest_marker(name) for name in ("needs", "slow", "codex"))


# How long an example takes says how busy the machine is.
hypothesis.settings.register_profile(
    "any machine", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("any machine")


def pytest_runtest_setup(item: pytest.Item) -> None:
    see_to(item)
