"""argparse for people: nothing is abbreviated, actions are listed where none was chosen, and no word that was not understood
is repeated. It may be a key, and what a terminal shows is in its log, in CI's and in a screenshot.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from joytui.core.errors import EXIT_USAGE

_OPTION = re.compile(r"-[a-zA-Z]|--[a-z][a-z-]{1,30}")
"""What can be an option's name, and is not a key behind dashes."""


class Parser(argparse.ArgumentParser):
    """Exits with 2 for wrong words, as argparse does. Its subparsers are of this class too."""

    def __init__(self, *args: Any, **options: Any) -> None:
        # abbreviated, `--upstream-key KEY` would be taken for --upstream-key-env, and go on to another process
        super().__init__(*args, **{"allow_abbrev": False, **options})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """The same; without a single word where one of several is needed, the help on stderr, and exit 2."""
        if not args and any(a.choices and a.required and not a.option_strings for a in self._actions):
            self.print_help(sys.stderr)
            self.exit(EXIT_USAGE)
        return super().parse_known_args(args, namespace)

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        found, unknown = self.parse_known_args(args, namespace)
        if unknown:
            self.error(surplus(unknown, self._every_option(args or ())))
        return found

    def error(self, message: str) -> NoReturn:
        from joytui.core.redaction import Redactor, visible

        message = re.sub(r"ignored explicit argument .*", "takes no value", message, flags=re.S)
        super().error(visible(Redactor().text(message), limit=500))

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            choices = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(action, f"must be one of {', '.join(choices)}{_near(str(value), choices)}")

    def _every_option(self, words: Sequence[str]) -> list[str]:
        """The options of this parser and of the actions that were chosen."""
        found = [name for action in self._actions for name in action.option_strings]
        for action in self._actions:
            if isinstance(action, argparse._SubParsersAction):
                for word in words:
                    if isinstance(inner := action.choices.get(word), Parser):
                        found += inner._every_option(words)
        return found


def surplus(unknown: Sequence[str], options: Sequence[str]) -> str:
    """The message for unrecognised arguments: options by name if they are options, nothing else."""
    dashed = [word for word in unknown if word.startswith("-") and word != "-"]
    if not dashed:
        what = f"{len(unknown)} unexpected arguments" if len(unknown) > 1 else "unexpected argument"
        return f"{what} (not repeated: it may be a key). Quote values that contain spaces."
    name = dashed[0].partition("=")[0]
    if not _OPTION.fullmatch(name):
        return "an unknown option (not repeated: it may be a key)"
    more = "; its value is not repeated: it may be a key" if len(unknown) > 1 or "=" in dashed[0] else ""
    return f"unknown option {name}{_near(name, options)}{more}"


def _near(word: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
