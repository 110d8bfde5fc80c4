"""A refusal that is about one line of the configuration: the request without that line passes, and the line is the mend.

Only lines that the refusal speaks of are tried, each by one request.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from joytui.causes.answers import ErrorAnswer
from joytui.core.records import Evidence, Finding
from joytui.doctor.probe import Probe, settings_of
from joytui.doctor.small import Settings

_SETTINGS: tuple[tuple[str, str, Callable[[Settings], Settings]], ...] = (
    ("model_reasoning_effort", "effort", lambda settings: replace(settings, effort=None)),
    ("model_verbosity", "verbosity", lambda settings: replace(settings, verbosity=None)),
)
"""Keys of the configuration that shape the request, what `small.Settings` calls them, and how they are left out."""
MOST = 2
SECONDS = 1.0

Without = tuple[str, Probe, dict[str, Any]]
"""A key of the configuration, and the request as it is without that line."""


def with_refused_line(probe: Probe, answer: ErrorAnswer, judged: Finding) -> Finding:
    """The judgement with its `line`, where the request passes without one that the refusal speaks of. Raises Cancelled."""
    said = f"{answer.param or ''} {answer.message}".lower()
    for number, (key, without, body) in enumerate(_candidates(probe, said)):
        if number == MOST or probe.limit.left() < SECONDS:
            break
        sent = without.send(body)
        if sent.delivery is not None and 200 <= sent.delivery.answer.status < 300:
            told = f"without {key} the gateway accepts the request"
            return judged.with_details(line=key).with_evidence(Evidence(told, _origin(probe, key)))
    return judged


def _candidates(probe: Probe, said: str) -> Iterator[Without]:
    settings = settings_of(probe.world, probe.plan)
    for key, name, left_out in _SETTINGS:
        value = getattr(settings, name)
        if value and _in_a_file(probe, key) and (str(value).lower() in said or name in said):
            yield key, probe, probe.codex_body(left_out(settings))
    provider = probe.world.provider
    if provider is None or provider.builtin:
        return
    for field in ("query_params", "http_headers"):
        table, key = provider.get(field), f"model_providers.{provider.id}.{field}"
        for name in table if isinstance(table, Mapping) else ():
            if str(name).lower() in said:
                yield f"{key}.{name}", _without(probe, field, str(name)), probe.codex_body()


def _in_a_file(probe: Probe, key: str) -> bool:
    wanted = probe.world.wanted.get(key)
    return wanted is not None and wanted[0].layer not in ("flags", "default")


def _without(probe: Probe, field: str, name: str) -> Probe:
    """The probe whose requests lack one query parameter, or one header."""
    plan = probe.plan
    if field == "http_headers":
        kept = tuple(one for one in plan.headers if one[0].lower() != name.lower())
        return replace(probe, plan=replace(plan, headers=kept))
    url = urlsplit(plan.wire_url)
    parts = [part for part in url.query.split("&") if part.split("=")[0] != name]
    return replace(probe, plan=replace(plan, wire_url=urlunsplit(url._replace(query="&".join(parts)))))


def _origin(probe: Probe, key: str) -> str:
    wanted = probe.world.wanted.get(key)
    return wanted[0].origin if wanted else ""
