"""What the ledger keeps came through one door: mypy refuses any other text, as long as nobody makes a `Clean` by hand."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import get_type_hints

import joytui
from joytui.core import redaction, request
from joytui.ledger import records

DOOR = "core/redaction.py"
OURS = {"endpoint", "cause", "cost_source", "key_id", "ip", "id", "hint", "state", "kind", "budget_id", "replaced_by"}
"""Texts of the records that nobody outside writes: ids, words of a closed set, addresses that were parsed."""
OURS_BY_RECORD = {"WalletEntry": {"tier"}, "WalletRow": {"tier"}}


def made_by_hand(tree: ast.AST) -> Iterator[int]:
    """Lines that call Clean, or cast to it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            named = [node.func, *node.args[:1]] if _name(node.func) == "cast" else [node.func]
            if any(_name(one) == "Clean" for one in named):
                yield node.lineno


def _name(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def test_only_the_door_makes_clean_text() -> None:
    package = Path(joytui.__file__).parent
    found = [
        f"{path.relative_to(package)}:{line}"
        for path in sorted(package.rglob("*.py"))
        if path.relative_to(package).as_posix() != DOOR and "Clean" in (text := path.read_text(encoding="utf-8"))
        for line in made_by_hand(ast.parse(text))
    ]
    assert not found, f"pass the text through core.redaction.clean: {found}"


def test_every_text_from_outside_in_a_record_has_the_type() -> None:
    written = (request.Opened, request.Ended, records.NewKey, records.KeyRow, records.PolicyRow, records.TokenRow, records.WalletEntry)  # fmt: skip
    raw = []
    for record in written:
        hints = get_type_hints(record, localns={"Clean": redaction.Clean})
        ours = OURS | OURS_BY_RECORD.get(record.__name__, set())
        raw += [
            f"{record.__name__}.{name}"
            for name, kind in hints.items()
            if kind in (str, str | None) and name not in ours
        ]
    assert not raw, f"annotate as Clean, or say here why nobody outside writes it: {raw}"


def test_what_is_made_by_hand_is_found() -> None:
    made = "a = Clean(x)\nb = redaction.Clean(x)\nc = cast(Clean, x)\nd = cast('Clean', x)\ne = clean(x, 1)"
    assert list(made_by_hand(ast.parse(made))) == [1, 2, 3, 4]
