"""Completes commands, options and their values in your shell, with the tab key.

joytui completion bash > ~/.local/share/bash-completion/completions/joytui
joytui completion zsh > ~/.zfunc/_joytui           (with `fpath+=~/.zfunc` before `compinit` in ~/.zshrc)
joytui completion fish > ~/.config/fish/completions/joytui.fish
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from joytui.cli.output import emit
from joytui.core.errors import EXIT_OK

SHELLS = ("bash", "zsh", "fish")
FILES = ("FILE", "PATH")
FOLDERS = ("DIR", "FOLDER")
"""What an option's value is called that is one."""


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=SHELLS, help="the shell whose script is printed")


def run(args: argparse.Namespace) -> int:
    import shtab

    from joytui.cli.main import whole_parser

    parser = whole_parser()
    for action in _values(parser):
        if action.metavar in FILES or action.dest == "file":
            action.complete = shtab.FILE  # type: ignore[attr-defined]
        elif action.metavar in FOLDERS:
            action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    emit(shtab.complete(parser, args.shell).rstrip("\n"))
    return EXIT_OK


def _values(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Every action that takes a value of the user's own, in all commands."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _values(inner)
        elif action.nargs != 0 and not action.choices:
            yield action
