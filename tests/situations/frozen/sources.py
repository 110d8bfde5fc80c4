"""Where the documents of each collection come from: situations that are played, and commands that need no gateway."""

from __future__ import annotations

import io
import json
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from unittest.mock import patch

from joytui.causes import CAUSES
from joytui.cli.main import main
from tests.situations.frozen import frozen, same
from tests.situations.frozen.masking import document
from tests.situations.pairs import pairs
from tests.support.playground import Job, Result, play
from tests.support.situation import Situation, load
from tests.triage.recorded import CUT, FILES, PASTED, recorded
from tests.triage.test_kinds import BODIES, EXCHANGES, MISLEADING, codex_doctor, event, rollout
from tests.triage.test_no_text import FILES as NO_TEXT

HERE = Path(__file__).parent.parent
PLAYED: Mapping[str, Callable[[], Sequence[Situation]]] = {
    "recorded": lambda: load(HERE / "codex-0.169.0.json"),
    "extra": lambda: load(HERE / "recorded-extra.json"),
    "newest": lambda: load(HERE / "codex-0.171.0.json"),
    "pairs": lambda: [pair.situation for pair in pairs()],
}

# So many different reports may come of a busy machine, where a probe ran out of its time; more are a change.
_BY_CHANCE = 40
_PASTED_EACH = 20  # every so many of the recorded words are also read as users paste them


# --- situations ---


def play_steadily(collection: str, jobs: Sequence[Job]) -> tuple[list[Result], dict[str, Any]]:
    """Plays the jobs of a collection: the results, and what is frozen of them. What differs from the frozen is played again by itself: on
    a busy machine a probe of the doctor may run out of its second."""
    results = play(jobs)
    today = documents(results)
    for _ in range(2):
        late = [
            number
            for number, one in enumerate(results)
            if one.name in today and not same(collection, one.name, today[one.name])
        ]
        if not 0 < len(late) <= _BY_CHANCE:
            break
        again = play([jobs[number] for number in late], side_by_side=1)
        today |= documents(again)
        for number, result in zip(late, again, strict=True):
            results[number] = result
    return results, today


def documents(results: Iterable[Result]) -> dict[str, Any]:
    """What is frozen of each run that was played, by the situation's name."""
    return {one.name: _document(one) for one in results if not one.skipped}


def _document(result: Result) -> dict[str, Any]:
    try:
        return document(result)
    except ValueError as error:
        return {"exit": result.exit_code, "report": None, "requests": {}, "error": str(error)[-600:]}


# --- commands that need no gateway ---


def said(*words: str, stdin: bytes = b"") -> tuple[int, str]:
    """The exit code and the stdout of a command, in this process, without anything of this machine's environment."""
    out = io.StringIO()
    given = io.TextIOWrapper(io.BytesIO(stdin), "utf-8")
    with (
        patch.dict(os.environ, {"COLUMNS": "100"}, clear=True),
        patch.object(sys, "stdin", given),
        redirect_stdout(out),
    ):
        return main(list(words)), out.getvalue()


def text() -> dict[str, Any]:
    """`joytui doctor` as it prints for a person, from frozen reports: one of each cause, each warning, each shape of the table."""
    with tempfile.TemporaryDirectory(prefix="joytui-frozen-") as folder:
        return {name: _text(report, Path(folder) / "report.json") for name, report in _sample()}


def _text(report: Any, file: Path) -> dict[str, Any]:
    file.write_text(json.dumps(report), encoding="utf-8")
    code, out = said("doctor", "--report", str(file))
    return {"exit": code, "lines": out.splitlines()}


def _sample() -> Iterator[tuple[str, Any]]:
    known: set[Any] = set()
    for collection in PLAYED:
        for name, one in frozen(collection).items():
            report = one["report"]
            shape = tuple(row["status"] for row in report["table"])
            new = {
                (report["verdict"]["cause"], report["verdict"]["works"]),
                shape,
                *(("warned", w["cause"]) for w in report["warnings"]),
            }
            if not new <= known:
                known |= new
                yield f"{collection}/{name}", report


def explain() -> dict[str, Any]:
    """`joytui doctor --explain` of every cause, and the list of them, as text and as JSON."""
    explained = {"list": {"lines": said("doctor", "--explain", "list")[1].splitlines()}}
    for cause in CAUSES:
        lines = said("doctor", "--explain", cause)[1].splitlines()
        explained[cause] = {"lines": lines, "json": json.loads(said("doctor", "--explain", cause, "--json")[1])}
    return explained


def triage() -> dict[str, Any]:
    """`joytui triage --json` for the recorded words, as recorded and as pasted, and for the tickets of tests/triage; of the tickets also
    the text, of the recorded words `joytui doctor --says --json`."""
    words: dict[str, str] = {}
    for file in FILES:
        for one in recorded(file):
            words.setdefault(one.words, one.name)
    answers: dict[str, Any] = {}
    for number, (text, name) in enumerate(words.items()):
        code, out = said("doctor", f"--says={text}", "--json")
        answers[name] = {**_triaged(text.encode()), "says": {"exit": code, **json.loads(out)}}
        if number % _PASTED_EACH == 0:
            answers |= {f"{name}, {way}": _triaged(change(text).encode()) for way, change in (PASTED | CUT).items()}
    for name, ticket in _tickets():
        answers[name] = {**_triaged(ticket), "lines": said("triage", stdin=ticket)[1].splitlines()}
    return answers


def _triaged(ticket: bytes) -> dict[str, Any]:
    code, out = said("triage", "--json", stdin=ticket)
    return {"exit": code, "triage": json.loads(out)}


def _tickets() -> Iterator[tuple[str, bytes]]:
    texts = {
        "body": [case[0] for case in BODIES],
        "exchange": [case[0] for case in EXCHANGES],
        "misleading": [f"ERROR: {words}" for words in MISLEADING],
        "event": [event("stream disconnected before completion: idle timeout"), event("no", "turn.failed")],
        "codex doctor": [codex_doctor(), *(codex_doctor(**{check: "x"}) for check in ("config__load", "auth__credentials"))],
        "rollout": [rollout("joytoken", "unexpected status 402 Payment Required: weekly limit"), rollout("openai", None)],
        "prose": [f"Hello, since today codex says: {words}. What can I do?" for words in ("401 unauthorized!!", "it hangs", "proxy")],
        "nothing": ["", "   \n", "Thanks, all good now!", "\x00\x01\x02", "{}", "null"],
    }  # fmt: skip
    for kind, some in texts.items():
        yield from ((f"{kind} {number}", one.encode()) for number, one in enumerate(some))
    yield from ((f"no text: {name}", data) for data, name in NO_TEXT)


OFFLINE: Mapping[str, Callable[[], dict[str, Any]]] = {"text": text, "triage": triage, "explain": explain}
