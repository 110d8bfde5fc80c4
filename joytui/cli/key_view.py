"""A key and the verdict of a dry run as the commands show them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from joytui.cli import amounts
from joytui.cli.columns import Column
from joytui.cli.output import paint
from joytui.core.redaction import visible

if TYPE_CHECKING:
    from joytui.core.wire import KeyVerdict, KeyView

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
        amounts.credits_text(key.spent),
        tightest(key),
        str(key.requests),
        amounts.local_time(key.last_used_at) or "never",
        amounts.local_time(key.expires_at),
    ]


def tightest(key: KeyView) -> str:
    """The budget that is nearest to its end: "daily 0.4/5", with " +1" where the key has another."""
    one = key.tightest
    if one is None:
        return ""
    more = f" +{len(key.budgets) - 1}" if len(key.budgets) > 1 else ""
    return f"{one.period} {amounts.credits_text(one.spent)}/{one.limit}{more}"


def describe_verdict(verdict: KeyVerdict) -> str:
    """The answer first, then the gateway's checks in their order."""
    asked = f"{verdict.model} → {verdict.model_used}" if verdict.model_used else verdict.model
    if verdict.allowed:
        size = {"codex-turn": "a first turn of Codex", "small": "a small request"}.get(verdict.like, "a request")
        holds = amounts.credits_text(verdict.estimate_credits) if verdict.estimate_credits else ""
        cost = f"; {size} holds {holds} Cr" if holds else ""
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
