"""Fixed data for the screens: reports, requests, usage and keys, all at one moment in one time zone."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from joytui.causes import CAUSES, ROW_TEXTS
from joytui.codex.rollouts.turns import Session, Turn
from joytui.core.clock import rfc3339
from joytui.core.money import format_credits
from joytui.core.periods import hour_of, period_label
from joytui.core.records import (
    ROWS,
    CodexInfo,
    EffectiveValue,
    Evidence,
    Finding,
    Fix,
    Report,
    Status,
    Step,
    SurfaceCell,
    SurfaceVerdict,
    TableRow,
)
from joytui.core.token_counts import USAGE_GROUPS, TokenCounts, UsageRow, UsageTotals
from joytui.doctor.steps import BY_ID
from joytui.tui.doctor.first_run import Plan, Told
from tests.support.clock import NOW

NOW_MS = int(NOW.timestamp() * 1000)
HOME = "/home/anna"
CONFIG = f"{HOME}/.codex/config.toml"

STEPS: tuple[tuple[str, float, str], ...] = (
    ("codex.found", 4.0, "codex 0.169.0"),
    ("codex.version", 52.0, "0.169.0 sends POST /responses"),
    ("config.found", 0.1, CONFIG),
    ("config.loads", 1.4, f"{CONFIG}, 9 lines"),
    ("provider.selected", 0.3, "model_provider = joytoken"),
    ("provider.url", 0.2, "ends in /openai/v1"),
    ("model.named", 0.0, "auto"),
    ("key.named", 0.1, "env_key = JOY_TOKEN_API_KEY"),
    ("key.value", 0.2, "JOY_TOKEN_API_KEY: 54 bytes, #9f3c21aa"),
    ("net.dns", 8.0, "2 addresses"),
    ("net.proxy", 0.0, "no proxy"),
    ("net.tcp", 11.0, "connected"),
    ("net.tls", 41.0, "TLS 1.3, certificate valid for 63 days"),
    ("net.answer", 61.0, "HTTP 200"),
    ("gateway.route", 0.1, "POST /openai/v1/responses"),
    ("gateway.key", 184.0, "GET /models: 200"),
    ("gateway.policy", 12.0, "no refusal in the answer"),
    ("gateway.budget", 12.0, "no refusal in the answer"),
    ("gateway.model", 96.0, "in the catalog"),
    ("gateway.request", 0.0, "taken"),
    ("gateway.service", 0.0, "no failure"),
    ("stream", 1240.0, "response.completed after 9 events"),
    ("logs", 35.0, "found"),
)


def step(id: str, status: Status = "pass", *, summary: str | None = None) -> Step:
    """One of STEPS with another outcome."""
    found = next(s for s in STEPS if s[0] == id)
    spec = BY_ID[id]
    duration = 0.0 if status == "skip" else found[1]
    return Step(id, spec.row, spec.title, status, duration, summary or found[2])


def steps(failed: str = "", status: Status = "fail", after: Status = "skip") -> tuple[Step, ...]:
    """All steps; the one called `failed` has this status, and those behind it were not reached."""
    at = next((place for place, one in enumerate(STEPS) if one[0] == failed), len(STEPS))
    return tuple(step(one[0], "pass" if n < at else status if n == at else after) for n, one in enumerate(STEPS))


def table(found: tuple[Step, ...]) -> tuple[TableRow, ...]:
    order: tuple[Status, ...] = ("fail", "warn", "unknown", "pass", "skip")
    rows = []
    for row in ROWS:
        mine = [s for s in found if s.row == row]
        status = next((o for o in order if any(s.status == o for s in mine)), "skip")
        text = ROW_TEXTS[row]
        rows.append(TableRow(row, text.symptom, text.check, status, tuple(s.id for s in mine), ""))
    return tuple(rows)


def report(
    verdict: Finding, found: tuple[Step, ...], *, warnings: tuple[Finding, ...] = (), codex: bool = True
) -> Report:
    effective = {
        "model": EffectiveValue("auto", f"{CONFIG}:2", "user"),
        "model_provider": EffectiveValue("joytoken", f"{CONFIG}:1", "user"),
        "base_url": EffectiveValue("https://api-dev.joytokens.ai/openai/v1", f"{CONFIG}:6", "user"),
        "env_key": EffectiveValue("JOY_TOKEN_API_KEY", f"{CONFIG}:7", "user"),
        "wire_api": EffectiveValue("responses", "default", "default"),
    }
    info = CodexInfo("0.169.0" if codex else None, "/usr/local/bin/codex" if codex else None, f"{HOME}/.codex", ())
    return Report(1, "0.1.0", rfc3339(NOW), info, effective if codex else {}, verdict, warnings, table(found), found)


PLAIN_WARNING = Finding(
    False,
    "model-defaulted",
    "other",
    "Codex has no metadata for `auto`",
    "It falls back to a default context window of 272,000 tokens and says so at every start.",
    (Evidence('model = "auto"', f"{CONFIG}:2"),),
    fix=Fix("Nothing to do: the router's models are larger."),
)

HEALTHY = report(
    Finding(
        True,
        None,
        None,
        "Codex works through the gateway",
        "A streamed test request with Codex's own shape was answered in 1.2 s and cost 0.000412 Cr.",
        (
            Evidence("POST /openai/v1/responses: 200, response.completed", "https://api-dev.joytokens.ai/openai/v1"),
            Evidence("request id joytui-01JD8Z4M5N, to search for in the gateway's logs", "X-Request-ID"),
        ),
    ),
    steps(),
    warnings=(PLAIN_WARNING,),
)

KEY_UNSET = report(
    Finding(
        False,
        "key-unset",
        "401",
        "JOY_TOKEN_API_KEY is not set where Codex starts",
        "Codex stops before any request: the variable that env_key names is empty in this shell. "
        "It is exported in ~/.zshrc, and this shell was started before that line was written.",
        (
            Evidence('env_key = "JOY_TOKEN_API_KEY"', f"{CONFIG}:7"),
            Evidence("JOY_TOKEN_API_KEY is not in the environment", "environment"),
            Evidence("export JOY_TOKEN_API_KEY=… (54 bytes, #9f3c21aa)", f"{HOME}/.zshrc:41"),
        ),
        "Missing environment variable: `JOY_TOKEN_API_KEY`.",
        fix=Fix("Load the shell file again, or open a new terminal.", ("source ~/.zshrc", "codex exec \"say hi\""), safe=True),
    ),
    steps("key.value"),
    warnings=(PLAIN_WARNING,),
)  # fmt: skip

BASE_URL_PATH = report(
    Finding(
        False,
        "base-url-path",
        "no-logs",
        "base_url lacks /openai/v1",
        "The host is right and the path is not: Codex appends /responses to base_url, and the gateway has nothing there. "
        "It answers 404, which Codex shows as a missing model.",
        (
            Evidence('base_url = "https://api-dev.joytokens.ai/v1"', f"{CONFIG}:6"),
            Evidence("POST https://api-dev.joytokens.ai/v1/responses: 404 Not Found", "https://api-dev.joytokens.ai"),
        ),
        "unexpected status 404 Not Found: Not Found, url: https://api-dev.joytokens.ai/v1/responses",
        fix=Fix(
            "Put /openai/v1 into base_url.",
            (f"sed -i '6s#/v1#/openai/v1#' {CONFIG}",),
            f'--- {CONFIG}\n+++ {CONFIG}\n@@ -5,3 +5,3 @@\n name = "joytoken"\n'
            '-base_url = "https://api-dev.joytokens.ai/v1"\n+base_url = "https://api-dev.joytokens.ai/openai/v1"\n'
            ' env_key = "JOY_TOKEN_API_KEY"\n',
            safe=True,
        ),
    ),
    steps("provider.url"),
)

UNDECIDED = report(
    Finding(
        None,
        None,
        None,
        "Nothing wrong on this machine",
        "Configuration, environment and key look right. Whether the gateway takes the key, the model and the budget "
        "shows only when something is sent.",
    ),
    steps("net.dns", "unknown", "unknown"),
    warnings=(PLAIN_WARNING,),
)  # fmt: skip

NO_CODEX = report(
    Finding(
        False,
        "config-missing",
        "no-logs",
        CAUSES["config-missing"].title,
        CAUSES["config-missing"].explanation,
        (Evidence("no config.toml", f"{HOME}/.codex"),),
        fix=Fix("Create config.toml with the guide's block.", ("mkdir -p ~/.codex",)),
    ),
    steps("config.found"),
    codex=False,
)

SETUP_PLAN = Plan(
    CONFIG,
    f"--- {CONFIG}\n+++ {CONFIG}\n@@ -0,0 +1,9 @@\n"
    '+model_provider = "joytoken"\n+model = "auto"\n+\n+[model_providers.joytoken]\n+name = "joytoken"\n'
    '+base_url = "http://127.0.0.1:8791/openai/v1"\n+env_key = "JOY_TOKEN_API_KEY"\n+supports_websockets = false\n'
    '+model_catalog_url = "http://127.0.0.1:8791/openai/v1/codex/models"\n',
    codex=True,
)
SETUP_STEPS = (
    Told("gateway", "pass", "runs at http://127.0.0.1:8791"),
    Told("files", "pass", "written; key codex-anna, in .env"),
    Told("doctor", "running", "a few tiny requests"),
    Told("doctor", "pass", "Codex works through the gateway"),
    Told("turn", "pass", "it works"),
)
SETUP_ELSEWHERE = (
    SETUP_STEPS[0],
    Told(
        "files",
        "warn",
        "a key codex-anna was made before, and is not here: n makes a new one (the old one stops working)",
    ),
)

MODELS = (
    ("auto", "gpt-5.4-mini", "openai", "standard"),
    ("auto", "claude-haiku-5", "anthropic", "economy"),
    ("gpt-5.4", "gpt-5.4", "openai", "premium"),
    ("deepseek-v4", "deepseek-v4", "deepseek", "economy"),
)
KEYS = ("codex-anna", "codex-ben", "ci-nightly", "docs-bot")
REFUSALS = (
    (401, "invalid_api_key", "Invalid API key", "key-rejected"),
    (
        402,
        "insufficient_quota",
        "daily limit of 2 Cr reached: 0.0031 Cr left, resets 2026-11-24T00:00:00Z",
        "insufficient-quota",
    ),
    (403, "policy_rejected", "model gpt-5.4 is not allowed by this key's policy (tier premium)", "policy-rejected"),
    (404, "invalid_request_error", "Model not found: gpt-5.4-turbo", "model-not-found"),
    (502, "upstream_error", "the upstream closed the connection before its first byte", "upstream-error"),
)


def requests(many: int = 240) -> list[dict[str, Any]]:
    """Rows as the console API sends them, oldest first, over the last hour; the newest one still runs."""
    dice = random.Random(7)
    moments = sorted(NOW - timedelta(seconds=dice.uniform(2, 3500)) for _ in range(many - 1))
    return [request(i, moment, dice) for i, moment in enumerate(moments)] + [running(many)]


def request(number: int, moment: datetime, dice: random.Random) -> dict[str, Any]:
    asked, used, provider, tier = dice.choice(MODELS)
    bad = dice.random() < 0.09
    status, kind, message, why = dice.choice(REFUSALS) if bad else (200, None, None, None)
    incoming = 0 if bad else dice.randint(9_000, 60_000)
    outgoing = 0 if bad else dice.randint(40, 3_000)
    first = None if bad else dice.uniform(300, 2_400)
    row = {
        "seq": number + 1, "id": f"req_{number:026d}", "time": rfc3339(moment), "key": dice.choice(KEYS), "key_id": "key_1",
        "model": asked, "model_used": None if bad else used, "provider": None if bad else provider, "tier": tier,
        "endpoint": "/openai/v1/responses", "status": status, "error_type": kind, "error_message": message, "cause": why,
        "input_tokens": incoming, "cached_input_tokens": incoming // 3, "output_tokens": outgoing,
        "reasoning_tokens": outgoing // 4, "cost_credits": "0" if bad else f"{(incoming * 400 + outgoing * 2400) / 1e9:.6f}",
        "cost_source": "none" if bad else dice.choice(["upstream", "estimated"]), "ttft_ms": first,
        "latency_ms": dice.uniform(3, 40) if bad else (first or 0) + dice.uniform(500, 14_000), "stream": True,
        "request_id": f"0199f3a2-{number:04x}-7c11-9d20-{number:012x}", "upstream_id": None if bad else f"resp_{number:08x}",
        "thread_id": f"0199f3a0-1111-7000-8000-{number % 9:012x}", "client": "codex_exec/0.169.0", "ip": "127.0.0.1",
        "notes": None,
    }  # fmt: skip
    return row


def running(number: int) -> dict[str, Any]:
    row = request(number, NOW - timedelta(seconds=1), random.Random(1))
    fresh = {"status": None, "input_tokens": 0, "cached_input_tokens": 0, "output_tokens": 0, "reasoning_tokens": 0}
    return {
        **row,
        **fresh,
        "cost_credits": "0",
        "cost_source": "none",
        "ttft_ms": None,
        "latency_ms": None,
        "model_used": None,
    }


def usage_rows(bucket: str, group: str, many: int) -> list[dict[str, Any]]:
    """Rows of GET /usage for the last `many` hours, days, weeks or months, by model or key."""
    dice = random.Random(3)
    names = {"model": ["gpt-5.4-mini", "claude-haiku-5", "gpt-5.4", "deepseek-v4"], "key": list(KEYS)}.get(
        group, ["team-a", "team-b"]
    )
    rows = []
    days = {"hour": 1 / 24, "day": 1, "week": 7, "month": 30}[bucket]
    for back in range(many - 1, -1, -1):
        moment = NOW - timedelta(days=days * back)
        quiet = 0.25 if bucket == "day" and moment.weekday() >= 5 else 1.0
        when = period_label(bucket, hour_of(moment))
        for place, name in enumerate(names):
            many_requests = int(dice.randint(20, 120) * quiet / (place + 1))
            incoming = many_requests * dice.randint(9_000, 24_000)
            outgoing = many_requests * dice.randint(200, 900)
            rows.append(
                {
                    bucket: when,
                    group: name,
                    "source": "gateway",
                    "requests": many_requests,
                    "errors": many_requests // 25,
                    "input_tokens": incoming,
                    "cached_input_tokens": incoming // 3,
                    "output_tokens": outgoing,
                    "reasoning_tokens": outgoing // 4,
                    "cost_credits": f"{(incoming * 400 + outgoing * 2400) / 1e9:.6f}",
                }
            )
    return rows


def typed(rows: Iterable[Mapping[str, Any]]) -> tuple[UsageRow, ...]:
    """Rows of GET /usage as the screen has them."""
    return tuple(
        UsageRow({name: row[name] for name in row if name in USAGE_GROUPS}, row["source"], UsageTotals.of(row))
        for row in rows
    )


def usage_totals(rows: Iterable[Mapping[str, Any]]) -> UsageTotals:
    return UsageTotals.sum(row.totals for row in typed(rows))


def keys() -> tuple[Any, ...]:
    """KeyViews in every state."""
    from joytui.core.wire import BudgetView, KeyView, PolicyView

    def ago(**span: float) -> str:
        return rfc3339(NOW - timedelta(**span))

    midnight = rfc3339(NOW.replace(hour=0, minute=0, second=0) + timedelta(days=1))
    return (
        KeyView(
            id="key_01JD8Z4M5NANNA", name="codex-anna", hint="jt_…9fQ2", state="active", owner="Anna", created_at=ago(days=40),
            last_used_at=ago(seconds=4), spent="41.203317", requests=5310, refused_today=0,
            policy=PolicyView(daily_limit="5", weekly_limit="20"), clients=["codex_exec/0.169.0", "codex_cli_rs/0.169.0"],
            budgets=[
                BudgetView(period="daily", limit="5", spent="2.1", held="0.02", left="2.88", resets_at=midnight),
                BudgetView(period="weekly", limit="20", spent="13.4", held="0.02", left="6.58", resets_at=midnight),
            ],
        ),
        KeyView(
            id="key_01JD8Z4M5NBEN0", name="codex-ben", hint="jt_…x3Lm", state="active", owner="Ben", created_at=ago(days=12),
            last_used_at=ago(minutes=7), spent="9.870012", requests=801, refused_today=3,
            policy=PolicyView(daily_limit="2"), clients=["codex_cli_rs/0.169.0"],
            budgets=[BudgetView(period="daily", limit="2", spent="1.9969", held="0", left="0.0031", resets_at=midnight)],
        ),
        KeyView(
            id="key_01JD8Z4M5NCI00", name="ci-nightly", hint="jt_…Qw7e", state="active", owner="platform", created_at=ago(days=90),
            last_used_at=ago(hours=11), spent="112.500000", requests=20311, refused_today=14,
            policy=PolicyView(fixed_model="deepseek-v4", total_limit="112.5"),
            budgets=[BudgetView(period="total", limit="112.5", spent="112.5", held="0", left="0")],
        ),
        KeyView(
            id="key_01JD8Z4M5NDOCS", name="docs-bot", hint="jt_…0pAa", state="active", owner=None, created_at=ago(days=3),
            last_used_at=None, spent="0", requests=0,
        ),
        KeyView(
            id="key_01JD8Z4M5NOLD0", name="codex-carl", hint="jt_…hG51", state="revoked", owner="Carl", created_at=ago(days=200),
            revoked_at=ago(days=31), last_used_at=ago(days=33), spent="310.992100", requests=40122,
        ),
        KeyView(
            id="key_01JD8Z4M5NEXP0", name="workshop", hint="jt_…zz91", state="expired", owner="Anna", created_at=ago(days=20),
            expires_at=ago(days=6), last_used_at=ago(days=6), spent="3.100000", requests=377,
        ),
    )  # fmt: skip


def thread_records() -> list[Any]:
    """The requests of one thread over three days: turns of up to three requests, one that failed, one that still runs."""
    from joytui.tui.logs.store import LogStore

    rows = requests(26)
    for place, row in enumerate(rows):
        back = timedelta(hours=(len(rows) - place) * 2 - 2)
        row |= {"turn_id": f"turn-{place // 2 - place // 6}", "thread_id": "0199f3a0-1111-7000-8000-000000000003"}
        row["time"] = rfc3339(NOW - back - timedelta(seconds=30))
    store = LogStore()
    store.append(rows)
    return [store.record(row) for row in range(len(store))]


def tasks() -> list[Any]:
    """Tasks: one with a tree of sub-agents that still runs, one that ended, one that failed, and two that are stopped."""
    from joytui.core.wire import AgentView, TaskView

    def numbers(requests: int, nano: int, errors: int = 0) -> dict[str, Any]:
        counts = {"input_tokens": requests * 9_400, "output_tokens": requests * 310}
        return {"requests": requests, "errors": errors, "cost_credits": format_credits(nano), **counts}

    def at(state: str, began: int, last: int) -> dict[str, Any]:
        times = {"started_at": began, "last_at": last}
        return {"state": state, **{name: rfc3339(NOW - timedelta(seconds=back)) for name, back in times.items()}}

    root, child = "0199f3a0-1111-7000-8000-000000000003", "0199f3a0-2222-7000-8000-00000000000"
    kinds = {"subagent": "collab_spawn", "model": "gpt-5.5"}
    tree = [
        AgentView(id=root, model="gpt-5.5", **at("running", 1_500, 40), **numbers(31, 912_000_000)),
        AgentView(id=f"{child}1", parent=root, **kinds, **at("running", 900, 2), **numbers(58, 1_412_000_000, 2)),
        AgentView(id=f"{child}2", parent=f"{child}1", **kinds, **at("ended", 700, 400), **numbers(7, 96_000_000)),
        AgentView(id=f"{child}3", parent=root, **kinds, **at("ended", 650, 600), **numbers(2, 18_000_000)),
    ]
    place = {"project": "/home/anna/shop", "repo": "git.example.com/team/shop"}
    return [
        TaskView(id=root, key="codex-anna", owner="Anna", agents=4, threads=tree, **place, **at("running", 1_500, 2), **numbers(98, 2_438_000_000, 2)),
        TaskView(id="0199f3a0-3333-7000-8000-000000000007", key="codex-ben", agents=1, project="/home/ben/payments", **at("ended", 9_000, 7_200), **numbers(12, 140_000_000)),
        TaskView(id="nightly", key="ci-nightly", agents=1, **at("ended", 40_000, 39_990), **numbers(1, 0, 1)),
        TaskView(id="0199f3a0-4444-7000-8000-000000000008", key="codex-ben", agents=1, **at("stopped", 50_000, 49_000), **numbers(402, 912_000_000, 1), stopped_at=rfc3339(NOW - timedelta(seconds=49_000)), stopped_why="more than 20 identical turns in a row"),
        TaskView(id="by-hand", key="codex-ben", agents=1, **at("stopped", 60_000, 59_000), **numbers(3, 12_000_000, 1), stopped_at=rfc3339(NOW - timedelta(seconds=59_000))),
    ]  # fmt: skip


def latencies() -> list[Any]:
    """The last day by hours; one in which the upstream was slow, and a quiet night."""
    from joytui.core.wire import LatencyView

    dice, rows = random.Random(8), []
    for back in range(23, -1, -1):
        moment = NOW - timedelta(hours=back)
        slow = 12.0 if back == 4 else 1.0
        if 1 <= moment.hour < 5:
            continue
        first, last = dice.uniform(300, 900) * slow, dice.uniform(2_500, 5_000) * slow
        shares = (1.0, 2.6, 4.1)
        rows.append(
            LatencyView(
                hour=period_label("hour", hour_of(moment)), requests=dice.randint(20, 900),
                **{f"latency_p{n}": last * by for n, by in zip((50, 95, 99), shares, strict=True)},
                **{f"ttft_p{n}": first * by for n, by in zip((50, 95, 99), shares, strict=True)},
            )
        )  # fmt: skip
    return rows


def insight(*, unit: Any = "credits", budget: str | None = "180") -> Any:
    """The rate above the usual, one wild hour with its culprit, and a budget that does not last."""
    from joytui.tui.settings import ConsoleSettings
    from joytui.tui.usage.insight import insight as made

    dice, here = random.Random(4), hour_of(NOW)
    hours = {here - back: dice.randint(10, 40) * 10**7 for back in range(1, 500)}
    hours[here - 1] = 9 * 10**9
    hours |= dict.fromkeys(range(here - 51, here - 47), 4 * 10**9)
    wild = {here - 1: 8 * 10**9, **{here - 1 - 24 * day: 10**9 for day in range(1, 12)}}
    recent = [(NOW - timedelta(minutes=2), 4 * 10**8)]
    parts = {"key": {"ci-nightly": wild}, "owner": {"platform": wild}, "project": {"/home/anna/shop": wild}}
    return made(unit, hours, recent, parts, NOW, ConsoleSettings(budget=budget))


def spending_of_a_key() -> dict[int, int]:
    """Nano-credits by hour of three weeks: office hours, and one wild evening two days ago."""
    here = hour_of(NOW)
    hours = {hour: 16 * 10**7 for hour in range(here - 500, here) if 8 <= hour % 24 < 18}
    return hours | dict.fromkeys(range(here - 44, here - 41), 12 * 10**9)


def owner_card() -> Any:
    """Ben: a key whose daily limit will not last, one that has expired, a rising trend, refusals."""
    from dataclasses import replace

    from joytui.client.console import record_of
    from joytui.tui.people.owner import OwnedKey, OwnerCard

    ben = keys()[1]
    lasting = ben.model_copy(update={"name": "ben-experiments-with-a-long-name", "budgets": [], "state": "active"})
    half = ben.model_copy(update={"budgets": [ben.budgets[0].model_copy(update={"spent": "1", "left": "1"})]})
    owned = (OwnedKey(half, 8_100_000_000, 400_000_000), OwnedKey(lasting, 1_770_012_000, 0), OwnedKey(keys()[5], 0, 0))
    days = tuple((5 + n % 7) * 10**8 for n in range(21)) + tuple((9 + n) * 10**8 for n in range(7))
    last = replace(record_of(requests(2)[0]), project="/home/anna/shop", owner="Ben", key="codex-ben")
    refused = (("insufficient-quota", 12), ("policy-rejected", 2))
    return OwnerCard("Ben", owned, days, refused, last)


def wallets() -> tuple[list[Any], list[Any]]:
    """Three wallets, one of them empty and one without a balance; the movements of one request."""
    from joytui.core.wire import WalletEntryView, WalletView

    kinds = (("release", "0", "0"), ("settle", "-0.0148", "0"), ("freeze", "0", "4.2"), ("credit", "25", "0"))
    entries = [
        WalletEntryView(
            id=9 - n, time=rfc3339(NOW - timedelta(seconds=9 * n)), tier="standard", kind=kind, amount=amount, held=held,
            request=None if kind == "credit" else f"req-{n:016x}", note="November" if kind == "credit" else None,
        )
        for n, (kind, amount, held) in enumerate(kinds)
    ]  # fmt: skip
    return [
        WalletView(tier="economy", balance="12.5", held="0.2", left="12.3"),
        WalletView(tier="standard", balance="0", held="0", left="0"),
        WalletView(tier="premium"),
    ], entries


def budgets() -> Any:
    """A tree: the organisation, two teams with owners, keys and a task; one limit is raised, one is used up, one will be."""
    from joytui.core.wire import NodeBudget, NodeLimit
    from joytui.tui.budgets.reading import BudgetsSnapshot

    ends = {"daily": "2026-11-24T00:00:00Z", "weekly": "2026-11-30T00:00:00Z", "total": None}

    def limit(
        period: Any, of: str, spent: str, left: str, held: str = "0", base: str = "", until: str | None = None
    ) -> Any:
        return NodeLimit(
            period=period, limit_credits=of, base_limit_credits=base or of, raised_until=until, spent_credits=spent,
            held_credits=held, left_credits=left, resets_at=ends[period],
        )  # fmt: skip

    task = "0199f3a0-1111-7000-8000-000000000003"
    nodes = (
        NodeBudget(node="org", kind="org", name="org", limits=[limit("weekly", "2500", "1411.0725", "1088.9275")]),
        NodeBudget(node="team:core", kind="team", name="core", parent="org", limits=[
            limit("daily", "300", "118.4", "179.1", "2.5"), limit("weekly", "1200", "880", "317.5", "2.5"),
        ]),
        NodeBudget(node="owner:Anna", kind="owner", name="Anna", parent="team:core", limits=[
            limit("daily", "70", "48.25", "21.75", base="50", until="2026-11-24T12:00:00Z"),
        ]),
        NodeBudget(node="key:key_1", kind="key", name="codex-anna", parent="owner:Anna", limits=[limit("total", "500", "12.5", "487.5")]),
        NodeBudget(node=f"task:{task}", kind="task", name=task, parent="key:key_1", limits=[limit("total", "5", "2.438", "2.462", "0.1")]),
        NodeBudget(node="owner:Ben", kind="owner", name="Ben", parent="team:core", limits=[limit("daily", "20", "20.03", "-0.03")]),
        NodeBudget(node="team:web", kind="team", name="web", parent="org", limits=[limit("weekly", "400", "0", "400")]),
    )  # fmt: skip
    here = hour_of(NOW)
    hours = {
        "org": {here - back: 12 * 10**9 for back in range(1, 140)},
        "team:core": {here - back: 9 * 10**9 for back in range(1, 120)},
        "owner:Anna": {here - back: 2 * 10**9 for back in range(1, 120)},
        "key:key_1": {here - back: 10**8 for back in range(1, 120)},
        f"task:{task}": {here: 24 * 10**8},
        "owner:Ben": {here - back: 3 * 10**9 for back in range(1, 8)},
    }
    return BudgetsSnapshot(nodes, hours)


def insight_of_node(place: int = 2) -> Any:
    """What stands out, with the burn-down of a limit of the tree: of the team's week unless told."""
    from dataclasses import replace

    from joytui.tui.budgets.reading import words
    from joytui.tui.usage.reading import PERIODS

    one = budgets().limits(NOW)[place]
    budget = f"{words(one.node)}, {one.limit.period}"
    return replace(insight(budget=None), burn=one.burn, period=PERIODS[one.limit.period], budget=budget)


