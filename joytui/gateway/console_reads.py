"""The console API's questions: status, requests and their tail, usage, latency, models, wallet, policies, tokens."""

from __future__ import annotations

import asyncio
import os
from datetime import datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from joytui import __version__
from joytui.core import columnar
from joytui.core.clock import now, now_ms, parse_when
from joytui.core.filters import FilterError, Term, parse
from joytui.core.periods import PERIODS
from joytui.core.records import to_json
from joytui.core.request import request_number
from joytui.core.request_lines import request_view
from joytui.core.token_counts import MANY, MOST_TOP, USAGE_GROUPS, Teller, Tests
from joytui.gateway import refusals, views
from joytui.gateway.alerts.words import alert_view
from joytui.gateway.catalog import Model
from joytui.gateway.console_auth import Caller, caller_of, keys_of, still_allowed
from joytui.gateway.json_answer import JsonAnswer
from joytui.gateway.key_lookup import KeyEntry
from joytui.gateway.refusals import Refused
from joytui.gateway.routing import Ask, route
from joytui.gateway.runtime import Gateway
from joytui.gateway.task_views import task_views
from joytui.gateway.telemetry.fleet import LOOKED_AT, person
from joytui.ledger.records import Page
from joytui.ledger.telemetry import SenderRow

PAGE = 200
MOST = 5_000


async def status(gateway: Gateway, request: Request) -> JsonAnswer:
    store, caller = await gateway.store_told(), caller_of(request)
    settings = gateway.settings
    upstreams = [settings.upstream] if settings.upstream else []
    upstreams += [u.url for u in settings.upstreams]
    return JsonAnswer(
        {
            "version": __version__,
            "url": gateway.url,
            "pid": os.getpid(),
            "started_at": gateway.started_at,
            "upstream": ", ".join(upstreams) or None,
            "upstream_api": gateway.upstream.api,
            "upstreams": [to_json(fact) for fact in gateway.upstream.facts()],
            "store": gateway.ledger.location,
            "gateways": [views.gateway_view(row) for row in store.gateways],
            "keys": gateway.keys.usable,
            "telemetry_tokens": len(gateway.senders),
            "requests": store.requests,
            "consoles": gateway.tail.listeners,
            "last_seq": store.last_seq,
            "in_flight": len(gateway.running),
            "wallets": gateway.wallets_on,
            "turned_away": gateway.turned_away,
            "owed": gateway.ledger.owed,
            "role": caller.role,
            "teams": caller.listed,
            "warnings": [*gateway.warnings(), *store.away],
        }
    )


async def requests(gateway: Gateway, request: Request) -> Response:
    columns = by_column(request)
    limit = number(request, "limit", PAGE, 1, MOST)
    since, until = moment(request, "since"), moment(request, "until")
    before = request.query_params.get("before")
    edge = None if before is None else request_number(before)
    if before is not None and edge is None:
        raise refusals.bad_request("before: not a request id")
    asked = Page(limit, caller_of(request).within(filter_term(request)), _ms(since), _ms(until), edge)
    if columns:
        return Response(await _page_by_column(gateway, asked), media_type="application/json")
    found = await gateway.ledger.page(asked)
    rows = [request_view(record, seq) for seq, record in found]
    return JsonAnswer({"requests": rows, "next": rows[-1]["id"] if len(rows) == limit else None})


async def _page_by_column(gateway: Gateway, asked: Page) -> str:
    last = await gateway.ledger.last_seq()  # before the rows: what comes between is sent twice, not never
    block = await gateway.ledger.page_block(asked)
    older = block.ids["id"][0] if block.rows == asked.limit else None
    return await asyncio.to_thread(columnar.to_json, block, next=older, last_seq=last)


async def one_request(gateway: Gateway, request: Request) -> JsonAnswer:
    found = await gateway.ledger.find(request.path_params["id"])
    if found is None or not caller_of(request).sees(found[1].team):
        raise Refused(404, refusals.NOT_FOUND, "no request with that id")
    return JsonAnswer(request_view(found[1], found[0]))


async def request_stream(gateway: Gateway, request: Request) -> Response:
    filter_term(request)
    columns = by_column(request)
    after = request.query_params.get("after")
    if after is None:
        after = request.headers.get("last-event-id")
    if after is not None and not (after.isascii() and after.isdigit() and len(after) < 19):
        raise refusals.bad_request("after: not a sequence number")
    if request.method == "HEAD":  # a stream without an end, of which nothing may be sent: it would hold the connection
        return Response(media_type="text/event-stream")
    first = int(after) if after is not None else None
    stream = gateway.tail.stream(first, filter_text(request), columns=columns, seen=caller_of(request).term)
    headers = {"Cache-Control": "no-store"}
    return StreamingResponse(
        _while_listening(gateway, caller_of(request), stream), media_type="text/event-stream", headers=headers
    )


