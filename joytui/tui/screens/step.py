"""A line of the walk: what a step looks at, found, or waits for; on a row, what the guide says to check, and its steps."""

from __future__ import annotations

import json
from functools import partial

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from joytui.core.records import to_json
from joytui.tui.doctor.snapshot import DoctorSnapshot
from joytui.tui.doctor.step_text import about
from joytui.tui.doctor.walk_lines import WalkLine
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted


class StepDialog(Dialog[None]):
    def __init__(self, line: WalkLine, snapshot: DoctorSnapshot) -> None:
        super().__init__()
        self._line, self._snapshot = line, snapshot

    def dialog_title(self) -> str:
        return visible(self._line.text)

    def compose_dialog(self) -> ComposeResult:
        text = Fitted()
        text.show(partial(about, self._line, self._snapshot))
        yield text
        step = self._line.step
        if step is not None and step.details:
            details = json.dumps(to_json(step.details), ensure_ascii=False, indent=2, default=str)
            yield Static(Content(visible(details, limit=6000)), classes="box")
