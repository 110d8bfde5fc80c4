"""From a request id to the whole story: the gateway's record, the Codex thread that sent it, key and wallet then.

The gateway keeps every movement of a wallet, so its balance at that moment is exact. It keeps no history of a key's
policy: that is shown as it is now, and said so.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joytui.causes import CAUSES, Cause
from joytui.causes.answers import part_of
from joytui.core.clock import rfc3339
from joytui.core.records import to_json
from joytui.core.redaction import Redactor, visible
from joytui.core.request import RequestRecord
from joytui.doctor.triage.reply import plainly
from joytui.doctor.triage.story import Story, WalletThen

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.codex.rollouts.turns import Turn

Paint = Callable[..., str]
ENTRIES = 500
TURNS = 400


async def join(console: ConsoleClient, request_id: str, env: Mapping[str, str]) -> Story | None:
    """The story of a request, None if the gateway has none of that id. Errors as of ConsoleClient."""
    record = await console.request(request_id)
    if record is None:
        return None
    key = next((one for one in await console.keys() if one.id == record.key_id), None) if record.key_id else None
    wallet = await _wallet_then(console, record)
    turns = _turns_of(record.thread_id, env)
    turn = _nearest(turns, record.time)
    cause = CAUSES.get(record.cause or "")
    if cause:
        cause = cause.as_met(part_of(cause.id, record.error_message or ""))
    return Story(record, cause, key, wallet, turn, len(turns), _reply(record, cause))


async def _wallet_then(console: ConsoleClient, record: RequestRecord) -> WalletThen | None:
    """The balance just before the request: what is there now without every movement since."""
    if record.tier is None:
        return None
    now = next((one.balance for one in await console.wallet() if one.tier == record.tier), None)
    entries = await console.wallet_entries(tier=record.tier, limit=ENTRIES)
    own = [entry for entry in entries if entry.request == record.id]
    first = min((entry.id for entry in own), default=None)  # its place in the book: another's time may be the same
    since = [e for e in entries if (e.time >= record.time if first is None else e.id >= first)]
    whole = len(since) < ENTRIES
    balance = None
    if now is not None and whole:
        try:
            balance = str(Decimal(now) - sum((Decimal(entry.amount) for entry in since), Decimal(0)))
        except InvalidOperation:
            balance = None
    return WalletThen(record.tier, balance, tuple(f"{e.kind} {e.amount} (held {e.held})" for e in reversed(own)))


def _turns_of(thread: str | None, env: Mapping[str, str]) -> list[Turn]:
    """The turns of that thread in this machine's rollout files."""
    if not thread:
        return []
    from joytui.codex.rollouts.turns import last_turns

    home = Path(env.get("CODEX_HOME") or os.path.join(env.get("HOME", "~"), ".codex")).expanduser()
    return [turn for turn in last_turns(home, TURNS) if turn.thread == thread]


def _nearest(turns: list[Turn], time: str) -> Turn | None:
    """The newest turn that began before the request."""
    return next((turn for turn in turns if rfc3339(turn.time) <= time), turns[-1] if turns else None)


def _reply(record: RequestRecord, cause: Cause | None) -> str:
    at = f"Your request {record.request_id} of {record.time[:19].replace('T', ' ')} UTC reached the gateway"
    if cause is None:
        ended = "is still running" if record.status is None else f"was answered with HTTP {record.status}"
        return f"{at} and {ended}: the gateway refused nothing."
    said = visible(record.error_message or "", limit=300)
    told = f" {numbers}" if (numbers := plainly(said)) else ""
    refused = f"{at} and was refused with HTTP {record.status}{f' ({said})' if said else ''}.{told}"
    return f"{refused}\n\n{cause.title}. {cause.explanation}\n\nWhat to do: {cause.remedy}"


# --- shown ------------------------------------------------------------------------------------------------------------


