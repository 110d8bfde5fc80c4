"""Who may do what: every route of the console API and every command, by every role."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from joytui.cli.main import COMMANDS as joytui_commands
from joytui.cli.main import main
from joytui.client.console_api import PREFIX, READ_ONLY
from joytui.core.places import places
from joytui.core.roles import ROLES
from joytui.gateway.routes import CONSOLE
from joytui.web.access import Access
from tests.gateway.served import Served
from tests.support.hang import HANG_S

READS = (
    "/status", "/keys", "/keys/{id}", "/requests", "/requests/stream", "/requests/{id}", "/usage", "/tasks", "/latency", "/models",
    "/wallet", "/wallet/entries", "/policies", "/upstreams", "/budgets", "/fleet", "/telemetry/tokens", "/teams", "/tokens", "/audit",
    "/alerts",
)  # fmt: skip
"""What an admin and a viewer may ask for, and a lead of its teams."""
NOT_BY_TEAMS = ("/latency", "/wallet/entries", "/tokens", "/audit")
"""What a lead may not."""
EDITS: Mapping[tuple[str, str], Any] = {
    ("post", "/keys"): {"name": "made", "owner": "ann"},
    ("patch", "/keys/{id}"): {"labels": ["new"]},
    ("post", "/keys/{id}/rotate"): {"old_expires_at": "2999-12-31T00:00:00Z"},
    ("post", "/keys/{id}/disable"): None,
    ("post", "/keys/{id}/enable"): None,
    ("post", "/keys/{id}/revoke"): None,
    ("post", "/tasks/stop"): {"task": "root"},
    ("post", "/tasks/resume"): {"task": "root"},
    ("put", "/budgets"): {"node": "team:team", "daily_limit": "5"},
    ("post", "/budgets/raise"): {"node": "team:team", "amount": "5", "until": "2999-12-31T00:00:00Z"},
}
"""What an admin may do, and a lead with its teams' keys."""
ADMINS: Mapping[tuple[str, str], Any] = {
    ("put", "/wallet/{tier}"): {"balance": "5"},
    ("post", "/wallet/{tier}/credit"): {"amount": "1"},
    ("put", "/policies/{name}"): {"daily_limit": "5"},
    ("delete", "/upstreams/lessons"): None,
    ("post", "/telemetry/tokens"): {"name": "laptop"},
    ("delete", "/telemetry/tokens/{id}"): None,
    ("post", "/teams"): {"name": "other"},
    ("post", "/teams/{name}/owners"): {"owner": "bob"},
    ("delete", "/teams/{name}/owners"): None,
    ("post", "/tokens"): {"name": "other"},
    ("delete", "/tokens/{id}"): None,
}
"""What an admin alone may do, each with a body that does it."""
CHANGES = {**EDITS, **ADMINS}
QUERY = {("delete", "/teams/{name}/owners"): "?owner=bob"}
NO_CHANGE = {("post", "/keys/check"): {"key": "dev"}}
ASIDE = {("post", "/alerts/test"): None}
"""An admin's alone, that changes nothing here and needs a webhook: `test_alerts.py`."""
EVERYTHING: Mapping[tuple[str, str], Any] = {**{("get", path): None for path in READS}, **NO_CHANGE, **CHANGES}

COMMANDS = {
    "read": (
        "keys list", "keys check dev", "logs --source gateway", "usage --source gateway --by team", "tasks", "models", "fleet",
        "wallet show", "telemetry token list", "teams list", "budgets list", "gateway upstreams", "alerts list",
    ),
    "read whole": ("tokens list", "audit", "audit --since 1h --json"),
    "edit": (
        "keys create made --owner ann", "keys edit dev --owner ann", "keys disable dev", "keys enable dev",
        "keys revoke made", "keys rotate dev --overlap 24h", "tasks stop root", "tasks resume root",
        "budgets set team:team --daily 5", "budgets raise team:team 2 --until 24h",
    ),
    "change": (
        "teams create other", "teams add team bob", "teams remove team bob", "wallet set economy 5", "wallet credit economy 1",
        "telemetry token create laptop",
        "telemetry token revoke sender-team", "tokens create other --role admin", "tokens revoke viewer", "gateway upstreams forget",
    ),
}  # fmt: skip
"""What asks a gateway, by the right that it needs; `gateway.console_auth` calls the last "admin"."""
MAY = {"admin": ("read", "read whole", "edit", "change"), "lead": ("read", "edit"), "viewer": ("read", "read whole")}
ELSEWHERE = ("doctor", "store", "try", "codex", "setup", "report", "triage", "serve", "completion")
"""Commands about this machine. What they ask of a gateway are routes as well."""


