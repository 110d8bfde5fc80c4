"""What the settings say of one upstream that changes what is sent to it: quirks, fields, headers and names of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from joytui.gateway.bridge.encode import json_bytes
from joytui.gateway.bridge.mending import is_lesson, taught
from joytui.gateway.bridge.quirks import RECORDS, Quirks, quirks_for
from joytui.gateway.upstreams.exchange import ModelCall

_NONE: Mapping[str, Any] = MappingProxyType({})


def told_quirks(given: Sequence[str]) -> tuple[str | None, tuple[str, ...]]:
    """The vendor's record and the lessons of the setting `quirks`. Raises ValueError for a word that is neither."""
    records = [word for word in given if word in RECORDS]
    lessons = tuple(word for word in given if word not in RECORDS)
    if len(records) > 1:
        raise ValueError(f"only one vendor at a time, not {' and '.join(records)}")
    for word in lessons:
        if not is_lesson(word):
            raise ValueError(
                f"{word!r} is not a vendor ({', '.join(sorted(RECORDS))}) or a lesson as `joytui gateway upstreams` words it"
            )
    return (records[0] if records else None), lessons


@dataclass(frozen=True, slots=True)
class Tailoring:
    """`record`: the vendor's name; None: recognised by the host. `drop` and `extra_body`: fields of the request as it is sent, in the
    names of the API that it is sent to. `models`: the clients' name to the upstream's. `secrets`: the values of headers that are."""

    record: str | None = None
    lessons: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    extra_body: Mapping[str, Any] = field(default_factory=lambda: _NONE)
    headers: Mapping[str, str] = field(default_factory=lambda: _NONE)
    models: Mapping[str, str] = field(default_factory=lambda: _NONE)
    secrets: tuple[str, ...] = ()

    def quirks_of(self, url: str, model: str) -> Quirks:
        """How a model of the upstream at this base URL wants its requests."""
        quirks = quirks_for(url, model) if self.record is None else RECORDS[self.record]
        if not (self.lessons or self.drop or self.extra_body):
            return quirks
        quirks = taught(quirks, self.lessons)
        return replace(quirks, refused=(*quirks.refused, *self.drop), extra_body=self.extra_body)

    def renamed(self, call: ModelCall) -> ModelCall:
        """The call by the upstream's own name of the model."""
        name = self.models.get(call.model)
        if name is None:
            return call
        body = {**call.body, "model": name}
        return replace(call, body=body, raw=json_bytes(body), model=name, asked=call.model)

    def passed(self, call: ModelCall) -> ModelCall:
        """A call that is passed through, with the fields that the settings want."""
        if not self.extra_body and not any(name in call.body for name in self.drop):
            return call
        body = {k: v for k, v in {**call.body, **self.extra_body}.items() if k not in self.drop}
        return replace(call, body=body, raw=json_bytes(body))

    def listed(self, entries: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
        """The upstream's models, by the clients' names as well: each with what is known of the model that it stands for."""
        if not self.models:
            return entries
        known = {str(e.get("model_key") or e.get("modelKey") or e.get("id")): e for e in entries}
        aliases = [_named(alias, known.get(name, {})) for alias, name in self.models.items()]
        return [*(entry for name, entry in known.items() if name not in self.models), *aliases]


def _named(alias: str, entry: Mapping[str, Any]) -> Mapping[str, Any]:
    names = [name for name in ("model_key", "modelKey", "id") if name in entry] or ["id"]
    return {**entry, **dict.fromkeys(names, alias)}
