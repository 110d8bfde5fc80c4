"""A refusal's mend: what to change in the key's policy, or in the budget that refused, as a diff, and the question. Nothing is written
before the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Input, OptionList, Static
from textual.widgets.option_list import Option

from joytui.core.errors import JoytuiError
from joytui.core.money import parse_credits
from joytui.tui.budgets.changes import NodeRaise, raises_of
from joytui.tui.budgets.reading import words
from joytui.tui.console import Change
from joytui.tui.doctor.verdict_text import patch
from joytui.tui.figures import refusal
from joytui.tui.keys.changes import PolicyChange
from joytui.tui.keys.mend import Mend, amount, half, mends, node_of, suggested, wallet_of
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.request import RequestRecord
    from joytui.core.wire import KeyView, NodeBudget

NOTE = "u undoes it while this console is open."


@dataclass(frozen=True, slots=True)
class Offer:
    """`by`: the credits that it asks for, as they are suggested; None: it asks for none. `change`: with these nano-credits."""

    title: str
    by: str | None
    change: Callable[[int], Change]


class MendDialog(Dialog[Change]):
    """Dismisses with the change that is wanted."""

    DIALOG_TITLE = "Let this request through?"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "apply", "Apply"),
        Binding("a", "apply", "Apply", show=False),
        Binding("n", "close", "Cancel", show=False),
        Binding("tab", "app.focus_next", "Next", show=False),
    ]

    class Known(Message):
        """The key, or the node, that refused; None, and why it is not known."""

        def __init__(self, found: KeyView | NodeBudget | None, problem: str = "") -> None:
            super().__init__()
            self.found = found
            self.problem = problem

    def __init__(self, record: RequestRecord) -> None:
        super().__init__()
        self._record = record
        self._node = node_of(record)
        self._called = ""
        self._offers: list[Offer] = []

    def compose_dialog(self) -> ComposeResult:
        said = visible(self._record.error_message or self._record.cause or "", limit=400)
        said = refusal(said, self.console.options.zone, self._now())
        yield Static(Content(said), id="said")
        yield OptionList(id="mends")
        with Horizontal(classes="row", id="by"):
            yield Static("by credits", classes="label")
            yield Input(id="amount", compact=True)
        yield Static(id="patch", classes="box")
        yield Static(NOTE, classes="note")
        yield Static("◌ asking the gateway", id="outcome")
        with Horizontal(id="buttons"):
            yield Button("Cancel", id="no")
            yield Button("Apply", id="yes")

    def on_mount(self) -> None:
        for name in ("#mends", "#by", "#patch", "#yes"):
            self.query_one(name).display = False
        client, key_id = self.console.client, self._record.key_id
        if client is None:
            self.post_message(self.Known(None, "there is no gateway to ask"))
        elif self._node is not None:
            self.run_worker(self._read(self._read_node(client, self._node[0])), exclusive=True, exit_on_error=False)
        elif key_id is None:
            self.post_message(self.Known(None, "it had no key"))
        else:
            self.run_worker(self._read(client.key(key_id)), exclusive=True, exit_on_error=False)

    async def _read(self, asked: Awaitable[KeyView | NodeBudget | None]) -> None:
        try:
            self.post_message(self.Known(await asked))
        except JoytuiError as error:
            self.post_message(self.Known(None, error.what))

    async def _read_node(self, client: ConsoleClient, node: str) -> NodeBudget | None:
        return next((one for one in await client.budgets() if one.node == node), None)

    def on_mend_dialog_known(self, message: Known) -> None:
        self._called, self._offers = self._offered(message.found) if message.found is not None else ("", [])
        if message.problem or not self._offers:
            self._say(f"✗ {message.problem or self._why_none()}", "$error")
            self.query_one("#no", Button).focus()
            return
        self._say("", "")
        for name in ("#mends", "#patch", "#yes"):
            self.query_one(name).display = True
        options = self.query_one(OptionList)
        options.add_options(Option(Content(visible(offer.title, limit=100))) for offer in self._offers)
        options.highlighted = 0
        options.focus()

    def _offered(self, found: KeyView | NodeBudget) -> tuple[str, list[Offer]]:
        """The name of what is changed, and the changes."""
        from joytui.core.wire import NodeBudget

        if isinstance(found, NodeBudget):
            return words(found), self._raises(found)
        return found.name, [self._offer(found, mend) for mend in mends(self._record, found)]

    def _raises(self, node: NodeBudget) -> list[Offer]:
        assert self._node is not None
        period = self._node[1]
        limit = next((parse_credits(one.limit_credits) for one in node.limits if one.period == period), 0)
        found = raises_of(node, period, self._now())
        return [Offer(title, half(limit), partial(NodeRaise, node, until=until)) for title, until in found]

    def _offer(self, key: KeyView, mend: Mend) -> Offer:
        def change(by: int) -> Change:
            return PolicyChange(key.id, key.name, key.policy, mend.change(key.policy, by))

        return Offer(mend.title, suggested(key, mend.raises) if mend.raises else None, change)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)

    def _why_none(self) -> str:
        if (tier := wallet_of(self._record)) is not None:
            return f"the {tier} wallet was empty; w on Keys shows the wallets and adds credits"
        if self._node is not None:
            return f"{self._node[0]} has no such limit any more, or this token does not see it; B shows the budgets"
        return "no policy change is known to fix this, or it is already made; k on Keys checks what the key may do now"

    @property
    def _chosen(self) -> Offer | None:
        place = self.query_one(OptionList).highlighted
        return self._offers[place] if self._offers and place is not None else None

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        offer = self._chosen
        by = offer.by if offer is not None else None
        self.query_one("#by").display = by is not None
        if by is not None:
            self.query_one("#amount", Input).value = by
        self._show_change()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._show_change()

    def _show_change(self) -> None:
        change, problem = self._change()
        head = f"  {visible(self._called, limit=60)}\n"
        lines = change.difference(self._now(), self.console.options.zone) if change else ""
        self.query_one("#patch", Static).update(patch(head + lines) if change else "")
        self._say(f"✗ {problem}" if problem else "", "$error")

    def _change(self) -> tuple[Change | None, str]:
        """What is chosen, or what is wrong with what was typed."""
        offer = self._chosen
        if offer is None:
            return None, ""
        try:
            by = amount(self.query_one("#amount", Input).value) if offer.by is not None else 0
        except ValueError as error:
            return None, str(error)
        return offer.change(by), ""

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
