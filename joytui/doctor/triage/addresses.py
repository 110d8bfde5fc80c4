"""What the addresses in a ticket tell about each other: the same port by http and by https, a command that reached it directly."""

from __future__ import annotations

import re
from dataclasses import replace

from joytui.causes import CAUSES
from joytui.doctor.triage.answer import Guess, guess

_ADDRESS = re.compile(r"\b(https?)://([\w.-]{1,200}|\[[0-9a-f:]{2,40}\]):(\d{2,5})\b", re.I)
_CURL = re.compile(r"\bcurl\b[^\n]{0,300}?[\s/]([\w.-]{1,200}):(\d{2,5})\b")
_REFUSED = re.compile(r"\bcurl: \(7\)[^\n]{0,40}?\bto ([\w.-]{1,200}) port (\d{2,5})\b")
_HERE = re.compile(r"localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[?::1?\]?", re.I)
EXCERPT = 60_000
BETWEEN = 5
"""Lines from a command to its error."""


def narrowed_by_addresses(found: Guess | None, text: str) -> Guess | None:
    """The guess at a failed connection with the one of its causes that the addresses beside it show."""
    if found is None or len(found.causes) < 2 or CAUSES[found.causes[0]].phase not in ("connect", "send"):
        return found
    text = text[:EXCERPT]
    if "tls-protocol-mismatch" in found.causes and (port := _both_ways(text)):
        return replace(
            guess("tls-protocol-mismatch", note=f"Both http and https are used for {port}; only one of them is right."),
            words=found.words,
        )
    if "connection-refused" in found.causes and _refused_directly(text):
        return guess("connection-refused").heard(found.words)
    return found


def _both_ways(text: str) -> str | None:
    """The host and port that the ticket names with http and with https."""
    ways: dict[tuple[str, str], set[str]] = {}
    for scheme, host, port in _ADDRESS.findall(text):
        ways.setdefault((_place(host), port), set()).add(scheme.lower())
    return next((f"{host}:{port}" for (host, port), schemes in ways.items() if len(schemes) > 1), None)


def _refused_directly(text: str) -> bool:
    """Whether curl was refused by the very host that it was to ask: no proxy is between."""
    lines = text.split("\n")
    for number, line in enumerate(lines):
        if refused := _REFUSED.search(line):
            before = "\n".join(lines[max(0, number - BETWEEN) : number])
            if (_place(refused[1]), refused[2]) in {(_place(host), port) for host, port in _CURL.findall(before)}:
                return True
    return False


def _place(host: str) -> str:
    """The host, each name of this machine as one."""
    return "localhost" if _HERE.fullmatch(host) else host.lower()