def changes() -> list[Any]:
    """What four tokens changed: a limit, a key that was made, one that was revoked, a team, a wallet; newest first."""
    from joytui.core.wire import AuditEntry

    policy = {
        "daily_limit": "40",
        "weekly_limit": None,
        "tiers": ["economy", "standard"],
        "fixed_model": "auto",
        "ip_allow": [],
    }
    key = {"name": "codex-ben", "owner": "Ben", "labels": ["team-a"], "state": "active", "policy": policy}
    policies = (
        {"policy": policy},
        {"policy": {**policy, "daily_limit": "60", "ip_allow": ["10.0.0.0/8", "192.168.0.0/16"]}},
    )
    rows: tuple[tuple[int, str, str | None, str, str, str | None, Any, Any], ...] = (
        (40, "bea (lead)", "token_7Q", "key edited", "key_3W1", "codex-ben", *policies),
        (95, "admin", None, "wallet set", "standard", None, {"balance": "12.5"}, {"balance": "40"}),
        (400, "bea (lead)", "token_7Q", "key created", "key_3W1", "codex-ben", None, key),
        (1_500, "admin", None, "owner added", "core", None, {"owners": ["Anna"]}, {"owners": ["Anna", "Ben"]}),
        (1_501, "admin", None, "team created", "core", None, None, {"name": "core"}),
        (2_900, "gateway", None, "lessons forgotten", "up", None, {"lessons": ["gpt-5.5: no tools", "gpt-5.5: max_completion_tokens"]}, {"lessons": []}),
        (9_000, "ci-admin", "token_2M", "key edited", "key_1AA", "an-old-key-with-a-rather-long-name", {"state": "active"}, {"state": "revoked"}),
        (21_000, "admin", None, "token revoked", "token_0C", "wall display of the second floor", {"name": "wall display of the second floor", "role": "viewer"}, None),
    )  # fmt: skip
    return [
        AuditEntry(id=f"audit_{n}", time=rfc3339(NOW - timedelta(minutes=back)), token=token, token_id=by, what=what, subject=of, name=name, before=was, after=now)
        for n, (back, token, by, what, of, name, was, now) in enumerate(rows)
    ]  # fmt: skip


