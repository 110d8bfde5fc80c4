"""What differs from machine to machine and from run to run in a report, and nothing else, taken out of it.

Found by playing all situations again: in the ordinary and in a private network, on a busy machine, as another user, by the command.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tests.support.playground import Result

# Whatever they hold: the time it took, the day, the release. What stands instead leaves a report that can be read.
_ALWAYS = {
    "duration_ms": 0.0,
    "generated_at": "2026-11-23T12:00:00.000Z",
    "joytui_version": "0.0.0",
    "newest_checked": "0.0.0",
}
# Counted from today where the gateway names a date (a Retry-After beyond a day).
_FROM_TODAY = ("retry_after_s", "codex_gives_up_after_s")
_FAR = 100_000.0

_PATTERNS = (
    (re.compile(r"joytui-doctor-[0-9a-f]{32}"), "joytui-doctor-‹id›"),
    # A name that does not resolve: by a resolver that says so, without any, on macOS.
    (re.compile(r"Name or service not known|Temporary failure in name resolution|nodename nor servname provided, or not known"), "‹unresolved›"),
    # No protocol in common: each release of OpenSSL says it in its own way.
    (re.compile(r"TLSV1_ALERT_PROTOCOL_VERSION|\[SSL\] legacy sigalg disallowed or unsupported \(_ssl\.c:\d+\)"), "‹no common protocol›"),
    (re.compile(r"\[::1\]:\S+, (?=127\.0\.0\.1:)"), ""),  # localhost is two addresses where /etc/hosts has IPv6
)  # fmt: skip
_IPV6_LOOPBACK = "[::1]:"


def document(result: Result) -> dict[str, Any]:
    """What is frozen of a run of the doctor: its exit code, its report, and how often it asked what of the gateway."""
    clean = _Cleaner(result.places)
    requests = {clean.text(request): count for request, count in sorted((result.requests or {}).items())}
    return {"exit": result.exit_code, "report": clean(result.report), "requests": requests}


class _Cleaner:
    """Puts placeholders back for the folders and ports of one run, and masks what never repeats."""

    def __init__(self, places: Mapping[str, str]) -> None:
        known = {value: name for name, value in places.items() if value != name}
        self._ports = {int(value): name for value, name in known.items() if value.isdigit()}
        self._changes = [*_PATTERNS]
        for value, name in sorted(known.items(), key=lambda one: -len(one[0])):
            self._changes += _port(value, name) if value.isdigit() else _folder(value, name)

    def __call__(self, value: Any, member: str = "") -> Any:
        if member in _ALWAYS:
            return _ALWAYS[member]
        if isinstance(value, dict):
            return {self.text(name): self(one, name) for name, one in value.items()}
        if isinstance(value, list):
            return [self(one) for one in value if not (isinstance(one, str) and one.startswith(_IPV6_LOOPBACK))]
        if isinstance(value, str):
            return self.text(value)
        return self._number(value, member)

    def text(self, value: str) -> str:
        for pattern, instead in self._changes:
            value = pattern.sub(instead, value)
        return value

    def _number(self, value: Any, member: str) -> Any:
        if type(value) is int and value in self._ports:
            return self._ports[value]
        far = member in _FROM_TODAY and isinstance(value, (int, float)) and value > _FAR
        return _FAR if far else value


def _port(value: str, name: str) -> list[tuple[re.Pattern[str], str]]:
    """As its own number, also with a zero before it, or in a file of UTF-16."""
    wide = "\0".join(value)
    return [(re.compile(rf"(?<![1-9])(?<!\d0){value}(?!\d)"), name), (re.compile(wide), name)]


def _folder(value: str, name: str) -> list[tuple[re.Pattern[str], str]]:
    """With and without the slash before it, as the head of a patch has it."""
    return [(re.compile(re.escape(value)), name), (re.compile(re.escape(value.lstrip("/"))), name)]