@pytest.fixture
async def tokens(gateway: Served) -> dict[str, str]:
    """A console token of each role, by the role, which is its name too; and something of everything to ask for."""
    await gateway.new_key("dev", owner="ann")
    await gateway.new_key("theirs", owner="bea")
    for team, owner in (("team", "ann"), ("others", "bea")):
        await gateway.admin.post(f"{PREFIX}/teams", json={"name": team})
        await gateway.admin.post(f"{PREFIX}/teams/{team}/owners", json={"owner": owner})
        await gateway.admin.post(f"{PREFIX}/telemetry/tokens", json={"name": f"sender-{team}", "owner": owner})
    made = {}
    for role in ROLES:
        teams = {"teams": ["team"]} if role == "lead" else {}
        answer = await gateway.admin.post(f"{PREFIX}/tokens", json={"name": role, "role": role, **teams})
        assert (answer.status_code, answer.json()["role"]) == (201, role)
        made[role] = answer.json()["token"]
    return made


def test_every_route_is_in_the_table() -> None:
    assert sorted({**EVERYTHING, **ASIDE}) == sorted((one.method, one.path.removeprefix(PREFIX)) for one in CONSOLE)


def test_every_command_is_in_the_table() -> None:
    ours = {line.split()[0] for lines in COMMANDS.values() for line in lines}
    assert sorted([*ours, *ELSEWHERE]) == sorted(joytui_commands)


async def ask(
    gateway: Served, token: str, method: str, path: str, body: Any, *, read_only: bool = False, **named: str
) -> tuple[int, str]:
    """The status, and the error's type."""
    method = "head" if path.endswith("/stream") else method  # an answer without an end
    filled = path.format(**{"id": "dev", "tier": "economy", "name": "team", **named}) + QUERY.get((method, path), "")
    headers = {"authorization": f"Bearer {token}", **({READ_ONLY: "1"} if read_only else {})}
    answer = await gateway.http.request(method.upper(), PREFIX + filled, json=body, headers=headers)
    return answer.status_code, answer.json()["error"]["type"] if answer.is_error and answer.content else ""


async def a_task(gateway: Served) -> None:
    """A task of the lead's team."""
    made = await gateway.new_key("of-task", owner="ann")
    await gateway.chat(made["key"], session_id="root")
    await gateway.logs()


async def state(gateway: Served) -> dict[str, Any]:
    """All that somebody may have changed."""
    paths = (
        "keys",
        "tokens",
        "wallet",
        "wallet/entries",
        "policies",
        "telemetry/tokens",
        "upstreams",
        "teams",
        "tasks",
        "budgets",
    )
    return {path: await gateway.ask(path) for path in paths}


async def test_a_viewer_reads_everything_and_changes_nothing(gateway: Served, tokens: dict[str, str]) -> None:
    before = await state(gateway)
    for (method, path), body in EVERYTHING.items():
        status, kind = await ask(gateway, tokens["viewer"], method, path, body)
        if (method, path) in CHANGES:
            assert (status, kind) == (403, "read_only_token"), (method, path)
        else:
            assert (status, kind) in ((200, ""), (404, "not_found")), (method, path)  # there is no request "dev"
    assert await state(gateway) == before


async def test_a_lead_edits_keys_and_budgets_and_changes_nothing_else(gateway: Served, tokens: dict[str, str]) -> None:
    await a_task(gateway)
    before = await state(gateway)
    for (method, path), body in EVERYTHING.items():
        if (method, path) in EDITS:
            continue
        status, kind = await ask(gateway, tokens["lead"], method, path, body)
        beyond = (method, path) in ADMINS or path in NOT_BY_TEAMS
        assert (status, kind) in ([(403, "beyond_teams")] if beyond else [(200, ""), (404, "not_found")]), (
            method,
            path,
        )
    assert await state(gateway) == before
    for (method, path), body in EDITS.items():
        status, kind = await ask(gateway, tokens["lead"], method, path, body)
        assert (status, kind) in ((200, ""), (201, ""), (409, "conflict")), (method, path)
    after = await state(gateway)
    assert {path for path in before if before[path] != after[path]} == {"keys", "budgets"}