def people() -> list[Any]:
    """In every state; one asks somebody else."""
    from joytui.core.wire import PersonView

    def one(owner: str, state: Any, minutes: float, **more: Any) -> PersonView:
        since, last = (rfc3339(NOW - timedelta(minutes=at)) for at in (minutes, minutes / 2))
        known = {"team": "core", "codex_version": "0.171.0", "provider": "joytoken", "last_turn": last}
        return PersonView(token=f"{owner}-laptop", owner=owner, state=state, since=since, **(known | more))

    return [
        one("ada", "ok", 300),
        one("bo", "failing", 42, cause="insufficient-quota", status=402, message="http 402"),
        one("cem", "failing", 9, cause="key-rejected", sure=False, status=401, message="http 401", team=None),
        one("dana", "silent", 2000, codex_version="0.140.0"),
        one("eve", "ok", 30, provider="openai"),
        one("finn", "silent", 60, last_turn=None, codex_version=None, provider=None),
        one("gus", "failing", 3, status=None, message="error sending request", sure=False),
    ]


def reconciliation() -> Any:
    """Differences of every kind."""
    from joytui.usage.reconcile import Difference, Reconciliation

    kinds = {
        "elsewhere": "went to provider `openai`, not through this gateway",
        "unrecorded": "provider `joytoken`, but the gateway has no record: the provider's base_url named another gateway then",
        "unknown-to-codex": "its thread is in no rollout: `codex exec --ephemeral`, or another machine",
        "tokens-differ": "Codex / gateway: input_tokens 1200 / 1180; the upstream sent usage twice",
        "retried": "the turn failed once for Codex; it sent 5 requests, the last answered with HTTP 402",
        "failed-before": "the turn failed before any request of it reached this gateway",
    }
    found = tuple(
        Difference(
            kind,
            NOW - timedelta(hours=30 - 4 * place),
            why,
            f"0199f3a0-1111-7000-8000-{place:012x}",
            None,
            "joytoken",
            "gpt-5.4",
            None if kind == "unknown-to-codex" else TokenCounts(12_000, 4_000, 300, 90),
            None if kind in ("elsewhere", "unrecorded", "failed-before") else TokenCounts(11_800, 4_000, 300, 90),
            ("req-1",),
        )
        for place, (kind, why) in enumerate(kinds.items())
    )
    return Reconciliation(
        412, found, TokenCounts(2_400_000, 900_000, 61_000, 20_000), TokenCounts(2_390_000, 900_000, 60_900, 20_000)
    )


