"""The catalogue: complete, plain, and every verdict has its step."""

from __future__ import annotations

from joytui.core.causes import CAUSES, ROW_TEXTS
from joytui.core.records import ROWS
from joytui.doctor.steps import BY_ID, SPECS, STEP_OF_CAUSE


def test_every_cause_has_a_step_and_words() -> None:
    for cause in CAUSES.values():
        assert cause.row in ROWS
        assert cause.title
        assert cause.explanation
        assert cause.remedy
        assert cause.warning_only or cause.tell
        assert STEP_OF_CAUSE[cause.id] in BY_ID


def test_steps_only_need_steps_before_them() -> None:
    seen: set[str] = set()
    for spec in SPECS:
        assert set(spec.needs) <= seen | {"net.tcp", "net.proxy", "net.tls"}
        seen.add(spec.id)


def test_rows_of_the_guide() -> None:
    assert list(ROW_TEXTS) == list(ROWS)
