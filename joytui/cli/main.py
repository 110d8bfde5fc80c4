"""The `joytui` command: finds the subcommand's module, builds only that parser, owns errors and exit codes.

A command is one module in this folder with `configure(parser)` and `run(args) -> int`. It may say `TAKES_REST = True`
to receive everything after `--` as `args.rest` (a list), and in `DASHED` name options whose value may begin with "-".
Modules are imported when chosen, and not before.
"""

from __future__ import annotations

import argparse
import errno
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from joytui import __version__
from joytui.core.errors import EXIT_INTERRUPTED, EXIT_OK, EXIT_USAGE, JoytuiError, UsageError

COMMANDS = {
    "doctor": "say why this Codex does not work, and what to type to fix it",
    "logs": "what goes through the gateway: list, filter, follow",
    "usage": "who spends what: by key, model, day, project",
    "tasks": "what each agent and its sub-agents cost, running or recent",
    "keys": "create, list, revoke the gateway's keys",
    "wallet": "the gateway's tier wallets",
    "models": "the model catalog with prices",
    "alerts": "what needs attention: limits, expiring keys, people whose Codex fails",
    "audit": "who changed what: keys, tokens, teams, wallets, policies",
    "teams": "teams, and the owners of keys in them",
    "budgets": "what teams, owners, keys and tasks may spend, and what is left",
    "tokens": "console tokens: who may read, who may change things",
    "gateway": "run, start, stop the local gateway",
    "store": "the gateway's store: check, backup, copy",
    "try": "one real Codex turn through the local gateway, config.toml untouched",
    "codex": "Codex's effective configuration, with the origin of each value",
    "telemetry": "let Codex report its own requests, without a relay",
    "fleet": "whose Codex works, whose fails (since when, and why), and whose is silent",
    "setup": "set Codex up, step by step: provider, key, doctor",
    "report": "a redacted bundle for a support ticket",
    "triage": "find the cause in a ticket's text, offline",
    "serve": "the console in a browser, read-only, for a wall display",
    "completion": "tab completion for bash, zsh and fish",
}


def main(argv: list[str] | None = None) -> int:
    """Runs one command and returns its exit code. Never raises for anything that a user can cause."""
    words = list(sys.argv[1:] if argv is None else argv)
    _open_closed()
    _allow_any_text()
    try:
        code = _dispatch(words)
        sys.stdout.flush()  # a pipe whose reader has gone says so here, and not while the interpreter ends
        return code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _silence_stdout()
        return EXIT_OK
    except JoytuiError as error:
        from joytui.cli.output import complain

        complain(error)
        return error.exit_code
    except OSError as error:
        return _not_written(error)
    except SystemExit as stop:  # argparse
        return stop.code if isinstance(stop.code, int) else EXIT_USAGE


def _dispatch(words: list[str]) -> int:
    if words and words[0] in COMMANDS:
        return _run_command(words[0], words[1:])
    rest: list[str] = []
    if "--" in words:  # what follows is for Codex: the doctor examines that very invocation
        cut = words.index("--")
        words, rest = words[:cut], words[cut + 1 :]
    parser = _top_parser()
    args, unknown = parser.parse_known_args(words)
    if unknown:
        raise _not_understood(words, unknown)
    args.rest = rest
    from joytui.cli.console import run

    return run(args)


def _not_understood(words: list[str], unknown: list[str]) -> UsageError:
    """What is off about words that are no option of the console: a misspelt command, or one behind its options."""
    first = unknown[0]
    if first in COMMANDS:
        return UsageError(f"options follow the command {first}", hint=f"joytui {first} {words[0].partition('=')[0]} …")
    if first.startswith("-"):
        from joytui.cli.parser import surplus

        return UsageError(surplus([first], ()), hint="`joytui --help`; a command's options follow the command")
    from difflib import get_close_matches

    from joytui.core.redaction import Redactor, visible

    near = get_close_matches(first, COMMANDS, n=1)
    return UsageError(
        f"unknown command {visible(Redactor().text(first))[:40]}" + (f", did you mean {near[0]}?" if near else ""),
        hint="`joytui --help` lists the commands",
    )


def _run_command(name: str, words: list[str]) -> int:
    module = import_module(f"joytui.cli.{name}_command")
    rest: list[str] | None = None
    if getattr(module, "TAKES_REST", False) and "--" in words:
        cut = words.index("--")
        words, rest = words[:cut], words[cut + 1 :]
    from joytui.cli.parser import Parser

    parser = Parser(prog=f"joytui {name}", description=(module.__doc__ or COMMANDS[name]), formatter_class=_Help)
    module.configure(parser)
    args = parser.parse_args(_glued(words, getattr(module, "DASHED", ())))
    args.rest = rest or []
    code: int = module.run(args)
    return code


def whole_parser() -> argparse.ArgumentParser:
    """Every command in one parser, for what has to know them all."""
    parser = _top_parser()
    commands = parser.add_subparsers(metavar="COMMAND")
    for name, text in COMMANDS.items():
        import_module(f"joytui.cli.{name}_command").configure(commands.add_parser(name, help=text))
    return parser


def _glued(words: list[str], options: Sequence[str]) -> list[str]:
    """`--filter -key:x` as `--filter=-key:x`, since argparse would take the value for an option."""
    glued: list[str] = []
    for word in words:
        if glued and glued[-1] in options:
            glued[-1] += f"={word}"
        else:
            glued.append(word)
    return glued


class _Help(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


def _top_parser() -> argparse.ArgumentParser:
    listing = "\n".join(f"  {name:<10} {text}" for name, text in COMMANDS.items())
    from joytui.cli.parser import Parser

    parser = Parser(
        prog="joytui",
        usage="joytui [COMMAND] [OPTIONS]",
        description="Why does my Codex not work? A console for Codex CLI behind the JoyToken gateway.\n"
        "Without a command: the console (doctor, logs, usage, keys).",
        epilog=f"commands:\n{listing}\n\n`joytui COMMAND --help` explains one.",
        formatter_class=_Help,
    )
    parser.add_argument("--version", action="version", version=f"joytui {__version__}")
    from joytui.cli.console import configure

    configure(parser)
    return parser


def _open_closed() -> None:
    """A stream that the shell closed (`<&-`, `>&-`) is there and empty: nothing comes from it, and what goes to it is lost."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, mode, encoding="utf-8"))  # noqa: SIM115 (for as long as the process)


def _allow_any_text() -> None:
    """A terminal that cannot show a character gets a question mark for it, and no traceback."""
    for stream in (sys.stdout, sys.stderr):
        if reconfigure := getattr(stream, "reconfigure", None):
            reconfigure(errors="replace")


def _not_written(error: OSError) -> int:
    """A full disk behind stdout. Anything else is a defect and stays one."""
    if error.errno != errno.ENOSPC:
        raise error
    from joytui.cli.output import complain

    _silence_stdout()
    complain(JoytuiError("no space is left on the device", hint="the output is incomplete"))
    return JoytuiError.exit_code


def _silence_stdout() -> None:
    """The reader of a pipe went away: keep the interpreter from complaining while it closes stdout."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    raise SystemExit(main())
