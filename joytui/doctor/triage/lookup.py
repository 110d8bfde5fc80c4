"""The request ids and thread ids in a ticket, looked up where a gateway can be asked: its record beats the words."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from joytui.doctor.triage.answer import Answer, Facts, LookedUp
from joytui.doctor.triage.reply import with_record

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.doctor.triage.story import Story

OF_THREAD = 20
"""A thread's newest requests, of which the newest that was refused is meant."""


def holds_ids(facts: Facts) -> bool:
    """Whether there is anything to look up."""
    return bool(facts.request_ids or facts.thread_ids)


def not_asked(answer: Answer, why: str) -> Answer:
    """The answer with what to run where the gateway can be asked. `why` it was not: redacted already."""
    request = next(reversed(answer.facts.request_ids), None)
    command = (
        f"joytui triage --request {shlex.quote(request)}"
        if request
        else f"joytui logs {shlex.quote(f'thread:{answer.facts.thread_ids[-1]}')}"
    )
    return replace(answer, looked_up=LookedUp(None, why, command))


async def look_up(console: ConsoleClient, answer: Answer, env: Mapping[str, str]) -> Answer:
    """The answer with the record of the newest of its ids that this gateway knows. Errors as of ConsoleClient."""
    story = await _story(console, answer.facts, env)
    if story is None:
        return not_asked(answer, f"the gateway at {console.url} has no record of it; another one may")
    return _with(answer, story)


async def _story(console: ConsoleClient, facts: Facts, env: Mapping[str, str]) -> Story | None:
    from joytui.doctor.triage.joining import join

    for request in reversed(facts.request_ids):
        if story := await join(console, request, env):
            return story
    for thread in reversed(facts.thread_ids):
        records = (await console.requests(f'thread:"{thread}"', limit=OF_THREAD)).records
        record = next((one for one in records if one.cause), next(iter(records), None))
        if record is not None and (story := await join(console, record.id, env)):
            return story
    return None


def _with(answer: Answer, story: Story) -> Answer:
    """Where the gateway refused, its record decides; where it served, the words stand and the record is told beside them."""
    reply = with_record(answer, story)
    if story.cause is None:
        return replace(answer, looked_up=LookedUp(story), reply=reply)
    others = [one for one in answer.candidates[:1] if answer.sure == "decided" and one.id != story.cause.id]
    return replace(
        answer,
        sure="decided",
        candidates=(story.cause,),
        row=story.cause.row,
        ask="",
        also=tuple(dict.fromkeys((*others, *(one for one in answer.also if one.id != story.cause.id)))),
        details={**answer.details, "request_id": story.record.request_id},
        looked_up=LookedUp(story),
        reply=reply,
    )