async def _while_listening(gateway: Gateway, caller: Caller, stream: Any) -> Any:
    """The tail for as long as somebody listens who may."""
    try:
        async for event in stream:
            if not still_allowed(gateway, caller):
                break
            yield event
    finally:
        gateway.seen_console()
        await stream.aclose()


async def usage_sums(gateway: Gateway, request: Request) -> JsonAnswer:
    by = [name for text in request.query_params.getlist("by") for name in text.split(",") if name]
    if unknown := [name for name in by if name not in USAGE_GROUPS]:
        raise refusals.bad_request(f"by: no grouping {unknown[0]!r} (one of {', '.join(USAGE_GROUPS)})")
    if len(set(by)) != len(by):
        raise refusals.bad_request("by: the same grouping twice")
    since, until = moment(request, "since"), moment(request, "until") or now()
    tests = wanted_tests(request)
    term = parsed(request.query_params.get("filter", ""))
    fields = [name for name in by if name not in PERIODS]
    top = number(request, "top", 0, 1, MOST_TOP) or None
    if top and not (len(fields) == 1 and fields[0] in MANY):
        raise refusals.bad_request(f"top: with one of {', '.join(MANY)} in `by`, and nothing else but times")
    only = request.query_params.getlist("only") or None
    if only and (top or len(fields) != 1):
        raise refusals.bad_request("only: with one field in `by` beside times, and without `top`")
    low = int(since.timestamp() * 1000) if since else 0
    high = int(until.timestamp() * 1000) + 1
    told_by = source(request)
    teams = caller_of(request).listed
    rows, totals = await gateway.ledger.usage(by, low, high, term, top, only, tests, told_by, teams)
    answer: dict[str, Any] = {"rows": [row.shown() for row in rows], "totals": totals.numbers()}
    if tests == "out" and told_by == "gateway":
        _, left_out = await gateway.ledger.usage((), low, high, term, tests="only", teams=teams)
        answer["left_out"] = left_out.numbers()
    return JsonAnswer(answer)


async def tasks(gateway: Gateway, request: Request) -> JsonAnswer:
    since = moment(request, "since") or parse_when("24h")
    limit = number(request, "limit", PAGE, 1, MOST_TOP)
    asked = int(since.timestamp() * 1000), limit, request.query_params.get("task"), caller_of(request).term
    found = await gateway.ledger.tasks(*asked)
    return JsonAnswer({"tasks": task_views(found, now_ms(), gateway.total_of_task, gateway.stops)})


async def latencies(gateway: Gateway, request: Request) -> JsonAnswer:
    since, until = moment(request, "since") or parse_when("24h"), moment(request, "until") or now()
    low, high = (int(edge.timestamp() * 1000) for edge in (since, until))
    return JsonAnswer({"rows": await gateway.ledger.latency(low, high)})


async def models(gateway: Gateway, request: Request) -> JsonAnswer:
    entry = None
    if named := request.query_params.get("key"):
        entry = keys_of(gateway, request).addressed(named)
    listed = gateway.market.catalog.models.values()
    return JsonAnswer({"models": [_model(gateway, model, entry) for model in listed]})


def _model(gateway: Gateway, model: Model, entry: KeyEntry | None) -> dict[str, Any]:
    view = views.model_view(model)
    if entry is not None:
        try:
            gateway.keys.check_state(entry)
            route(entry.policy, Ask(model.key, address=_inside(entry)), gateway.market)
            view["callable"] = True
        except Refused as refusal:
            view["callable"], view["reason"] = False, refusal.message
    return view


def _inside(entry: KeyEntry) -> str | None:
    """An address that the policy lets in, since this question is about the model."""
    return str(entry.policy.ip_allow[0].network_address) if entry.policy.ip_allow else None


async def wallet(gateway: Gateway, request: Request) -> JsonAnswer:
    rows = await gateway.ledger.wallets()
    return JsonAnswer({"enabled": gateway.wallets_on, "wallets": [views.wallet_view(row) for row in rows]})


async def wallet_entries(gateway: Gateway, request: Request) -> JsonAnswer:
    limit = number(request, "limit", PAGE, 1, MOST)
    before = number(request, "before", 0, 0, 2**62) or None
    found = await gateway.ledger.wallet_entries(request.query_params.get("tier"), before, limit)
    rows = [views.entry_view(entry) for entry in found]
    return JsonAnswer({"entries": rows, "next": rows[-1]["id"] if len(rows) == limit else None})


