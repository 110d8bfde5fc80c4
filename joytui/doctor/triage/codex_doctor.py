"""`codex doctor --json` read with care: it calls 38 of 100 broken setups healthy, and some healthy ones broken.

Codex 0.169.0, observed: the configuration's error is not in it, provider data is redacted, reachability is asked without
a key. So it narrows little: what it says never decides alone, except where it read the error from the file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from joytui.causes.questions import DOCTOR
from joytui.doctor.triage.answer import Facts, Guess
from joytui.doctor.triage.signs import sign

_BLIND = (
    "Codex's own doctor finds nothing here, which means little: it sends no request, does not check the key's value, "
    "and does not know whether the gateway has /responses."
)
_UNREACHABLE = "Codex's doctor also fails on gateways that work but have no GET /models: this alone proves nothing."
_LOADS = "Codex's doctor hides the configuration's error."

Read = tuple[Guess | None, tuple[Guess, ...], str, Facts]


def read_codex_doctor(data: Mapping[str, Any]) -> Read:
    """Guess, no others, a note and the facts."""
    checks = _checks(data.get("checks"))
    version = data.get("codexVersion")
    facts = Facts(version if isinstance(version, str) else None)
    failed = {name for name, check in checks.items() if check.get("status") == "fail"}
    if "config.load" in failed:
        return _config(checks["config.load"]), (), _LOADS, facts
    if "auth.credentials" in failed:
        return sign("codex doctor: no credentials").heard(_summary(checks["auth.credentials"])), (), "", facts
    if any("reachability" in name for name in failed):
        name = next(name for name in sorted(failed) if "reachability" in name)
        return sign("codex doctor: not reachable").heard(_summary(checks[name])), (), _UNREACHABLE, facts
    return Guess((), DOCTOR), (), _BLIND, facts


_TITLE = re.compile(r"^\W{0,4}Codex Doctor\b(?:\W{1,3}v?(\d+\.\d+\.\d+))?", re.M)
_ON_SCREEN = re.compile(r"^\W{0,4}(✗|✓|⚠|x|\[x\]|\[ok\]|\[!!\]) {1,3}([a-z]+) {1,16}(\S[^\n]{0,400})$", re.M)
_CHECKS = {"auth": "auth.credentials", "config": "config.load", "reachability": "network.provider_reachability"}


def read_codex_doctor_screen(text: str) -> Read | None:
    """The same of what it prints for a person; None if that is not in the text."""
    title = _TITLE.search(text)
    if title is None:
        return None
    checks: dict[str, dict[str, str]] = {}
    for mark, name, summary in _ON_SCREEN.findall(text[title.start() :]):
        status = {"✓": "ok", "[ok]": "ok", "⚠": "warning", "[!!]": "warning"}.get(mark, "fail")
        checks.setdefault(_CHECKS.get(name, name), {"id": name, "status": status, "summary": summary})
    return read_codex_doctor({"checks": checks, "codexVersion": title[1]})


def _checks(found: Any) -> dict[str, Mapping[str, Any]]:
    """By id; older versions had a list."""
    if isinstance(found, dict):
        return {str(name): check for name, check in found.items() if isinstance(check, dict)}
    if isinstance(found, list):
        return {str(check.get("id")): check for check in found if isinstance(check, dict)}
    return {}


def _summary(check: Mapping[str, Any]) -> str:
    return f"{check.get('id', '')}: {check.get('summary', '')}"


def _config(check: Mapping[str, Any]) -> Guess:
    details = check.get("details")
    words = str(details) if details else ""
    if "line" in words or "column" in words:
        return sign("codex doctor: a line of the configuration").heard(_summary(check))
    return sign("codex doctor: the configuration").heard(_summary(check))
