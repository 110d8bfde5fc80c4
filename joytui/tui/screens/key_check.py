"""The dry run: may this key call this model now, and if not, why. Nothing is held or recorded for it."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Button, Input, Static

from joytui.core.errors import JoytuiError
from joytui.core.money import parse_credits
from joytui.tui.figures import exact_credits, refusal
from joytui.tui.form_field import Field
from joytui.tui.keys.form import TIERS
from joytui.tui.shown import visible
from joytui.tui.widgets.form import FormDialog

if TYPE_CHECKING:
    from joytui.core.wire import KeyVerdict, KeyView

FIELDS = (
    Field("model", "Model", "auto, or a model key", "auto"),
    Field(
        "tier",
        "Tier",
        "as a request may ask for it",
        choices=(("", "any tier"), *((tier, tier) for tier in TIERS)),
    ),
    Field("ip", "From address", "blank = an address that the key allows"),
)


class CheckDialog(FormDialog[None]):
    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "check", "Check")]

    class Answered(Message):
        def __init__(self, verdict: KeyVerdict | None, problem: str = "") -> None:
            super().__init__()
            self.verdict = verdict
            self.problem = problem

    def __init__(self, key: KeyView) -> None:
        super().__init__()
        self._key = key

    def dialog_title(self) -> str:
        return f"May {visible(self._key.name, limit=40)} call this now?"

    def compose_dialog(self) -> ComposeResult:
        yield from self.rows(FIELDS, {})
        yield Static(id="outcome")
        with Horizontal(id="buttons"):
            yield Button("Close", id="close")
            yield Button("Check", id="check")

    def on_mount(self) -> None:
        self.action_check()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        self.action_check()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        if event.button.id == "check":
            self.action_check()
        else:
            self.dismiss(None)

    def action_check(self) -> None:
        texts = {name: value.strip() for name, value in self.values().items()}
        self.run_worker(self._check(texts), group="check", exclusive=True, exit_on_error=False)

    async def _check(self, texts: dict[str, str]) -> None:
        client = self.console.client
        if client is None:
            self.post_message(self.Answered(None, "there is no gateway to ask"))
            return
        try:
            verdict = await client.check_key(
                self._key.id, model=texts["model"] or "auto", tier=texts["tier"] or None, ip=texts["ip"] or None
            )
        except JoytuiError as error:
            self.post_message(self.Answered(None, error.what))
        else:
            self.post_message(self.Answered(verdict))

    def on_check_dialog_answered(self, message: Answered) -> None:
        outcome = self.query_one("#outcome", Static)
        if message.verdict is None:
            outcome.update(Content.styled(f"✗ {visible(message.problem, limit=300)}", "$error"))
        else:
            now = datetime.fromtimestamp(self.console.now_ms() / 1000, UTC)
            outcome.update(verdict_text(message.verdict, now, self.console.options.zone))


def verdict_text(verdict: KeyVerdict, now: datetime, zone: tzinfo | None) -> Content:
    """The answer first, then every check in the gateway's order."""
    if verdict.allowed:
        used = "" if verdict.model_used in (None, verdict.model) else f", answered by {verdict.model_used}"
        tier = f" ({verdict.tier})" if verdict.tier else ""
        head = Content.assemble(
            ("✓ Yes", "bold $success"),
            (f": {visible(verdict.model)}{visible(used)}{tier}", "bold"),
            (
                f"\na first turn of Codex reserves {exact_credits(parse_credits(verdict.estimate_credits))} Cr"
                if verdict.estimate_credits
                else "",
                "$quiet",
            ),
        )
    else:
        head = Content.assemble(
            (f"✗ No: {verdict.status} {verdict.error_type or ''}", "bold $error"),
            (f"\n{refusal(visible(verdict.message or '', limit=400), zone, now)}", ""),
            (f"\ncause {verdict.cause}" if verdict.cause else "", "$quiet"),
        )
    lines = [head, Content("")]
    for step in verdict.steps:
        good = step.get("status") == "pass"
        glyph, style = ("✓", "$success") if good else ("✗", "$error")
        title = visible(step.get("title", ""))
        lines.append(Content.assemble((f"{glyph} ", style), (title, "" if good else "bold")))
    return Content("\n").join(lines)
