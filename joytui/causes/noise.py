"""What Codex prints in runs that end well: nobody needs to act on it, and it explains no failure that is beside it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Noise:
    """A pattern (case-blind) of one message, and what is said where a ticket holds nothing else.

    `warns`: the warning of the catalogue that it belongs to.
    """

    pattern: str
    meaning: str
    warns: str = ""


NOISE: Final = (
    Noise(
        r"failed to connect to (?:responses )?websocket|responses websocket\s+(?:failed|is not|unavailable)|websockets? (?:transport )?(?:is |are )?(?:disabled|not supported)"
        r"|\b426\b[^\n]{0,30}upgrade required|upgrade required[^\n]{0,30}\b426\b|responses_websocket:",
        "Codex tries a WebSocket first. The gateway has none and says so, Codex goes on over HTTP, and the turn works.",
        "websocket-fallback",
    ),
    Noise(
        r"falling back from websockets to https? transport\.?\s*(?:$|[^\n]{0,80}\b(?:426|upgrade required|404|405|501)\b)",
        "Codex goes on over HTTP where the gateway has no WebSocket; the turn works.",
        "websocket-fallback",
    ),
    Noise(
        r"\b(?:is|are) deprecated\b|\bwill (?:soon )?be removed\b|^deprecat(?:ed|ion)\b",
        "This is the announcement of a later change. It does not stop the Codex that prints it.",
    ),
    Noise(
        r"model metadata for \S{1,80} not found|defaulting to fallback metadata",
        "Codex does not know this model's sizes and takes usual ones. The turn works.",
    ),
    Noise(
        r"could not create path aliases|could not find bubblewrap|will use the bundled bubblewrap",
        "A convenience of Codex's own that this machine lacks. It has nothing to do with the gateway.",
    ),
    Noise(
        r"failed to refresh available models|failed to decode models response",
        "Codex asks for a list of models at its start and goes on without one.",
    ),
    Noise(
        r"mcp (?:client|server)[^\n]{0,60}(?:failed to start|timed out|not logged in)",
        "One MCP server did not start. Turns work without its tools.",
    ),
    Noise(
        r"heads up, you (?:have|'ve) (?:used|less than)\b[^\n]{0,60}\blimit",
        "Codex tells how much of a limit is left. It goes on.",
    ),
    Noise(r"\bupdate available\b|new version (?:of codex )?is available", "Codex tells of a newer version."),
)

WELL: Final = "Good to hear that it works."
_WORKS: Final = re.compile(
    r"\b(?:works?|working|running|runs?|solved|resolved|fixed)\b|\b(?:all|everything|it(?:'s| is)?) (?:is )?(?:good|fine|ok(?:ay)?)\b"
    r"|已经好了|可以用了|解决了|恢复了|正常了|一切正常|\b(?:geht|läuft|funktioniert|klappt|erledigt|gelöst)\b|\b(?:funciona|solucionado|resuelto|fonctionne|marche|résolu)\b"
    r"|直りました|解決しました|動きました|動くように|正常に動|動いています",
    re.I,
)
_CLOSED: Final = re.compile(
    r"\b(?:all|everything|it)(?:'s| is| was)? (?:good|fine|ok(?:ay)?|well|works?|working) (?:now|again)\b|\b(?:works?|working|running|runs) (?:fine )?(?:now|again)\b"
    r"|\b(?:please |you can |can )close\b|\bclose (?:the|this) (?:ticket|issue|case)\b|\bTicket (?:kann|können)\b|已经好了|可以用了|解决了|解決しました",
    re.I,
)
_BUT: Final = re.compile(r"\b(?:but|however|except|until|aber|pero|mais|why)\b|但|が、", re.I)
_COMPLAINS: Final = re.compile(
    r"\b(?:not|no longer|never|but|until|except|why|how come|fail(?:s|ed|ing|ure)?|broken|errors?|problems?|issues?|wrong|nothing|stopped|instead|cannot|unable|missing|invalid|denied|refus\w+|reject\w+|time ?out)\b|n't\b"
    r"|\b(?:works? only|only (?:works?|codex|in|with|from)|help me|need help|please help)\b|\b(?:curl|postman|python|sdk|browser|elsewhere|other (?:client|program|tool)s?)\b|\b[45]\d\d\b"
    r"|但|不|无法|没|怎么|为什么|报错|\b(?:aber|nicht|kein\w*|warum|fehler)\b|\b(?:pero|sin embargo|por qué|error|falla)\b|\bno (?:me |se )?\w+|\b(?:mais|pas|pourquoi|erreur)\b|ません|ない|なぜ|エラー|が、",
    re.I,
)


def complains(text: str) -> bool:
    """Whether somebody's own words tell of something that is not as it should be."""
    return bool(_COMPLAINS.search(text))


def says_well(text: str) -> bool:
    """Whether a text in somebody's own words, in which no failure was found, says that it works and asks nothing."""
    if "?" in text or "？" in text:
        return False
    closed = _CLOSED.search(text) and not _BUT.search(text)
    return bool(closed or (_WORKS.search(text) and not complains(text)))
