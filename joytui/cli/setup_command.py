"""Sets Codex up: the provider in its config.toml, a key, the doctor's checks, a first turn.

joytui setup                        asks where Codex should send its requests: to JoyToken, or to the gateway on this machine
joytui setup --local --yes          the local gateway, a key for Codex; for scripts: eval "$(joytui setup --local --yes)"
joytui setup --print --direct       only shows what it would change
joytui setup --remove               restores the previous configuration

Shell files are never changed: you get the line to add to yours. stdout has only that line, and only if a new key was made.
Exit code 0: Codex works through the gateway (or there was nothing to do); 1: something is left to do.
"""

from __future__ import annotations

import argparse
import os
import sys

from joytui.cli.output import say
from joytui.cli.setup_steps import Choice
from joytui.core.errors import UsageError
from joytui.core.joytoken import AUTO_MODEL, BASE_PATH, DEV_BASE_URL


def configure(parser: argparse.ArgumentParser) -> None:
    where = parser.add_argument_group("where requests go").add_mutually_exclusive_group()
    where.add_argument("--direct", action="store_true", help="to JoyToken itself")
    where.add_argument(
        "--local", action="store_true", help="through the gateway on this machine, which records each request"
    )
    where.add_argument("--remove", action="store_true", help="restore the previous configuration")
    parser.add_argument("--base-url", metavar="URL", help=f"with --direct: another address (default {DEV_BASE_URL})")
    parser.add_argument("--model", metavar="M", default=AUTO_MODEL, help="a model key (default: auto)")
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask (--direct unless --local is given)")
    parser.add_argument("--print", action="store_true", dest="dry", help="show what would change, change nothing")
    parser.add_argument("--try", action="store_true", dest="turn", help="with --yes: a first Codex turn at the end")
    group = parser.add_argument_group("with --local")
    group.add_argument("--upstream", metavar="URL", help="where the gateway relays to (default: its offline model)")
    group.add_argument("--upstream-key-env", metavar="NAME", help="the variable that holds the upstream's key")
    group.add_argument("--upstream-api", choices=("auto", "responses", "chat"), help="what the upstream speaks")
    group.add_argument(
        "--new-key", action="store_true", help="make a new key even if there is one (the old one stops working)"
    )
    group.add_argument(
        "--daily",
        metavar="CR",
        default="500",
        help="the key's daily budget in credits (default 500, about a hundred turns)",
    )


def run(args: argparse.Namespace) -> int:
    from joytui.cli import setup_steps

    if args.remove:
        return setup_steps.remove(args)
    choice = _choice(args)
    _check(args, choice)
    return setup_steps.print_plan(args, choice) if args.dry else setup_steps.set_up(args, choice)


def _choice(args: argparse.Namespace) -> Choice:
    local = ("--local", args.local), ("--upstream", args.upstream), ("--new-key", args.new_key)
    named = [name for name, given in local if given]
    if named and (args.direct or args.base_url):
        raise UsageError(f"{named[0]} and {'--direct' if args.direct else '--base-url'} cannot be combined")
    if named:
        return "local"
    if args.direct or args.base_url or args.yes or args.dry:
        return "direct"
    if not sys.stdin.isatty():
        raise UsageError(
            "setup asks questions, but stdin is not a terminal", hint="joytui setup --direct --yes, or --local --yes"
        )
    return _ask_where()


def _ask_where() -> Choice:
    say("Where should Codex send its requests?")
    say(f"  1  to JoyToken directly: {DEV_BASE_URL} (needs a JoyToken key)")
    say("  2  through the gateway on this machine: every request recorded, keys and budgets of your own,")
    say("     an offline model until you name an upstream")
    while True:
        sys.stderr.write("1 or 2 (Enter to cancel)? ")
        sys.stderr.flush()
        answer = sys.stdin.readline().strip()
        if answer in ("1", "2"):
            return "direct" if answer == "1" else "local"
        if not answer:
            raise UsageError("nothing chosen, nothing changed")
        say(f"{answer[:20]!r} is neither 1 nor 2")


def _check(args: argparse.Namespace, choice: Choice) -> None:
    """What can be wrong about the words is found before anything is started or written."""
    from joytui.core.joytoken import KEY_VARIABLE
    from joytui.core.money import MoneyError, format_credits, parse_credits

    try:
        args.daily = format_credits(parse_credits(args.daily))
    except MoneyError as error:
        raise UsageError(str(error), where="--daily") from None
    if not args.model.strip() or not args.model.isprintable():
        raise UsageError("not a model key", where="--model", hint=f"leave it out for {AUTO_MODEL}")
    if args.base_url:
        _check_url(args.base_url)
    name = args.upstream_key_env
    if name == KEY_VARIABLE:
        hint = f'export JOYTOKEN_UPSTREAM_KEY="${KEY_VARIABLE}", and --upstream-key-env JOYTOKEN_UPSTREAM_KEY'
        raise UsageError(
            f"{KEY_VARIABLE} will hold Codex's key for the local gateway", where="--upstream-key-env", hint=hint
        )
    if name:
        _check_variable(name)
    if choice == "local" and not args.upstream and (name or args.upstream_api):
        raise UsageError("--upstream-key-env and --upstream-api need --upstream URL")
    if choice == "direct" and (name or args.upstream_api):
        raise UsageError("--upstream-key-env and --upstream-api need --local --upstream URL")


def _check_variable(name: str) -> None:
    from joytui.gateway.upstreams.address import checked_variable, variable_words

    try:
        checked_variable(name)
    except ValueError as error:
        raise UsageError(str(error), where="--upstream-key-env", hint="--upstream-key-env UPSTREAM_KEY") from None
    if not os.environ.get(name, "").strip():
        words = variable_words(name)
        hint = f"export {name if name in words else 'UPSTREAM_KEY'}='<the upstream's key>'"
        raise UsageError(f"the {words} is not set", where="--upstream-key-env", hint=hint)


def _check_url(url: str) -> None:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        host = parts.hostname
        _ = parts.port
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("http", "https") or any(c.isspace() for c in url):
        raise UsageError(f"not an http(s) address: {url!r}", where="--base-url", hint=DEV_BASE_URL)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError("only scheme, host and path", where="--base-url", hint=DEV_BASE_URL)
    if not parts.path.rstrip("/").endswith(BASE_PATH):
        say(f"note: JoyToken's base URLs end in {BASE_PATH}; {url} does not")
