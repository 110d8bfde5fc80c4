"""Each configuration that the real Codex was recorded with, pasted into a question: triage accuses it of no cause that it had not."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable

import pytest

from joytui.doctor.triage import triage
from tests.triage.recorded import HERE

FILES = ("codex-0.171.0.json", "recorded-extra.json")
ELSEWHERE = ("args", "etc", "files", "world", "encoding", "second")
"""Members of a situation that say more of the configuration than config.toml does."""
QUESTION = "My config.toml, why does Codex not work?\n\n```toml\n{}\n```\n"


def configurations() -> dict[str, set[str]]:
    """Each config.toml with all the causes that it was recorded with; those of keys and gateways are among them."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in FILES:
        for one in json.loads((HERE / file).read_text(encoding="utf-8")):
            if isinstance(one.get("config"), str) and one.get("causes") and not any(map(one.get, ELSEWHERE)):
                found[one["config"].replace("{PORT}", "8791").replace("{D}", "/home/ann")] |= set(one["causes"])
    return found


@pytest.mark.slow
def test_no_configuration_is_accused_of_another_cause(record_property: Callable[[str, object], None]) -> None:
    every = configurations()
    answers = {config: triage(QUESTION.format(config)) for config in every}
    decided = {config: answer.candidates[0].id for config, answer in answers.items() if answer.sure == "decided"}
    record_property("triage", f"configurations in a question {len(every):>12}  decided {len(decided):>4}")
    assert {config: cause for config, cause in decided.items() if cause not in every[config]} == {}
    assert len(decided) > 250
