"""What the console API changes: keys, wallets, named policies, tokens. A plain key is in one answer, once."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.requests import Request

from joytui.core.clock import now_ms
from joytui.core.filters import Not
from joytui.core.joytoken import TIERS
from joytui.core.money import MoneyError, parse_credits
from joytui.core.redaction import DOOR_LIMIT, MASK, Clean, clean
from joytui.core.wire import (
    KeyCheck,
    KeyCreate,
    KeyEdit,
    KeyRotate,
    OwnerAdd,
    PolicyView,
    SenderCreate,
    TaskNamed,
    TeamCreate,
    TokenCreate,
    WalletCredit,
    WalletSet,
)
from joytui.gateway import refusals, views
from joytui.gateway.console_auth import BEYOND, caller_of, check_owner, keys_of
from joytui.gateway.dry_run import check
from joytui.gateway.json_answer import JsonAnswer
from joytui.gateway.key_lookup import KeyEntry
from joytui.gateway.plain_keys import digest, hint, new_key, new_telemetry_token, new_token
from joytui.gateway.policy import parse_policy
from joytui.gateway.refusals import CONFLICT, NOT_FOUND, Refused
from joytui.gateway.runtime import Gateway
from joytui.gateway.task_views import task_views
from joytui.ledger.records import KeyChanges, NewKey

M = TypeVar("M", bound=BaseModel)
MAX_BODY = 256 * 1024


async def list_keys(gateway: Gateway, request: Request) -> JsonAnswer:
    return JsonAnswer({"keys": [await _view(gateway, entry) for entry in list(keys_of(gateway, request))]})


async def one_key(gateway: Gateway, request: Request) -> JsonAnswer:
    return JsonAnswer(await _view(gateway, _named(gateway, request)))


async def create_key(gateway: Gateway, request: Request) -> JsonAnswer:
    wanted = await read(request, KeyCreate)
    policy, name = await _policy(gateway, wanted.policy, wanted.policy_name)
    who = kept("name", wanted.name), kept_if_any("owner", wanted.owner), _labels(wanted.labels)
    check_owner(gateway, request, who[1])
    return await _created(gateway, *who, wanted.expires_at, policy, name, None)


async def edit_key(gateway: Gateway, request: Request) -> JsonAnswer:
    entry = _named(gateway, request)
    wanted = await read(request, KeyEdit)
    given = wanted.model_fields_set
    if entry.row.state == "revoked":
        raise Refused(409, CONFLICT, "a revoked key cannot be changed")
    if "name" in given and wanted.name is None:
        raise refusals.bad_request("name: must not be null")
    if wanted.name is not None and wanted.name != entry.row.name:
        gateway.keys.check_name(wanted.name)
    changes = KeyChanges()
    if wanted.name is not None:
        changes["name"] = kept("name", wanted.name)
    if "owner" in given:
        changes["owner"] = kept_if_any("owner", wanted.owner)
        check_owner(gateway, request, changes["owner"])
    if "labels" in given:
        changes["labels"] = _labels(wanted.labels or [])
    if "expires_at" in given:
        changes["expires_at"] = _time("expires_at", wanted.expires_at)
        if entry.state == "expired":
            gateway.keys.check_enabling(wanted.name or entry.row.name)
    if wanted.policy is not None or wanted.policy_name is not None:
        changes["policy"], changes["policy_name"] = await _policy(gateway, wanted.policy, wanted.policy_name)
    if wanted.policy_changes is not None:
        if "policy" in changes:
            raise refusals.bad_request("policy_changes: cannot be combined with policy or policy_name")
        changes["policy_fields"], changes["policy_name"] = policy_fields(wanted.policy_changes), None
    return JsonAnswer(await _changed(gateway, entry, changes))


async def key_action(gateway: Gateway, request: Request) -> JsonAnswer:
    """revoke, disable or enable. Revoking is final, so a name that two keys share is not enough."""
    entry = _named(gateway, request, surely=True)
    action = request.url.path.rsplit("/", 1)[-1]
    revoked = entry.row.state == "revoked"
    if revoked and action != "revoke":
        raise Refused(409, CONFLICT, "a revoked key stays revoked; create or rotate to a new one")
    changes = KeyChanges(state={"revoke": "revoked", "disable": "disabled", "enable": "active"}[action])
    if action == "enable" and entry.state != "active":
        gateway.keys.check_enabling(entry.row.name)
    if action == "revoke":
        changes["revoked_at"] = entry.row.revoked_at or now_ms()
    return JsonAnswer(await _changed(gateway, entry, changes))


async def rotate_key(gateway: Gateway, request: Request) -> JsonAnswer:
    """A new key with the policy and the budget of the old one, which works on until a time, or ends now."""
    entry = _named(gateway, request)
    wanted = await read(request, KeyRotate, optional=True)
    row = entry.row
    if entry.state in ("revoked", "expired"):
        how = "create a new one" if row.state == "revoked" else "create a new one, or edit its expiry first"
        raise Refused(409, CONFLICT, f"this key is {entry.state}, and so would be the new one: {how}")
    until = _time("old_expires_at", wanted.old_expires_at)
    expires = views.shown_time(row.expires_at)
    answer = await _created(
        gateway, row.name, row.owner, row.labels, expires, dict(row.policy), row.policy_name, row.budget_id
    )
    changes = KeyChanges(replaced_by=answer.key_id)
    if until is None:
        changes |= {"state": "revoked", "revoked_at": now_ms()}
    else:
        changes["expires_at"] = until if row.expires_at is None else min(until, row.expires_at)
    await _changed(gateway, entry, changes)
    return answer


async def check_key(gateway: Gateway, request: Request) -> JsonAnswer:
    return JsonAnswer(await check(gateway, keys_of(gateway, request), await read(request, KeyCheck)))


# --- tasks ------------------------------------------------------------------------------------------------------------


async def stop_task(gateway: Gateway, request: Request) -> JsonAnswer:
    """The task's running requests end, and further ones are refused until it is resumed."""
    task = await _task(gateway, request)
    gateway.keep_stop(await gateway.ledger.stop_task(kept("task", task)))
    return JsonAnswer(await _task_view(gateway, request, task))


