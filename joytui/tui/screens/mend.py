"""A refusal's mend: what to change in the key's policy, as a diff, and the question. Nothing is written before the answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from joytui.core.errors import JoytuiError
from joytui.tui.doctor.verdict_text import patch
from joytui.tui.figures import refusal
from joytui.tui.keys.changes import PolicyChange
from joytui.tui.keys.mend import Mend, amount, difference, mends, suggested, wallet_of
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.request import RequestRecord
    from joytui.core.wire import KeyView

NOTE = "It stays until it is changed again. u undoes it while this console is open."


class MendDialog(Dialog[PolicyChange]):
    """Dismisses with the change that is wanted."""

    DIALOG_TITLE = "Let this request through?"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "apply", "Apply"),
        Binding("a", "apply", "Apply", show=False),
        Binding("n", "close", "Cancel", show=False),
        Binding("tab", "app.focus_next", "Next", show=False),
    ]

    class Known(Message):
        def __init__(self, key: KeyView | None, problem: str = "") -> None:
            super().__init__()
            self.key = key
            self.problem = problem

    def __init__(self, record: RequestRecord) -> None:
        super().__init__()
        self._record = record
        self._key: KeyView | None = None
        self._mends: list[Mend] = []

    def compose_dialog(self) -> ComposeResult:
        now = datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)
        said = visible(self._record.error_message or self._record.cause or "", limit=400)
        said = refusal(said, self.console.options.zone, now)
        yield Static(Content(said), id="said")
        yield OptionList(id="mends")
        with Horizontal(classes="row", id="by"):
            yield Static("by credits", classes="label")
            yield Input(id="amount", compact=True)
        yield Static(id="patch", classes="box")
        yield Static(NOTE, classes="note")
        yield Static("Looking at the key…", id="outcome")
        with Horizontal(id="buttons"):
            yield Button("Cancel", id="no")
            yield Button("Apply", id="yes")

    def on_mount(self) -> None:
        for name in ("#mends", "#by", "#patch", "#yes"):
            self.query_one(name).display = False
        client, key_id = self.console.client, self._record.key_id
        if client is None or key_id is None:
            self.post_message(self.Known(None, "there is no gateway to ask" if client is None else "it had no key"))
        else:
            self.run_worker(self._read(client, key_id), exclusive=True, exit_on_error=False)

    async def _read(self, client: ConsoleClient, key_id: str) -> None:
        try:
            self.post_message(self.Known(await client.key(key_id)))
        except JoytuiError as error:
            self.post_message(self.Known(None, error.what))

    def on_mend_dialog_known(self, message: Known) -> None:
        self._key = message.key
        self._mends = mends(self._record, message.key) if message.key else []
        if message.problem or not self._mends:
            self._say(f"✗ {message.problem or self._why_none()}", "$error")
            self.query_one("#no", Button).focus()
            return
        self._say("", "")
        for name in ("#mends", "#patch", "#yes"):
            self.query_one(name).display = True
        options = self.query_one(OptionList)
        options.add_options(Option(Content(visible(mend.title, limit=100))) for mend in self._mends)
        options.highlighted = 0
        options.focus()

    def _why_none(self) -> str:
        if (tier := wallet_of(self._record)) is not None:
            return f"the {tier} wallet was empty; w on Keys shows the wallets and adds credits"
        return "no policy change is known to fix this, or it is already made; k on Keys checks what the key may do now"

    @property
    def _chosen(self) -> Mend | None:
        place = self.query_one(OptionList).highlighted
        return self._mends[place] if self._mends and place is not None else None

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        mend = self._chosen
        raises = mend.raises if mend is not None else None
        self.query_one("#by").display = raises is not None
        if raises is not None and self._key is not None:
            self.query_one("#amount", Input).value = suggested(self._key, raises)
        self._show_change()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._show_change()

    def _show_change(self) -> None:
        change, problem = self._change()
        words = f"  {visible(self._key.name, limit=60)}\n" if self._key else ""
        self.query_one("#patch", Static).update(
            patch(words + difference(change.before, change.after)) if change else ""
        )
        self._say(f"✗ {problem}" if problem else "", "$error")

    def _change(self) -> tuple[PolicyChange | None, str]:
        """What is chosen, or what is wrong with what was typed."""
        mend, key = self._chosen, self._key
        if mend is None or key is None:
            return None, ""
        try:
            by = amount(self.query_one("#amount", Input).value) if mend.raises else 0
        except ValueError as error:
            return None, str(error)
        return PolicyChange(key.id, key.name, key.policy, mend.change(key.policy, by)), ""

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.action_apply()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_apply()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "yes":
            self.action_apply()
        else:
            self.dismiss(None)

    def action_apply(self) -> None:
        change, _ = self._change()
        if change is not None:
            self.dismiss(change)

    def _say(self, text: str, style: str) -> None:
        self.query_one("#outcome", Static).update(Content.styled(visible(text, limit=300), style))
