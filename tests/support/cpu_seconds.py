"""CPU seconds of each part of the suite: JOYTUI_CPU=1 prints them at the end of a run. tests/README.md keeps the table.

Counted is what a test used in its own process and in those of its children that it waited for, user and system together. A gateway that runs in
the background has left its parents and is counted nowhere, as with the shell's `time`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest

SLOWEST = int(os.environ.get("JOYTUI_CPU_N", "40"))


class CpuSeconds:
    """A plugin of pytest; in a worker of xdist it measures, where the reports come together it prints."""

    def __init__(self) -> None:
        self.until = _used()

    def pytest_runtest_logstart(self) -> None:
        self.until = _used()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self) -> Generator[None, Any, Any]:
        report = yield
        now = _used()
        report.cpu_s, self.until = now - self.until, now
        return report

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        tests: Counter[str] = Counter()
        parts: Counter[str] = Counter()
        for reports in terminalreporter.stats.values():
            for report in reports:
                if seconds := getattr(report, "cpu_s", 0.0):
                    tests[report.nodeid] += seconds
                    parts["/".join(report.nodeid.split("/")[:2])] += seconds
        terminalreporter.section("CPU seconds")
        for name, seconds in [*sorted(parts.items()), ("all tests", tests.total()), *tests.most_common(SLOWEST)]:
            terminalreporter.write_line(f"{seconds:7.1f}  {name}")


def _used() -> float:
    return sum(os.times()[:4])
