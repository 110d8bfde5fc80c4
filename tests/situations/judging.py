"""Right or wrong: what the doctor says about a situation, beside what the real Codex did in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from tests.support.fault_gateway import GOOD_KEY
from tests.support.playground import Result
from tests.support.situation import Situation

Grade = Literal["right", "wrong", "not replayable"]


@dataclass(frozen=True, slots=True)
class Judged:
    """One situation's outcome. `reason`: what is wrong, or why it was not replayable."""

    name: str
    grade: Grade
    expected: str
    said: str
    reason: str = ""


def judge(situation: Situation, result: Result) -> Judged:
    """The verdict's cause must be one of the situation's, its `works` what Codex showed, and the key nowhere in the output."""
    expected = " | ".join(situation.causes or ()) or f"works: {situation.works}"
    if result.skipped:
        return Judged(situation.name, "not replayable", expected, "", result.skipped)
    try:
        verdict = result.report["verdict"]
    except (ValueError, KeyError) as error:
        return Judged(situation.name, "wrong", expected, "", f"no report: {str(error)[-600:]}")
    said = verdict["cause"] or "healthy"
    reason = "; ".join(_objections(situation, result, verdict))
    return Judged(situation.name, "wrong" if reason else "right", expected, said, reason)


def _objections(situation: Situation, result: Result, verdict: dict[str, Any]) -> Iterable[str]:
    cause, works = verdict["cause"] or "healthy", verdict["works"]
    if situation.causes is not None and cause not in situation.causes:
        yield "another cause"
    if not agrees(situation, works):
        yield f"works is {works}, Codex: {situation.works}"
    if result.exit_code != (0 if verdict["cause"] is None else 1):
        yield f"exit {result.exit_code}"
    if GOOD_KEY in result.stdout + result.stderr:
        yield "the key stands in the output"


def agrees(situation: Situation, works: bool | None) -> bool:
    """Whether the doctor's `works` fits what Codex did. Where Codex would wait forever, null is as good as false; where it was very slow
    or needed retries, either answer is (the causes say so)."""
    if situation.causes and "healthy" in situation.causes and len(situation.causes) > 1:
        return True
    if situation.works is True:
        return works is True
    if situation.works is None and situation.causes is None:  # Codex had not ended either way when it was stopped
        return True
    return works is not True


def table(judged: Iterable[Judged], title: str) -> str:
    """For the test output: how many are right, and every other one with its reason."""
    all_of_them = list(judged)
    counts = {grade: sum(one.grade == grade for one in all_of_them) for grade in ("right", "wrong", "not replayable")}
    lines = [f"{title}: " + ", ".join(f"{count} {grade}" for grade, count in counts.items())]
    lines += [
        f"  {one.grade}: {one.name}: expected {one.expected}"
        + (f", said {one.said}" if one.said else "")
        + f" ({one.reason})"
        for one in all_of_them
        if one.grade != "right"
    ]
    return "\n".join(lines)