async def resume_task(gateway: Gateway, request: Request) -> JsonAnswer:
    """It goes on, whether somebody stopped it or a breaker did. Raises Refused (409) where nobody has."""
    task = await _task(gateway, request)
    if not await gateway.ledger.resume_task(task):
        raise Refused(409, CONFLICT, "this task is not stopped")
    gateway.keep_resumed(task)
    return JsonAnswer(await _task_view(gateway, request, task))


async def _task(gateway: Gateway, request: Request) -> str:
    """The task that is meant, all of which the caller sees. Raises Refused: 404, 403 where it sees a part of it."""
    task, term = (await read(request, TaskNamed)).task, caller_of(request).term
    await gateway.ledger.written()  # its first request may have come a moment ago
    if not await gateway.ledger.tasks(0, 1, task, term):
        raise Refused(404, NOT_FOUND, "no stored request belongs to this task (`joytui tasks` lists the newest)")
    await check_whole_task(gateway, request, task)
    return task


async def check_whole_task(gateway: Gateway, request: Request, task: str) -> None:
    """Raises Refused (403) where the caller sees a part of a task, but not all of it."""
    term = caller_of(request).term
    if term is not None and await gateway.ledger.tasks(0, 1, task, Not(term)):
        raise Refused(403, BEYOND, "part of this task belongs to another team's key")


async def _task_view(gateway: Gateway, request: Request, task: str) -> dict[str, Any]:
    rows = await gateway.ledger.tasks(0, 1, task, caller_of(request).term)
    return task_views(rows, now_ms(), gateway.total_of_task, gateway.stops)[0]


# --- wallets, policies, tokens ----------------------------------------------------------------------------------------