async def policies(gateway: Gateway, request: Request) -> JsonAnswer:
    return JsonAnswer({"policies": [views.named_policy(row) for row in await gateway.ledger.policies()]})


async def upstreams(gateway: Gateway, request: Request) -> JsonAnswer:
    """Each upstream with what it taught."""
    apis = {fact.url: fact.api for fact in gateway.upstream.facts()}
    taught = [views.lessons_view(lessons, apis.get(lessons.url)) for lessons in gateway.upstream.taught()]
    return JsonAnswer({"upstreams": taught})


async def senders(gateway: Gateway, request: Request) -> JsonAnswer:
    return JsonAnswer({"tokens": [views.sender_view(row) for row in await _senders(gateway, request)]})


async def _senders(gateway: Gateway, request: Request) -> list[SenderRow]:
    """Those that the caller sees."""
    caller, rows = caller_of(request), await gateway.ledger.senders()
    return [row for row in rows if caller.sees(gateway.team_of(row.owner) or row.team)]


async def fleet(gateway: Gateway, request: Request) -> JsonAnswer:
    rows, moment = await _senders(gateway, request), now_ms()
    people = [person(row, await gateway.ledger.pieces_of(row.id, LOOKED_AT), moment) for row in rows]
    return JsonAnswer({"people": [views.person_view(one) for one in people]})


async def tokens(gateway: Gateway, request: Request) -> JsonAnswer:
    return JsonAnswer({"tokens": [views.token_view(row) for row in await gateway.ledger.tokens()]})


async def audit(gateway: Gateway, request: Request) -> JsonAnswer:
    since, limit = _ms(moment(request, "since")) or 0, number(request, "limit", PAGE, 1, MOST)
    return JsonAnswer({"entries": [views.audit_view(row) for row in await gateway.ledger.audit(since, limit)]})


async def alerts(gateway: Gateway, request: Request) -> JsonAnswer:
    since, limit = _ms(moment(request, "since")) or 0, number(request, "limit", PAGE, 1, MOST)
    rows = await gateway.ledger.alerts(since, limit, caller_of(request).listed)
    webhook = gateway.alerts.webhook
    return JsonAnswer({"alerts": [alert_view(row) for row in rows], "webhook": webhook.shown if webhook else None})


async def teams(gateway: Gateway, request: Request) -> JsonAnswer:
    caller, rows = caller_of(request), await gateway.ledger.teams()
    return JsonAnswer({"teams": [views.team_view(row) for row in rows if caller.sees(row.name)]})


# --- parameters -------------------------------------------------------------------------------------------------------


_TESTS = {"in": "", "out": "-is:doctor", "only": "is:doctor"}


def source(request: Request) -> Teller:
    """Whose requests are summed. Raises Refused (400)."""
    named: Any = request.query_params.get("source", "gateway")
    if named not in ("gateway", "telemetry"):
        raise refusals.bad_request("source: gateway or telemetry")
    told_by: Teller = named
    return told_by


def wanted_tests(request: Request) -> Tests:
    """Whether the doctor's test requests are asked for, too."""
    named: Any = request.query_params.get("tests", "in")
    if named not in _TESTS:
        raise refusals.bad_request(f"tests: one of {', '.join(_TESTS)}")
    tests: Tests = named
    return tests


def filter_text(request: Request) -> str:
    """The filter that a question about requests comes to."""
    return f"{request.query_params.get('filter', '')} {_TESTS[wanted_tests(request)]}".strip()


def filter_term(request: Request) -> Term | None:
    return parsed(filter_text(request))


def parsed(text: str) -> Term | None:
    """The term of a filter; None of an empty one."""
    if not text.strip():
        return None
    try:
        return parse(text)
    except FilterError as error:
        hint = f" ({error.hint})" if error.hint else ""
        raise refusals.bad_request(f"filter: {error.what} at column {error.position + 1}{hint}") from None


def by_column(request: Request) -> bool:
    """Whether requests are asked for by column (core.columnar)."""
    form = request.query_params.get("form", "rows")
    if form not in ("rows", "columns"):
        raise refusals.bad_request("form: rows or columns")
    return form == "columns"


def moment(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name)
    if not text:
        return None
    try:
        return parse_when(text.replace(" ", "+") if "T" in text else text)
    except (ValueError, OverflowError) as error:
        raise refusals.bad_request(f"{name}: {error}") from None


def number(request: Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise refusals.bad_request(f"{name}: a number from {low} to {high}")
    return int(text)


def _ms(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp() * 1000)
