"""Triage: from what a ticket holds to the cause, how sure that is, what to ask for, and the reply. Pure and offline.

    triage(data) -> Answer                 any text or bytes: terminal output, JSON lines, a body, an HTTP dump, a bundle
    render(answer, paint) -> str           for a person
    answer_json(answer) -> dict            for a script

Nothing here opens a file or a socket. What the ticket holds is data: it is read, bounded, and redacted on its way out.
"""

from joytui.doctor.triage.answer import Answer, Guess
from joytui.doctor.triage.reading import triage
from joytui.doctor.triage.rendering import answer_json, render

__all__ = ["Answer", "Guess", "answer_json", "render", "triage"]