async def set_wallet(gateway: Gateway, request: Request) -> JsonAnswer:
    wanted = await read(request, WalletSet)
    balance = None if wanted.balance is None else credits_of("balance", wanted.balance)
    await gateway.ledger.set_wallet(_tier(request), balance, kept_if_any("note", wanted.note))
    return await _wallet(gateway, _tier(request))


async def credit_wallet(gateway: Gateway, request: Request) -> JsonAnswer:
    wanted = await read(request, WalletCredit)
    amount = credits_of("amount", wanted.amount)
    if not amount:  # it would set a balance of 0, and refuse everybody
        raise refusals.bad_request("amount: nothing to add")
    try:
        await gateway.ledger.credit_wallet(_tier(request), amount, kept_if_any("note", wanted.note))
    except MoneyError as error:
        raise refusals.bad_request(f"amount: {error}") from None
    return await _wallet(gateway, _tier(request))


async def _wallet(gateway: Gateway, tier: str) -> JsonAnswer:
    await gateway.read_access()
    rows = await gateway.ledger.wallets()
    return JsonAnswer(next(views.wallet_view(row) for row in rows if row.tier == tier))


async def put_policy(gateway: Gateway, request: Request) -> JsonAnswer:
    wanted = await read(request, PolicyView)
    name = request.path_params["name"]
    if not 0 < len(name) <= 80 or not name.isprintable():
        raise refusals.bad_request("name: 1 to 80 printable characters")
    row = await gateway.ledger.put_policy(kept("name", name), snapshot(wanted))
    return JsonAnswer(views.named_policy(row))


async def create_token(gateway: Gateway, request: Request) -> JsonAnswer:
    wanted = await read(request, TokenCreate)
    name, token = kept("name", wanted.name), new_token()
    row = await gateway.ledger.create_token(name, digest(token), wanted.role, _led(gateway, wanted))
    gateway.keep_tokens([*gateway.tokens.values(), row])
    return JsonAnswer({**views.token_view(row), "token": token}, status_code=201)


def _led(gateway: Gateway, wanted: TokenCreate) -> tuple[Clean, ...]:
    """The teams of a lead. Raises Refused (400)."""
    if (wanted.role == "lead") != bool(wanted.teams):
        raise refusals.bad_request("teams: a lead has one or more, and no other role has any")
    for name in wanted.teams:
        if name not in gateway.teams:
            raise refusals.bad_request(f"teams: no team is called {name!r} (`joytui teams list`)")
    return tuple(gateway.teams[name].name for name in dict.fromkeys(wanted.teams))


async def create_team(gateway: Gateway, request: Request) -> JsonAnswer:
    name = kept("name", (await read(request, TeamCreate)).name)
    if await gateway.ledger.create_team(name) is None:
        raise Refused(409, CONFLICT, f"there is already a team {name!r}")
    return JsonAnswer(await _team(gateway, name), status_code=201)


async def add_owner(gateway: Gateway, request: Request) -> JsonAnswer:
    team, owner = request.path_params["name"], kept("owner", (await read(request, OwnerAdd)).owner)
    there = await gateway.ledger.add_owner(team, owner)
    if there is None:
        raise Refused(404, NOT_FOUND, "no team with that name")
    if there != team:
        raise Refused(
            409,
            CONFLICT,
            f"{owner!r} is in the team {there!r}, and an owner can only be in one team: remove them there first",
        )
    return JsonAnswer(await _team(gateway, team))


async def remove_owner(gateway: Gateway, request: Request) -> JsonAnswer:
    team, owner = request.path_params["name"], kept("owner", request.query_params.get("owner", ""))
    if not await gateway.ledger.remove_owner(team, owner):
        raise Refused(404, NOT_FOUND, "no such owner in a team with that name")
    return JsonAnswer(await _team(gateway, team))


async def _team(gateway: Gateway, name: str) -> dict[str, Any]:
    await gateway.read_access()
    return views.team_view(gateway.teams[name])


