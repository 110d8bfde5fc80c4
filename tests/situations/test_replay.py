"""Every recorded situation is lived through again, and the doctor names the cause that the real Codex failed of.

JOYTUI_REPLAY=command (CI) sends all of them through the real command; otherwise some go through it, and the rest through the same
examination inside the workers. A user's machine plays all that came first and an even sample of those beside them; JOYTUI_REQUIRE=1 (CI)
plays all.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from tests.situations.judging import Judged, judge, table
from tests.support.playground import Job, play
from tests.support.situation import Situation, load

HERE = Path(__file__).parent
ALL = os.environ.get("JOYTUI_REQUIRE") == "1"
SAMPLE = 250
ALL_BY_COMMAND = os.environ.get("JOYTUI_REPLAY") == "command"


def replay(situations: tuple[Situation, ...]) -> list[Judged]:
    jobs = [
        Job(one, "doctor" if ALL_BY_COMMAND or number % 12 == 0 else "examine", limit=25.0)
        for number, one in enumerate(situations)
    ]
    return [judge(one, result) for one, result in zip(situations, play(jobs), strict=True)]


def check(situations: tuple[Situation, ...], title: str, record_property: Callable[[str, object], None]) -> None:
    judged = replay(situations)
    text = table(judged, title)
    record_property("situations", text)
    assert not [one for one in judged if one.grade == "wrong"], text
    assert sum(one.grade == "right" for one in judged) > 0.9 * len(judged), text


def test_the_recorded_situations(record_property):
    check(load(HERE / "codex-0.169.0.json"), "recorded with Codex 0.169.0", record_property)


def test_more_situations(record_property):
    situations = load(HERE / "recorded-extra.json")
    chosen = situations if ALL else situations[:: len(situations) // SAMPLE + 1]
    check(chosen, f"{len(chosen)} of {len(situations)} recorded beside them", record_property)
