"""A run whose machine's clock libfaketime has moved: LD_PRELOAD names the library, FAKETIME says where to.

The variables reach whatever inherits the tests' environment. MACHINE_CLOCK has them for processes whose environment a test
makes from nothing (empty without libfaketime): one run, one clock.
"""

from __future__ import annotations

import os
from glob import glob
from pathlib import Path

MACHINE_CLOCK: dict[str, str] = {}


def python_path(*folders: str) -> str:
    """PYTHONPATH for a process that needs these folders, whatever clock it has."""
    return os.pathsep.join([*folders, *filter(None, [MACHINE_CLOCK.get("PYTHONPATH")])])


def library() -> str | None:
    """Where libfaketime is, if it is anywhere."""
    found = [*glob("/usr/lib/*/faketime/libfaketime.so.1"), *glob("/usr/lib/faketime/libfaketime.so.1")]
    return found[0] if found else None


def clock_set(file: Path) -> dict[str, str]:
    """The variables of a process whose clock is moved by what the file says ("+3653d"), also while it runs; no other clock of
    its is."""
    return {
        "LD_PRELOAD": library() or "",
        "FAKETIME_TIMESTAMP_FILE": str(file),
        "FAKETIME_CACHE_DURATION": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_FORCE_MONOTONIC_FIX": "0",
        "NO_FAKE_STAT": "1",
        "PYTHONPATH": str(Path(__file__).parent),
    }


if "faketime" in os.environ.get("LD_PRELOAD", ""):
    from tests.support.faketime import sitecustomize  # noqa: F401 - for this process, which started without it

    MACHINE_CLOCK |= {name: text for name, text in os.environ.items() if name.startswith(("LD_PRELOAD", "FAKETIME"))}
    MACHINE_CLOCK["PYTHONPATH"] = str(Path(__file__).parent)
    # Else libfaketime turns the monotonic deadline of a wait for Python's lock into one before 1970, and Python aborts.
    MACHINE_CLOCK["FAKETIME_FORCE_MONOTONIC_FIX"] = "0"
