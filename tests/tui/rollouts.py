"""A home of a Codex with two sessions in it, as 0.169.0 writes them: what Usage shows without a gateway."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

from joytui.core.clock import rfc3339


def write_session(home: Path, thread: str, begin: datetime, cwd: str, turns: list[tuple[int, int, int]]) -> None:
    """One rollout: `turns` are input, cached and output tokens, a minute apart."""
    folder = home / "sessions" / f"{begin:%Y/%m/%d}"
    folder.mkdir(parents=True, exist_ok=True)
    lines = [
        _line(
            begin, "session_meta", {"id": thread, "cwd": cwd, "model_provider": "joytoken", "cli_version": "0.169.0"}
        ),
    ]
    sums = [0, 0, 0]
    for number, turn in enumerate(turns):
        at = begin + timedelta(minutes=number + 1)
        sums = [have + more for have, more in zip(sums, turn, strict=True)]
        lines.append(_line(at, "turn_context", {"model": "gpt-5.4", "cwd": cwd}))
        info = {"total_token_usage": _usage(sums), "last_token_usage": _usage(list(turn))}
        lines.append(_line(at, "event_msg", {"type": "token_count", "info": info}))
    name = f"rollout-{begin:%Y-%m-%dT%H-%M-%S}-{thread}.jsonl"
    (folder / name).write_text("".join(lines), encoding="utf-8")


def _usage(counts: list[int]) -> dict[str, int]:
    incoming, cached, outgoing = counts
    return {
        "input_tokens": incoming,
        "cached_input_tokens": cached,
        "output_tokens": outgoing,
        "reasoning_output_tokens": 0,
        "total_tokens": incoming + outgoing,
    }


def _line(at: datetime, kind: str, payload: object) -> str:
    return json.dumps({"timestamp": rfc3339(at), "type": kind, "payload": payload}) + "\n"
