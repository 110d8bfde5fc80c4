"""The commands of the running product as data: options with their other names, values and choices, positional arguments."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import combinations
from typing import Any
from unittest import mock

from joytui.cli.main import COMMANDS, main

Data = dict[str, Any]


def commands() -> Data:
    """Every command by its words ("keys create"; "" is the console), as its own parser has it."""
    found = {name: _parser_of([*name.split(), "--help"]) for name in ("", *COMMANDS)}
    return {words: _told(parser) for name, top in found.items() for words, parser in _with_actions(name, top)}


def _parser_of(words: list[str]) -> argparse.ArgumentParser:
    """The parser that answers `--help`, taken where it is about to print it: however the product came to it."""
    with mock.patch.object(argparse.ArgumentParser, "print_help", autospec=True) as asked:
        assert main(words) == 0, words
    parser: argparse.ArgumentParser = asked.call_args.args[0]
    return parser


def _with_actions(words: str, parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, inner in action.choices.items():
                yield from _with_actions(f"{words} {name}", inner)


def _told(parser: argparse.ArgumentParser) -> Data:
    """What `--help` shows of one parser; what it hides is not for users."""
    shown = [action for action in parser._actions if action.help is not argparse.SUPPRESS]
    options = {_name(action): action for action in shown if action.option_strings}
    groups = [[_name(action) for action in group._group_actions] for group in parser._mutually_exclusive_groups]
    return {
        "options": {name: _option(action) for name, action in options.items()},
        "words": [_word(action) for action in shown if not action.option_strings],
        "not together": sorted(sorted(name for name in group if name in options) for group in groups),
    }


def _name(action: argparse.Action) -> str:
    return max(action.option_strings, key=len)


def _option(action: argparse.Action) -> Data:
    """Of an option that takes no value, only that: `default` is None for a flag, whether the code says False or None."""
    takes = None if action.nargs == 0 else _TAKES.get(action.nargs, str(action.nargs))
    data = {
        "also": [name for name in action.option_strings if name != _name(action)],
        "takes": takes,
        "metavar": action.metavar,
        "choices": _choices(action),
        "default": action.default if takes else None,
        "repeatable": isinstance(action, argparse._AppendAction),
        "needed": action.required,
    }
    return {name: value for name, value in data.items() if value not in (None, [], False)}


_TAKES = {None: "a value", "?": "a value or none"}


def _word(action: argparse.Action) -> Data:
    data = {
        "name": action.metavar or action.dest,
        "needed": action.required and action.nargs != "?",
        "choices": _choices(action),
        "default": action.default,
    }
    return {name: value for name, value in data.items() if value not in (None, [], False)}


def _choices(action: argparse.Action) -> list[str] | None:
    return None if action.choices is None else [str(choice) for choice in action.choices]


# --- what a line that was right no longer gets


def lost(old: Data, new: Data) -> Iterator[str]:
    """What scripts that were written for the old commands miss in the new ones, or are refused for; a line each."""
    for words, before in old.items():
        line = f"joytui {words}".strip()
        if words not in new:
            yield f"{line}: gone"
            continue
        now = new[words]
        for name, option in before["options"].items():
            if name not in now["options"]:
                yield f"{line} {name}: gone"
            else:
                yield from (f"{line} {name}: {text}" for text in _changed(option, now["options"][name]))
        for name, option in now["options"].items():
            if option.get("needed") and name not in before["options"]:
                yield f"{line} {name}: has to be given now"
        yield from (f"{line}: {text}" for text in _changed_words(before["words"], now["words"]))
        for one, other in sorted(_apart(now) - _apart(before)):
            if {one, other} <= before["options"].keys():
                yield f"{line}: {one} and {other} exclude each other now"


def _changed(before: Data, now: Data) -> Iterator[str]:
    yield from (
        f"{name} is no other name any more" for name in before.get("also", []) if name not in now.get("also", [])
    )
    for what in ("name", "takes", "metavar", "default"):
        if before.get(what) != now.get(what):
            yield f"{what} was {before.get(what)!r}, is {now.get(what)!r}"
    if now.get("needed") and not before.get("needed"):
        yield "has to be given now"
    if before.get("repeatable") and not now.get("repeatable"):
        yield "not repeatable any more"
    if now.get("choices") is not None:
        if before.get("choices") is None:
            yield f"only one of {', '.join(now['choices'])} now"
        yield from (f"{one} is no choice any more" for one in before.get("choices") or [] if one not in now["choices"])


def _changed_words(before: list[Data], now: list[Data]) -> Iterator[str]:
    for place, (old, new) in enumerate(zip(before, now, strict=False), 1):
        yield from (f"word {place}: {text}" for text in _changed(old, new))
    yield from (f"{word['name']}: gone" for word in before[len(now) :])
    yield from (f"{word['name']}: has to be given now" for word in now[len(before) :] if word.get("needed"))


def _apart(command: Data) -> set[tuple[str, str]]:
    return {pair for group in command["not together"] for pair in combinations(group, 2)}
