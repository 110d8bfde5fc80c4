"""The lines that web servers and gateways write of each request: what became of Codex's, and which routes are there."""

from __future__ import annotations

import re
from dataclasses import dataclass

from joytui.doctor.triage.answer import Guess
from joytui.doctor.triage.signs import sign
from joytui.doctor.triage.status import Refused, of_refusal

_COMMON = re.compile(r"\"(POST|GET|HEAD) (/[^\s\"]{1,300}) HTTP/[\d.]{1,3}\"\s{1,3}(\d{3})\b")
_GIN = re.compile(r"\|\s{0,4}(\d{3}) \|[^\n]{0,80}\|\s{0,4}(POST|GET|HEAD)\s{1,8}\"(/[^\s\"]{1,300})\"")
_ASKED = re.compile(r"/(?:responses|chat/completions)$")


@dataclass(frozen=True, slots=True)
class Served:
    """One request in a server's log."""

    method: str
    path: str
    status: int


def requests_in(text: str) -> list[Served]:
    """The requests that a server's log in a ticket shows, in order."""
    served = []
    for line in text.split("\n"):
        if found := _COMMON.search(line):
            served.append(Served(found[1], found[2].split("?")[0], int(found[3])))
        elif found := _GIN.search(line):
            served.append(Served(found[2], found[3].split("?")[0], int(found[1])))
    return served


def judged(requests: list[Served]) -> Guess | None:
    """What the last of Codex's requests in a log leaves open; None where it was served, or there is none."""
    asked = [one for one in requests if one.method == "POST" and _ASKED.search(one.path)]
    if not asked or asked[-1].status < 400:
        return None
    last = asked[-1]
    words = f"{last.method} {last.path}: HTTP {last.status}"
    if last.status in (404, 405) and last.path.endswith("/responses") and _beside(requests, last):
        return sign("an upstream without the route").heard(words)
    return of_refusal(Refused(last.status, "")).heard(words)


def all_served(requests: list[Served]) -> bool:
    """Whether a server answered Codex, and refused it nothing."""
    asked = [one for one in requests if _ASKED.search(one.path)]
    return bool(asked) and all(one.status < 400 for one in asked)


def _beside(requests: list[Served], last: Served) -> bool:
    """Whether other routes below the same base URL were served, and this one never."""
    base = last.path.removesuffix("responses")
    served = {one.path for one in requests if one.status < 400}
    return last.path not in served and any(path.startswith(base) for path in served)
