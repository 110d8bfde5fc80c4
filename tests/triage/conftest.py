"""The table of what triage made of the recorded words, printed at the end of the run."""

from __future__ import annotations

from typing import Any

from tests.support.summaries import write_summaries


def pytest_terminal_summary(terminalreporter: Any) -> None:
    write_summaries(terminalreporter, "triage", "triage of the real Codex's words")
