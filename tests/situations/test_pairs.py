"""Two faults at once: the verdict is the one that Codex meets first, the other is a warning where it can be seen at all."""

from __future__ import annotations

import os

import pytest

from tests.situations.frozen import differences, told
from tests.situations.frozen.sources import play_steadily
from tests.situations.judging import judge, table
from tests.situations.pairs import Pair, pairs
from tests.support.playground import Job, play
from tests.support.real_codex import codex
from tests.support.situation import Situation

ALL = os.environ.get("JOYTUI_REQUIRE") == "1"

# A user's machine plays a sample; CI all of them.
SAMPLE = 80


def test_there_are_enough_pairs():
    assert len(list(pairs())) >= 200


def test_the_first_fault_is_the_verdict(record_property):
    every = list(pairs())
    chosen = every if ALL else every[:: len(every) // SAMPLE + 1]
    results, today = play_steadily("pairs", [Job(pair.situation, "examine") for pair in chosen])
    judged = [judge(pair.situation, result) for pair, result in zip(chosen, results, strict=True)]
    text = table(judged, "pairs of faults")
    record_property("situations", text)
    assert all(one.grade == "right" for one in judged), text
    silent = [
        f"{pair.situation.name}: warnings {[one['cause'] for one in result.report['warnings']]}"
        for pair, result in zip(chosen, results, strict=True)
        if _visible_beside(pair) and not _warned(pair, result.report["warnings"])
    ]
    assert not silent, "\n".join(silent)
    changed = differences("pairs", today)
    assert not changed, told(changed)


def test_of_two_warnings_with_one_cause_the_first_is_told():
    """Two providers without a name behind another fault: Codex would stop at the first of them."""
    tables = '[model_providers.k]\nname = ""\n[model_providers.l]\nname = ""\n'
    config = f'approval_policy = "x"\n{tables}'
    situation = Situation("two of a cause", config=config, env={"JOY_TOKEN_API_KEY": "<KEY>"})
    report = play([Job(situation, "examine")])[0].report
    assert report["verdict"]["cause"] == "config-type"
    told = [warning["evidence"][0]["what"] for warning in report["warnings"] if warning["cause"] == "provider-invalid"]
    assert told == ["model_providers.k: provider name must not be empty"]


@pytest.mark.codex
def test_the_real_codex_meets_the_same_one_first():
    """Codex's last words about a pair are those about its first fault alone."""
    chosen = list(pairs())[::17]
    assert len(chosen) >= 40
    alone = {pair.first.name: pair.first.alone() for pair in chosen}
    jobs = [Job(one, "codex", codex(), "bounded") for one in (*alone.values(), *(pair.situation for pair in chosen))]
    results = play(jobs)
    words = {name: _plain(result.words) for name, result in zip(alone, results, strict=False)}
    for pair, result in zip(chosen, results[len(alone) :], strict=True):
        assert not result.skipped
        assert result.works is not True, pair.situation.name
        assert _plain(result.words) == words[pair.first.name], pair.situation.name


def _visible_beside(pair: Pair) -> bool:
    """The second can be seen although the first is there: the configuration could be read, the provider is
    known, and no request is needed."""
    return (pair.first.order == 4 or pair.first.order > 5) and pair.second.seen_without_sending


def _warned(pair: Pair, warnings: list[dict[str, str]]) -> bool:
    return any(warning["cause"] in pair.second.causes for warning in warnings)


def _plain(words: str) -> str:
    """The kind of message, without the places that the second fault changes: line numbers, addresses."""
    import re

    words = " | ".join(one for one in words.split(" | ") if not one.startswith(("warning:", "user (")))
    words = re.sub(r"config\.toml:\d+:\d+.*", "config.toml", words)
    return re.sub(r"url: \S+", "url", re.sub(r"/tmp/\S+/ch|:\d{5}", "", words))
