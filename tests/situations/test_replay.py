"""Every recorded situation is lived through again: the doctor names the cause that the real Codex failed of, and its whole report is the
frozen one (tests/situations/frozen).

Some go through the real command, and the rest through the same examination inside the workers. A user's machine plays an even sample;
JOYTUI_REQUIRE=1 (CI) plays all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from tests.situations.frozen import differences, told
from tests.situations.frozen.sources import PLAYED, play_steadily
from tests.situations.judging import judge, table
from tests.support.playground import Job
from tests.support.situation import Situation

ALL = os.environ.get("JOYTUI_REQUIRE") == "1"
SAMPLE = 50
BY_COMMAND = 16  # every so many


def check(collection: str, situations: Sequence[Situation], title: str, record: Callable[[str, object], None]) -> None:
    jobs = [
        Job(one, "examine" if number % BY_COMMAND else "doctor", limit=25.0) for number, one in enumerate(situations)
    ]
    results, today = play_steadily(collection, jobs)
    judged = [judge(one, result) for one, result in zip(situations, results, strict=True)]
    text = table(judged, title)
    record("situations", text)
    assert not [one for one in judged if one.grade == "wrong"], text
    assert sum(one.grade == "right" for one in judged) > 0.9 * len(judged), text
    changed = differences(collection, today)
    assert not changed, told(changed)


def test_the_recorded_situations(record_property):
    played("recorded", "recorded with Codex 0.169.0", record_property)


def test_more_situations(record_property):
    played("extra", "recorded beside them", record_property)


def test_where_the_newest_version_does_otherwise(record_property):
    played("newest", "recorded with Codex 0.171.0", record_property, sample=30)


def played(collection: str, title: str, record: Callable[[str, object], None], sample: int = SAMPLE) -> None:
    situations = PLAYED[collection]()
    chosen = situations if ALL else situations[:: len(situations) // sample + 1]
    check(collection, chosen, f"{len(chosen)} of {len(situations)} {title}", record)
