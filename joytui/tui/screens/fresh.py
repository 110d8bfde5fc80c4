"""What Usage and Keys share: a screen over one snapshot of what the gateway has, read again when something has come."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, ClassVar

from joytui.tui.screens.base import ConsoleScreen
from joytui.tui.state import LinkState


class FreshScreen(ConsoleScreen):
    """Subclasses say how to read (`reading`), whether nothing was read yet (`unread`) and how to show what they have
    (`show_again`). The worker posts what it read; it touches no widget."""

    REFRESH_S: ClassVar[float] = 3.0
    _asked_at_version = -1

    def on_mount(self) -> None:
        self.watch(self.app, "link_state", self._link_changed)
        self.watch(self.app, "drawn", self._refresh, init=False)
        self.set_interval(self.REFRESH_S, self._refresh)
        self.call_after_refresh(self.show_again)

    def reading(self) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """The body of the worker; None where there is nobody to ask."""
        return None

    def unread(self) -> bool:
        """Whether a gateway that is there now would have something new to say."""
        return False

    def settled(self) -> bool:
        """Whether what is shown cannot change any more."""
        return False

    def show_again(self) -> None:
        """Shows once more what is known."""
        self.refresh()

    def action_reload(self) -> None:
        """Asks now."""
        body = self.reading()
        if body is not None:
            self._asked_at_version = self.console.store.version
            self.run_worker(body, group="reading", exclusive=True, exit_on_error=False)  # type: ignore[arg-type]

    def on_screen_resume(self) -> None:
        self._refresh()

    def _refresh(self) -> None:
        """Asks again where requests have come since the last answer."""
        if not self.console.drawn or not self.is_current:
            return  # the store is made after the first frame
        if self.console.store.version != self._asked_at_version and not self.settled():
            self.action_reload()

    def _link_changed(self, state: LinkState) -> None:
        if state.connected and self.unread():
            self.action_reload()
        else:
            self.call_after_refresh(self.show_again)
