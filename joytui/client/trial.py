"""One real Codex turn through the gateway, config.toml untouched: `joytui try`, and `t` in the console.

A key for one hour is made, `codex exec` runs with `-c` overrides in an empty folder, and the key is revoked afterwards,
whatever happened.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from joytui.client.console import ConsoleClient
from joytui.core.records import RequestRecord

TRIAL_TIMEOUT = 120.0
PROMPT = "say hi"


@dataclass(frozen=True, slots=True)
class TrialOutcome:
    """What came of it. `works`: Codex ended well and the ledger has its turn. `said` is Codex's last message."""

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


def find_codex(env: Mapping[str, str] = os.environ) -> str:
    """Codex's path. Raises UnreachableError with the command that installs it."""


async def run_trial(
    console: ConsoleClient,
    *,
    prompt: str = PROMPT,
    model: str | None = None,
    on_line: Callable[[str], None] | None = None,
    timeout: float = TRIAL_TIMEOUT,
    env: Mapping[str, str] = os.environ,
    extra_args: Sequence[str] = (),
) -> TrialOutcome:
    """Runs the turn and gives each line of Codex's output to `on_line` as it comes (cleaned, no key in it).

    Cancelling the task ends Codex and revokes the key. Raises RefusedError, UnreachableError; a Codex that fails is no
    error but an outcome with `works` False.
    """
