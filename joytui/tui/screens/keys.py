"""Keys: which keys exist, what may each do, how much is left, who still uses it?"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import DataTable

from joytui.core.clock import rfc3339
from joytui.core.errors import JoytuiError
from joytui.core.money import parse_credits
from joytui.tui.charts.cells import share
from joytui.tui.keys import texts
from joytui.tui.keys.form import Wish, expiry, key_create, key_edit
from joytui.tui.keys.snapshot import KeysSnapshot
from joytui.tui.keys.table import COLUMNS, ago, entries, most_without_limit
from joytui.tui.screens.fresh import FreshScreen
from joytui.tui.widgets.fitted import Fitted
from joytui.tui.widgets.sorted_table import SortedTable, TableColumn

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import KeyCreated, KeyView
    from joytui.tui.export.exported import Exported
    from joytui.tui.people.owner import Subject
    from joytui.usage.limits import KeyForecast

FORESIGHT_MS = 30_000
GLANCE_S = 0.1


class KeysScreen(FreshScreen):
    MODE = "keys"
    CSS_PATH = "keys.tcss"
    AUTO_FOCUS = "DataTable"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("n", "create", "New key", tooltip="name, owner, limits; the plain key is shown once"),
        Binding("e", "edit", "Edit", tooltip="name, owner, limits, model, addresses, expiry"),
        Binding("L", "limit", "Limits", show=False, tooltip="how much this key may spend per day, per week, in total"),
        Binding("k", "check", "Dry run", tooltip="may this key call this model now, and if not, why"),
        Binding("d", "disable", "Disable", tooltip="refuse the key until it is enabled again"),
        Binding("d", "enable", "Enable", tooltip="let the key work again"),
        Binding(
            "r", "rotate", "Rotate", tooltip="a new key with the same policy; the old one keeps working for a while"
        ),
        Binding("X", "revoke", "Revoke", tooltip="for good; asks first"),
        Binding("space", "toggle_detail", "Detail", tooltip="budgets, policy, who uses it"),
        Binding("i", "requests", "Requests", tooltip="this key's requests, in Logs"),
        Binding("w", "wallets", "Wallets", show=False, tooltip="balances of the tiers' wallets, and their movements"),
        Binding("u", "undo_change", "Undo", show=False, tooltip="undo the change that m on Logs made last"),
        Binding("C", "columns", "Columns", show=False, tooltip="which columns the list shows"),
        Binding("c", "copy_id", "Copy id", tooltip="the key's id"),
        Binding("b", "copy_block", "Config", tooltip="copy the config.toml block for this gateway"),
        Binding("t", "app.try_turn", "Try a turn", tooltip="one real Codex turn with its own key"),
        Binding("l", "reload", "Load again", show=False),
    ]

    class Loaded(Message):
        def __init__(self, snapshot: KeysSnapshot) -> None:
            super().__init__()
            self.snapshot = snapshot

    class Done(Message):
        """An action has ended: with a word about it, or with a new key, which is shown this once."""

        def __init__(self, words: str, *, error: bool = False, created: KeyCreated | None = None) -> None:
            super().__init__()
            self.words = words
            self.error = error
            self.created = created

    class Foreseen(Message):
        """A key's forecast, when it was read."""

        def __init__(self, key_id: str, forecast: KeyForecast) -> None:
            super().__init__()
            self.key_id = key_id
            self.forecast = forecast

    def __init__(self) -> None:
        super().__init__()
        self.snapshot = KeysSnapshot()
        self._wanted: str | None = None
        self._forecasts: dict[str, KeyForecast] = {}
        self._foresight: tuple[str, int] = "", 0  # the key that was asked for, and when

    def compose_body(self) -> Iterable[Widget]:
        yield Fitted(id="context", one_line=True)
        yield Fitted(id="empty")
        with Horizontal(id="body"):
            yield SortedTable(id="table", choice=self.choice)
            with VerticalScroll(id="detail"):
                yield Fitted(id="detail-text")

    def on_mount(self) -> None:
        self.query_one("#detail").border_title = "key"
        self.app.theme_changed_signal.subscribe(self, lambda _: self.show(self.snapshot))

    # Loading

    def reading(self) -> Callable[[], Coroutine[Any, Any, None]] | None:
        client = self.console.client
        return partial(self._load, client, self.snapshot) if client is not None else None

    def unread(self) -> bool:
        return not self.snapshot.loaded

    def show_again(self) -> None:
        self.show(self.snapshot)

    async def _load(self, client: ConsoleClient, before: KeysSnapshot) -> None:
        try:
            keys = await client.keys()
        except JoytuiError as error:
            self.post_message(self.Loaded(replace(before, problem=error.what)))
        else:
            self.post_message(self.Loaded(KeysSnapshot(tuple(reversed(keys)), loaded=True)))

    def on_keys_screen_loaded(self, message: Loaded) -> None:
        self.show(message.snapshot)

    def subject(self) -> Subject | None:
        from joytui.tui.people.owner import Subject

        return Subject(key.owner, key.id) if (key := self.selected()) else None

    def table_columns(self) -> Sequence[TableColumn]:
        return COLUMNS

    def exported(self) -> Exported | None:
        from joytui.tui.export.screens import keys_exported

        return keys_exported(self.snapshot.keys, self.now())

    # Showing

    @property
    def table(self) -> SortedTable:
        return self.query_one(SortedTable)

    def show(self, snapshot: KeysSnapshot) -> None:
        """The whole screen as a function of one snapshot; the cursor stays on its key."""
        here = self.selected()
        self.snapshot = snapshot
        wanted = snapshot.find(self._wanted) if self._wanted else None
        if wanted is not None:
            here, self._wanted = wanted, None
        self.query_one("#context", Fitted).show(partial(texts.context, snapshot))
        self.set_class(not snapshot.keys, "-empty")
        if not snapshot.keys:
            self.query_one("#empty", Fitted).show(partial(texts.empty, snapshot, self.console.link_state))
        self._fill(here.id if here else None)
        if snapshot.keys and self.focused is None:
            self.call_after_refresh(self.table.focus)
        self._show_detail()
        self.refresh_bindings()

    def _fill(self, cursor: str | None) -> None:
        rows, totals = entries(self.snapshot.keys, self.now(), self.console.options.zone, self.app.theme_variables)
        self.table.fill(COLUMNS, rows, totals, cursor=cursor)

    def selected(self) -> KeyView | None:
        """The key under the cursor; None on the totals."""
        entry = self.table.entry()
        return entry.item if entry is not None else None

    def on_data_table_row_highlighted(self, event: DataTable.RowHighlighted) -> None:
        self._show_detail()
        self.refresh_bindings()

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        self.action_toggle_detail()

    def _show_detail(self) -> None:
        key, keys = self.selected(), self.snapshot.keys
        now, zone = self.now(), self.console.options.zone
        whole = sum(parse_credits(one.spent) for one in keys)
        alone = key is not None and key is most_without_limit(keys)
        part = share(parse_credits(key.spent), whole) if key is not None and alone else None
        forecast = self._forecasts.get(key.id) if key is not None else None
        if key is not None:
            self._foresee(key)
        self.query_one("#detail-text", Fitted).show(
            lambda width: (
                texts.detail(key, now, width, zone=zone, share_without_limit=part, forecast=forecast)
                if key
                else Content("")
            )
        )

    def _foresee(self, key: KeyView) -> None:
        """Asks for the forecast of the key that is looked at, again every FORESIGHT_MS."""
        client, (asked, at) = self.console.client, self._foresight
        fresh = asked == key.id and self.console.now_ms() - at < FORESIGHT_MS
        if client is None or fresh or key.state != "active" or not self.query_one("#detail").display:
            return
        self._foresight = key.id, self.console.now_ms()
        self.run_worker(self._look_ahead(client, key), group="forecast", exclusive=True, exit_on_error=False)

    async def _look_ahead(self, client: ConsoleClient, key: KeyView) -> None:
        from joytui.tui.keys.forecast import read_forecast

        await asyncio.sleep(GLANCE_S)  # a cursor on its way asks nothing
        shared = {key.name} if sum(one.name == key.name for one in self.snapshot.keys) > 1 else ()
        with suppress(JoytuiError):  # the list itself says what is wrong
            self.post_message(self.Foreseen(key.id, await read_forecast(client, key, self.now(), shared)))

    def on_keys_screen_foreseen(self, message: Foreseen) -> None:
        self._forecasts[message.key_id] = message.forecast
        self._show_detail()

    def go_to(self, key_id: str) -> None:
        """The cursor on this key, at once or when the keys are there."""
        self._wanted = key_id
        self.show(self.snapshot)

    # Actions

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        key = self.selected() if self.is_mounted else None
        state = key.state if key else None
        match action:
            case "revoke" | "edit":
                return state is not None and state != "revoked"
            case "disable" | "rotate" | "limit":
                return state == "active"
            case "enable":
                return state == "disabled"
            case "copy_id" | "toggle_detail" | "check" | "requests":
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

    def _gateway(self) -> ConsoleClient | None:
        """The gateway to ask; says so where there is none."""
        if self.console.client is None:
            self.console.tell("there is no gateway to ask", error=True)
        return self.console.client

    def action_create(self) -> None:
        from joytui.tui.screens.key_form import KeyForm

        if self._gateway() is not None:
            self.app.push_screen(KeyForm(self.now()), self._create)

    def _create(self, wish: Wish | None) -> None:
        if wish is not None and (client := self._gateway()) is not None:
            self._act(client.create_key(key_create(wish)))

    def action_edit(self) -> None:
        from joytui.tui.screens.key_form import KeyForm

        if key := self.selected():
            self.app.push_screen(KeyForm(self.now(), key), lambda wish: self._edit(key, wish))

    def action_limit(self) -> None:
        from joytui.tui.screens.key_form import KeyForm

        if key := self.selected():
            only = ("daily_limit", "weekly_limit", "total_limit")
            self.app.push_screen(KeyForm(self.now(), key, only), lambda wish: self._edit(key, wish))

    def _edit(self, key: KeyView, wish: Wish | None) -> None:
        if wish is not None and (client := self._gateway()) is not None:
            self._act(client.edit_key(key.id, key_edit(wish, key)), f"{wish.name} is changed.")

    def action_disable(self) -> None:
        key = self.selected()
        if key is not None and (client := self._gateway()) is not None:
            self._act(
                client.disable_key(key.id), f"{key.name} is disabled: every Codex that uses it gets 403. d enables it."
            )

    def action_enable(self) -> None:
        key = self.selected()
        if key is not None and (client := self._gateway()) is not None:
            self._act(client.enable_key(key.id), f"{key.name} works again.")

    def action_check(self) -> None:
        from joytui.tui.screens.key_check import CheckDialog

        if key := self.selected():
            self.app.push_screen(CheckDialog(key))

    def action_requests(self) -> None:
        if key := self.selected():
            self.console.show_logs(f"key_id:{key.id}")

    def action_wallets(self) -> None:
        from joytui.tui.screens.wallets import WalletsDialog

        self.app.push_screen(WalletsDialog())

    def action_undo_change(self) -> None:
        self.console.undo_change()

    def action_rotate(self) -> None:
        from joytui.tui.screens.ask import Ask

        if key := self.selected():
            label = f"How long should the old key of {key.name} keep working? 24h, 7d, or 0 to end it now"
            self.app.push_screen(Ask("Rotate this key", label, "24h", "Rotate"), lambda t: self._rotate(key, t))

    def _rotate(self, key: KeyView, text: str | None) -> None:
        if text is None or (client := self._gateway()) is None:
            return
        try:
            until = None if text in ("0", "now") else expiry(text, self.now())
        except (ValueError, OverflowError):
            self.console.tell(f"{text!r} is not a time: 24h, 7d, 2027-01-31, or 0", error=True)
            return
        if until is not None and until <= self.now():
            self.console.tell("that is in the past; 0 ends the old key now", error=True)
            return
        self._act(client.rotate_key(key.id, old_expires_at=rfc3339(until) if until else None))

    def action_revoke(self) -> None:
        from joytui.tui.screens.ask import Confirm

        key = self.selected()
        if key is None:
            return
        used = ago(key.last_used_at, self.now(), self.console.options.zone)
        text = f"{key.name} ({key.hint}), last used {used}.\n\nEvery Codex that uses it gets 403 from now on. This cannot be undone."
        question = Confirm("Revoke this key?", text, "Revoke")
        self.app.push_screen(question, lambda yes: self._revoke(key) if yes else None)

    def _revoke(self, key: KeyView) -> None:
        if (client := self._gateway()) is not None:
            self._act(client.revoke_key(key.id), f"{key.name} is revoked.")

    def _act(self, asked: Awaitable[KeyView], word: str = "") -> None:
        """Asks the gateway in a worker; then its word, or the new key this once, or what went wrong."""
        self.run_worker(self._acting(asked, word), group="act", exit_on_error=False)

    async def _acting(self, asked: Awaitable[KeyView], word: str) -> None:
        try:
            answer = await asked
        except JoytuiError as error:
            self.post_message(self.Done(f"{error.what}: {error.hint}" if error.hint else error.what, error=True))
        else:
            created = answer if isinstance(getattr(answer, "key", None), str) else None
            self.post_message(self.Done(word, created=created))  # type: ignore[arg-type]

    def on_keys_screen_done(self, message: Done) -> None:
        if not message.error:
            self._foresight = "", 0  # the limits may be others now
            self.action_reload()
        if message.created is not None:
            from joytui.tui.screens.key_shown import KeyShown

            self.app.push_screen(KeyShown(message.created, self.console.link_state.base_url))
        elif message.words:
            self.console.tell(message.words, error=message.error)
