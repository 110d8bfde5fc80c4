"""Unusual spending since the last visit and in the window that is shown, the largest first; Enter shows its requests."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from joytui.core.errors import JoytuiError
from joytui.tui.shown import visible
from joytui.tui.usage.outlier_words import requests_of
from joytui.tui.usage.outliers import MOST, outlier_lines
from joytui.tui.widgets.dialog import Dialog

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.usage.insight import Insight

RULE = (
    "Hours that cost at least three times their usual amount, and a tenth of a usual day more. Small amounts (below a"
    " fiftieth of this window) are left out."
)


class OutliersDialog(Dialog[None]):
    """`since`: where the window begins; `last_visit`: what is newer is new."""

    DIALOG_TITLE = "Unusual spending"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "requests", "Its requests")]

    class Found(Message):
        def __init__(self, insight: Insight | None, problem: str = "") -> None:
            super().__init__()
            self.insight = insight
            self.problem = problem

    def __init__(self, since: datetime, last_visit: datetime | None, now: datetime) -> None:
        super().__init__()
        self._since, self._last_visit, self._now = since, last_visit, now
        self._insight: Insight | None = None

    def compose_dialog(self) -> ComposeResult:
        yield Static("Looking…", id="summary")
        yield OptionList(id="outliers")
        yield Static(RULE, classes="note")

    def on_mount(self) -> None:
        self.query_one(OptionList).display = False
        if self.console.client is None:
            self.post_message(self.Found(None, "there is no gateway to ask"))
        else:
            self.run_worker(self._read(self.console.client), exclusive=True, exit_on_error=False)

    async def _read(self, client: ConsoleClient) -> None:
        from joytui.usage.insight import gateway_insight

        try:
            self.post_message(self.Found(await gateway_insight(client, self._now, since=self._since, most=MOST)))
        except JoytuiError as error:
            self.post_message(self.Found(None, error.what))

    def on_outliers_dialog_found(self, message: Found) -> None:
        summary, zone = self.query_one("#summary", Static), self.console.options.zone
        if message.insight is None:
            summary.update(Content.styled(f"✗ {visible(message.problem, limit=300)}", "$error"))
            return
        self._insight = message.insight
        found, unit = message.insight.anomalies[:MOST], message.insight.unit
        begin = (message.insight.since or self._since).astimezone(zone)
        summary.update(Content.assemble(*_summary(len(found)), (f" since {begin:%a %d %b %Y %H:%M}", "$quiet")))
        options = self.query_one(OptionList)
        options.display = bool(found)
        options.add_options(
            Option(outlier_lines(one, unit, zone, fresh=self._last_visit is not None and one.end > self._last_visit))
            for one in found
        )
        if found:
            options.highlighted = 0
            options.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_requests()

    def action_requests(self) -> None:
        place = self.query_one(OptionList).highlighted
        if self._insight is not None and place is not None:
            self.dismiss(None)
            self.app.call_after_refresh(self.console.show_logs, requests_of(self._insight.anomalies[place]))


def _summary(many: int) -> tuple[tuple[str, str], ...]:
    if not many:
        return (("✓ No unusual spending", "bold $success"),)
    return ((f"{many} time{'' if many == 1 else 's'}", "bold"), (", largest first,", "$quiet"))
