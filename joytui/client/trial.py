"""One real Codex turn through the gateway, config.toml untouched: `joytui try`, and `t` in the console.

A key for one hour is made, `codex exec -s read-only` runs with `-c` overrides in an empty folder, and the key is revoked
afterwards, whatever happened. The key goes to Codex in its own variable: `$CODEX_HOME/.env` would override
JOY_TOKEN_API_KEY (Codex 0.169.0, observed), and would make this a trial of another key.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta

from joytui.client.codex_process import run_codex
from joytui.client.console import ConsoleClient
from joytui.core.clock import now, rfc3339
from joytui.core.codex_path import INSTALL_CODEX, codex_path
from joytui.core.errors import JoytuiError, UnreachableError
from joytui.core.joytoken import AUTO_MODEL, BASE_PATH, try_overrides
from joytui.core.loopback import is_loopback
from joytui.core.money import format_credits
from joytui.core.redaction import Redactor, visible
from joytui.core.request import RequestRecord

TRIAL_LIMIT_S = 120.0
SETTLE_LIMIT_S = 3.0
KEY_LIFE = timedelta(hours=1)
TRIAL_VARIABLE = "JOYTUI_TRIAL_KEY"
PROMPT = "say hi"

OnLine = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What came of it. `works`: Codex ended well and the ledger has an answered request of it. `said` is Codex's last
    message (its stdout), `summary` one line for a person. `requests` are the ledger's, oldest first; tokens and cost
    are their sums. `codex` is the program's path."""

    works: bool
    exit_code: int | None
    timed_out: bool
    said: str
    summary: str
    key_id: str
    requests: tuple[RequestRecord, ...]
    input_tokens: int
    output_tokens: int
    cost_nano: int
    cost_estimated: bool
    codex: str
    seconds: float


def require_codex(env: Mapping[str, str] = os.environ) -> str:
    """Codex's path. Raises UnreachableError with the command that installs it."""
    path = codex_path(env)
    if path is None:
        raise UnreachableError("no Codex here: `codex` is not on PATH", hint=f"`{INSTALL_CODEX}` installs it")
    return path


async def run_trial(
    console: ConsoleClient,
    *,
    prompt: str = PROMPT,
    model: str | None = None,
    on_line: OnLine | None = None,
    limit_s: float = TRIAL_LIMIT_S,
    env: Mapping[str, str] = os.environ,
    extra_args: Sequence[str] = (),
) -> TrialOutcome:
    """Runs the turn and gives each line of Codex's output to `on_line` as it comes (cleaned, no key in it).

    `model` None: `auto`. Cancelling the task ends Codex and revokes the key. Raises RefusedError, UnreachableError if
    the gateway or Codex is out of reach; a Codex that fails is not an error but an outcome with `works` False.
    """
    codex = require_codex(env)
    say = on_line or (lambda line: None)
    arguments = _arguments(console.url, prompt, model or AUTO_MODEL, extra_args)
    started = time.monotonic()
    async with _one_hour_key(console, say) as (key_id, key), _watched(console, key_id) as watch:
        clean = Redactor([key])
        with tempfile.TemporaryDirectory(prefix="joytui-try-", ignore_cleanup_errors=True) as folder:
            run = await run_codex(
                [codex, *arguments],
                env=_codex_env(env, console.url, key),
                folder=folder,
                limit_s=limit_s,
                on_line=lambda line: say(visible(clean.text(line))),
            )
        seconds = time.monotonic() - started
        await watch.settled()
        page = await console.requests(filter=f"key_id:{key_id}")
    records = tuple(reversed(page.records))
    said = visible(clean.text(run.said)).strip()
    works = run.exit_code == 0 and any(record.status == 200 for record in records)
    return TrialOutcome(
        works=works,
        exit_code=run.exit_code,
        timed_out=run.timed_out,
        said=said,
        summary=_summary(works, run.exit_code, run.timed_out, records, seconds, limit_s),
        key_id=key_id,
        requests=records,
        input_tokens=sum(record.input_tokens for record in records),
        output_tokens=sum(record.output_tokens for record in records),
        cost_nano=sum(record.cost_nano for record in records),
        cost_estimated=any(record.cost_source == "estimated" for record in records),
        codex=codex,
        seconds=seconds,
    )


