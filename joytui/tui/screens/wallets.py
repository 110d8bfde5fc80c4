"""The tiers' wallets: what each has, what running requests hold, the latest movements; credits for one of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import tzinfo
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from joytui.core.clock import parse_time
from joytui.core.errors import JoytuiError, RefusedError
from joytui.core.money import format_credits, parse_credits
from joytui.tui.figures import at_the_point, credits
from joytui.tui.keys.mend import amount
from joytui.tui.shown import visible
from joytui.tui.widgets.dialog import Dialog
from joytui.tui.widgets.fitted import Fitted

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import WalletEntryView, WalletView

MOST_ENTRIES = 8
OFF = "Wallets limit nothing until one has a balance; then a tier without one counts as empty."
ON = "A request needs credits in the wallet of its tier. While it runs, the most that it may cost is reserved."


class WalletsDialog(Dialog[None]):
    DIALOG_TITLE = "Wallets"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "credit", "Credit"),
        Binding("plus", "credit", "Credit", show=False),
    ]

    class Known(Message):
        """What the gateway says; `words` about a credit that was just made."""

        def __init__(
            self,
            wallets: Sequence[WalletView] = (),
            entries: Sequence[WalletEntryView] | None = (),
            problem: str = "",
            words: str = "",
        ) -> None:
            super().__init__()
            self.wallets = wallets
            self.entries = entries
            self.problem = problem
            self.words = words

    def __init__(self) -> None:
        super().__init__()
        self._wallets: Sequence[WalletView] = ()

    def compose_dialog(self) -> ComposeResult:
        yield Static("Looking…", id="summary", classes="note")
        yield OptionList(id="wallets")
        yield Fitted(id="entries")
        yield Static(id="outcome")

    def on_mount(self) -> None:
        self._ask(self._read)

    def _ask(self, work: object) -> None:
        client = self.console.client
        if client is None:
            self.post_message(self.Known(problem="there is no gateway to ask"))
        else:
            self.run_worker(work(client), exclusive=True, exit_on_error=False)  # type: ignore[operator]

    async def _read(self, client: ConsoleClient, words: str = "") -> None:
        try:
            wallets = await client.wallet()
            entries = await _movements(client)
        except JoytuiError as error:
            self.post_message(self.Known(problem=error.what))
        else:
            self.post_message(self.Known(wallets, entries, words=words))

    def on_wallets_dialog_known(self, message: Known) -> None:
        outcome = self.query_one("#outcome", Static)
        if message.problem:
            self.query_one("#summary", Static).update("")
            outcome.update(Content.styled(f"✗ {visible(message.problem, limit=300)}", "$error"))
            return
        self._wallets = message.wallets
        limiting = any(wallet.balance is not None for wallet in message.wallets)
        self.query_one("#summary", Static).update((ON if limiting else OFF) + self._invitation())
        options, here = self.query_one(OptionList), self.query_one(OptionList).highlighted
        options.clear_options()
        options.add_options(Option(wallet_line(wallet, limiting=limiting)) for wallet in message.wallets)
        options.highlighted = here or 0
        options.focus()
        self.query_one("#entries", Fitted).show(partial(movements, message.entries, self.console.options.zone))
        outcome.update(Content.styled(message.words and f"✓ {message.words}", "$success"))

    def _invitation(self) -> str:
        return " ⏎ adds credits to the selected one." if self.console.may_change(admins=True) else ""

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return action != "credit" or self.console.may_change(admins=True)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if self.console.may_change(admins=True):
            self.action_credit()

    def action_credit(self) -> None:
        from joytui.tui.screens.ask import Ask

        place = self.query_one(OptionList).highlighted
        if self._wallets and place is not None:
            tier = self._wallets[place].tier
            question = Ask(f"Credit the {tier} wallet", "Credits to add (there is no undo)", "", "Credit")
            self.app.push_screen(question, lambda text: self._credit(tier, text) if text else None)

    def _credit(self, tier: str, text: str) -> None:
        try:
            more = format_credits(amount(text))
        except ValueError as error:
            self.query_one("#outcome", Static).update(Content.styled(f"✗ {error}", "$error"))
            return
        self._ask(lambda client: self._crediting(client, tier, more))

    async def _crediting(self, client: ConsoleClient, tier: str, more: str) -> None:
        try:
            await client.credit_wallet(tier, more, "from the console")
        except JoytuiError as error:
            self.post_message(self.Known(problem=error.what))
        else:
            await self._read(client, f"{more} Cr for the {tier} wallet")


async def _movements(client: ConsoleClient) -> Sequence[WalletEntryView] | None:
    """The latest; None if the token may not see them. Raises JoytuiError."""
    try:
        return await client.wallet_entries(limit=MOST_ENTRIES)
    except RefusedError as error:
        if error.kind == "beyond_teams":
            return None
        raise


def wallet_line(wallet: WalletView, *, limiting: bool) -> Content:
    """Tier, balance, what is held and what is left."""
    if wallet.balance is None:
        state = ("✗ no balance: counts as empty", "$error") if limiting else ("– off", "$quiet")
        return Content.assemble((f"{wallet.tier:<10}", "bold"), state)
    left = parse_credits(wallet.left.lstrip("-")) if wallet.left else 0
    empty = left == 0 or (wallet.left or "").startswith("-")
    return Content.assemble(
        (f"{wallet.tier:<10}", "bold"),
        (f"{credits(left):>12} Cr left", "bold $error" if empty else "bold"),
        (
            f"  of {credits(parse_credits(wallet.balance.lstrip('-')))} Cr, {credits(parse_credits(wallet.held))} held",
            "$quiet",
        ),
    )


def movements(entries: Sequence[WalletEntryView] | None, zone: tzinfo | None, width: int) -> Content:
    """The latest movements, a line each: what changed the balance, or is held. None: they are not this token's to see."""
    if entries is None:
        return Content.styled(
            "the movements are of all teams' requests: an admin's or a viewer's token shows them", "$quiet"
        )
    if not entries:
        return Content.styled("no movement yet", "$quiet")
    amounts = at_the_point([entry.held if entry.kind == "freeze" else entry.amount for entry in entries])
    lines = [_movement(entry, amount, zone) for entry, amount in zip(entries, amounts, strict=True)]
    title = Content.styled("LATEST MOVEMENTS", "bold $quiet")
    return Content("\n").join([title, *(line.truncate(width, ellipsis=True) for line in lines)])


def _movement(entry: WalletEntryView, amount: str, zone: tzinfo | None) -> Content:
    when = f"{parse_time(entry.time).astimezone(zone):%a %d %b %H:%M:%S}"
    said = visible(entry.note or entry.request or "", limit=60).replace("\n", " ")
    unit = "held" if entry.kind == "freeze" else "Cr"
    return Content.assemble(
        (f"{when}  ", "$quiet"),
        f"{entry.tier:<9} {entry.kind:<8}",
        (f"{amount} {unit:<4}", "bold"),
        (f"  {said}", "$quiet"),
    )
