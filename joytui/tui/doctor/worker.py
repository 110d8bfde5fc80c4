"""Runs the doctor in a thread and posts what happens. Touches no widget."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual.message import Message
from textual.message_pump import MessagePump

from joytui.core.errors import JoytuiError

if TYPE_CHECKING:
    from joytui.core.records import Report, Step

TIMEOUT_S = 20.0


class StepCame(Message):
    """A step of the walk has begun or ended."""

    def __init__(self, run: int, step: Step) -> None:
        super().__init__()
        self.run = run
        self.step = step


class Examined(Message):
    """The run is over: with a report, or with the reason why there is none (None, "": it was cancelled)."""

    def __init__(self, run: int, report: Report | None, *, sent: bool, problem: str = "") -> None:
        super().__init__()
        self.run = run
        self.report = report
        self.sent = sent
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Order:
    """What to examine. `run` tells the messages of this run from those of an earlier one."""

    run: int
    send: bool
    args: tuple[str, ...] = ()
    timeout_s: float = TIMEOUT_S


Examine = Callable[["Order", Callable[["Step"], None], Callable[[], bool]], "Report"]


def examine_here(order: Order, on_step: Callable[[Step], None], cancelled: Callable[[], bool]) -> Report:
    """The doctor on this machine, with this environment and working directory."""
    from joytui.codex.world import Invocation
    from joytui.doctor import examine

    invocation = Invocation(args=order.args, env=dict(os.environ), cwd=Path.cwd(), ask=True)
    report = examine(invocation, send=order.send, timeout=order.timeout_s, on_step=on_step, cancelled=cancelled)
    if report.verdict.works:
        _tidy(invocation.env)
    return report


def _tidy(env: Mapping[str, str]) -> None:
    """Once Codex works: what a `.env` held before a key was written into it is no longer kept."""
    from joytui.codex.home import codex_home
    from joytui.core.places import places
    from joytui.doctor.fix import journal

    journal.drop_secret_backups(str(codex_home(env)), places())


def run_doctor(order: Order, target: MessagePump, cancel: threading.Event, examine: Examine = examine_here) -> None:
    """The body of the thread. Whatever happens, the last message is an `Examined`."""
    try:
        report = examine(order, lambda step: _post_step(target, order.run, step), cancel.is_set)
    except JoytuiError as error:
        target.post_message(Examined(order.run, None, sent=order.send, problem=str(error)))
    except Exception as error:  # a doctor that fails must say so on the screen, not end the console
        told = f"{type(error).__name__}: {_redacted(str(error))}"
        problem = f"{told}. This is a bug in joytui; l, which checks only this machine, may still help"
        target.post_message(Examined(order.run, None, sent=order.send, problem=problem))
    else:
        done = None if cancel.is_set() else report
        target.post_message(Examined(order.run, done, sent=order.send))


def _post_step(target: MessagePump, run: int, step: Step) -> None:
    target.post_message(StepCame(run, step))


def _redacted(text: str) -> str:
    from joytui.core.redaction import Redactor, visible

    return visible(Redactor().text(text), limit=300)
