"""One line under the masthead while there are alerts that have not been dismissed here; otherwise none."""

from __future__ import annotations

from textual.content import Content
from textual.widget import Widget

from joytui.tui.alerts import alert_line
from joytui.tui.console import console_of


class AlertLine(Widget):
    """Follows the app's `alerts`."""

    DEFAULT_CSS = """
    AlertLine { display: none; height: 1; background: $masthead; color: $foreground; }
    AlertLine.-there { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.auto_links = False

    def on_mount(self) -> None:
        self.watch(self.app, "alerts", self._changed)

    def _changed(self) -> None:
        self.set_class(bool(console_of(self).alerts), "-there")
        self.refresh()

    def render(self) -> Content:
        console = console_of(self)
        if not console.alerts:
            return Content("")
        return alert_line(console.alerts, "D", self.size.width, console.options.zone).stylize(
            "@click=app.dismiss_alert"
        )
