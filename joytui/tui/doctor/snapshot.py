"""One moment of a doctor's run, frozen. The worker posts these; everything on the screen is a function of one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from joytui.core.records import Report, Step

Phase = Literal["waiting", "looking", "sending", "done", "cancelled", "failed"]


@dataclass(frozen=True, slots=True)
class DoctorSnapshot:
    """`steps` come one by one while it runs; `report` is there at the end (an older one stays until then).

    `sent`: the run that made `report` sent test requests. `problem`: why the run itself failed, for a person.
    """

    phase: Phase = "waiting"
    steps: tuple[Step, ...] = ()
    report: Report | None = None
    sent: bool = False
    problem: str = ""

    @property
    def running(self) -> bool:
        return self.phase in ("looking", "sending")

    def started(self, *, send: bool) -> DoctorSnapshot:
        return replace(self, phase="sending" if send else "looking", steps=(), problem="")

    def with_step(self, step: Step) -> DoctorSnapshot:
        """The same with a step more; a step that comes again (begun, then ended) replaces its earlier self."""
        others = tuple(s for s in self.steps if s.id != step.id)
        place = next((i for i, s in enumerate(self.steps) if s.id == step.id), len(others))
        return replace(self, steps=(*others[:place], step, *others[place:]))

    def finished(self, report: Report, *, sent: bool) -> DoctorSnapshot:
        return replace(self, phase="done", steps=report.steps, report=report, sent=sent)

    def stopped(self) -> DoctorSnapshot:
        return replace(self, phase="cancelled")

    def failed(self, problem: str) -> DoctorSnapshot:
        return replace(self, phase="failed", problem=problem)