def verdict(*, allowed: bool) -> Any:
    """The answer of a dry run."""
    from joytui.core.wire import KeyVerdict

    titles = (
        "the key is known and active",
        "its policy does not block it",
        "the address is allowed",
        "the tier is allowed",
    )
    steps = [{"step": str(n), "title": title, "status": "pass"} for n, title in enumerate(titles)]
    if allowed:
        return KeyVerdict(
            allowed=True, model="auto", model_used="gpt-5.4", tier="premium", estimate_credits="0.02", steps=steps
        )
    steps[-1] |= {"status": "fail", "title": "tier not allowed"}
    message = "model gpt-5.4 is of tier premium, and this key may use economy"
    return KeyVerdict(
        allowed=False, model="gpt-5.4", status=403, error_type="policy_rejected", message=message,
        cause="policy-rejected", steps=steps,
    )  # fmt: skip


# What Codex 0.169.0 prints of one turn, as the trial shows it.
CODEX_SAYS = (
    "OpenAI Codex v0.169.0",
    "--------",
    "workdir: /tmp/joytui-try-k2m4",
    "model: auto",
    "provider: joytui",
    "approval: never",
    "sandbox: read-only",
    "reasoning effort: none",
    "reasoning summaries: none",
    "session id: 019abf30-2f1c-7b51-b9f0-3a1f4a3f8b11",
    "--------",
    "user",
    "say hi",
    "warning: Model metadata for `auto` not found. Defaulting to fallback metadata; this can degrade performance and cause issues.",
    "codex",
    "Hi! What shall we build today?",
    "tokens used",
    "12,345",
)


