"""The playground leaves the machine as it was: whatever is mounted and written in the private network stays there."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.needs import lacking
from tests.support.playground import NO_PRIVATE_NETWORK, Job, assert_own_etc, can_unshare, play
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
        lacking("a private network", "as root, with util-linux: JOYTUI_PRIVATE_NETWORK=1")
    before, mounts = outside(), Path("/proc/self/mountinfo").read_text()
    result = play([Job(WORLD, "examine")])[0]
    assert not result.skipped
    assert "/etc/codex/config.toml" in result.stdout, "the worker did see its own /etc/codex"
    assert outside() == before
    assert Path("/proc/self/mountinfo").read_text() == mounts


def test_nothing_is_written_below_an_etc_that_is_not_our_own():
    """Here /etc is the machine's: the same namespace is refused, and so is a plain file system in another one."""
    own = os.readlink("/proc/self/ns/mnt")
    with pytest.raises(RuntimeError, match="machine's own"):
        assert_own_etc(own)
    line = "31 23 0:27 / /etc rw,relatime - {} none rw"
    for mounts in ("", line.format("ext4"), "31 23 0:27 / /home rw - overlay none rw"):
        with pytest.raises(RuntimeError, match="no overlay of our own"):
            assert_own_etc("mnt:[1]", mounts)


def test_the_private_network_is_made_only_where_it_is_asked_for(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv("JOYTUI_PRIVATE_NETWORK", raising=False)
    monkeypatch.delenv("JOYTUI_REQUIRE", raising=False)
    can_unshare.cache_clear()
    result = play([Job(WORLD, "examine")])[0]
    can_unshare.cache_clear()
    assert result.skipped == NO_PRIVATE_NETWORK
