"""The list of models that Codex asks for at its start, asked for as Codex does: what is wrong with it costs time and a warning of
Codex's, and never a turn. A gateway of joytui's that Codex does not ask is a remark, too.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from http import HTTPStatus
from http.client import responses
from typing import Any
from urllib.parse import urlencode

from joytui.codex.model_lists import (
    CATALOG_FIELD,
    FAILED,
    WAITS_S,
    asked_for_models,
    asks_for_models,
    is_web_address,
    same_origin,
)
from joytui.codex.versions import rules_for
from joytui.core.json_object import json_object
from joytui.core.records import Evidence, Finding
from joytui.doctor.delivery import deliver
from joytui.doctor.exchange import LimitHolder, Request
from joytui.doctor.faults import NetFault
from joytui.doctor.fix.provider import models_url
from joytui.doctor.link import target_of
from joytui.doctor.probe import Probe
from joytui.doctor.questions import MARK

SLOW_S = 2.0
MOST_BYTES = 64 * 1024 * 1024
REQUIRED = (
    "slug", "display_name", "supported_reasoning_levels", "shell_type", "visibility", "supported_in_api", "priority",
    "base_instructions", "support_verbosity", "truncation_policy", "experimental_supported_tools",
)  # fmt: skip
"""What each entry must have for Codex to take the list (0.169.0 and 0.171.0, each left out once)."""
_UNKNOWN = (
    "Model metadata for `{}` not found. Defaulting to fallback metadata; this can degrade performance and cause issues."
)
_BUSY = "We’re currently experiencing high demand, which may cause temporary errors."


@dataclass(frozen=True, slots=True)
class Asked:
    """What one question brought. `fault` as the cause's forms name it, "" for a good list; `says`: what Codex prints of it."""

    fault: str
    told: str = ""
    says: str | None = None


def model_list(probe: Probe, *, joytui: bool) -> list[Finding]:
    """What is to be said of the list, by a probe whose test request was good. `joytui`: one of its gateways answered, which has
    a list. Asks once where Codex would, and once more for what would be right. Raises Cancelled."""
    world = probe.world
    if world.provider is None or not asks_for_models(world.provider, rules_for(world.version), world.wanted):
        return []
    own = models_url(probe.plan.base_url)
    url = asked_for_models(world.provider, rules_for(world.version), world.wanted)
    if url is None:
        found = Asked("unset", f"the gateway lists its models at {own}") if joytui and _is_good(probe, own) else None
        return [_finding(probe, found, own, url)] if found else []
    if not is_web_address(url) or not same_origin(url, probe.plan.base_url):
        return []  # told without a question: the key goes to no other address
    found = _ask(probe, url)
    if found is None or not found.fault:
        return []
    better = own if url != own and _is_good(probe, own) else None
    return [_finding(probe, found, better, url)]


def _finding(probe: Probe, found: Asked, better: str | None, url: str | None) -> Finding:
    provider = probe.world.provider
    assert provider is not None
    origin = provider.fields[CATALOG_FIELD if url else "base_url"].origin
    details: dict[str, Any] = {"catalog": found.fault, "key": f"model_providers.{provider.id}.{CATALOG_FIELD}"}
    if better:
        details["use"] = better
    evidence = [Evidence(found.told, origin)]
    return Finding(
        True,
        "model-catalog-missing",
        evidence=tuple(evidence),
        codex_says=found.says,
        details=details,
        summary=found.told,
    )


def _is_good(probe: Probe, url: str) -> bool:
    asked = _ask(probe, url)
    return asked is not None and asked.fault in ("", "slow", "unlisted")


def _ask(probe: Probe, url: str) -> Asked | None:
    """As Codex asks, without asking again; None if the doctor's own time was too short to tell. Raises Cancelled."""
    headers = [*probe.asker.key_headers, ("accept", b"*/*"), MARK]
    glue = "&" if "?" in url else "?"
    limit = probe.limit.within(WAITS_S)
    enough = probe.limit.left() >= WAITS_S
    began = time.monotonic()
    try:
        route = probe.path.route(target_of(f"{url}{glue}{urlencode({'client_version': probe.world.version})}"))
        answer = deliver(probe.path, route, Request("GET", headers), limit, holder=LimitHolder(limit)).answer
        status, body = answer.status, answer.read(MOST_BYTES)
    except (NetFault, ValueError) as fault:
        if getattr(fault, "timed_out", False):
            return _late(enough)
        return Asked("unreached", f"it cannot be asked: {fault}", f"{FAILED}Connection failed: error sending request")
    waited = time.monotonic() - began
    if limit.left() <= 0:
        return _late(enough)
    return _of_status(status) if status != HTTPStatus.OK else _of_list(body, probe.plan.model, waited)


def _late(enough: bool) -> Asked | None:
    told = f"no list within the {WAITS_S:g} s that Codex waits"
    return Asked("late", told, f"{FAILED}request timed out") if enough else None


def _of_status(status: int) -> Asked:
    said = responses.get(status, "")
    words = _BUSY if status == HTTPStatus.INTERNAL_SERVER_ERROR else f"unexpected status {status} {said}: Unknown error"
    return Asked("refused" if status in (401, 403) else "status", f"it answers HTTP {status}", f"{FAILED}{words}")


def _of_list(body: bytes, model: str, waited: float) -> Asked:
    data = json_object(body)
    models = data.get("models") if data else None
    if not isinstance(models, list) or not all(_is_entry(one) for one in models):
        why = (
            "an entry lacks a field that Codex needs"
            if isinstance(models, list)
            else "it is not JSON with a list “models”"
        )
        words = f"stream disconnected before completion: failed to decode models response: … (body: {len(body)} bytes)"
        return Asked("unreadable", f"Codex cannot read the list: {why}", f"{FAILED}{words}")
    slugs = [str(one["slug"]) for one in models]
    if len(set(slugs) - {""}) < len(slugs):
        twice = next((slug for slug in slugs if slugs.count(slug) > 1), "")
        told = f"{twice} is listed twice" if twice else "an entry has no name"
        return Asked("twice", told, f"{FAILED}model catalog must contain unique, non-empty model slugs")
    if model not in slugs:
        return Asked("unlisted", f"{model} is not among the {len(slugs)} models there", _UNKNOWN.format(model))
    if waited > SLOW_S:
        return Asked("slow", f"the list took {waited:.1f} s")
    return Asked("")


def _is_entry(one: Any) -> bool:
    return isinstance(one, dict) and all(name in one for name in REQUIRED)