async def test_a_lead_edits_no_key_of_another_team(gateway: Served, tokens: dict[str, str]) -> None:
    await gateway.new_key("nobody's")
    before = await state(gateway)
    for (method, path), body in EDITS.items():
        for name in ("theirs", "nobody's") if "{id}" in path else ():
            assert await ask(gateway, tokens["lead"], method, path, body, id=name) == (404, "not_found"), (path, name)
    for method, path, body in (
        ("post", "/keys", {"name": "made", "owner": "bea"}),
        ("post", "/keys", {"name": "made"}),
        ("patch", "/keys/dev", {"owner": "bea"}),
        ("patch", "/keys/dev", {"owner": None}),
    ):
        assert await ask(gateway, tokens["lead"], method, path, body) == (403, "beyond_teams"), body
    assert await state(gateway) == before


async def test_a_lead_sees_its_teams_alone(gateway: Served, tokens: dict[str, str]) -> None:
    lead = {"authorization": f"Bearer {tokens['lead']}"}
    plain = {}
    for name, owner in (("ours", "ann"), ("others", "bea"), ("nobody", None)):
        plain[name] = (await gateway.new_key(name, owner=owner))["key"]
        await gateway.chat(plain[name], thread_id=name, session_id=name)
    rows = {row["key"]: row["id"] for row in await gateway.logs()}
    assert len(rows) == 3

    async def told(path: str, **params: Any) -> Any:
        answer = await gateway.http.get(PREFIX + path, params=params, headers=lead)
        return answer.json() if answer.is_success else answer.status_code

    async def seen(path: str, member: str, name: str = "key", **params: Any) -> list[Any]:
        return [row[name] for row in (await told(path, **params))[member]]

    assert await seen("/keys", "keys", "name") == ["dev", "ours"]
    assert await seen("/requests", "requests") == ["ours"]
    assert await seen("/requests", "requests", filter="-key:ours") == []
    assert [await told(f"/requests/{rows[key]}") for key in ("others", "nobody")] == [404, 404]
    assert (await told(f"/requests/{rows['ours']}"))["team"] == "team"
    assert await seen("/usage", "rows", by="key") == ["ours"]
    usage = await told("/usage", by="team", tests="out")
    assert (usage["totals"]["requests"], usage["left_out"]["requests"]) == (1, 0)
    assert await seen("/tasks", "tasks") == ["ours"]
    assert await seen("/tasks", "tasks", task="others") == []
    assert await seen("/fleet", "people", "token") == ["sender-team"]
    assert await seen("/telemetry/tokens", "tokens", "name") == ["sender-team"]
    assert await seen("/teams", "teams", "name") == ["team"]
    assert await told("/models", key="theirs") == 404
    for key, allowed in ((plain["ours"], True), (plain["others"], False), ("theirs", False)):
        verdict = await gateway.http.post(f"{PREFIX}/keys/check", json={"key": key}, headers=lead)
        assert verdict.json()["allowed"] is allowed, key
    assert (await gateway.http.get("/metrics", headers=lead)).status_code == 403
    async with gateway.http.stream("GET", f"{PREFIX}/requests/stream?after=0", headers=lead) as stream:
        data = await anext(line async for line in stream.aiter_lines() if line.startswith("data: "))
    assert [row["key"] for row in json.loads(data.removeprefix("data: "))["requests"]] == ["ours"]
    await gateway.admin.delete(f"{PREFIX}/teams/team/owners", params={"owner": "ann"})
    assert await seen("/keys", "keys") == await seen("/requests", "requests") == []


async def test_a_task_that_another_team_asked_in_is_no_leads(gateway: Served, tokens: dict[str, str]) -> None:
    """A client names its task itself, and so may name another team's."""
    lead = {"authorization": f"Bearer {tokens['lead']}"}
    ours, theirs = [await gateway.new_key(name, owner=owner) for name, owner in (("ours", "ann"), ("others", "bea"))]
    await gateway.chat(theirs["key"], thread_id="t", session_id="t")
    await gateway.admin.put(f"{PREFIX}/budgets", json={"node": "task:t", "total_limit": "5"})
    asked = (
        ("PUT", "/budgets", {"node": "task:t", "total_limit": "0"}),
        ("POST", "/budgets/raise", {"node": "task:t", "amount": "5"}),
        ("POST", "/tasks/stop", {"task": "t"}),
    )

    async def answers() -> list[int]:
        await gateway.logs()
        sent = [await gateway.http.request(m, PREFIX + path, json=body, headers=lead) for m, path, body in asked]
        return [answer.status_code for answer in sent]

    assert await answers() == [404, 404, 404]
    assert (await gateway.chat(ours["key"], thread_id="t", session_id="t")).status_code == 200
    assert await answers() == [403, 403, 403]
    assert (await gateway.http.get(f"{PREFIX}/budgets", headers=lead)).json() == {"budgets": []}
    assert (await gateway.chat(theirs["key"], thread_id="t", session_id="t")).status_code == 200


