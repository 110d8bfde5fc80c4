"""What Usage and Keys share: a screen over one snapshot of what the gateway has, read again when something has come."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, ClassVar

from joytui.tui.column_choice import ColumnChoice
from joytui.tui.screens.base import ConsoleScreen
from joytui.tui.state import LinkState
from joytui.tui.widgets.sorted_table import SortedTable, TableColumn


class FreshScreen(ConsoleScreen):
    """Subclasses say how to read (`reading`), whether nothing was read yet (`unread`) and how to show what they have
    (`show_again`), and which columns the table can have (`table_columns`). The worker posts what it read; it touches no
    widget. `choice` is what a saved view made of the table, also before there is one."""

    REFRESH_S: ClassVar[float] = 3.0
    _asked_at_version = -1
    choice = ColumnChoice()

    def on_mount(self) -> None:
        self.watch(self.app, "link_state", self._link_changed)
        self.watch(self.app, "drawn", self._refresh, init=False)
        self.set_interval(self.REFRESH_S, self._refresh)
        self.call_after_refresh(self.show_again)

    def reading(self) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """The body of the worker; None if there is nobody to ask."""
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

    # The table's columns

    def table_columns(self) -> Sequence[TableColumn]:
        """All columns of the table."""
        return ()

    def view_values(self) -> dict[str, str]:
        for table in self.query(SortedTable):
            self.choice = table.choice
        return self.choice.saved()

    def take_view(self, values: Mapping[str, str]) -> str:
        choice, problem = ColumnChoice.restored(values, [column.title for column in self.table_columns()])
        self._take(choice)
        return problem

    def _take(self, choice: ColumnChoice) -> None:
        self.choice = choice
        for table in self.query(SortedTable):
            table.take(choice)

    def action_columns(self) -> None:
        from joytui.tui.screens.columns import ColumnsDialog

        table = self.query_one(SortedTable)
        titles = [column.title for column in self.table_columns() if not column.always]
        self.app.push_screen(ColumnsDialog(titles, table.shown), self._choose)

    def _choose(self, columns: tuple[str, ...] | None) -> None:
        if columns is not None:
            self._take(ColumnChoice(columns, self.query_one(SortedTable).order))
