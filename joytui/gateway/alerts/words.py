"""What an alert says: a title, a sentence, and its severity."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from joytui.core.clock import rfc3339
from joytui.core.money import format_credits
from joytui.core.nodes import parse_node
from joytui.gateway.views import shown_time
from joytui.ledger.alerts import AlertRow
from joytui.ledger.records import resets_at

Severity = Literal["info", "warning", "critical"]
_AMOUNTS = ("limit", "spent", "usual", "rate")
_TIMES = ("window", "gone_at", "expires_at", "begin", "end", "since", "last_seen")


class Words(NamedTuple):
    severity: Severity
    title: str
    text: str


def words_of(row: AlertRow) -> Words:
    return _WORDS[row.kind](row, row.facts)


def alert_view(row: AlertRow) -> dict[str, Any]:
    """A `wire.AlertView`."""
    return {
        "id": row.id, "time": shown_time(row.at), "kind": row.kind, "subject": row.subject, "team": row.team,
        **words_of(row)._asdict(), "facts": facts_view(row), "state": row.state, "tries": row.tries,
        "sent_at": shown_time(row.sent_at), "error": row.error,
    }  # fmt: skip


def facts_view(row: AlertRow) -> dict[str, Any]:
    """The facts as JSON has them: amounts as decimal credits, times in RFC 3339."""
    shown = dict(row.facts)
    for name in _AMOUNTS:
        if isinstance(shown.get(name), int):
            shown[name] = format_credits(shown[name])
    for name in _TIMES:
        if isinstance(shown.get(name), int):
            shown[name] = shown_time(shown[name]) if shown[name] else None
    return shown


def node_words(row: AlertRow) -> str:
    """For example "key dev", "team core", "the organisation"."""
    kind = parse_node(row.subject).kind
    return "the organisation" if kind == "org" else f"{kind} {row.facts.get('name', '')}"


def _credits(nano: int) -> str:
    return format_credits(nano, places=2)


def _at(ms: int) -> str:
    return f"{(shown_time(ms) or '')[:16].replace('T', ' ')} UTC"


def _window(facts: Any) -> str:
    """What is spent of a limit, and until when that counts."""
    reset = resets_at(facts["period"], facts["window"])
    until = f"; resets {rfc3339(reset)[:16].replace('T', ' ')} UTC" if reset else ""
    return f"{_credits(facts['spent'])} of {_credits(facts['limit'])} credits spent{until}."


def _budget(row: AlertRow, facts: Any) -> Words:
    limit = f"{facts['period']} limit"
    if facts["threshold"] >= 100:
        return Words("critical", f"{node_words(row)}: {limit} reached", _window(facts))
    severity: Severity = "info" if facts["threshold"] < 80 else "warning"
    return Words(severity, f"{node_words(row)}: {facts['threshold']}% of its {limit} spent", _window(facts))


def _forecast(row: AlertRow, facts: Any) -> Words:
    title = f"{node_words(row)}: {facts['period']} limit will not last"
    return Words("warning", title, f"At the current rate it runs out at {_at(facts['gone_at'])}. {_window(facts)}")


def _expiry(row: AlertRow, facts: Any) -> Words:
    days = facts["days"]
    left = "a day" if days == 1 else f"{days} days"
    whose = f" It belongs to {facts['owner']}." if facts.get("owner") else ""
    text = (
        f"It expires at {_at(facts['expires_at'])}.{whose} `joytui keys rotate` makes a new one with the same policy."
    )
    return Words("warning" if days == 1 else "info", f"key {facts['name']} expires within {left}", text)


def _anomaly(row: AlertRow, facts: Any) -> Words:
    text = f"From {_at(facts['begin'])}: {_credits(facts['spent'])} credits; {_credits(facts['usual'])} is usual."
    why = f" {facts['why']}." if facts.get("why") else ""
    whose = f" by key {facts['name']}" if facts.get("name") else ""
    return Words("warning", f"unusual spending{whose}", text + why)


def _failing(row: AlertRow, facts: Any) -> Words:
    status = f" ({facts['status']})" if facts.get("status") else ""
    cause = facts.get("cause") or "unknown"
    likely = "" if facts.get("sure") or not facts.get("cause") else "probably "
    text = f"Since {_at(facts['since'])}. Cause: {likely}{cause}{status}."
    said = f" {facts['message']}" if facts.get("message") else ""
    return Words("critical", f"{facts['name']}'s Codex keeps failing", text + said)


def _gateway(row: AlertRow, facts: Any) -> Words:
    running = facts.get("running") or 0
    left = f" Another gateway ends its {running} open request{'s' if running > 1 else ''}." if running else ""
    return Words("critical", f"gateway {facts['name']} is gone", f"Last heard from at {_at(facts['last_seen'])}.{left}")


def _test(row: AlertRow, facts: Any) -> Words:
    return Words("info", "a test of joytui's alerts", f"Sent by {facts['name']} with `joytui alerts test`.")


_WORDS = {
    "budget": _budget, "forecast": _forecast, "expiry": _expiry, "anomaly": _anomaly, "failing": _failing,
    "gateway": _gateway, "test": _test,
}  # fmt: skip
