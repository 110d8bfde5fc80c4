"""Where Codex's last turns went, by the session files that it leaves on every machine."""

from __future__ import annotations

import os
from pathlib import Path

TURNS = 20


def last_turns_told(codex_home: str) -> str | None:
    """One sentence about the newest turns, None where there are none to speak of."""
    if not os.path.isdir(os.path.join(codex_home, "sessions")):
        return None
    from joytui.codex.rollouts.turns import last_turns, turns_by_provider

    turns = last_turns(Path(codex_home), TURNS)
    counts = turns_by_provider(turns)
    if not counts:
        return None
    listed = " and ".join(
        f"{count} to provider {name!r}" for name, count in sorted(counts.items(), key=lambda pair: -pair[1])
    )
    whole = f"your last {len(turns)} turn{'s' if len(turns) != 1 else ''} went: {listed}"
    if len(counts) == 1:
        whole = f"your last {len(turns)} turn{'s' if len(turns) != 1 else ''} went to provider {next(iter(counts))!r}"
    failed = next((turn for turn in turns if turn.error), None)
    return f"{whole}; the newest failure says: {(failed.error or '')[:200]}" if failed else whole
