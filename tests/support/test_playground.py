"""The playground leaves the machine as it was: whatever is mounted and written in the private network stays there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.playground import NO_PRIVATE_NETWORK, Job, can_unshare, play
from tests.support.situation import Situation

WORLD = Situation(
    "world",
    plays="world",
    world=True,
    etc={"config.toml": 'model_provider = "joytoken"\n'},
    env={"SSL_CERT_FILE": "{CA}"},
)


def outside() -> dict[str, int]:
    """Every file of /etc with its time of change."""
    return {str(one): one.lstat().st_mtime_ns for one in Path("/etc").rglob("*")}


def test_nothing_of_the_private_network_reaches_the_machine():
    if not can_unshare():
        pytest.skip(NO_PRIVATE_NETWORK)
    before, mounts = outside(), Path("/proc/self/mountinfo").read_text()
    result = play([Job(WORLD, "examine")])[0]
    assert not result.skipped
    assert "/etc/codex/config.toml" in result.stdout, "the worker did see its own /etc/codex"
    assert outside() == before
    assert Path("/proc/self/mountinfo").read_text() == mounts
