"""`joytui budgets` and `joytui tasks raise`: what is wrong about the words is said before any gateway is asked."""

from __future__ import annotations

import pytest

from joytui.cli.main import main
from joytui.core.errors import EXIT_USAGE
from joytui.core.nodes import Node, parse_node


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("budgets set everybody --daily 5", "not a node"),
        ("budgets set org", "nothing to set"),
        ("budgets set org --daily five", "--daily"),
        ("budgets raise org five --until 2h", "AMOUNT"),
        ("budgets raise org 5", "a raise needs an end"),
        ("budgets raise org 5 --until yesterday", "--until"),
        ("tasks raise t1", "raise needs an amount"),
        ("tasks raise t1 five", "AMOUNT"),
        ("tasks raise t1 5 --running", "raise does not take --since"),
        ("tasks t1 t2", "give one task, or one of"),
        ("keys create dev --per-task five", "--per-task"),
    ],
)
def test_wrong_words(line: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line.split()) == EXIT_USAGE
    assert words in capsys.readouterr().err


def test_nodes_are_named_as_they_are_written() -> None:
    for text in ("org", "team:core", "owner:ann:b / c", "key:key_1", "task:01a2"):
        assert str(parse_node(text)) == text
    assert parse_node("owner:ann:b") == Node("owner", "ann:b")
    for text in ("", "org:", "team", "team: ", "nobody:x", "team:a\nb", f"task:{'x' * 101}"):
        with pytest.raises(ValueError, match="not a node"):
            parse_node(text)