async def test_teams_that_are_none(gateway: Served, tokens: dict[str, str]) -> None:
    async def refused(method: str, path: str, body: Any) -> tuple[int, str]:
        answer = await gateway.admin.request(method, PREFIX + path, json=body)
        return answer.status_code, answer.json()["error"]["message"]

    for method, path, body, status, words in (
        ("POST", "/tokens", {"name": "x", "role": "lead"}, 400, "a lead has one or more"),
        ("POST", "/tokens", {"name": "x", "teams": ["team"]}, 400, "no other role has any"),
        ("POST", "/tokens", {"name": "x", "role": "lead", "teams": ["no"]}, 400, "no team is called 'no'"),
        ("POST", "/teams", {"name": "team"}, 409, "there is already a team 'team'"),
        ("POST", "/teams", {"name": "a/b"}, 400, "no slash"),
        ("POST", "/teams/no/owners", {"owner": "cy"}, 404, "no team with that name"),
        ("POST", "/teams/team/owners", {"owner": "bea"}, 409, "'bea' is in the team 'others'"),
        ("DELETE", "/teams/team/owners?owner=bea", None, 404, "no such owner"),
        ("DELETE", "/teams/team/owners", None, 400, "owner"),
    ):  # fmt: skip
        found = await refused(method, path, body)
        assert (found[0], words in found[1]) == (status, True), (path, body, found)


async def test_every_change_is_in_the_audit_log(gateway: Served, tokens: dict[str, str]) -> None:
    """By whoever made it, and in the words of the change; what is refused is not in it, and no secret is."""
    await a_task(gateway)
    first = len((await gateway.ask("audit"))["entries"])
    for path, body in (("/keys", {"name": "dev"}), ("/wallet/economy/credit", {"amount": "99999999999999999999"})):
        assert (await gateway.admin.post(PREFIX + path, json=body)).is_error
    assert len((await gateway.ask("audit"))["entries"]) == first
    sender = (await gateway.ask("telemetry/tokens"))["tokens"][0]["id"]
    [token] = [row["id"] for row in (await gateway.ask("tokens"))["tokens"] if row["name"] == "viewer"]
    [key] = [row["id"] for row in (await gateway.ask("keys"))["keys"] if row["name"] == "dev"]
    plain = {*tokens.values()}
    for (method, path), body in CHANGES.items():
        if path.endswith(("/upstreams/lessons", "/enable")):
            continue  # there are no lessons; the name has gone to the key that it was rotated to
        before = (await gateway.ask("audit"))["entries"]
        who = "lead" if (method, path) in EDITS else "admin"
        headers = {"authorization": f"Bearer {tokens[who]}"}
        ids = sender if path.startswith("/telemetry") else token if path.startswith("/tokens") else key
        filled = path.format(id=ids, tier="economy", name="team") + QUERY.get((method, path), "")
        answer = await gateway.http.request(method.upper(), PREFIX + filled, json=body, headers=headers)
        assert answer.is_success, path
        made = {} if path.startswith("/tasks") else answer.json()  # whose "key" is a name
        plain |= {made[name] for name in ("key", "token") if name in made}
        after = (await gateway.ask("audit"))["entries"]
        new = after[: len(after) - len(before)]
        assert {entry["token"] for entry in new} == {who}, path
    log = json.dumps(await gateway.ask("audit"))
    assert [secret for secret in plain if secret in log or secret[9:30] in log] == []
    assert "digest" not in log


