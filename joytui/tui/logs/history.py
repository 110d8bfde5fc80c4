"""Loading what is older than the rows that are here: a page when the user reaches the top, pages up to an older failure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from joytui.core.errors import JoytuiError
from joytui.tui.logs.shown import Shown

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.tui.screens.logs import LogsScreen

PAGE = 500
LARGE_PAGE = 5_000
MOST_PAGES = 4


class HistoryLoading:
    """A part of the Logs screen: its worker asks the gateway, the screen is told by `history_came`."""

    @property
    def more_history(self) -> bool:
        """Whether the gateway may have older requests than those that are here."""
        screen: LogsScreen = self  # type: ignore[assignment]
        return screen.console.client is not None and before(screen.view.shown) != "end"

    def load_history(self) -> None:
        screen: LogsScreen = self  # type: ignore[assignment]
        if self.more_history and not screen.loading_history:
            screen.loading_history = True
            screen.run_worker(self._history(), group="history", exit_on_error=False)

    async def _history(self) -> None:
        screen: LogsScreen = self  # type: ignore[assignment]
        try:
            await self._page(screen.view.shown, PAGE)
        except JoytuiError as error:
            screen.history_failed(error)
        finally:
            screen.loading_history = False
            screen.history_came()

    async def _page(self, shown: Shown, size: int) -> int:
        """One page before what is shown; how many rows it brought."""
        screen: LogsScreen = self  # type: ignore[assignment]
        client, edge = screen.console.client, before(shown)
        if client is None or edge == "end":
            return 0
        text = screen.filter_text if shown.term is not None else ""
        page = await client.requests(text, limit=size, before=edge)
        set_before(shown, page.next or "end")
        added = shown.prepend(list(reversed(page.records)))
        if shown is screen.view.shown and added:
            screen.view.shift(added)
        return added

    async def older_error(self) -> None:
        """To the newest failure that is older than all rows here, if the gateway has one."""
        screen: LogsScreen = self  # type: ignore[assignment]
        client, shown = screen.console.client, screen.view.shown
        if client is None or screen.loading_history:
            return
        screen.loading_history = True
        try:
            found = await self._newest_failure(client, shown)
            if found is None:
                screen.console.tell("no more failed requests in this direction")
            elif not await self._load_up_to(shown, found):
                screen.console.tell("the next failed request is far back: the filter is:error shows it")
        except JoytuiError as error:
            screen.history_failed(error)
        finally:
            screen.loading_history = False

    async def _newest_failure(self, client: ConsoleClient, shown: Shown) -> str | None:
        screen: LogsScreen = self  # type: ignore[assignment]
        text = f"{screen.filter_text} is:error".strip()
        page = await client.requests(text, limit=1, before=before(shown))
        return page.records[0].id if page.records else None

    async def _load_up_to(self, shown: Shown, request: str) -> bool:
        screen: LogsScreen = self  # type: ignore[assignment]
        for _ in range(MOST_PAGES):
            if not await self._page(shown, LARGE_PAGE) or shown is not screen.view.shown:
                return False
            if (place := shown.find(request)) is not None:
                screen.view.go(place)
                return True
        return False


def before(shown: Shown) -> str | None:
    """The id before which the gateway's older requests are; "end" where it has none."""
    store = shown.store
    if shown.term is None or shown.older is None:
        if store.older is None and not len(store):
            return None
        return store.older or "end"
    return shown.older


def set_before(shown: Shown, edge: str) -> None:
    if shown.term is None:
        shown.store.older = edge
    else:
        shown.older = edge