async def forget_lessons(gateway: Gateway, request: Request) -> JsonAnswer:
    asked = request.query_params
    count = await gateway.forget_lessons(asked.get("upstream") or None, asked.get("model") or None)
    return JsonAnswer({"forgotten": count})


async def create_sender(gateway: Gateway, request: Request) -> JsonAnswer:
    wanted = await read(request, SenderCreate)
    name, owner, team = kept("name", wanted.name), _word("owner", wanted.owner), _word("team", wanted.team)
    token = new_telemetry_token()
    row = await gateway.ledger.create_sender(name, digest(token), owner, team)
    if row is None:
        message = f"there is already a telemetry token named {name!r}: choose another name, or revoke that one"
        raise Refused(409, CONFLICT, message)
    gateway.keep_senders([*gateway.senders.values(), row])
    return JsonAnswer({**views.sender_view(row), "token": token}, status_code=201)


async def revoke_sender(gateway: Gateway, request: Request) -> JsonAnswer:
    if not await gateway.ledger.revoke_sender(request.path_params["id"]):
        raise Refused(404, NOT_FOUND, "no telemetry token with that id")
    await gateway.read_access()
    return JsonAnswer({"revoked": True})


def _word(field: str, value: str | None) -> Clean | None:
    return kept(field, value) if value else None


async def delete_token(gateway: Gateway, request: Request) -> JsonAnswer:
    if not await gateway.ledger.delete_token(request.path_params["id"]):
        raise Refused(404, NOT_FOUND, "no token with that id")
    await gateway.read_access()
    return JsonAnswer({"deleted": True})


# --- parts ------------------------------------------------------------------------------------------------------------


class _Created(JsonAnswer):
    """The answer to a new key, with the id beside it for who continues from there."""

    key_id: str = ""


async def _created(
    gateway: Gateway,
    name: Clean,
    owner: Clean | None,
    labels: tuple[Clean, ...],
    expires_at: str | None,
    policy: dict[str, Any],
    policy_name: Clean | None,
    budget_id: str | None,
) -> _Created:
    plain = new_key()
    expires = _time("expires_at", expires_at)
    wanted = NewKey(
        digest=digest(plain),
        name=name,
        hint=hint(plain),
        owner=owner,
        labels=labels,
        expires_at=expires,
        policy=policy,
        policy_name=policy_name,
        budget_id=budget_id,
    )
    # a rotation leaves two keys of one name for a while
    row = await gateway.ledger.create_key(wanted, alone=budget_id is None)
    if row is None:
        raise refusals.name_taken(name)
    view = await _view(gateway, gateway.keep(row))
    answer = _Created({**view, "key": plain}, status_code=201, headers={"Cache-Control": "no-store"})
    answer.key_id = row.id
    return answer


async def _changed(gateway: Gateway, entry: KeyEntry, changes: KeyChanges) -> dict[str, Any]:
    try:
        row = await gateway.ledger.edit_key(entry.row.id, changes, parse_policy)
    except ValueError as error:
        raise refusals.bad_request(f"policy: {error}") from None
    if row is None:
        raise Refused(404, NOT_FOUND, "no key with that id")
    return await _view(gateway, gateway.keep(row))


async def _view(gateway: Gateway, entry: KeyEntry) -> dict[str, Any]:
    fresh = await gateway.ledger.key(entry.row.id)
    if fresh is not None and fresh.last_used_at != entry.row.last_used_at:
        entry.row = fresh
    at_ms = now_ms()
    limits = gateway.budgets.of_key(entry.row, entry.policy, at_ms)
    return views.key_view(entry, await gateway.ledger.activity(entry.row), limits, at_ms)


async def _policy(gateway: Gateway, given: PolicyView | None, name: str | None) -> tuple[dict[str, Any], Clean | None]:
    """The snapshot to store, and the name of the policy it was copied from."""
    if name is None:
        return snapshot(given or PolicyView()), None
    for row in await gateway.ledger.policies():
        if row.name == name:
            return dict(row.body), row.name
    raise refusals.bad_request(f"policy_name: no policy is called {name[:80]!r}")