async def test_an_entry_says_what_was_and_what_is(gateway: Served, tokens: dict[str, str]) -> None:
    await gateway.admin.patch(f"{PREFIX}/keys/dev", json={"labels": ["new"]})
    await gateway.admin.patch(f"{PREFIX}/keys/dev", json={"labels": ["new"]})  # it is so already
    await gateway.admin.put(f"{PREFIX}/wallet/economy", json={"balance": "5"})
    await gateway.admin.post(f"{PREFIX}/teams/team/owners", json={"owner": "cy"})
    found = (await gateway.ask("audit", limit=3))["entries"]
    assert [
        (one["token"], one["what"], one["name"] or one["subject"], one["before"], one["after"]) for one in found
    ] == [
        ("admin", "owner added", "team", {"owners": ["ann"]}, {"owners": ["ann", "cy"]}),
        ("admin", "wallet set", "economy", {"balance": None}, {"balance": "5"}),
        ("admin", "key edited", "dev", {"labels": []}, {"labels": ["new"]}),
    ]
    made = (await gateway.ask("audit"))["entries"][-1]
    assert (made["what"], made["before"], made["after"]["owner"]) == ("key created", None, "ann")
    assert (await gateway.ask("audit", since="2999-01-01"))["entries"] == []


async def test_a_token_of_an_admin_does_everything(gateway: Served, tokens: dict[str, str]) -> None:
    for (method, path), body in EVERYTHING.items():
        status, _ = await ask(gateway, tokens["admin"], method, path, body)
        assert status not in (401, 403), (method, path)
        assert status < 300 or status == 404 or path.endswith(("/enable", "/revoke", "/disable")), (
            method,
            path,
            status,
        )


@pytest.mark.parametrize("role", ["admin", "lead"])
async def test_who_says_that_it_only_reads_changes_nothing(gateway: Served, tokens: dict[str, str], role: str) -> None:
    before = await state(gateway)
    for (method, path), body in EVERYTHING.items():
        status, kind = await ask(gateway, tokens[role], method, path, body, read_only=True)
        if (method, path) in CHANGES:
            assert (status, kind) == (403, "read_only_token"), (method, path)
        else:
            assert (status, kind) == await ask(gateway, tokens[role], method, path, body), (method, path)
    assert await state(gateway) == before


@pytest.mark.parametrize("role", ROLES)
async def test_serve_shows_what_its_token_sees(
    gateway: Served, tokens: dict[str, str], role: str, tmp_path: Path
) -> None:
    """No admin's rights are needed: where the token makes none for the consoles, they get that one."""
    said: list[str] = []
    env = {"JOYTUI_ADMIN_TOKEN": tokens[role], "JOYTUI_DATA_DIR": str(tmp_path)}
    access = Access(places(env), said.append, gateway_url=gateway.url, start=False, changes=False, env=env)
    await access.open()
    options, given = await access.words()
    assert options == ["--no-start", "--gateway", gateway.url]
    assert (await access.words()) == (options, given), "the token holds, and is not made again"
    assert (given["JOYTUI_ADMIN_TOKEN"] == tokens[role]) is (role != "admin")
    assert said == (["the consoles see what this lead's token sees: team"] if role == "lead" else [])
    status, kind = await ask(
        gateway, given["JOYTUI_ADMIN_TOKEN"], "patch", "/keys/{id}", {"labels": ["x"]}, read_only=True
    )
    assert (status, kind) == (403, "read_only_token")
    await access.close()
    assert (await ask(gateway, given["JOYTUI_ADMIN_TOKEN"], "get", "/status", None))[0] == (
        403 if role == "admin" else 200
    )


async def test_the_status_says_whose_token_asks(gateway: Served, tokens: dict[str, str]) -> None:
    found = {}
    for role, token in tokens.items():
        headers = {"authorization": f"Bearer {token}"}
        status = (await gateway.http.get(f"{PREFIX}/status", headers=headers)).json()
        found[role] = status["role"], status["teams"]
    assert found == {"admin": ("admin", None), "lead": ("lead", ["team"]), "viewer": ("viewer", None)}


async def test_a_token_opens_nothing_once_it_is_revoked(gateway: Served, tokens: dict[str, str]) -> None:
    [row] = [row for row in (await gateway.ask("tokens"))["tokens"] if row["name"] == "admin"]
    assert await ask(gateway, tokens["admin"], "delete", "/tokens/{id}", None, id=row["id"]) == (200, "")
    assert await ask(gateway, tokens["admin"], "get", "/status", None) == (403, "invalid_token")


