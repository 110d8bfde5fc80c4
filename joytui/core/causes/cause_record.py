"""One cause, and one row of the guide's table."""

from __future__ import annotations

from dataclasses import dataclass

from joytui.core.records import Row


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause: the thing to mend, not the symptom. Read aloud, each text should make sense to someone who has never
    seen Codex's configuration.

    `explanation`: what happens and why. `remedy`: what to do about it, in general words. `tell`: how to know it from
    its look-alikes, or what to ask the user for. `warning_only`: never a verdict.
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
