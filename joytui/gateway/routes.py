"""What this gateway serves, as one table: method, path, who may ask, and what is asked and answered.

The description (`openapi`) covers all of it. Of the console API `app` takes the routes from here, too: no endpoint is reached
but through what its line says of who may ask. The other endpoints judge the caller themselves.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from joytui.client.console_api import PREFIX
from joytui.core.joytoken import TELEMETRY_PATH
from joytui.core.token_counts import MOST_TOP
from joytui.gateway import console_budgets as budgets
from joytui.gateway import console_reads as reads
from joytui.gateway import console_writes as writes
from joytui.gateway.console_auth import Right, judged
from joytui.gateway.runtime import Gateway
from joytui.ledger.audit import ACTING, Actor

Endpoint = Callable[[Gateway, Request], Awaitable[Response]]
Schema = dict[str, Any]
TEXT: Schema = {"type": "string"}
TIER: Schema = {"type": "string", "enum": ["economy", "standard", "premium"]}
FORM: Schema = {"type": "string", "enum": ["rows", "columns"]}
TELLER: Schema = {"type": "string", "enum": ["gateway", "telemetry"]}
TESTS: Schema = {"type": "string", "enum": ["in", "out", "only"]}
COUNT: Schema = {"type": "integer", "minimum": 1, "maximum": reads.MOST}
JSON, EVENTS = "application/json", "text/event-stream"
GROUPS: Schema = {"type": "integer", "minimum": 1, "maximum": MOST_TOP}
SPAN = {"since": TEXT, "until": TEXT}


class Operation(NamedTuple):
    """`auth`: a "key", a "telemetry" token, a console token with that right (`console_auth.HAVE`), or "" (nothing). `body`, `answer`: models of
    `core.wire`, or components of the description. `media`: the content types of a good answer. `endpoint`: of the console
    API."""

    method: str
    path: str
    auth: Right | Literal["key", "telemetry", ""]
    answer: str = ""
    body: str = ""
    query: Mapping[str, Schema] = {}
    status: int = 200
    endpoint: Endpoint | None = None
    media: tuple[str, ...] = (JSON,)


def _console(method: str, path: str, auth: Right, endpoint: Endpoint, **more: Any) -> Operation:
    return Operation(method, PREFIX + path, auth, endpoint=endpoint, **more)


PUBLIC = (
    Operation("post", "/openai/v1/responses", "key", body="ResponsesRequest", media=(JSON, EVENTS)),
    Operation("post", "/openai/v1/responses/compact", "key", body="ResponsesRequest", media=(JSON, EVENTS)),
    Operation("post", "/openai/v1/chat/completions", "key", body="ChatRequest", media=(JSON, EVENTS)),
    Operation("get", "/openai/v1/models", "key"),
    Operation("get", "/openai/v1/codex/models", "key", query={"client_version": TEXT}),
    Operation("post", "/openai/v1/analytics/codex/turn-costs", "key", body="TurnCostsRequest", answer="TurnCosts"),
    Operation(
        "get", "/api/v1/models", "",
        query={"tier": TIER, "provider": TEXT, "feature_tag": TEXT, "locale": {"type": "string", "enum": ["zh", "en"]}},
    ),
    Operation("get", "/api/v1/models/meta", "key"),
    Operation("get", "/api/v1/pricing", "key"),
    Operation(
        "get", "/api/v1/key/check", "key",
        query={"model": TEXT, "tier": TIER, "input_bytes": {"type": "integer", "minimum": 0, "maximum": 999_999_999}},
    ),
    *(
        Operation("post", f"{TELEMETRY_PATH}/{name}", "telemetry", body="Telemetry")
        for name in ("logs", "metrics", "traces")
    ),
    Operation("get", "/healthz", "", query={"nonce": {"type": "string", "minLength": 1, "maxLength": 200}}),
    Operation("get", "/readyz", ""),
    Operation("get", "/metrics", "whole", media=("text/plain",)),
    Operation("get", "/openapi.json", ""),
)  # fmt: skip
CONSOLE = (
    _console("get", "/status", "read", reads.status, answer="GatewayStatus"),
    _console("get", "/keys", "read", writes.list_keys),
    _console("post", "/keys", "lead", writes.create_key, answer="KeyCreated", body="KeyCreate", status=201),
    _console("post", "/keys/check", "read", writes.check_key, answer="KeyVerdict", body="KeyCheck"),
    _console("get", "/keys/{id}", "read", writes.one_key, answer="KeyView"),
    _console("patch", "/keys/{id}", "lead", writes.edit_key, answer="KeyView", body="KeyEdit"),
    _console("post", "/keys/{id}/rotate", "lead", writes.rotate_key, answer="KeyCreated", body="KeyRotate", status=201),
    _console("post", "/keys/{id}/revoke", "lead", writes.key_action, answer="KeyView"),
    _console("post", "/keys/{id}/disable", "lead", writes.key_action, answer="KeyView"),
    _console("post", "/keys/{id}/enable", "lead", writes.key_action, answer="KeyView"),
    _console("get", "/requests", "read", reads.requests, query={"filter": TEXT, **SPAN, "limit": COUNT, "before": TEXT, "form": FORM, "tests": TESTS}),
    _console("get", "/requests/stream", "read", reads.request_stream, query={"after": TEXT, "filter": TEXT, "form": FORM, "tests": TESTS}, media=(EVENTS,)),
    _console("get", "/requests/{id}", "read", reads.one_request, answer="RequestView"),
    _console("get", "/usage", "read", reads.usage_sums, answer="UsageView", query={"by": TEXT, **SPAN, "filter": TEXT, "top": GROUPS, "only": TEXT, "tests": TESTS, "source": TELLER}),
    _console("get", "/tasks", "read", reads.tasks, query={"since": TEXT, "limit": GROUPS, "task": TEXT}),
    _console("post", "/tasks/stop", "lead", writes.stop_task, answer="TaskView", body="TaskNamed"),
    _console("post", "/tasks/resume", "lead", writes.resume_task, answer="TaskView", body="TaskNamed"),
    _console("get", "/budgets", "read", budgets.budgets),
    _console("put", "/budgets", "lead", budgets.set_budget, answer="NodeBudget", body="BudgetSet"),
    _console("post", "/budgets/raise", "lead", budgets.raise_budget, answer="NodeBudget", body="BudgetRaise"),
    _console("get", "/latency", "whole", reads.latencies, query=SPAN),
    _console("get", "/models", "read", reads.models, query={"key": TEXT}),
    _console("get", "/wallet", "read", reads.wallet),
    _console("get", "/wallet/entries", "whole", reads.wallet_entries, query={"tier": TIER, "limit": COUNT, "before": TEXT}),
    _console("put", "/wallet/{tier}", "admin", writes.set_wallet, answer="WalletView", body="WalletSet"),
    _console("post", "/wallet/{tier}/credit", "admin", writes.credit_wallet, answer="WalletView", body="WalletCredit"),
    _console("get", "/policies", "read", reads.policies),
    _console("put", "/policies/{name}", "admin", writes.put_policy, answer="NamedPolicy", body="PolicyView"),
    _console("get", "/upstreams", "read", reads.upstreams),
    _console("delete", "/upstreams/lessons", "admin", writes.forget_lessons, answer="Forgotten", query={"upstream": TEXT, "model": TEXT}),
    _console("get", "/fleet", "read", reads.fleet),
    _console("get", "/telemetry/tokens", "read", reads.senders),
    _console("post", "/telemetry/tokens", "admin", writes.create_sender, answer="SenderCreated", body="SenderCreate", status=201),
    _console("delete", "/telemetry/tokens/{id}", "admin", writes.revoke_sender),
    _console("get", "/audit", "whole", reads.audit, query={"since": TEXT, "limit": COUNT}),
    _console("get", "/alerts", "read", reads.alerts, query={"since": TEXT, "limit": COUNT}),
    _console("post", "/alerts/test", "admin", writes.test_alerts, answer="AlertTested"),
    _console("get", "/teams", "read", reads.teams),
    _console("post", "/teams", "admin", writes.create_team, answer="TeamView", body="TeamCreate", status=201),
    _console("post", "/teams/{name}/owners", "admin", writes.add_owner, answer="TeamView", body="OwnerAdd"),
    _console("delete", "/teams/{name}/owners", "admin", writes.remove_owner, answer="TeamView", query={"owner": TEXT}),
    _console("get", "/tokens", "whole", reads.tokens),
    _console("post", "/tokens", "admin", writes.create_token, answer="TokenCreated", body="TokenCreate", status=201),
    _console("delete", "/tokens/{id}", "admin", writes.delete_token),
)  # fmt: skip
OPERATIONS = (*PUBLIC, *CONSOLE)


def console_routes() -> list[Route]:
    """The console API, in the order of the table: the first that fits answers."""
    return [Route(one.path, _guarded(one), methods=[one.method.upper()]) for one in CONSOLE]


def _guarded(operation: Operation) -> Callable[[Request], Awaitable[Response]]:
    endpoint, right = operation.endpoint, operation.auth
    assert endpoint is not None
    assert right in ("read", "whole", "lead", "admin")

    async def answer(request: Request) -> Response:
        gateway, caller = judged(request, right)
        request.state.caller = caller
        acting = ACTING.set(Actor(caller.token, caller.name))
        try:
            return await endpoint(gateway, request)
        finally:
            ACTING.reset(acting)

    return answer
