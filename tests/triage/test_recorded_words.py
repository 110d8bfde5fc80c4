"""Triage over the words of a thousand runs of the real Codex, as recorded and as users paste them.

Right: the cause is among the candidates; a single candidate is right or it is a defect. Where the words decide it, it is single.
A user's machine reads an even sample of what was pasted, JOYTUI_REQUIRE=1 (CI) all.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest

from joytui.doctor.says import triage as says
from joytui.doctor.triage import triage
from tests.support.examples import ALL
from tests.triage.recorded import CUT, FILES, PASTED, Said, recorded

WORDS = [said for file in FILES for said in recorded(file)]
DISTINCT = list({(said.words, said.causes): said for said in WORDS}.values())[:: 1 if ALL else 12]


@dataclass
class Score:
    """How a set of texts was read. `wrong`: a single candidate that is not the cause."""

    title: str
    texts: int = 0
    decided: int = 0
    among_three: int = 0
    among_all: int = 0
    nothing: int = 0
    wrong: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)

    def add(self, said: Said, causes: list[str]) -> None:
        self.texts += 1
        self.decided += len(causes) == 1
        self.nothing += not causes
        self.among_three += bool(said.causes & set(causes[:3]))
        self.among_all += bool(said.causes & set(causes))
        if len(causes) == 1 and causes[0] not in said.causes:
            self.wrong.append(f"{said.name}: {causes[0]}, but it is {' | '.join(sorted(said.causes))}")
        if not said.causes & set(causes):
            self.missed.append(said.name)

    def line(self) -> str:
        shares = (self.among_three / self.texts, self.among_all / self.texts)
        return (
            f"{self.title:<36} {self.texts:>5}  decided {self.decided:>4}, wrong {len(self.wrong)}   "
            f"cause among three {shares[0]:6.1%}   among all {shares[1]:6.1%}   not decidable at all {self.nothing}"
        )


def score(title: str, said: Iterable[Said], change: Callable[[str], str]) -> Score:
    found = Score(title)
    for one in said:
        found.add(one, [cause.id for cause in triage(change(one.words)).candidates])
    return found


@pytest.mark.parametrize("file", FILES)
def test_says_names_it_among_three(file: str, record_property: Callable[[str, object], None]) -> None:
    found = Score(f"--says, {file}")
    said = recorded(file)
    if file != FILES[0]:  # many of its situations repeat the same words: each pair of words and causes counts once
        said = list({(one.words, one.causes): one for one in said}.values())
    for one in said:
        short = says(one.words)
        assert len(short.candidates) <= 3
        found.add(one, [cause.id for cause in (*short.candidates, *short.also)])
    record_property("triage", found.line())
    assert found.among_three >= 0.95 * found.texts, found.missed
    assert not found.wrong


@functools.cache
def as_recorded() -> Score:
    return score("as recorded", DISTINCT, lambda words: words)


@pytest.mark.parametrize("title", PASTED)
def test_pasted_in_every_way(title: str, record_property: Callable[[str, object], None]) -> None:
    found = score(title, DISTINCT, PASTED[title])
    record_property("triage", found.line())
    assert not found.wrong
    assert not found.missed
    assert found.decided == as_recorded().decided  # noise neither adds nor takes certainty
    assert found.decided > 0.2 * found.texts


@pytest.mark.parametrize("title", CUT)
def test_cut_in_the_middle(title: str, record_property: Callable[[str, object], None]) -> None:
    found = score(title, DISTINCT, CUT[title])
    record_property("triage", found.line())
    assert not found.wrong
    if title == "90% of it, the end missing":
        assert found.among_all > 0.95 * found.texts


def test_every_place_of_a_cut_is_safe() -> None:
    """Messages of different kinds (sixteen in CI), cut after every third character and before every one."""
    kinds: dict[frozenset[str], Said] = {}
    for said in DISTINCT:
        if 40 < len(said.words) < 400:
            kinds.setdefault(said.causes, said)
    for said in list(kinds.values())[: 16 if ALL else 6]:
        for at in range(0, len(said.words), 3):
            for part in (said.words[:at], said.words[at:]):
                causes = [cause.id for cause in triage(part).candidates]
                assert len(causes) != 1 or causes[0] in said.causes, (said.name, part)


def test_two_failures_in_one_ticket_are_never_one_cause() -> None:
    first = "ERROR: Quota exceeded. Check your plan and billing details."
    second = 'Error loading config.toml: `wire_api = "chat"` is no longer supported.'
    for text in (f"{first}\n\nthen I changed it\n\n{second}", f"{second}\n\nnow it says\n\n{first}"):
        answer = triage(text)
        assert answer.sure != "decided"
        assert {"insufficient-quota", "wire-api-removed"} <= {cause.id for cause in answer.candidates}
