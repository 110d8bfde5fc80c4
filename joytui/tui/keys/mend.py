"""From a refusal to the changes of its key's policy that would let the same request through. Pure.

What refused is in the gateway's own words (gateway/refusals.py, gateway/policy.py) and in the policy as it is now, which may
be another than the one that refused: a change that is made already is not offered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Literal

from joytui.core.money import MoneyError, format_credits, parse_credits
from joytui.tui.keys.form import TIERS

if TYPE_CHECKING:
    from joytui.core.request import RequestRecord
    from joytui.core.wire import KeyView, PolicyView

Period = Literal["daily", "weekly", "total"]
WORDS: dict[Period, str] = {"daily": "today's limit", "weekly": "this week's limit", "total": "the total limit"}
_LIMIT = re.compile(r"(daily|weekly|total) limit of ")
_OF_NODE = re.compile(r"\b(org|(?:team|owner):.{1,200}?|task \S+): (daily|weekly|total) limit of ")
_WALLET = re.compile(r"the (economy|standard|premium) wallet has ")
_TIER = re.compile(r"requested tier is not allowed: (economy|standard|premium)\b")
SHOWN = (
    "fixed_model", "tiers", "model_blacklist", "ip_allow", "ip_block", "daily_limit", "weekly_limit", "total_limit", "blocked",
    "block_reason",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mend:
    """One change. `raises`: the limit that is raised by an amount, which the user says; `change` makes the policy, with that
    amount in nano-credits (0 if none is asked for)."""

    title: str
    change: Callable[[PolicyView, int], PolicyView]
    raises: Period | None = None


def wallet_of(record: RequestRecord) -> str | None:
    """The tier whose wallet was empty, where that refused the request."""
    found = _WALLET.search(record.error_message or "")
    return found[1] if found else None


def node_of(record: RequestRecord) -> tuple[str, Period] | None:
    """The node above or below the key whose limit refused the request, as the API calls it, and of which window."""
    found = _OF_NODE.search(record.error_message or "")
    if found is None:
        return None
    period: Period = "daily" if found[2] == "daily" else "weekly" if found[2] == "weekly" else "total"
    return found[1].replace("task ", "task:", 1) if found[1].startswith("task ") else found[1], period


def mends(record: RequestRecord, key: KeyView) -> list[Mend]:
    """The changes that could let this request through, the one that its refusal names first."""
    if record.cause == "insufficient-quota":
        return [*_limits(record, key)]
    if record.cause == "policy-rejected":
        return [*_unblocked(key), *_addresses(record, key), *_tiers(record, key), *_models(record, key)]
    return []


def _limits(record: RequestRecord, key: KeyView) -> Iterator[Mend]:
    named = _LIMIT.search(record.error_message or "")
    if wallet_of(record) is not None or node_of(record) is not None:
        return
    periods: list[Period] = [budget.period for budget in key.budgets]
    for period in sorted(periods, key=lambda one: named is None or one != named[1]):
        yield Mend(f"Raise {WORDS[period]} by", partial(_raised, period), period)


def _raised(period: Period, policy: PolicyView, by: int) -> PolicyView:
    name = f"{period}_limit"
    return policy.model_copy(update={name: format_credits(parse_credits(getattr(policy, name) or "0") + by)})


def _unblocked(key: KeyView) -> Iterator[Mend]:
    if key.policy.blocked:
        yield Mend(
            "Remove the block", lambda policy, by: policy.model_copy(update={"blocked": False, "block_reason": None})
        )


def _addresses(record: RequestRecord, key: KeyView) -> Iterator[Mend]:
    address = record.ip
    if not address:
        return
    if key.policy.ip_allow and not _listed(address, key.policy.ip_allow):
        yield Mend(
            f"Allow {address}", lambda policy, by: policy.model_copy(update={"ip_allow": [*policy.ip_allow, address]})
        )
    blocking = [network for network in key.policy.ip_block if _listed(address, [network])]
    if blocking:
        yield Mend(
            f"Stop blocking {', '.join(blocking)}",
            lambda policy, by: policy.model_copy(
                update={"ip_block": [network for network in policy.ip_block if network not in blocking]}
            ),
        )


def _listed(address: str, networks: list[str]) -> bool:
    from ipaddress import ip_address, ip_network

    try:
        return any(ip_address(address) in ip_network(network, strict=False) for network in networks)
    except ValueError:
        return False


def _tiers(record: RequestRecord, key: KeyView) -> Iterator[Mend]:
    found = _TIER.search(record.error_message or "")
    if found and key.policy.tiers and found[1] not in key.policy.tiers:
        tiers = [tier for tier in TIERS if tier in key.policy.tiers or tier == found[1]]
        yield Mend(f"Permit the tier {found[1]}", lambda policy, by: policy.model_copy(update={"tiers": tiers}))


def _models(record: RequestRecord, key: KeyView) -> Iterator[Mend]:
    model, fixed = record.model, key.policy.fixed_model
    if not model:
        return
    names = (model.lower(), model.lower().rsplit("/", 1)[-1])
    listed = [name for name in key.policy.model_blacklist if name.strip().lower() in names]
    if listed:
        yield Mend(
            f"Permit the model {model}",
            lambda policy, by: policy.model_copy(
                update={"model_blacklist": [name for name in policy.model_blacklist if name not in listed]}
            ),
        )
    if fixed and model not in ("auto", fixed):
        yield Mend(
            f"Permit {model} instead of {fixed}", lambda policy, by: policy.model_copy(update={"fixed_model": model})
        )
        yield Mend("Permit any model", lambda policy, by: policy.model_copy(update={"fixed_model": None}))


def suggested(key: KeyView, period: Period) -> str:
    """By how much a limit is raised, unless given otherwise: by half of it, at least a credit."""
    return half(parse_credits(getattr(key.policy, f"{period}_limit") or "0"))


def half(limit: int) -> str:
    """Credits: half of a limit in nano-credits, at least one."""
    return format_credits(max(10**9, limit // 2 // 10**9 * 10**9))


def amount(text: str) -> int:
    """Nano-credits of what was typed. Raises ValueError, with what is wanted."""
    try:
        nano = parse_credits(text.strip().replace(",", "."))
    except MoneyError:
        nano = 0
    if nano <= 0:
        raise ValueError("an amount of credits: 0.5, 20")
    return nano


def difference(before: PolicyView, after: PolicyView) -> str:
    """The policy's changed lines as a diff, with "none" for what does not limit."""
    lines = []
    for name in SHOWN:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            lines += [f"- {name}: {_value(old)}", f"+ {name}: {_value(new)}"]
    return "\n".join(lines)


def _value(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
