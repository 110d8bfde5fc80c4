"""The console API of a gateway as an asynchronous client: what the screens and the commands talk through.

    async with await connect(places()) as console:      # client.local.connect
        page = await console.requests(filter="status:4xx", limit=100)

How it is asked, and which errors come of that, is in `console_api`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from joytui.client.console_api import ConsoleApi
from joytui.client.stream import (
    BlockPage,
    ConnectionState,
    OnState,
    RequestBatch,
    RequestPage,
    batches,
    blocks,
    reconnecting,
    record_of,
)
from joytui.core.columnar import Block, block_of, from_json
from joytui.core.errors import RefusedError
from joytui.core.request import RequestRecord

if TYPE_CHECKING:
    from joytui.core import wire
    from joytui.core.roles import Role
    from joytui.core.token_counts import Teller, Tests

__all__ = ["BlockPage", "ConnectionState", "ConsoleClient", "RequestBatch", "RequestPage", "record_of"]

PAGE = 200
TAIL = "/requests/stream"


class ConsoleClient(ConsoleApi):
    """Everything that one gateway's console API answers. Made by `client.local.connect`.

    Keys are named by id, or by name where only one key that is not revoked has it.
    """

    __slots__ = ()

    # --- status, keys ---

    async def status(self) -> wire.GatewayStatus:
        from joytui.core.wire import GatewayStatus

        return self._model(GatewayStatus, await self._ask("GET", "/status"))

    async def status_facts(self) -> Mapping[str, Any]:
        """The same as plain data, for the console's first page: pydantic's models take 0.13 s to build."""
        data = await self._ask("GET", "/status")
        if not isinstance(data, dict) or not isinstance(data.get("last_seq"), int):
            raise self._not_ours("no 'last_seq' in it")
        return data

    async def keys(self) -> list[wire.KeyView]:
        """All keys, newest last, the revoked ones too."""
        from joytui.core.wire import KeyView

        return self._models(KeyView, await self._ask("GET", "/keys"), "keys")

    async def key(self, key: str) -> wire.KeyView:
        from joytui.core.wire import KeyView

        return self._model(KeyView, await self._ask("GET", _key_path(key)))

    async def create_key(self, wanted: wire.KeyCreate) -> wire.KeyCreated:
        """The new key; `.key` is the plain one, shown this once."""
        from joytui.core.wire import KeyCreated

        return self._model(KeyCreated, await self._ask("POST", "/keys", wanted.model_dump(exclude_unset=True)))

    async def edit_key(self, key: str, changes: wire.KeyEdit) -> wire.KeyView:
        """Changes what the KeyEdit sets, leaves the rest."""
        from joytui.core.wire import KeyView

        data = await self._ask("PATCH", _key_path(key), changes.model_dump(exclude_unset=True))
        return self._model(KeyView, data)

    async def revoke_key(self, key: str) -> wire.KeyView:
        return await self._key_action(key, "revoke")

    async def disable_key(self, key: str) -> wire.KeyView:
        return await self._key_action(key, "disable")

    async def enable_key(self, key: str) -> wire.KeyView:
        return await self._key_action(key, "enable")

    async def rotate_key(self, key: str, *, old_expires_at: str | None = None) -> wire.KeyCreated:
        """A new key with the same policy and budget; the old one works until then (RFC 3339), None: it ends now."""
        from joytui.core.wire import KeyCreated

        body = {"old_expires_at": old_expires_at}
        return self._model(KeyCreated, await self._ask("POST", _key_path(key) + "/rotate", body))

    async def check_key(
        self, key: str, *, model: str = "auto", ip: str | None = None, tier: str | None = None, like: str | None = None
    ) -> wire.KeyVerdict:
        """The dry run: may this key (id, name, or the plain key) call this model now, and if not, why.

        `like`: the size of the request, of `KeyCheck`; None: the gateway's own default, a first turn of Codex.
        """
        from joytui.core.wire import KeyVerdict

        body = {"key": key, "model": model, "ip": ip, "tier": tier, **({"like": like} if like else {})}
        return self._model(KeyVerdict, await self._ask("POST", "/keys/check", body))

    async def _key_action(self, key: str, action: str) -> wire.KeyView:
        from joytui.core.wire import KeyView

        return self._model(KeyView, await self._ask("POST", f"{_key_path(key)}/{action}"))

    # --- what upstreams taught ---

    async def upstreams(self) -> list[wire.UpstreamLessons]:
        """Each upstream with what it taught about its models."""
        from joytui.core.wire import UpstreamLessons

        return self._models(UpstreamLessons, await self._ask("GET", "/upstreams"), "upstreams")

    async def forget_lessons(self, upstream: str | None = None, model: str | None = None) -> int:
        """Forgets what one upstream (by name or URL), or all, taught about a model, or all; returns how much that was."""
        from joytui.core.wire import Forgotten

        named = {"upstream": upstream, "model": model}
        return self._model(Forgotten, await self._ask("DELETE", "/upstreams/lessons", params=named)).forgotten

    # --- console tokens ---

    async def tokens(self) -> list[wire.TokenView]:
        """The console tokens, by id, name and role; none of them can be read again."""
        from joytui.core.wire import TokenView

        return self._models(TokenView, await self._ask("GET", "/tokens"), "tokens")

    async def create_token(self, name: str, role: Role = "viewer", teams: Sequence[str] = ()) -> wire.TokenCreated:
        """A token of that role, of a lead for its teams; `.token` is shown this once."""
        from joytui.core.wire import TokenCreated

        body: dict[str, Any] = {"name": name} | ({"teams": list(teams)} if teams else {})
        if role != "viewer":  # which a gateway makes that knows no roles
            body["role"] = role
        return self._model(TokenCreated, await self._ask("POST", "/tokens", body))

    async def delete_token(self, token_id: str) -> None:
        await self._ask("DELETE", f"/tokens/{quote(token_id, safe='')}")

    # --- teams ---

    async def teams(self) -> list[wire.TeamView]:
        """The teams that the token sees, by name."""
        from joytui.core.wire import TeamView

        return self._models(TeamView, await self._ask("GET", "/teams"), "teams")

    async def create_team(self, name: str) -> wire.TeamView:
        """Raises RefusedError if there is one of that name."""
        from joytui.core.wire import TeamView

        return self._model(TeamView, await self._ask("POST", "/teams", {"name": name}))

    async def add_owner(self, team: str, owner: str) -> wire.TeamView:
        """Raises RefusedError if there is no such team, or the owner is in another."""
        from joytui.core.wire import TeamView

        return self._model(TeamView, await self._ask("POST", _owners_path(team), {"owner": owner}))

    async def remove_owner(self, team: str, owner: str) -> wire.TeamView:
        """Raises RefusedError if the owner is not in that team."""
        from joytui.core.wire import TeamView

        return self._model(TeamView, await self._ask("DELETE", _owners_path(team), params={"owner": owner}))

    # --- who changed what ---

    async def audit(self, *, since: str | None = None, limit: int = PAGE) -> list[wire.AuditEntry]:
        """Changes that somebody made, newest first."""
        from joytui.core.wire import AuditEntry

        return self._models(
            AuditEntry, await self._ask("GET", "/audit", params={"since": since, "limit": limit}), "entries"
        )

    # --- telemetry ---

    async def telemetry_tokens(self) -> list[wire.SenderView]:
        """The telemetry tokens that are not revoked, oldest first."""
        from joytui.core.wire import SenderView

        return self._models(SenderView, await self._ask("GET", "/telemetry/tokens"), "tokens")

    async def create_telemetry_token(
        self, name: str, owner: str | None = None, team: str | None = None
    ) -> wire.SenderCreated:
        """A token that posts telemetry and opens nothing else; `.token` is shown this once. Raises RefusedError if the name is
        taken."""
        from joytui.core.wire import SenderCreated

        body = {"name": name, "owner": owner, "team": team}
        return self._model(SenderCreated, await self._ask("POST", "/telemetry/tokens", body))

    async def revoke_telemetry_token(self, token_id: str) -> None:
        await self._ask("DELETE", f"/telemetry/tokens/{quote(token_id, safe='')}")

    async def fleet(self) -> list[wire.PersonView]:
        """What telemetry says of each token's Codex."""
        from joytui.core.wire import PersonView

        return self._models(PersonView, await self._ask("GET", "/fleet"), "people")

    # --- alerts ---

    async def alerts(self, *, since: str | None = None, limit: int = PAGE) -> tuple[list[wire.AlertView], str | None]:
        """What people should hear of, newest first, and where it is sent: the webhook's host, None without one."""
        from joytui.core.wire import AlertView

        data = await self._ask("GET", "/alerts", params={"since": since, "limit": limit})
        return self._models(AlertView, data, "alerts"), data.get("webhook")

    async def test_alerts(self) -> wire.AlertTested:
        """Sends a test to the webhook. Raises RefusedError where none is set."""
        from joytui.core.wire import AlertTested

        return self._model(AlertTested, await self._ask("POST", "/alerts/test"))

    # --- requests ---

    async def requests(
        self,
        filter: str = "",
        *,
        since: str | None = None,
        until: str | None = None,
        limit: int = PAGE,
        before: str | None = None,
        tests: Tests = "in",
    ) -> RequestPage:
        """The newest page of requests that the filter finds; `since` and `until` are RFC 3339 or spans ("2h"). `tests`: whether the
        doctor's are among them."""
        params = {"filter": filter, "since": since, "until": until, "limit": limit, "before": before, **_asked(tests)}
        data = await self._ask("GET", "/requests", params=params)
        try:
            return RequestPage(tuple(record_of(row) for row in data["requests"]), data.get("next"))
        except (KeyError, TypeError, ValueError) as error:
            raise self._not_ours(str(error)) from None

    async def newest(
        self, filter: str = "", *, limit: int = PAGE, before: str | None = None, tests: Tests = "in"
    ) -> BlockPage:
        """The same by column, which costs a tenth; oldest first."""
        params = {"filter": filter, "limit": limit, "before": before, "form": "columns", **_asked(tests)}
        data = await self._ask("GET", "/requests", params=params)
        try:
            if "columns" not in data:  # a gateway that does not know this form
                data = {"requests": data["requests"][::-1], "next": data.get("next")}
                return BlockPage(block_of(data["requests"]), data["next"])
            last = data.get("last_seq")
            return BlockPage(from_json(data["columns"]), data.get("next"), last if isinstance(last, int) else None)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise self._not_ours(str(error)) from None

    async def request(self, request_id: str) -> RequestRecord | None:
        """One request by its own id, its request id or the upstream's; None if the gateway knows none."""
        try:
            return record_of(await self._ask("GET", f"/requests/{quote(request_id, safe='')}"))
        except RefusedError as error:
            if error.status == 404:
                return None
            raise
        except ValueError as error:
            raise self._not_ours(str(error)) from None

    def tail(
        self, after: int | None = None, filter: str = "", *, tests: Tests = "in", on_state: OnState | None = None
    ) -> AsyncGenerator[RequestBatch]:
        """Everything from now on (or after that sequence), forever: reconnects by itself and continues where it was.

        `on_state` is called whenever the connection changes. Raises RefusedError when the gateway refuses filter or token.
        """
        return reconnecting(
            lambda last, opened: self._stream(TAIL, {"after": last, "filter": filter, **_asked(tests)}, batches, opened),
            after, on_state, where=self.url,
        )  # fmt: skip

    def tail_blocks(
        self, after: int | None = None, filter: str = "", *, tests: Tests = "in", on_state: OnState | None = None
    ) -> AsyncGenerator[Block]:
        """The same by column: for who takes in ten thousand in a second."""
        columns = {"filter": filter, "form": "columns", **_asked(tests)}
        return reconnecting(
            lambda last, opened: self._stream(TAIL, {"after": last, **columns}, blocks, opened),
            after, on_state, where=self.url,
        )  # fmt: skip

    # --- usage, money, models ---

    async def usage(
        self,
        by: Sequence[str] = (),
        *,
        since: str | None = None,
        until: str | None = None,
        filter: str = "",
        top: int | None = None,
        only: Sequence[str] = (),
        tests: Tests = "in",
        source: Teller = "gateway",
    ) -> wire.UsageView:
        """Sums by the fields (core.token_counts.USAGE_GROUPS), in that order.

        `top`: this many projects or threads, and "(others)". `only`: these values of the one field that is not a time. `tests`:
        whether the doctor's test requests count. `source`: of what the gateway saw, or of what Codex's telemetry alone told.
        """
        from joytui.core.wire import UsageView

        params = {"by": list(by), "since": since, "until": until, "filter": filter, "top": top, "only": list(only)}
        params |= _asked(tests) | ({} if source == "gateway" else {"source": source})
        return self._model(UsageView, await self._ask("GET", "/usage", params=params))

    # --- budgets ---

    async def budgets(self) -> list[wire.NodeBudget]:
        """The nodes with limits that the token sees, each below its parent."""
        from joytui.core.wire import NodeBudget

        return self._models(NodeBudget, await self._ask("GET", "/budgets"), "budgets")

    async def set_budget(self, node: str, limits: Mapping[str, str | None]) -> wire.NodeBudget:
        """`limits`: those of `BudgetSet` that are to change, in decimal credits; None takes one away. Raises RefusedError."""
        from joytui.core.wire import NodeBudget

        return self._model(NodeBudget, await self._ask("PUT", "/budgets", {"node": node, **limits}))

    async def raise_budget(self, node: str, amount: str, until: str | None = None) -> wire.NodeBudget:
        """Raises the limits of a node until a time, a task's for good without one. Raises RefusedError."""
        from joytui.core.wire import NodeBudget

        body = {"node": node, "amount": amount, "until": until}
        return self._model(NodeBudget, await self._ask("POST", "/budgets/raise", body))

    async def tasks(
        self, *, since: str | None = None, limit: int | None = None, task: str | None = None
    ) -> list[wire.TaskView]:
        """The tasks that asked last, newest first, of those that asked since then (default 24 hours); or this one alone."""
        from joytui.core.wire import TaskView

        params = {"since": since, "limit": limit, "task": task}
        return self._models(TaskView, await self._ask("GET", "/tasks", params=params), "tasks")

    async def stop_task(self, task: str) -> wire.TaskView:
        """Its running requests end, and further ones are refused until it is resumed."""
        from joytui.core.wire import TaskView

        return self._model(TaskView, await self._ask("POST", "/tasks/stop", {"task": task}))

    async def resume_task(self, task: str) -> wire.TaskView:
        """It goes on. Raises RefusedError where it is not stopped."""
        from joytui.core.wire import TaskView

        return self._model(TaskView, await self._ask("POST", "/tasks/resume", {"task": task}))

    async def latency(self, *, since: str, until: str) -> list[wire.LatencyView]:
        """Percentiles by hour, of the hours that have any request."""
        from joytui.core.wire import LatencyView

        params = {"since": since, "until": until}
        return self._models(LatencyView, await self._ask("GET", "/latency", params=params), "rows")

    async def models(self, *, key: str | None = None) -> list[wire.ModelView]:
        """The catalog; with a key also what that key may call."""
        from joytui.core.wire import ModelView

        return self._models(ModelView, await self._ask("GET", "/models", params={"key": key}), "models")

    async def wallet(self) -> list[wire.WalletView]:
        from joytui.core.wire import WalletView

        return self._models(WalletView, await self._ask("GET", "/wallet"), "wallets")

    async def set_wallet(self, tier: str, balance: str | None, note: str | None = None) -> wire.WalletView:
        """Sets a tier's balance (decimal credits); None turns its wallet off."""
        from joytui.core.wire import WalletView

        body = {"balance": balance, "note": note}
        return self._model(WalletView, await self._ask("PUT", f"/wallet/{quote(tier, safe='')}", body))

    async def credit_wallet(self, tier: str, amount: str, note: str | None = None) -> wire.WalletView:
        from joytui.core.wire import WalletView

        body = {"amount": amount, "note": note}
        return self._model(WalletView, await self._ask("POST", f"/wallet/{quote(tier, safe='')}/credit", body))

    async def wallet_entries(
        self, *, tier: str | None = None, limit: int = PAGE, before: int | None = None
    ) -> list[wire.WalletEntryView]:
        """Movements of the wallets, newest first."""
        from joytui.core.wire import WalletEntryView

        data = await self._ask("GET", "/wallet/entries", params={"tier": tier, "limit": limit, "before": before})
        return self._models(WalletEntryView, data, "entries")


def _asked(tests: Tests) -> dict[str, str]:
    """The parameter about the doctor's test requests, where it says anything: older gateways do not know it, and ignore it."""
    return {} if tests == "in" else {"tests": tests}


def _owners_path(team: str) -> str:
    return f"/teams/{quote(team, safe='')}/owners"


def _key_path(key: str) -> str:
    return f"/keys/{quote(key, safe='')}"
