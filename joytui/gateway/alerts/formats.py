"""An alert as a receiver wants it: JSON as the Standard Webhooks have it, a Slack message, a card for Teams.

Slack: incoming webhooks (text, blocks; docs.slack.dev/messaging/sending-messages-using-incoming-webhooks). Teams: the workflow "Send
webhook alerts to a channel", which takes an Adaptive Card (learn.microsoft.com/microsoftteams/platform/webhooks-and-connectors).
"""

from __future__ import annotations

import json
from typing import Any, Literal

from joytui.gateway.alerts.words import alert_view, words_of
from joytui.gateway.views import shown_time
from joytui.ledger.alerts import AlertRow

Format = Literal["json", "slack", "teams"]
_MARKS = {"info": "ℹ️", "warning": "⚠️", "critical": "🛑"}
_COLOURS = {"info": "Accent", "warning": "Warning", "critical": "Attention"}


def body_of(row: AlertRow, form: Format) -> bytes:
    made = {"json": _json, "slack": _slack, "teams": _teams}[form](row)
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()


def _json(row: AlertRow) -> dict[str, Any]:
    """What does not change between two tries: what became of the tries before is no part of it."""
    view = {
        name: value for name, value in alert_view(row).items() if name not in ("state", "tries", "sent_at", "error")
    }
    return {"type": f"alert.{row.kind}", "timestamp": shown_time(row.at), "data": view}


def _slack(row: AlertRow) -> dict[str, Any]:
    words = words_of(row)
    title, text = _escaped(words.title), _escaped(words.text)
    mark = _MARKS[words.severity]
    return {
        "text": f"{mark} {title}. {text}",
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": f"{mark} *{title}*\n{text}", "verbatim": True}},
            {"type": "context", "elements": [{"type": "mrkdwn", "text": f"{words.severity} · {shown_time(row.at)} · {row.id}", "verbatim": True}]},
        ],
    }  # fmt: skip


def _escaped(text: str) -> str:
    """Without what Slack reads as a mention or a link, and without what would end the bold. (`verbatim`: it makes no links of bare
    addresses, rooms and names either, all of which a key's name or a client's error may have.)"""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("*", "∗")


def _teams(row: AlertRow) -> dict[str, Any]:
    words = words_of(row)
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            {"type": "TextBlock", "text": _plain(words.title), "weight": "Bolder", "size": "Medium", "wrap": True,
             "color": _COLOURS[words.severity]},
            {"type": "TextBlock", "text": _plain(words.text), "wrap": True},
            {"type": "TextBlock", "text": f"{words.severity} · {shown_time(row.at)} · {row.id}", "isSubtle": True, "wrap": True},
        ],
    }  # fmt: skip
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": card}
    return {"type": "message", "attachments": [attachment]}


def _plain(text: str) -> str:
    """Teams reads Markdown in a text: names from outside make no links and no emphasis."""
    return "".join(f"\\{one}" if one in "\\`*_[]()<>#" else one for one in text)
