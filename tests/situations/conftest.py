"""The tables of right, wrong and not replayable, printed at the end of the run."""

from __future__ import annotations

from typing import Any

from tests.support.summaries import write_summaries


def pytest_terminal_summary(terminalreporter: Any) -> None:
    write_summaries(terminalreporter, "situations", "situations of the real Codex")
