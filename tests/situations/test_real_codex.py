"""The installed Codex itself, four versions of it, in a sample of the situations: doctor and Codex agree on works or not in all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.situations.judging import Grade, Judged, judge, table
from tests.support.playground import Job, Result, play
from tests.support.real_codex import CURRENT, NEWEST, OLDER, codex
from tests.support.situation import Situation, load

RECORDED = Path(__file__).parent / "codex-0.169.0.json"
DIFFERENCES = Path(__file__).parent / "codex-0.171.0.json"
EXTRA = Path(__file__).parent / "recorded-extra.json"

# Takes minutes, or never ends: a config.toml of megabytes, an answer after 70 s, an agent that calls tools forever.
_ENDLESS = ("H15_huge", "F13_hang_headers_idle_timeout_3s", "K02_autocompact_midturn")
# A head of 500 kB: Codex takes it or not by how many reads it comes in (six of six alone, not on a busy machine).
_CHANCE = ("Y_W_enormous_header",)


def sample(version: str) -> list[Situation]:
    """Every third recorded situation and some of the others; another third for each version, so that together they see all groups."""
    start = (CURRENT, *OLDER).index(version)
    chosen = [*load(RECORDED)[start::3], *(load(EXTRA)[start::60] if version == CURRENT else ())]
    return [replace(one, codex=version) for one in chosen if one.name not in (*_ENDLESS, *_CHANCE)]


def compared(situation: Situation, real: Result, ours: Result) -> Judged:
    """null is as good as false for the doctor where Codex does not end."""
    if real.skipped or ours.skipped:
        return Judged(situation.name, "not replayable", "", "", real.skipped or ours.skipped)
    verdict = ours.report["verdict"]
    grade: Grade = "right" if (verdict["works"] is True) == (real.works is True) else "wrong"
    said = f"works: {verdict['works']}, {verdict['cause']}"
    return Judged(situation.name, grade, f"works: {real.works}", said, real.words or real.stderr[-200:])


@pytest.mark.codex
@pytest.mark.parametrize("version", [CURRENT, *OLDER])
def test_doctor_and_codex_agree(version: str, record_property):
    situations = sample(version)
    assert len(situations) >= 60
    mode = "bounded" if version == CURRENT else "outcome"
    real = play([Job(one, "codex", codex(version), mode, limit=12.0) for one in situations])
    ours = play([Job(one, "examine") for one in situations])
    judged = [compared(*three) for three in zip(situations, real, ours, strict=True)]
    text = table(judged, f"doctor beside Codex {version}")
    record_property("situations", text)
    assert all(one.grade != "wrong" for one in judged), text
    assert sum(one.grade == "right" for one in judged) >= 60, text


def where_it_differs() -> list[Situation]:
    """The newest version's own situations, and some of the recorded ones."""
    return [
        *load(DIFFERENCES),
        *(replace(one, codex=NEWEST) for one in load(RECORDED)[1::9] if one.name not in (*_ENDLESS, *_CHANCE)),
    ]


@pytest.mark.codex
def test_doctor_and_the_newest_codex_agree(record_property):
    """Also in the cause, by the data file alone and where the binary is asked; what was recorded still holds."""
    situations = where_it_differs()
    real = play([Job(one, "codex", codex(NEWEST), "bounded", limit=12.0) for one in situations])
    by_file = play([Job(one, "examine") for one in situations])
    asking = play([Job(one, "doctor", codex(NEWEST)) for one in situations])
    for title, ours in (("by its data file", by_file), ("asked", asking)):
        judged = [compared(*three) for three in zip(situations, real, ours, strict=True)]
        judged += [judge(one, result) for one, result in zip(situations, ours, strict=True) if one.causes]
        text = table(judged, f"doctor beside Codex {NEWEST}, {title}")
        record_property("situations", text)
        assert all(one.grade != "wrong" for one in judged), text
    recorded = load(DIFFERENCES)
    assert [
        one.name for one, result in zip(recorded, real, strict=False) if (result.works is True) != (one.works is True)
    ] == []


@pytest.mark.codex
def test_a_version_to_come_is_judged_by_what_its_binary_says(tmp_path: Path):
    """A shim that calls itself 0.199.0, over the real one: nothing that works is refused, and what fails is."""
    shim = tmp_path / "codex"
    shim.write_text(
        f'#!/bin/sh\n[ "$1" = --version ] && {{ echo codex-cli 0.199.0; exit 0; }}\nexec {codex(NEWEST)} "$@"\n'
    )
    shim.chmod(0o755)
    situations = [one for one in load(DIFFERENCES) if one.name.startswith(("key", "strict", "flag"))]
    judged = [
        judge(one, result)
        for one, result in zip(situations, play([Job(one, "doctor", str(shim)) for one in situations]), strict=True)
    ]
    assert all(one.grade == "right" for one in judged), table(judged, "a version to come")


@pytest.mark.codex
def test_the_fixtures_still_hold():
    """What was recorded is what the real Codex does in our rebuilt situations: the same outcome and the same requests."""
    situations = [one for one in load(RECORDED)[1::9] if one.name not in (*_ENDLESS, *_CHANCE)]
    results = play([Job(one, "codex", codex(CURRENT), "bounded", limit=12.0) for one in situations])
    assert sum(not result.skipped for result in results) > 0.8 * len(results)
    for situation, result in zip(situations, results, strict=True):
        if result.skipped:
            continue
        assert (result.works is True) == (situation.works is True), situation.name
        asked = {request.rsplit(" ", 2)[0] for request in situation.requests}
        assert asked <= {request.rsplit(" ", 2)[0] for request in result.requests or {}}, situation.name
