"""Everything that one step of the walk found."""

from __future__ import annotations

import json

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from joytui.core.records import Step, to_json
from joytui.tui.doctor.walk_lines import GLYPHS, duration
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog


class StepDialog(Dialog[None]):
    def __init__(self, step: Step) -> None:
        super().__init__()
        self._step = step

    def dialog_title(self) -> str:
        return visible(self._step.title)

    def compose_dialog(self) -> ComposeResult:
        step = self._step
        took = f" · {duration(step)}" if duration(step) else ""
        yield Static(Content.styled(f"{GLYPHS[step.status]} {step.status}{took} · {step.id}", "$quiet"))
        yield Static(Content(visible(step.summary) or "nothing to say"))
        if step.details:
            text = json.dumps(to_json(step.details), ensure_ascii=False, indent=2, default=str)
            yield Static(Content(visible(text, limit=6000)), classes="box")
