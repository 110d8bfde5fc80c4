"""Time to verdict: `joytui doctor --json` as its own process, beside the time that the real Codex takes to fail of the same cause.

    python -m tests.bench doctor [--limit S] [--rounds N]

Both live through the same recorded situations against the same fault gateway, in one run. The doctor runs alone, one situation after
the other, best of N; Codex runs to its own end, six side by side (it mostly waits), or is ended at the limit: its time is then "more
than". Aims: median at least 10 times faster; faults of this machine under 0.4 s; a healthy setup under 1 s.
"""

from __future__ import annotations

import argparse
import os
import statistics
from dataclasses import dataclass
from pathlib import Path

from tests.support.playground import Job, Result, play
from tests.support.real_codex import CURRENT, cache_folder
from tests.support.situation import Situation, load

FOLDER = Path(__file__).resolve().parents[1] / "situations"
LOCAL = (
    "A05_wire_CHAT",
    "B40_key_empty",
    "B17_env_key_blank",
    "C20_model_blank",
    "C12_unknown_keys_strict",
    "D02_v4_bad",
    "I11_profile_dot",
)
REMOTE = (
    "A02_chat_only_key_first", "B40_key_bearer", "B19_no_env_key", "Y_E_401", "Y_E_402_daily", "Y_E_403_tier", "Y_E_404_go",
    "Y_E_500_empty", "Y_E_502_html", "Y_E_429_retry_after_1", "Y_V_200_login", "Y_F_chat_chunks", "Y_F_cut_mid_event",
    "Y_F_error_event_only", "Y_closed_before_reply", "G10_HTTP_PROXY_dead", "G05_expired", "G03_untrusted",
)  # fmt: skip
HEALTHY = ("A09_healthy_key_first", "A09_no_catalog")
AIM_RATIO, AIM_LOCAL_S, AIM_HEALTHY_S = 10.0, 0.4, 1.0


@dataclass(frozen=True, slots=True)
class Row:
    """One situation. `codex_s` is a lower bound where `ended` is False."""

    name: str
    kind: str
    cause: str
    doctor_s: float
    codex_s: float
    ended: bool

    @property
    def ratio(self) -> float:
        return self.codex_s / self.doctor_s


def main(words: list[str]) -> int:
    """0 if the aims are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench doctor")
    parser.add_argument("--limit", type=float, default=40.0)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args(words)
    binary = cache_folder() / CURRENT / "node_modules" / ".bin" / "codex"
    if not binary.exists():
        print(f"needs the real Codex: npm install --prefix {cache_folder() / CURRENT} @openai/codex@{CURRENT}")
        return 2
    situations = chosen()
    before = os.getloadavg()[0]
    rounds = [play([Job(one, "doctor") for one in situations], side_by_side=1) for _ in range(options.rounds)]
    alone = os.getloadavg()[0]
    real = play([Job(one, "codex", str(binary), "full", options.limit) for one in situations])
    rows = [row(one, ours, theirs) for one, *ours, theirs in zip(situations, *rounds, real, strict=True)]
    print(f"load of the machine: {before:.1f} before, {alone:.1f} while the doctor ran; {os.cpu_count()} cores\n")
    return report(rows)


def chosen() -> list[Situation]:
    """The situations of the three lists."""
    known = {one.name: one for name in ("codex-0.169.0", "recorded-extra") for one in load(FOLDER / f"{name}.json")}
    return [known[name] for name in (*LOCAL, *REMOTE, *HEALTHY)]


def row(situation: Situation, ours: list[Result], theirs: Result) -> Row:
    kind = "local" if situation.name in LOCAL else "healthy" if situation.name in HEALTHY else "remote"
    cause = ours[0].report["verdict"]["cause"] or "healthy"
    best = min(one.seconds for one in ours)
    return Row(situation.name, kind, cause, best, theirs.seconds, theirs.exit_code is not None)


def report(rows: list[Row]) -> int:
    """Prints the table; 0 if the aims are met."""
    print(f"{'situation':<28}{'verdict':<26}{'doctor':>9}{'Codex':>11}{'ratio':>8}")
    for one in rows:
        codex = f"{'' if one.ended else '> '}{one.codex_s:.2f} s"
        print(f"{one.name:<28}{one.cause:<26}{one.doctor_s:>7.2f} s{codex:>11}{one.ratio:>7.1f}x")
    failing = [one for one in rows if one.cause != "healthy"]
    median = statistics.median(one.ratio for one in failing)
    local = max(one.doctor_s for one in rows if one.kind == "local")
    healthy = max(one.doctor_s for one in rows if one.kind == "healthy")
    sent = [one.ratio for one in failing if one.kind == "remote"]
    print(f"\nmedian of the {len(failing)} failing: {median:.1f} times faster (aim {AIM_RATIO:.0f});", end=" ")
    print(f"of the {len(sent)} where Codex sends: {statistics.median(sent):.1f}")
    print(
        f"slowest local fault {local:.2f} s (aim {AIM_LOCAL_S}); slowest healthy setup {healthy:.2f} s (aim {AIM_HEALTHY_S})"
    )
    return 0 if median >= AIM_RATIO and local < AIM_LOCAL_S and healthy < AIM_HEALTHY_S else 1
