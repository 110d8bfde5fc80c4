"""A short run of the fuzzer over an upstream's answers; `python -m tests.long fuzz-upstream --seconds N` is the long one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.long.fuzz_upstream import fuzz
from tests.support.examples import ALL

ROUNDS = 2500 if ALL else 80
"""For each of the two: about a minute in CI, a second on a user's machine."""


@pytest.mark.slow
@pytest.mark.parametrize("api", ["chat", "responses"])
async def test_whatever_an_upstream_answers(tmp_path: Path, api: str) -> None:
    rounds, wrong = await fuzz(tmp_path, api, range(ROUNDS))
    assert wrong == [], "\n".join(wrong)
    assert rounds == ROUNDS
