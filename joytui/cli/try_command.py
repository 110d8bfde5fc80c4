"""One real Codex turn through the gateway: a key for an hour, `codex exec -s read-only` with -c overrides; config.toml stays as it is.

joytui try
joytui try "what is 6 times 7?" --model gpt-5.5
joytui try -- -c model_reasoning_effort=low       everything after -- goes to codex
"""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING, Any

from joytui.cli.gateway_options import add_gateway_options, with_console
from joytui.cli.output import emit, emit_json, paint, say
from joytui.cli.seconds import seconds
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.client.trial import TrialOutcome

TAKES_REST = True


def configure(parser: argparse.ArgumentParser) -> None:
    from joytui.client.trial import PROMPT, TRIAL_LIMIT_S

    parser.add_argument("prompt", nargs="?", default=PROMPT, help=f"what Codex is asked (default: {PROMPT!r})")
    parser.add_argument("--model", metavar="M", help="a model key (default: auto)")
    limit = f"give up after S seconds (default {TRIAL_LIMIT_S:.0f})"
    parser.add_argument("--timeout", metavar="S", type=seconds(0.001, 86_400), default=TRIAL_LIMIT_S, help=limit)
    parser.add_argument("--json", action="store_true", help="the outcome as JSON on stdout")
    add_gateway_options(parser)


def run(args: argparse.Namespace) -> int:
    from joytui.client.trial import require_codex

    require_codex()
    return with_console(args, lambda console: _try(console, args))


async def _try(console: ConsoleClient, args: argparse.Namespace) -> int:
    from joytui.client.trial import run_trial

    outcome = await run_trial(
        console,
        prompt=args.prompt,
        model=args.model,
        on_line=lambda line: say(paint(f"codex │ {line}", "dim", stream=sys.stderr)),
        limit_s=args.timeout,
        extra_args=args.rest,
    )
    if args.json:
        emit_json(_as_json(outcome))
    else:
        emit(paint(("✓ " if outcome.works else "✗ ") + outcome.summary, "green" if outcome.works else "red"))
        for record in outcome.requests:
            emit(f"  joytui logs --request {record.id}")
    return EXIT_OK if outcome.works else EXIT_BAD_NEWS


def _as_json(outcome: TrialOutcome) -> dict[str, Any]:
    from joytui.core.money import format_credits
    from joytui.core.request_lines import as_json

    return {
        "works": outcome.works,
        "exit_code": outcome.exit_code,
        "timed_out": outcome.timed_out,
        "summary": outcome.summary,
        "said": outcome.said,
        "seconds": round(outcome.seconds, 3),
        "input_tokens": outcome.input_tokens,
        "output_tokens": outcome.output_tokens,
        "cost_credits": format_credits(outcome.cost_nano),
        "cost_estimated": outcome.cost_estimated,
        "codex": outcome.codex,
        "key_id": outcome.key_id,
        "requests": [as_json(record) for record in outcome.requests],
    }
