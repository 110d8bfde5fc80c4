"""Every cause has all of its parts: words, a step, what detects it, what a ticket shows of it, and its fix.

A part that is missing is named with the file that lacks it.
"""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import joytui
from joytui.causes import CAUSES, ROW_TEXTS, Cause, by_row, causes_of
from joytui.causes.cause import ANY_FINDING
from joytui.core.records import ROWS
from joytui.doctor.fix.changes import CHANGES
from joytui.doctor.fix.commands import COMMANDS
from joytui.doctor.fix.registry import registered
from joytui.doctor.steps import BY_ID
from tests.situations.frozen import frozen

ROOT = Path(joytui.__file__).parent
ALL = list(CAUSES.values())
HELD_IN = {
    cause.id: path.name
    for path, text in [(path, path.read_text(encoding="utf-8")) for path in (ROOT / "causes").glob("*.py")]
    for cause in ALL
    if f'id="{cause.id}"' in text
}

every_cause = pytest.mark.parametrize("cause", ALL, ids=[cause.id for cause in ALL])


def sources(*packages: str, but: tuple[str, ...] = ()) -> Iterator[tuple[str, ast.AST]]:
    for package in packages:
        for path in sorted((ROOT / package).rglob("*.py")):
            name = str(path.relative_to(ROOT))
            if not name.startswith(but):
                yield name, parsed(path)


@functools.cache
def parsed(path: Path) -> ast.AST:
    return ast.parse(path.read_text(encoding="utf-8"))


def strings(tree: ast.AST) -> set[str]:
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def given(argument: ast.expr) -> set[str]:
    """The texts that an argument may be: a literal, or one of two."""
    if isinstance(argument, ast.IfExp):
        return given(argument.body) | given(argument.orelse)
    return {argument.value} if isinstance(argument, ast.Constant) and isinstance(argument.value, str) else set()