def story_json(story: Story) -> dict[str, Any]:
    """The story as plain data, redacted."""
    from joytui.core.request_lines import request_view

    turn = story.turn
    data = {
        "schema_version": 1,
        "sure": "decided" if story.cause else "not decidable" if story.record.status is None else "served",
        "cause": story.cause.id if story.cause else None,
        "row": story.cause.row if story.cause else None,
        "request": request_view(story.record),
        "key": story.key.model_dump() if story.key else None,
        "policy_is_of": "now",
        "wallet": to_json(story.wallet),
        "turn": _turn_json(turn) if turn else None,
        "thread_turns": story.thread_turns,
        "reply": story.reply,
    }
    return dict(Redactor().data(data))


def _turn_json(turn: Turn) -> dict[str, Any]:
    return {
        "time": rfc3339(turn.time),
        "thread": turn.thread,
        "provider": turn.provider,
        "model": turn.model,
        "cwd": turn.cwd,
        "outcome": turn.outcome,
        "error": turn.error,
        "codex_version": turn.codex_version,
    }


def render_story(story: Story, paint: Paint) -> str:
    """The story for a person: verdict, record, key, wallet, thread, reply."""
    cause = story.cause
    head = f"{cause.title}   [{cause.id}, row {cause.row}]" if cause else "The gateway served this request"
    glyph, style = ("✗", "red") if cause else ("✓", "green")
    lines = [
        f"{paint(glyph, style, 'bold')} {paint(head, style, 'bold')}",
        "",
        *story_lines(story, paint),
        "",
        paint("  Reply to send", "bold"),
        *(f"    {line}" for line in story.reply.splitlines()),
    ]
    return _shown("\n".join(lines))


def _shown(text: str) -> str:
    return Redactor().text("\n".join(visible(line) if "\x1b" not in line else line for line in text.split("\n")))


def story_lines(story: Story, paint: Paint) -> list[str]:
    """What is known of the request: its record, the key, the wallet, the thread. Redacted."""
    record = story.record
    said = f": {record.error_message}" if record.error_message else ""
    lines = [
        f"  {paint('Request', 'bold')}  {record.request_id} at {record.time}",
        f"    {record.endpoint}, model {record.model or '-'}, HTTP {record.status or '…'}{said}",
        *_key_lines(story, paint),
        *_wallet_lines(story.wallet, paint),
        *_turn_lines(story, paint),
    ]
    return _shown("\n".join(lines)).split("\n")


def _key_lines(story: Story, paint: Paint) -> list[str]:
    if story.key is None:
        return [f"  {paint('Key', 'bold')}  none that this gateway knows"]
    key = story.key
    policy = key.policy.model_dump(exclude_defaults=True)
    limits = ", ".join(f"{name} {value}" for name, value in policy.items()) or "no limits"
    lines = [f"  {paint('Key', 'bold')}  {key.name} ({key.hint}), {key.state}; policy now: {limits}"]
    lines += [f"    {b.period} budget {b.limit}: {b.spent} spent, {b.left} left" for b in key.budgets]
    return lines


def _wallet_lines(wallet: WalletThen | None, paint: Paint) -> list[str]:
    if wallet is None:
        return []
    balance = f"{wallet.balance} credits before this request" if wallet.balance is not None else "no balance was set"
    moved = f"; {', '.join(wallet.movements)}" if wallet.movements else ""
    return [f"  {paint('Wallet', 'bold')}  {wallet.tier}: {balance}{moved}"]


def _turn_lines(story: Story, paint: Paint) -> list[str]:
    turn = story.turn
    if turn is None:
        where = (
            f"thread {story.record.thread_id} is not in this machine's sessions"
            if story.record.thread_id
            else "no thread id"
        )
        return [f"  {paint('Codex thread', 'bold')}  {where}"]
    said = f": {turn.error}" if turn.error else ""
    return [
        f"  {paint('Codex thread', 'bold')}  {turn.thread}, {story.thread_turns} turn(s), provider {turn.provider}, Codex {turn.codex_version}",
        f"    the turn of {rfc3339(turn.time)} in {turn.cwd} {turn.outcome}{said}",
    ]
