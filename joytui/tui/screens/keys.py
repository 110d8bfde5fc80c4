"""Keys: which keys exist, what may each do, how much is left, who still uses it?"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import DataTable, Static

from joytui.core.errors import JoytuiError
from joytui.tui.keys import texts
from joytui.tui.keys.form import Wish
from joytui.tui.keys.snapshot import KeysSnapshot
from joytui.tui.screens.base import ConsoleScreen
from joytui.tui.state import LinkState
from joytui.tui.widgets.fitted import Fitted

if TYPE_CHECKING:
    from joytui.core.wire import KeyView

REFRESH_S = 3.0


class KeyTable(DataTable[object]):
    """Says when its width changes: other columns fit then."""

    class Resized(Message):
        pass

    def on_resize(self) -> None:
        self.post_message(self.Resized())


class KeysScreen(ConsoleScreen):
    MODE = "keys"
    CSS_PATH = "keys.tcss"
    AUTO_FOCUS = "DataTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "create", "New key", tooltip="name, owner, limits; the plain key is shown once"),
        Binding("x", "revoke", "Revoke", tooltip="for good, after a question"),
        Binding("space", "toggle_detail", "Detail", tooltip="budgets, policy, who uses it"),
        Binding("c", "copy_id", "Copy id", tooltip="the key's id"),
        Binding("b", "copy_block", "Config", tooltip="copy the config.toml block for this gateway"),
        Binding("t", "app.try_turn", "Try a turn", tooltip="one real Codex turn with a key of its own"),
        Binding("l", "reload", "Load again", show=False),
    ]

    class Loaded(Message):
        def __init__(self, snapshot: KeysSnapshot) -> None:
            super().__init__()
            self.snapshot = snapshot

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = KeysSnapshot()
        self._columns: tuple[str, ...] = ()
        self._version = -1

    def compose_body(self) -> Iterable[Widget]:
        yield Static(id="context")
        yield Static(id="empty")
        with Horizontal(id="body"):
            yield KeyTable(id="table", cursor_type="row", cursor_foreground_priority="renderable")
            with VerticalScroll(id="detail"):
                yield Fitted(id="detail-text")

    def on_mount(self) -> None:
        self.query_one("#detail").border_title = "key"
        self.watch(self.console, "link_state", self._link_changed)
        self.watch(self.console, "theme", self._restyle, init=False)
        self.set_interval(REFRESH_S, self._refresh)
        self.call_after_refresh(self.show, self.snapshot)

    def on_key_table_resized(self) -> None:
        if texts.columns(self.table.size.width) != self._columns:
            self.show(self.snapshot)

    def _restyle(self) -> None:
        self.call_after_refresh(self.show, self.snapshot)

    # Loading

    def _link_changed(self, state: LinkState) -> None:
        if state.connected and not self.snapshot.loaded:
            self.action_reload()
        else:
            self.call_after_refresh(self.show, self.snapshot)

    def on_screen_resume(self) -> None:
        self._refresh()

    def _refresh(self) -> None:
        if self.is_current and self.console.store.version != self._version:
            self.action_reload()

    def action_reload(self) -> None:
        if self.console.client is not None:
            self._version = self.console.store.version
            self.run_worker(self._load(), group="keys", exclusive=True, exit_on_error=False)

    async def _load(self) -> None:
        client = self.console.client
        if client is None:
            return
        try:
            keys = await client.keys()
        except JoytuiError as error:
            self.post_message(self.Loaded(KeysSnapshot(self.snapshot.keys, self.snapshot.loaded, error.what)))
        else:
            self.post_message(self.Loaded(KeysSnapshot(tuple(reversed(keys)), loaded=True)))

    def on_keys_screen_loaded(self, message: Loaded) -> None:
        self.show(message.snapshot)

    # Showing

    @property
    def table(self) -> KeyTable:
        return self.query_one(KeyTable)

    def show(self, snapshot: KeysSnapshot) -> None:
        """The whole screen as a function of one snapshot; the cursor stays on its key."""
        here = self.selected()
        self.snapshot = snapshot
        self.query_one("#context", Static).update(texts.context(snapshot))
        self.set_class(not snapshot.keys, "-empty")
        if not snapshot.keys:
            self.query_one("#empty", Static).update(texts.empty(snapshot, self.console.link_state))
        self._fill(here.id if here else None)
        if snapshot.keys and self.focused is None:
            self.call_after_refresh(self.table.focus)
        self._show_detail()
        self.refresh_bindings()

    def _fill(self, cursor: str | None) -> None:
        table = self.table
        names = self._columns = texts.columns(table.size.width or self.size.width)
        table.clear(columns=True)
        now, colours = self.now(), self.console.theme_variables
        rows = [texts.row(key, names, now, colours) for key in self.snapshot.keys]
        for place, name in enumerate(names):
            wide = max((row[place].cell_len for row in rows), default=0)
            table.add_column(name, key=name, width=max(len(name), wide))
        for key, row in zip(self.snapshot.keys, rows, strict=True):
            table.add_row(*row, key=key.id)
        index = next((i for i, key in enumerate(self.snapshot.keys) if key.id == cursor), 0)
        if self.snapshot.keys:
            table.move_cursor(row=index, animate=False)

    def selected(self) -> KeyView | None:
        """The key under the cursor."""
        row = self.table.cursor_row
        return self.snapshot.keys[row] if 0 <= row < len(self.snapshot.keys) else None

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        self._show_detail()
        self.refresh_bindings()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.action_toggle_detail()

    def _show_detail(self) -> None:
        key = self.selected()
        now = self.now()
        self.query_one("#detail-text", Fitted).show(lambda width: texts.detail(key, now, width) if key else Content(""))

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        key = self.selected() if self.is_mounted else None
        if action == "revoke":
            return key is not None and key.state != "revoked"
        if action in ("copy_id", "toggle_detail"):
            return key is not None
        return True

    def action_toggle_detail(self) -> None:
        wide = self.has_class("-wide") or self.has_class("-vast")
        self.toggle_class("-hidden" if wide else "-detail")
        self.call_after_refresh(self.show, self.snapshot)

    def action_copy_id(self) -> None:
        if key := self.selected():
            self.console.copy(key.id, "The key's id")

    def action_copy_block(self) -> None:
        self.console.copy_block()

    def action_create(self) -> None:
        from joytui.tui.screens.key_form import KeyForm

        if self.console.client is None:
            self.console.tell("there is no gateway to make a key at", error=True)
            return
        self.console.push_screen(KeyForm(self.now()), self._create)

    def _create(self, wish: Wish | None) -> None:
        if wish is not None:
            self.run_worker(self._created(wish), group="create", exit_on_error=False)

    async def _created(self, wish: Wish) -> None:
        from joytui.tui.screens.key_shown import KeyShown

        link = self.console.link
        if link is None:
            return
        try:
            created = await link.create_key(wish)
        except JoytuiError as error:
            self.console.tell(f"{error.what}: {error.hint}" if error.hint else error.what, error=True)
            return
        self.action_reload()
        await self.console.push_screen(KeyShown(created, self.console.link_state.base_url))

    def action_revoke(self) -> None:
        from joytui.tui.screens.ask import Confirm

        key = self.selected()
        if key is None:
            return
        used = texts.ago(key.last_used_at, self.now())
        text = f"{key.name} ({key.hint}), last used {used}.\n\nEvery Codex that uses it gets 403 from now on. This cannot be undone."
        question = Confirm("Revoke this key?", text, "Revoke")
        self.console.push_screen(question, lambda yes: self._revoke(key) if yes else None)

    def _revoke(self, key: KeyView) -> None:
        self.run_worker(self._revoked(key), group="revoke", exit_on_error=False)

    async def _revoked(self, key: KeyView) -> None:
        client = self.console.client
        if client is None:
            return
        try:
            await client.revoke_key(key.id)
        except JoytuiError as error:
            self.console.tell(error.what, error=True)
            return
        self.console.tell(f"{key.name} is revoked.")
        self.action_reload()