def calls(tree: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            yield name, node


DETECTING = {
    text
    for _, tree in (
        *sources("codex", "doctor", "gateway", but=("doctor/fix", "doctor/triage")),
        ("causes/answers.py", parsed(ROOT / "causes" / "answers.py")),
    )
    for text in strings(tree)
}


@every_cause
def test_words(cause: Cause) -> None:
    where = f"joytui/causes/{HELD_IN[cause.id]}"
    assert cause.row in ROWS, where
    assert all((cause.title, cause.explanation, cause.remedy)), f"{cause.id} lacks a text: {where}"
    assert cause.warning_only or cause.tell, f"{cause.id} does not say how to know it (`tell`): {where}"


@every_cause
def test_a_step_of_the_walk(cause: Cause) -> None:
    assert cause.step in BY_ID, (
        f"no step {cause.step!r}: joytui/doctor/steps.py has SPECS, joytui/causes/{HELD_IN[cause.id]} the cause"
    )


CHECKED_IN = {
    "start": "joytui/codex (survey.py calls the checks of the configuration, key_check.py looks at the key)",
    "elsewhere": "joytui/codex/routing.py",
    "connect": "joytui/doctor/link.py or tls.py",
    "send": "joytui/doctor/exchange.py or delivery.py",
    "answer": "joytui/causes/answers.py or joytui/doctor/resolve.py",
    "stream": "joytui/codex/stream.py",
}


@every_cause
def test_something_detects_it(cause: Cause) -> None:
    assert cause.only_said or cause.id in DETECTING or cause.gateway.anywhere, (
        f"nothing detects {cause.id}: a check of its phase belongs to {CHECKED_IN[cause.phase]}"
    )


@every_cause
def test_triage_knows_it(cause: Cause) -> None:
    shown = {name for one in ALL for sign in one.signs for name in causes_of(one, sign)}
    assert cause.warning_only or cause.id in shown, (
        f"no ticket can show {cause.id}: give it `signs`, or name it in the `others` of a sign (joytui/causes/{HELD_IN[cause.id]})"
    )


@every_cause
def test_its_fix_is_what_it_says(cause: Cause) -> None:
    assert set(cause.fixed_by) == registered(cause.id), (
        f"{cause.id} says fixed_by={cause.fixed_by} in joytui/causes/{HELD_IN[cause.id]}, and joytui/doctor/fix has "
        f"{sorted(registered(cause.id))}: a change of files is in CHANGES (changes.py), commands are in COMMANDS (commands.py)"
    )


@every_cause
def test_signs_are_well_formed(cause: Cause) -> None:
    for sign in cause.signs:
        found_by = [sign.codex or sign.tail, sign.begins, sign.curl, sign.people, sign.error, sign.name, sign.whole]
        assert any(found_by), f"a sign of {cause.id} is found by nothing"
        assert set(sign.others) <= set(CAUSES), f"{cause.id}: {set(sign.others) - set(CAUSES)} are no causes"
        assert len(causes_of(cause, sign)) == 1 or sign.ask or sign.others == ("provider-invalid",), (
            f"{cause.id}: what tells {sign} apart?"
        )
        for pattern in (
            sign.codex,
            sign.curl,
            sign.people,
            *sign.whole,
            cause.gateway.words,
            cause.gateway.anywhere,
            *(words for _, words in cause.gateway.parts),
        ):
            re.compile(pattern)
    if cause.ignored_key:
        re.compile(cause.ignored_key.pattern)


def test_no_fix_is_registered_for_what_is_no_cause() -> None:
    assert {*CHANGES, *COMMANDS} <= set(CAUSES)


def test_every_sign_that_a_reader_names_is_there_and_every_named_one_is_read() -> None:
    names = {sign.name for cause in ALL for sign in cause.signs if sign.name}
    read = {text for _, tree in sources("doctor") for text in strings(tree)}
    assert names <= read, f"read by no reader of joytui/doctor/triage: {names - read}"
    asked = [
        (f"{file}:{call.lineno}", text)
        for file, tree in sources("doctor")
        for name, call in calls(tree)
        if name in ("sign", "has_sign") and call.args
        for text in given(call.args[0])
    ]
    assert [one for one in asked if one[1] not in names] == []


@pytest.mark.parametrize(
    ("function", "place"),
    [
        ("add", 0),
        ("Issue", 0),
        ("TypeFault", 0),
        ("NetFault", 0),
        ("guess", 0),
        ("_ended", 1),
        ("_renamed", 1),
        ("Finding", 1),
    ],
)
def test_every_id_that_the_code_names_is_a_cause(function: str, place: int) -> None:
    named = [
        (f"{file}:{call.lineno}", text)
        for file, tree in sources("codex", "doctor")
        for name, call in calls(tree)
        if name == function and len(call.args) > max(place, 2 * (function == "add"))
        for text in given(call.args[place])
    ]
    assert named
    assert [one for one in named if one[1] not in CAUSES] == []


def reports() -> Iterator[tuple[str, dict[str, Any]]]:
    for collection in ("recorded", "extra", "pairs"):
        for name, document in frozen(collection).items():
            if document and document.get("report"):
                yield name, document["report"]


def test_every_detail_of_a_frozen_report_is_declared_with_its_type() -> None:
    odd = set()
    for name, report in reports():
        for finding in (report["verdict"], *report["warnings"]):
            own = CAUSES[finding["cause"]].details if finding["cause"] else {}
            for detail, value in finding["details"].items():
                kind = {**ANY_FINDING, **own}.get(detail)
                if kind is None or not isinstance(
                    float(value) if kind is float and type(value) is int else value, kind
                ):
                    odd.add(f"{finding['cause']}: {detail} = {value!r} ({name})")
    assert not odd, sorted(odd)[:10]


def test_every_detail_that_the_code_reads_or_writes_is_declared() -> None:
    """A misspelt one would be silence."""
    declared = {*ANY_FINDING, *(name for cause in ALL for name in cause.details)}
    odd = [
        f"{file}:{node.lineno} {name}"
        for file, tree in sources("codex", "doctor", "tui/doctor", "cli")
        for node in ast.walk(tree)
        for name in details_named(node)
        if name not in declared
    ]
    assert not odd, odd


def details_named(node: ast.AST) -> set[str]:
    """details["x"], details.get("x"), f(details={"x": …}), with_details(x=…)."""

    def is_details(expression: ast.expr) -> bool:
        return "details" in (getattr(expression, "id", ""), getattr(expression, "attr", ""))

    if isinstance(node, ast.Subscript) and is_details(node.value):
        return given(node.slice)
    if not isinstance(node, ast.Call):
        return set()
    called = getattr(node.func, "attr", getattr(node.func, "id", ""))
    if isinstance(node.func, ast.Attribute) and called == "get" and is_details(node.func.value):
        return given(node.args[0])
    if called in ("with_details", "_renamed"):
        return {keyword.arg for keyword in node.keywords if keyword.arg}
    literal = [keyword.value for keyword in node.keywords if keyword.arg == "details"]
    literal += node.args if called == "NetFault" else []
    keys = [key for one in literal if isinstance(one, ast.Dict) for key in one.keys if key is not None]
    return {name for key in keys for name in given(key)}


def test_no_status_of_a_gateway_means_two_causes() -> None:
    statuses = [status for cause in ALL for status in cause.gateway.statuses]
    assert len(statuses) == len(set(statuses))


def test_rows_of_the_guide() -> None:
    assert list(ROW_TEXTS) == list(ROWS)
    assert {cause.id for row in by_row().values() for cause in row} == {
        cause.id for cause in ALL if not cause.warning_only
    }