def trial() -> Any:
    """A turn that worked."""
    from joytui.client.trial import TrialOutcome
    from joytui.tui.logs.store import LogStore

    store = LogStore()
    store.append(requests(2))
    summary = "it works: Codex answered in 3.4 s, 1 request in the ledger, 12310 + 35 tokens, ~0.012345 Cr"
    said, codex = "Hi! What shall we build today?", "/usr/local/bin/codex"
    return TrialOutcome(
        True, 0, False, said, summary, "key_01", (store.record(0),), 12310, 35, 12_345_000, True, codex, 3.4
    )


def _cell(surface: str, name: str, verdict: SurfaceVerdict, why: str = "", origin: str | None = None) -> SurfaceCell:
    key = {
        "state": "set" if origin else "unset",
        "origin": origin,
        "fingerprint": "54 bytes, #9f3c21aa" if origin else None,
    }
    sure = surface != "vscode"
    return SurfaceCell(surface, name, verdict, why, "", sure, None, key, f"{HOME}/.codex", None, None, (), ())


SURFACES = (
    _cell("this-shell", "this shell", "works", origin="environment"),
    _cell("terminal", "a new terminal", "works", origin=f"{HOME}/.zshrc:12"),
    _cell("login-shell", "a login shell", "key-missing", f"{HOME}/.zshrc:12 is not read there."),
    _cell("ssh-command", "ssh HOST codex", "key-missing", f"{HOME}/.zshrc:12 is not read there."),
    _cell("cron", "cron", "key-missing", f"{HOME}/.zshrc:12 is not read there. codex is not on the PATH there: name it by its path, /opt/bin/codex."),
    _cell("tmux-pane", "a new tmux window", "other-value", "JOY_TOKEN_API_KEY has another value there than here.", "environment"),
    _cell("vscode", "VS Code, Cursor", "works", origin=f"{HOME}/.zshrc:12"),
    _cell("ci", "CI", "unknown", "a runner has an environment of its own: the key is one of its secrets"),
)  # fmt: skip
"""The most frequent ticket: the key stands in ~/.zshrc."""


