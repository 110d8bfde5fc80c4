"""The whole answer to every recorded word and to each kind of ticket is the frozen one (tests/situations/frozen/triage.json)."""

from __future__ import annotations

import pytest

from tests.situations.frozen import differences, frozen, told
from tests.situations.frozen.sources import OFFLINE


@pytest.mark.slow
def test_every_answer_is_as_it_was_frozen() -> None:
    today = OFFLINE["triage"]()
    changed = differences("triage", today)
    assert not changed, told(changed)
    assert list(today) == list(frozen("triage"))
