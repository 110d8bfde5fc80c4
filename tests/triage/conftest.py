"""The table of what triage made of the recorded words, printed at the end of the run."""

from __future__ import annotations

from typing import Any


def pytest_terminal_summary(terminalreporter: Any) -> None:
    tables = [
        text
        for reports in terminalreporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for name, text in getattr(report, "user_properties", ())
        if name == "triage"
    ]
    if tables:
        terminalreporter.section("triage of the real Codex's words")
        for text in tables:
            terminalreporter.write_line(text)