def codex_turns() -> list[Turn]:
    """What Codex did on this machine in the last two hours: good ones, failures with and without a status, one that still runs."""
    refused = "unexpected status 402 Payment Required: Wallet balance is too low, url: https://api-dev.joytokens.ai, request id: r"
    busy = "We’re currently experiencing high demand, which may cause temporary errors."
    made = [
        (118, "shop", "auto", "completed", "", None, 48_200),
        (97, "shop", "auto", "completed", "", None, 51_900),
        (81, "billing-service", "gpt-5.5", "failed", busy, "internal_server_error", 0),
        (80, "billing-service", "gpt-5.5", "completed", "", None, 212_000),
        (44, "shop", "auto", "interrupted", "", None, 9_400),
        (12, "docs", "joy/claude-sonnet", "failed", refused, {"http_connection_failed": {"http_status_code": 402}}, 0),
        (9, "docs", "joy/claude-sonnet", "completed", "", None, 18_300),
        (1, "shop", "auto", "running", "", None, 6_100),
    ]
    return [
        Turn(
            time=NOW - timedelta(minutes=ago), thread=f"01a2{n}c5e-f80c-7021-9ae6-f566b250233d",
            turn=f"01a2{n}c5e-f823-7402-a04d-a2b9fc16459c", provider="joytoken", model=model, cwd=f"/home/ada/{project}",
            outcome=outcome, error=error or None, error_info=info, codex_version="0.171.0", path="",  # type: ignore[arg-type]
            tokens=TokenCounts(spent, spent // 2, spent // 40, 0) if spent else TokenCounts(),
            duration_ms=None if outcome == "running" else 900 + spent // 4, ttft_ms=850 if spent else None,
            session=Session(originator="codex_cli_rs", codex_version="0.171.0"),
        )
        for n, (ago, project, model, outcome, error, info, spent) in enumerate(made)
    ]  # fmt: skip
