"""What a test needs of a machine beyond Python and the test packages, and where that comes from.

`@needs("tmux")` skips the test where it is missing and says what provides it. In CI (JOYTUI_REQUIRE=1) nothing may be missing: it fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

import pytest

from tests.support import faketime, postgres

REQUIRED = os.environ.get("JOYTUI_REQUIRE") == "1"
TEXTUAL = "8.2.8"
"""Pictures and snapshots hold for one Textual."""


def _has_browser() -> bool:
    from tests.support.browser import chromium  # brings aiohttp, which a run without a browser need not load first

    return chromium() is not None


def _has_sshd() -> bool:
    """A server of one's own, and the right to give it a home of one's own."""
    places = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    server = os.environ.get("JOYTUI_SSHD") or shutil.which("sshd", path=places)
    return (
        server is not None
        and shutil.which("ssh") is not None
        and shutil.which("unshare") is not None
        and os.getuid() == 0
    )


def _has_mounts() -> bool:
    """Whether this user may mount something that nobody else sees."""
    command = ["unshare", "-rm", "mount", "-t", "tmpfs", "none", "/mnt"]
    return shutil.which("unshare") is not None and subprocess.run(command, capture_output=True).returncode == 0


_THINGS: dict[str, tuple[Callable[[], bool], str]] = {
    "tmux": (lambda: shutil.which("tmux") is not None, "apt-get install tmux (or brew install tmux)"),
    "a browser": (_has_browser, "apt-get install chromium (or Chrome on PATH)"),
    "sshd": (_has_sshd, "run the tests as root on Linux, with: apt-get install openssh-server openssh-client"),
    "bash": (lambda: shutil.which("bash") is not None, "apt-get install bash (or brew install bash)"),
    "zsh": (lambda: shutil.which("zsh") is not None, "apt-get install zsh (or brew install zsh)"),
    "fish": (lambda: shutil.which("fish") is not None, "apt-get install fish (or brew install fish)"),
    "/proc": (lambda: Path("/proc/self/stat").exists(), "run the tests on Linux, with /proc mounted"),
    "/dev/full": (lambda: Path("/dev/full").exists(), "run the tests on Linux"),
    "libfaketime": (lambda: faketime.library() is not None, "apt-get install libfaketime"),
    "pidfd": (lambda: hasattr(os, "pidfd_open"), "run the tests on Linux 5.3 or newer"),
    "two cores": (
        lambda: sys.platform == "linux" and len(os.sched_getaffinity(0)) > 1,
        "run the tests on Linux with two cores (taskset -c 0,1)",
    ),
    "a mount of one's own": (_has_mounts, "run the tests on Linux with util-linux, where users may have namespaces"),
    "PostgreSQL": (postgres.there, postgres.PROVIDED_BY),
    "a POSIX terminal": (lambda: sys.platform != "win32", "run the tests on Linux or macOS"),
    f"textual {TEXTUAL}": (lambda: version("textual") == TEXTUAL, f"pip install textual=={TEXTUAL}"),
}


def needs(name: str) -> pytest.MarkDecorator:
    assert name in _THINGS, name
    return pytest.mark.needs(name)


def see_to(item: pytest.Item) -> None:
    """Before a test: whether all that it needs is there."""
    for mark in item.iter_markers("needs"):
        for name in mark.args:
            there, provided_by = _THINGS[name]
            if not there():
                lacking(name, provided_by)


def lacking(name: str, provided_by: str) -> NoReturn:
    """Skips the test under way; fails it in CI."""
    text = f"needs {name}: {provided_by}"
    if REQUIRED:
        pytest.fail(text, pytrace=False)
    pytest.skip(text)