def _arguments(url: str, prompt: str, model: str, extra: Sequence[str]) -> list[str]:
    provider, table = try_overrides(url + BASE_PATH, TRIAL_VARIABLE)
    overrides = ["-c", provider, "-c", table, "-m", model]
    return ["exec", "-s", "read-only", "--skip-git-repo-check", *overrides, *extra, "--", prompt]


def _codex_env(env: Mapping[str, str], url: str, key: str) -> dict[str, str]:
    """The user's environment with the key, and no proxy between Codex and this machine."""
    mine = {**env, TRIAL_VARIABLE: key}
    if is_loopback(url):
        for name in ("NO_PROXY", "no_proxy"):
            mine[name] = ",".join(filter(None, [env.get(name), "127.0.0.1,localhost,::1"]))
    return mine


@asynccontextmanager
async def _one_hour_key(console: ConsoleClient, say: OnLine) -> AsyncGenerator[tuple[str, str]]:
    from joytui.core.wire import TRIAL_LABEL, KeyCreate

    moment = now()
    name = f"try-{moment:%Y%m%d-%H%M%S}-{os.getpid()}"
    wanted = KeyCreate(name=name, labels=[TRIAL_LABEL], expires_at=rfc3339(moment + KEY_LIFE))
    created = await console.create_key(wanted)
    try:
        yield created.id, created.key
    finally:
        try:
            await asyncio.wait_for(console.revoke_key(created.id), 5)  # a cancelled trial comes by here as well
        except (JoytuiError, TimeoutError) as error:
            say(
                f"the trial's key {created.hint} could not be revoked ({error}); it expires within the hour, or when the gateway restarts"
            )


@dataclass(slots=True)
class _Watch:
    """The trial's requests as the tail brings them: tells when the last one has ended."""

    open: dict[str, bool] = field(default_factory=dict)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def follow(self, console: ConsoleClient, key_id: str, after: int) -> None:
        async for batch in console.tail(after, f"key_id:{key_id}"):
            for row in batch.rows:
                self.open[row["id"]] = row["status"] is None
            self.changed.set()

    async def settled(self) -> None:
        """Waits, for a bounded time, until every request that was seen has ended."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SETTLE_LIMIT_S):
                while not self.open or any(self.open.values()):
                    self.changed.clear()
                    await self.changed.wait()


@asynccontextmanager
async def _watched(console: ConsoleClient, key_id: str) -> AsyncGenerator[_Watch]:
    watch = _Watch()
    task = asyncio.create_task(watch.follow(console, key_id, (await console.status()).last_seq))
    try:
        yield watch
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _summary(
    works: bool,
    exit_code: int | None,
    timed_out: bool,
    records: Sequence[RequestRecord],
    seconds: float,
    limit_s: float,
) -> str:
    numbers = _numbers(records)
    if works:
        return f"it works: Codex answered in {seconds:.1f} s, {numbers}"
    if timed_out:
        return f"Codex did not finish within {limit_s:g} s, {numbers}"
    if not records:
        return f"Codex exited with code {exit_code} and sent nothing to the gateway"
    last = records[-1]
    reason = f": {last.status} {last.error_message or ''}".rstrip() if last.status != 200 else ""
    return f"Codex exited with code {exit_code}, {numbers}{reason}"


def _numbers(records: Sequence[RequestRecord]) -> str:
    tokens = (sum(r.input_tokens for r in records), sum(r.output_tokens for r in records))
    sign = "~" if any(r.cost_source == "estimated" for r in records) else ""
    cost = format_credits(sum(r.cost_nano for r in records))
    count = f"{len(records)} request{'' if len(records) == 1 else 's'}"
    return f"{count} in the ledger, {tokens[0]} + {tokens[1]} tokens, {sign}{cost} Cr"
