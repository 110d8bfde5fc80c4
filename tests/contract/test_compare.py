"""What compares a frozen contract with today's finds each kind of loss, and lets more pass."""

from __future__ import annotations

import argparse
import json
from copy import deepcopy
from typing import Any

import pytest

from tests.contract import commands, compare, shapes
from tests.contract.shapes import Reading, from_json, grown, to_json

OLD = {
    "id": "req-1",
    "at": "2026-01-12T09:00:36.705Z",
    "cost": "0.174",
    "count": 3,
    "ms": 4.5,
    "good": True,
    "why": None,
    "owner": None,
    "rows": [{"row": "401", "note": "x"}, {"row": "402"}],
    "any": {"a": 1, "b": 2},
    "none": [],
}
READING = Reading(literal=("rows[].row",), open=("any",))


def shape(**changes: Any) -> shapes.Shape:
    """The shape of OLD (`owner` is a text at times) with other values; GONE takes a member away."""
    found = {**OLD, **changes}
    both = ({**found, "owner": "Ada"}, found) if "owner" not in changes else (found,)
    kept = [{name: value for name, value in one.items() if value is not GONE} for one in both]
    seen = [READING.shape(one) for one in kept]
    return seen[0] | seen[-1]


GONE = object()


def test_a_shape_as_json() -> None:
    told = {
        "id": "string",
        "at": "time",
        "cost": "decimal",
        "count": "integer",
        "ms": "number",
        "good": "boolean",
        "why": "null",
        "owner": "null | string",
        "rows": [{"row": "'401' | '402'", "note?": "string"}],
        "any": {"*": "integer"},
        "none": [],
    }
    assert to_json(shape()) == told
    assert from_json(told) == shape()
    several = Reading().shape([1]) | Reading().shape({"a": None}) | Reading().shape(None) | Reading().shape("1")
    assert from_json(json.loads(json.dumps(to_json(several)))) == several


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"id": GONE}, "id: gone"),
        ({"id": None}, "id: no string any more"),
        ({"at": "yesterday"}, "at: no time any more"),
        ({"cost": 0.174}, "cost: number at times, which it never was"),
        ({"count": 3.5}, "count: number at times, which it never was"),
        ({"count": "3"}, "count: no integer any more"),
        ({"good": 1}, "good: no boolean any more"),
        ({"owner": None}, "owner: no string any more"),
        ({"rows": []}, "rows[]: no object any more"),
        ({"rows": [{"row": "401", "note": "x"}]}, "rows[].row: no '402' any more"),
        ({"rows": [{"row": "401"}, {"row": "402"}]}, "rows[].note: gone"),
        ({"rows": {}}, "rows: no list any more"),
        ({"any": {"a": "x"}}, "any.*: no integer any more"),
        ({"any": 3}, "any: no object any more"),
    ],
)
def test_what_a_shape_has_lost(change: dict[str, Any], said: str) -> None:
    assert said in list(shapes.lost(shape(), shape(**change)))


@pytest.mark.parametrize(
    "change",
    [
        {"more": 1},
        {"ms": 4},
        {"why": {"a": 1}},
        {"why": "x"},
        {"none": [1]},
        {"rows": [{"row": "401", "note": "x", "more": 1}, {"row": "402"}, {"row": "new", "note": "y"}]},
        {"any": {"c": 7}},
        {"owner": "Bo"},
    ],
)
def test_more_is_welcome_and_kept(change: dict[str, Any]) -> None:
    new = shape(**change)
    assert list(shapes.lost(shape(), new)) == []
    after = grown(shape(), new)
    assert list(shapes.lost(after, new)) == []
    assert list(shapes.lost(shape(), after)) == []
    assert to_json(grown(after, new)) == to_json(after)


def test_a_member_that_is_not_always_there_any_more() -> None:
    assert list(shapes.lost(shape(), shape() | shape(id=GONE))) == ["id: not always there any more"]


def test_null_where_never_was_null() -> None:
    assert list(shapes.lost(shape(), shape() | shape(rows=None))) == ["rows: null at times, which it never was"]


# --- commands


