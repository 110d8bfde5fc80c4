"""Writes a report to a file: the same JSON as `joytui doctor --json`."""

from __future__ import annotations

import json
import os
from pathlib import Path

from joytui.core.records import Report
from joytui.core.redaction import escaped_json
from joytui.doctor.report import report_json


def write_report(report: Report, path: str) -> tuple[str, bool]:
    """Writes, 0600, and returns what to tell the user, and whether it is that nothing could be written."""
    place = Path(path).expanduser()
    text = escaped_json(json.dumps(report_json(report), ensure_ascii=False, indent=2)) + "\n"
    try:
        with open(place, "w", encoding="utf-8", opener=_private) as file:
            file.write(text)
    except OSError as error:
        return f"Not written: {place}: {error.strerror or error}", True
    return f"Written: {place}", False


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
