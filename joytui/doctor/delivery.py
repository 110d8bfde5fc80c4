"""A request with its redirects, as Codex's HTTP client follows them, and never the key across origins.

301, 302 and 303 turn POST into GET, 307 and 308 keep it; the Authorization header is dropped when host, port or scheme
change (Codex 0.169.0, observed).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from urllib.parse import urljoin

from joytui.doctor.exchange import Answer, LimitHolder, Request, exchange
from joytui.doctor.faults import NetFault
from joytui.doctor.limits import Limit
from joytui.doctor.link import Proxy, Route, Target, Watch, target_of, unwatched
from joytui.doctor.tls import Trust

MAX_HOPS = 10
_FOLLOWED = (301, 302, 303, 307, 308)
_SECRET_HEADERS = ("authorization", "x-api-key", "cookie", "api-key", "proxy-authorization")


@dataclass(frozen=True, slots=True)
class Path:
    """How requests travel: the proxy, the authorities, and the headers of the request."""

    proxy: Proxy | None
    trust: Trust

    def route(self, target: Target) -> Route:
        """The way to one target."""
        return Route(target, self.proxy, self.trust)


@dataclass(frozen=True, slots=True)
class Hop:
    """One redirect: its status, and the URLs that it leads from and to."""

    status: int
    url: str
    to: str


@dataclass(slots=True)
class Delivery:
    """The final answer, and what redirects did to the request on its way."""

    answer: Answer
    hops: tuple[Hop, ...]
    method_changed: bool
    key_dropped: bool

    @property
    def damaged(self) -> bool:
        """Whether a redirect changed the method or dropped the key."""
        return self.method_changed or self.key_dropped

    def tell(self) -> str:
        """What the redirects did, in a sentence."""
        first = self.hops[0]
        effects = [
            *(["turned the POST into a GET"] if self.method_changed else []),
            *(["lost the Authorization header"] if self.key_dropped else []),
        ]
        return f"{first.url} answers {first.status} to {first.to}, which {' and '.join(effects) or 'was followed'}"


def deliver(
    path: Path,
    route: Route,
    request: Request,
    limit: Limit,
    *,
    watch: Watch = unwatched,
    holder: LimitHolder | None = None,
    secret_headers: Sequence[str] = (),
) -> Delivery:
    """Sends the request and follows redirects. Raises NetFault (cause "redirected" where they lead nowhere), Cancelled."""
    hops: list[Hop] = []
    method_changed = key_dropped = False
    secrets = {*_SECRET_HEADERS, *(name.lower() for name in secret_headers)}
    while True:
        try:
            answer = exchange(route, request, limit, watch=watch if not hops else unwatched, holder=holder)
        except NetFault as fault:
            if hops and (method_changed or key_dropped):
                raise NetFault(
                    "redirected", f"{hops[0].url} redirects to {hops[-1].to}: {fault}", hops[0].url, fault.details
                ) from fault
            raise
        location = answer.header("location")
        if answer.status not in _FOLLOWED or not location:
            return Delivery(answer, tuple(hops), method_changed, key_dropped)
        answer.close()
        here = route.target
        hops.append(Hop(answer.status, here.url, location))
        if len(hops) > MAX_HOPS:
            raise NetFault("redirected", f"{hops[0].url} redirects in a circle", hops[0].url)
        target = _next(here, location, hops)
        if answer.status in (301, 302, 303) and request.method != "GET":
            request = Request("GET", _without(request.headers, {"content-type"}), b"")
            method_changed = True
        if target.origin != here.origin:
            kept = _without(request.headers, secrets)
            key_dropped = key_dropped or len(kept) != len(request.headers)
            request = replace(request, headers=kept)
            route = path.route(target)
        else:
            route = replace(route, target=target)


def _next(here: Target, location: str, hops: list[Hop]) -> Target:
    try:
        return target_of(urljoin(here.url, location))
    except ValueError:
        raise NetFault(
            "redirected", f"{here.url} redirects to {location!r}, which is not a web address", hops[0].url
        ) from None


def _without(headers: Sequence[tuple[str, bytes]], names: set[str]) -> tuple[tuple[str, bytes], ...]:
    return tuple((name, value) for name, value in headers if name.lower() not in names)
