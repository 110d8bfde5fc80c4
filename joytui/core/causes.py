"""Every cause that the doctor can name: the id, its row of the guide's table, and words a support person can read aloud.

The texts live in core/cause_texts.py, grouped as in the catalogue: configuration, credential, network, gateway,
stream, warnings. A cause is the thing to mend, not the symptom; facts about Codex are those of
Codex 0.169.0 unless another version is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from joytui.core.records import ROWS, Row


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause. `explanation`: what happens and why. `remedy`: what to do about it, in general words.

    `tell`: how to know it from its look-alikes, or what to ask the user for. `warning_only`: never a verdict.
    """

    id: str
    row: Row
    title: str
    explanation: str
    remedy: str
    tell: str = ""
    warning_only: bool = False


@dataclass(frozen=True, slots=True)
class RowText:
    """A row of the guide's troubleshooting table, in the guide's words."""

    row: Row
    symptom: str
    check: str


ROW_TEXTS: Final[dict[Row, RowText]] = {
    text.row: text
    for text in (
        RowText("401", "401 Unauthorized", "JOY_TOKEN_API_KEY is set and copied correctly"),
        RowText("403", "403 Forbidden", "key policy allows the current IP, tier and model"),
        RowText("402", "402 Payment Required", "wallet balance, quota or budget is sufficient"),
        RowText("model-not-found", "Model not found", "use `auto` or a model key from the JoyToken catalog"),
        RowText("no-logs", "No JoyToken logs", '`model_provider = "joytoken"` and base_url includes `/openai/v1`'),
        RowText("other", "(not in the table)", "everything that the table does not know"),
    )
}


def _catalogue() -> dict[str, Cause]:
    from joytui.core import cause_texts

    return {cause.id: cause for cause in cause_texts.all_causes(Cause)}


CAUSES: Final[dict[str, Cause]] = _catalogue()


def cause(cause_id: str) -> Cause:
    """The cause with this id. Raises KeyError."""
    return CAUSES[cause_id]


def by_row() -> dict[Row, tuple[Cause, ...]]:
    """All causes that can be a verdict, grouped by row in the order of the table."""
    return {row: tuple(c for c in CAUSES.values() if c.row == row and not c.warning_only) for row in ROWS}