async def test_a_live_tail_ends_once_its_token_is_revoked(gateway: Served, tokens: dict[str, str]) -> None:
    key = await gateway.new_key("ours", owner="ann")
    headers = {"authorization": f"Bearer {tokens['viewer']}"}
    [row] = [row for row in (await gateway.ask("tokens"))["tokens"] if row["name"] == "viewer"]
    async with gateway.http.stream("GET", f"{PREFIX}/requests/stream?after=0", headers=headers) as tail:
        lines = tail.aiter_lines()
        assert await anext(lines) == ": joytui"
        await gateway.chat(key["key"])
        assert "ours" in await anext(line async for line in lines if line.startswith("data: "))
        await gateway.admin.delete(f"{PREFIX}/tokens/{row['id']}")
        await gateway.chat(key["key"], thread_id="later")
        async with asyncio.timeout(HANG_S):
            rest = [line async for line in lines]
    assert "later" not in "".join(rest)


async def test_a_role_that_is_none_is_refused(gateway: Served) -> None:
    answer = await gateway.admin.post(f"{PREFIX}/tokens", json={"name": "x", "role": "owner"})
    assert (answer.status_code, answer.json()["error"]["message"].partition(":")[0]) == (400, "role")


async def run(line: str, gateway: Served) -> int:
    return await asyncio.to_thread(main, [*line.split(), "--gateway", gateway.url])


@pytest.mark.parametrize("role", ROLES)
async def test_commands(
    gateway: Served, tokens: dict[str, str], role: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    for name in ("HOME", "CODEX_HOME", "JOYTUI_DATA_DIR", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("JOYTUI_ADMIN_TOKEN", tokens[role])
    await a_task(gateway)
    before = await state(gateway)
    for right, lines in COMMANDS.items():
        for line in lines:
            code = await run(line, gateway)
            told = capsys.readouterr()
            assert code == (0 if right in MAY[role] else 1), (line, told)
            hint = "this needs the admin token" if role == "viewer" else "an admin token"
            assert right in MAY[role] or hint in told.err, line
    after = await state(gateway)
    changed = {path for path in before if before[path] != after[path]}
    assert changed == {"viewer": set(), "lead": {"keys", "budgets"}}.get(role, changed)
    assert tokens[role] not in "".join(capsys.readouterr())


async def test_what_is_forgotten_is_what_was_named(gateway: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JOYTUI_ADMIN_TOKEN", gateway.gateway.admin_token)
    asked: list[Any] = []

    async def forget(*named: Any) -> int:
        asked.append(named)
        return 0

    monkeypatch.setattr(gateway.gateway, "forget_lessons", forget)
    for line in ("forget", "forget up --model m"):
        assert await run(f"gateway upstreams {line}", gateway) == 0
    assert asked == [(None, None), ("up", "m")]


async def test_the_commands_of_tokens(gateway: Served, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    monkeypatch.setenv("JOYTUI_ADMIN_TOKEN", gateway.gateway.admin_token)
    for line, code, out, err in (
        ("tokens list", 0, "", "no console tokens yet"),
        ("tokens create wall --role viewer", 0, "jt", "wall (token_"),
        ("tokens create wall --role viewer", 0, "jt", "wall (token_"),
        ("tokens list", 0, "viewer", ""),
        ("tokens revoke wall", 2, "", "use the id"),
        ("tokens revoke nobody", 2, "", "no console token is called 'nobody'"),
        (f"tokens create {'x' * 81} --role admin", 2, "", "1 to 80 characters"),
        ("tokens create wall", 2, "", "--role"),
        ("tokens create wall --role owner", 2, "", "must be one of admin"),
        ("tokens create bea --role lead", 2, "", "a lead needs at least one"),
        ("teams list", 0, "", "no teams yet"),
        ("audit", 0, "token created", ""),
        ("audit --since 2999-01-01", 0, "", "no changes since"),
        ("audit --limit 0", 2, "", "from 1 to 5000"),
        ("audit --since never", 2, "", "--since"),
        ("teams create core", 0, "core: no members", ""),
        ("teams create core", 1, "", "there is already a team 'core'"),
        ("teams add core ann", 0, "core: ann", ""),
        ("teams add nowhere bob", 1, "", "no team with that name"),
        ("teams list", 0, "core: ann", ""),
        ("teams list --json", 0, '"name": "core"', ""),
        ("tokens create bea --role lead --team core", 0, "jt", "bea (token_"),
        ("tokens list", 0, "core", ""),
        ("teams remove core ann", 0, "core: no members", ""),
        ("teams remove core ann", 1, "", "no such owner"),
    ):
        assert await run(line, gateway) == code, line
        told = capsys.readouterr()
        assert (out in told.out, err in told.err) == (True, True), (line, told)