def snapshot(view: PolicyView) -> dict[str, Any]:
    """What is stored of a policy. Raises Refused (400)."""
    for field in ("fixed_model", "block_reason"):
        kept_if_any(f"policy.{field}", getattr(view, field))
    for model in view.model_blacklist:
        kept_if_any("policy.model_blacklist", model)
    body = view.model_dump(exclude_defaults=True)
    try:
        parse_policy(body)
    except ValueError as error:
        raise refusals.bad_request(f"policy: {error}") from None
    return body


def policy_fields(changes: PolicyView) -> dict[str, Any]:
    """The fields of a policy that are to be changed (`KeyChanges`). Raises Refused (400). Whether they fit the key's others shows when
    the change is made."""
    body = snapshot(changes)
    return {name: body.get(name) for name in changes.model_fields_set}


def kept(field: str, text: str) -> Clean:
    """An administrator's own text as it may be stored. Raises Refused (400), and does not repeat what may be a key."""
    found = clean(text, DOOR_LIMIT)
    if found is None or (MASK in found and MASK not in text):
        what = "has no printable characters" if found is None else "looks like a secret"
        raise refusals.bad_request(f"{field}: the text {what}; choose another")
    return found


def kept_if_any(field: str, text: str | None) -> Clean | None:
    return kept(field, text) if text and text.strip() else None


def _labels(texts: list[str]) -> tuple[Clean, ...]:
    return tuple(kept("labels", text) for text in texts if text.strip())


def _named(gateway: Gateway, request: Request, *, surely: bool = False) -> KeyEntry:
    return keys_of(gateway, request).addressed(request.path_params["id"], surely=surely)


def _tier(request: Request) -> str:
    tier: str = request.path_params["tier"]
    if tier not in TIERS:
        raise Refused(404, NOT_FOUND, "no such tier: economy, standard or premium")
    return tier


def credits_of(name: str, text: str) -> int:
    """Nano-credits of the member of a body. Raises Refused (400)."""
    try:
        return parse_credits(text)
    except MoneyError as error:
        raise refusals.bad_request(f"{name}: {error}") from None


def _time(name: str, text: str | None) -> int | None:
    try:
        return views.stored_time(text)
    except (ValueError, OverflowError):
        raise refusals.bad_request(f"{name}: not an RFC 3339 time") from None


async def read(request: Request, model: type[M], *, optional: bool = False) -> M:
    """The request's JSON as a wire model. Raises Refused (400) that names the field."""
    parts, size = [], 0
    async for part in request.stream():
        size += len(part)
        if size > MAX_BODY:
            raise refusals.bad_request(
                f"request body too large: at most {MAX_BODY // 1024:,} KiB", cause="request-too-large"
            )
        parts.append(part)
    raw = b"".join(parts)
    try:
        data = {} if optional and not raw.strip() else json.loads(raw)
        if b"\\u" in raw:  # halves of surrogate pairs are JSON, but no text that can be stored or answered
            json.dumps(data, ensure_ascii=False).encode()
        return model.model_validate(data)
    except (ValueError, RecursionError) as error:
        if not isinstance(error, ValidationError):
            raise refusals.bad_request("request body is not valid JSON") from None
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise refusals.bad_request(f"{place or 'body'}: {first['msg']}") from None


# --- alerts -----------------------------------------------------------------------------------------------------------


async def test_alerts(gateway: Gateway, request: Request) -> JsonAnswer:
    """Sends a test to the webhook, once, and says what it answered."""
    webhook = gateway.alerts.webhook
    if webhook is None:
        raise Refused(
            409, refusals.CONFLICT, "this gateway has no webhook for alerts: the setting alerts_url names one"
        )
    row, outcome = await gateway.alerts.test(caller_of(request).name)
    return JsonAnswer(
        {
            "id": row.id,
            "webhook": webhook.shown,
            "signed": webhook.secret is not None,
            "delivered": outcome.good,
            "status": outcome.status,
            "answer": outcome.text or "",
        }
    )
