"""What a screen or dialog may ask of the console around it. `ConsoleApp` implements it; no screen imports the app."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, cast

from textual.dom import DOMNode

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from joytui.client.console import ConsoleClient
    from joytui.tui.alerts import ShownAlert
    from joytui.tui.export.exported import Exported
    from joytui.tui.link import Link
    from joytui.tui.logs.codex_turns import CodexTurns
    from joytui.tui.logs.store import LogStore
    from joytui.tui.options import Options
    from joytui.tui.settings import ConsoleSettings
    from joytui.tui.state import LinkState


class Change(Protocol):
    """A change at the gateway that can be put back. `what` is changed, in words: "the policy of dev"."""

    @property
    def what(self) -> str: ...

    async def make(self, client: ConsoleClient) -> None:
        """Raises JoytuiError."""

    async def undo(self, client: ConsoleClient) -> None:
        """Raises JoytuiError."""

    def difference(self, now: datetime, zone: tzinfo | None) -> str:
        """The changed lines as a diff."""
        ...


class Console(Protocol):
    """The console's data and actions, without Textual's own: those are on `self.app`.

    `client` is None while there is no gateway to ask; `link` is None in a console that only shows what it was given;
    `codex_turns` brings this machine's Codex turns into the store, where they are shown; `codex_goes_to` is where the doctor
    saw Codex send its requests; `alerts` are those that nobody here has dismissed; `drawn`: whether a first frame is on the terminal.
    """

    options: Options
    settings: ConsoleSettings
    link_state: LinkState
    codex_goes_to: str | None
    codex_turns: CodexTurns | None
    alerts: tuple[ShownAlert, ...]
    drawn: bool

    @property
    def client(self) -> ConsoleClient | None: ...

    @property
    def link(self) -> Link | None: ...

    @property
    def store(self) -> LogStore: ...

    def now_ms(self) -> int:
        """Epoch milliseconds by the console's clock."""
        ...

    def tell(self, text: str, *, error: bool = False, warning: bool = False, note: bool = False) -> None:
        """Shows a short message in the last line, or as a toast over a dialog. Errors and warnings stay until they are read;
        `note`: nothing was done, and nothing went wrong."""
        ...

    def copy(self, text: str, what: str) -> None:
        """Copies to the clipboard and says so; `what` names the text."""
        ...

    def copy_block(self) -> None:
        """Copies the config.toml block for this gateway."""
        ...

    def may_change(self, *, admins: bool = False) -> bool:
        """Whether the gateway's things may be changed from here; `admins`: those that an admin alone changes."""
        ...

    def need_gateway(self, *, start: bool = True, peek: bool = False) -> None:
        """Connects to the gateway in the background, if that has not begun yet."""
        ...

    def show_logs(self, text: str) -> None:
        """Opens Logs with this filter."""
        ...

    def show_key(self, key_id: str) -> None:
        """Opens Keys with the cursor on this key."""
        ...

    def show_owner(self, owner: str) -> None:
        """Opens the card of this person."""
        ...

    def make_change(self, change: Change) -> None:
        """Makes it in the background, and says what came of it."""
        ...

    def undo_change(self) -> None:
        """Puts the latest such change back."""
        ...

    def action_budgets(self) -> None:
        """Opens the tree of budgets."""
        ...

    def take_settings(self, settings: ConsoleSettings) -> None:
        """Applies settings that were just saved."""
        ...

    def export(self, exported: Exported | None) -> None:
        """Asks in which form and where to write it."""
        ...

    def action_settings(self, field: str | None = None) -> None:
        """Opens the settings, or this one alone."""
        ...

    def action_try_turn(self) -> None:
        """Opens the dialog that runs one real Codex turn."""
        ...


def console_of(node: DOMNode) -> Console:
    """The console that a widget, screen or dialog is part of."""
    return cast("Console", node.app)
