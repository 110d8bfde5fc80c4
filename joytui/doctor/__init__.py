"""Why this Codex does not work: `examine(Invocation) -> Report`, and the report as JSON and as words."""

from joytui.doctor.examine import DEFAULT_TIMEOUT, examine
from joytui.doctor.report import render_text, report_json
from joytui.doctor.report_file import report_from_json

__all__ = ["DEFAULT_TIMEOUT", "examine", "render_text", "report_from_json", "report_json"]
