"""Tables that tests hand in, printed at the end of the run, also where the tests ran in other processes."""

from __future__ import annotations

from typing import Any


def write_summaries(reporter: Any, name: str, title: str) -> None:
    """What the tests recorded as the property `name`, each as a block of lines below one title."""
    tables = [
        text
        for reports in reporter.stats.values()
        for report in reports
        if getattr(report, "when", "") == "call"
        for key, text in getattr(report, "user_properties", ())
        if key == name
    ]
    if tables:
        reporter.section(title)
        for text in tables:
            reporter.write_line(text)
