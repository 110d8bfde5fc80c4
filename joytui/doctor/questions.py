"""Small questions that explain a refusal: is this route there, which models are offered, does another key work.

Routes are asked with the body `{}`: 404 and 405 mean that the route is not there, anything else that it is. No model
runs for such a question. The key goes along to its own origin only, since a gateway may check it before the path.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from joytui.causes.answers import is_about_model, read_error
from joytui.causes.error_bodies import body_kind
from joytui.core.joytoken import DOCTOR_REQUEST_ID, HEADER_DOCTOR
from joytui.doctor.exchange import Answer, Request, exchange
from joytui.doctor.faults import NetFault
from joytui.doctor.limits import Limit
from joytui.doctor.link import Route, Target

QUESTION_LIMIT = 3.0
MARK = (HEADER_DOCTOR.lower(), b"1")
"""On all that the doctor sends: what it asks is no use of a gateway."""


@dataclass(slots=True)
class Asker:
    """Asks questions of one origin. `key_headers`: the headers that carry the credential, sent to that origin only."""

    route: Route
    key_headers: Sequence[tuple[str, bytes]]
    limit: Limit
    asked: int = 0

    def post_empty(self, path: str, key_headers: Sequence[tuple[str, bytes]] | None = None) -> tuple[int, bytes] | None:
        """Status and body of `{}` posted there, None if nothing answers."""
        headers = [
            *(self.key_headers if key_headers is None else key_headers),
            ("content-type", b"application/json"),
            ("accept", b"application/json"),
            ("x-request-id", f"{DOCTOR_REQUEST_ID}{uuid.uuid4().hex}".encode()),
            MARK,
        ]
        return self._ask(path, Request("POST", headers, b"{}"))

    def get(self, path: str) -> tuple[int, bytes] | None:
        return self._ask(path, Request("GET", [*self.key_headers, ("accept", b"application/json"), MARK]))

    def is_there(self, path: str) -> bool | None:
        """Whether the route exists; None if nothing answers."""
        found = self.post_empty(path)
        return None if found is None else _there(*found)

    def offers(self, path: str) -> bool:
        """Whether the route surely exists: it takes the body apart, and a path that nobody serves is answered otherwise."""
        found = self.post_empty(path)
        if found is None or not (200 <= found[0] < 300 or found[0] in _UNDERSTOOD) or body_kind(found[1]) == "html":
            return False
        nowhere = self.post_empty(f"{path.rsplit('/', 1)[0]}/joytui-asks-for-nothing")
        return nowhere is not None and nowhere[0] != found[0]

    def _ask(self, path: str, request: Request) -> tuple[int, bytes] | None:
        here = self.route.target
        target = Target(here.scheme, here.host, here.port, path)
        self.asked += 1
        try:
            answer: Answer = exchange(
                Route(target, self.route.proxy, self.route.trust, [], self.route._addresses),
                request,
                self.limit.within(QUESTION_LIMIT),
            )
        except NetFault:
            return None
        return answer.status, answer.read()


_UNDERSTOOD = (400, 415, 422)
"""Statuses by which a route says that `{}` is not a request for it."""


def _there(status: int, body: bytes) -> bool:
    if status in (405, 501):
        return False
    if status == 404:
        return is_about_model(read_error(body))
    return not (status < 400 and body_kind(body) == "html")


def catalog(asker: Asker, base_path: str) -> tuple[str, ...]:
    """The model keys that the gateway offers: `{base}/models`, else `/api/v1/models`; empty if neither tells."""
    return listed(asker, base_path) or _names_at(asker, "/api/v1/models")


def listed(asker: Asker, base_path: str) -> tuple[str, ...]:
    """The model keys at `{base}/models`; empty if there is no such list."""
    return _names_at(asker, f"{base_path.rstrip('/')}/models")


def _names_at(asker: Asker, path: str) -> tuple[str, ...]:
    found = asker.get(path)
    return tuple(_model_names(found[1])) if found and found[0] == 200 else ()


def _model_names(body: bytes) -> Iterable[str]:
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return
    for _ in range(3):  # {"data": {"models": […]}}, {"data": […]}, […]
        if isinstance(data, dict):
            data = next((data[name] for name in ("data", "models") if isinstance(data.get(name), (list, dict))), None)
    for entry in data if isinstance(data, list) else ():
        if isinstance(entry, dict):
            name = next(
                (entry[k] for k in ("model_key", "modelKey", "id", "slug") if isinstance(entry.get(k), str)), None
            )
            if name:
                yield name