def parsed(**changes: Any) -> commands.Data:
    """A command, with other options where they are named."""
    options: dict[str, dict[str, Any] | None] = {
        "--by": {"action": "append", "metavar": "FIELD"},
        "--source": {"choices": ["gateway", "codex"], "default": "gateway"},
        "--limit": {"also": "-n", "metavar": "N"},
        "--json": {"action": "store_true"},
        "--csv": {"action": "store_true"},
        "--hidden": {"help": argparse.SUPPRESS},
        **{name.replace("_", "-"): option for name, option in changes.pop("options", {}).items()},
    }
    parser = argparse.ArgumentParser()
    for name, option in options.items():
        if option is not None:
            known = dict(option)
            parser.add_argument(*filter(None, (name, known.pop("also", None))), **known)
    for word in changes.pop("words", [("tier", {"choices": ["economy", "standard"]})]):
        parser.add_argument(word[0], **word[1])
    if changes.pop("apart", False):
        group = parser.add_mutually_exclusive_group()
        group._group_actions += [action for action in parser._actions if action.dest in ("json", "csv")]
    assert not changes
    return {"usage": commands._told(parser)}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"options": {"--by": None}}, "joytui usage --by: gone"),
        ({"options": {"--json": {"action": "store_true", "help": argparse.SUPPRESS}}}, "joytui usage --json: gone"),
        ({"options": {"--by": {"metavar": "FIELD"}}}, "joytui usage --by: not repeatable any more"),
        ({"options": {"--json": {"metavar": "X"}}}, "joytui usage --json: takes was None, is 'a value'"),
        ({"options": {"--limit": {"metavar": "N"}}}, "joytui usage --limit: -n is no other name any more"),
        ({"options": {"--limit": {"also": "-n", "metavar": "M"}}}, "joytui usage --limit: metavar was 'N', is 'M'"),
        (
            {"options": {"--limit": {"also": "-n", "metavar": "N", "default": "5"}}},
            "joytui usage --limit: default was None, is '5'",
        ),
        (
            {"options": {"--limit": {"also": "-n", "metavar": "N", "choices": ["1"]}}},
            "joytui usage --limit: only one of 1 now",
        ),
        (
            {"options": {"--source": {"choices": ["gateway"], "default": "gateway"}}},
            "joytui usage --source: codex is no choice any more",
        ),
        ({"options": {"--new": {"required": True}}}, "joytui usage --new: has to be given now"),
        ({"words": []}, "joytui usage: tier: gone"),
        (
            {"words": [("tier", {"choices": ["economy"]})]},
            "joytui usage: word 1: standard is no choice any more",
        ),
        (
            {"words": [("tier", {"choices": ["economy", "standard"]}), ("more", {})]},
            "joytui usage: more: has to be given now",
        ),
        ({"apart": True}, "joytui usage: --csv and --json exclude each other now"),
    ],
)
def test_what_a_command_has_lost(change: dict[str, Any], said: str) -> None:
    assert said in list(commands.lost(parsed(), parsed(**change)))


def test_a_command_that_is_gone() -> None:
    assert list(commands.lost(parsed(), {})) == ["joytui usage: gone"]


def test_a_command_with_more() -> None:
    more = {
        "--new": {"metavar": "X"},
        "--hidden": None,
        "--source": {"choices": ["gateway", "codex", "both"], "default": "gateway"},
        "--json": {"action": "store_true", "also": "-j"},
    }
    words = [("tier", {"choices": ["economy", "standard", "premium"]}), ("note", {"nargs": "?"})]
    assert list(commands.lost(parsed(apart=True), parsed(options=more, words=words))) == []


# --- other data


DATA = {"a": {"b": [1, {"c": 2, "required": ["x"]}]}, "flag": True, "size": {"type": "integer", "maximum": 5}}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("a", "b", []), "a > b: no 1 any more"),
        (("a", "b", [1, {"c": 3, "required": ["x"]}]), 'a > b: no {"c": 2, "required": ["x"]} any more'),
        (("flag", None, 1), "flag: was True, is 1"),
        (("size", "maximum", 4), "size > maximum: was 5, is 4"),
        (("size", "minimum", 1), "size: minimum is new"),
        (("size", "type", "number"), "size > type: was 'integer', is 'number'"),
    ],
)
def test_what_data_has_lost(change: tuple[str, str | None, Any], said: str) -> None:
    new: Any = deepcopy(DATA)
    first, second, value = change
    if second is None:
        new[first] = value
    else:
        new[first][second] = value
    assert said in list(compare.missing(DATA, new))


def test_more_data_is_welcome_and_kept() -> None:
    new = {
        **DATA,
        "a": {"b": [0, {"c": 2, "d": 1, "required": ["x", "y"]}, 1]},
        "size": {"type": "integer", "maximum": 9},
    }
    assert list(compare.missing(DATA, new)) == []
    assert compare.merged(DATA, new) == new
    assert json.loads(compare.as_text(new)) == new
