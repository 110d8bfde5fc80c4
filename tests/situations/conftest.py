"""The tables of right, wrong and not replayable, printed at the end of the run, also when the tests ran in other processes."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    tables = [
        text
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, text in getattr(report, "user_properties", ())
        if name == "situations"
    ]
    if tables:
        terminalreporter.section("situations of the real Codex")
        for text in tables:
            terminalreporter.write_line(text)
