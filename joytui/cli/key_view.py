"""A key and the verdict of a dry run as the commands show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from joytui.cli import amounts
from joytui.cli.columns import Column
from joytui.cli.output import paint
from joytui.core.money import parse_credits
from joytui.core.redaction import visible

if TYPE_CHECKING:
    from joytui.core.wire import BudgetView, KeyVerdict, KeyView

COLUMNS = (
    Column("name", least=10),
    Column("id", rank=2),
    Column("key", rank=4),
    Column("state"),
    Column("owner", least=6, rank=3),
    Column("model", least=6, rank=5),
    Column("spent", right=True),
    Column("budget", least=16, rank=1),
    Column("requests", right=True, rank=6),
    Column("last used", rank=2),
    Column("expires", rank=7),
)


def row(key: KeyView) -> list[str]:
    """The cells of COLUMNS."""
    return [
        key.name,
        key.id,
        key.hint,
        key.state,
        key.owner or "",
        key.policy.fixed_model or "",
        credits_text(key.spent),
        tightest(key.budgets),
        str(key.requests),
        amounts.local_time(key.last_used_at) or "never",
        amounts.local_time(key.expires_at),
    ]


def tightest(budgets: Sequence[BudgetView]) -> str:
    """The budget of which the least is left: "daily 0.4/5", with " +1" where the key has another."""
    if not budgets:
        return ""
    one = max(budgets, key=lambda b: (parse_credits(b.spent) + parse_credits(b.held)) / (parse_credits(b.limit) or 1))
    more = f" +{len(budgets) - 1}" if len(budgets) > 1 else ""
    return f"{one.period} {credits_text(one.spent)}/{credits_text(one.limit)}{more}"


def credits_text(text: str) -> str:
    return amounts.credits(parse_credits(text))


def describe_verdict(verdict: KeyVerdict) -> str:
    """The answer first, then the gateway's checks in their order."""
    asked = f"{verdict.model} → {verdict.model_used}" if verdict.model_used else verdict.model
    if verdict.allowed:
        cost = f", holds {credits_text(verdict.estimate_credits)} Cr" if verdict.estimate_credits else ""
        tier = f", tier {verdict.tier}" if verdict.tier else ""
        answer = [paint(f"yes: {asked}{tier}{cost}", "green")]
    else:
        answer = [paint(f"no: {verdict.status} {verdict.error_type}", "red"), visible(verdict.message or "")]
        if verdict.cause:
            answer.append(f"cause: {verdict.cause}")
    return "\n".join([line for line in answer if line] + [_step(step) for step in verdict.steps])


def _step(step: Mapping[str, str]) -> str:
    """One check of the gateway: {"step", "title", "status": "pass" | "fail"}."""
    mark, style = ("✓", "green") if step.get("status") == "pass" else ("✗", "red")
    return f"  {paint(mark, style)} {visible(step.get('title') or step.get('step', ''))}"
