"""`joytui gateway upstream-key set|where|forget [NAME]`: the key that the gateway shows to an upstream.

It is read from stdin or a hidden prompt and never printed; it is not a word of a command line, where every user of this
machine and the shell's history would have it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from joytui.cli.output import emit, emit_json, say
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, SettingsError, UsageError
from joytui.core.places import places
from joytui.core.redaction import Redactor

if TYPE_CHECKING:
    from joytui.gateway.settings import UpstreamSettings
    from joytui.gateway.upstream_keys import UpstreamKeys

LONGEST = 4096


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="key_action", metavar="set|where|forget", required=True)
    keep = actions.add_parser("set", help="store a key, from stdin or a hidden prompt")
    where = actions.add_parser("where", help="where the key comes from (not the key)")
    forget = actions.add_parser("forget", help="delete a stored key")
    for action in (keep, where, forget):
        action.add_argument(
            "name",
            metavar="NAME",
            nargs="?",
            help="its name in the settings, or its host or URL (default: the only one)",
        )
        action.add_argument("--json", action="store_true", help="JSON on stdout")
        action.add_argument("surplus", nargs="*", help=argparse.SUPPRESS)
    keep.add_argument(
        "--in", dest="to", choices=("keyring", "file"),
        help="where to store it (default: the system's keyring if there is one, else a file with mode 0600)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    from joytui.gateway.settings import load_settings
    from joytui.gateway.upstream_keys import UpstreamKeys
    from joytui.gateway.upstream_setup import wanted_upstreams

    here = places()
    if args.surplus or (args.name and Redactor().text(args.name) != args.name):  # not repeated: it may be the key
        what = "keys are never given on the command line; this one is now in your shell's history"
        raise UsageError(what, hint="joytui gateway upstream-key set NAME < FILE; if it was a real key, replace it")
    upstreams = wanted_upstreams(load_settings(here.config_file))
    name = _name(args.name, upstreams)
    act = {"set": _set, "where": _where, "forget": _forget}[args.key_action]
    return act(args, name, UpstreamKeys.of(here), upstreams)


def _name(given: str | None, upstreams: list[UpstreamSettings]) -> str:
    from joytui.gateway.upstreams.factory import host_of

    if given is not None:
        by_url = {one.url: one.name for one in upstreams}
        try:
            name = by_url.get(given.strip().rstrip("/")) or (host_of(given) if "://" in given else given.strip())
        except ValueError:  # brackets without an end
            name = ""
        if not 0 < len(name) <= 200 or not name.isprintable():
            raise UsageError("an upstream's name is its name in the settings, or its host", where="NAME")
        return name
    if len(upstreams) == 1 and upstreams[0].name:
        return upstreams[0].name
    names = ", ".join(one.name or "" for one in upstreams)
    raise UsageError(
        f"which upstream? the settings have {names}" if names else "which upstream? the settings have none",
        hint="name it as in the settings, or by its host: joytui gateway upstream-key set api.example.com",
    )


def _set(args: argparse.Namespace, name: str, keys: UpstreamKeys, upstreams: list[UpstreamSettings]) -> int:
    from joytui.gateway.upstreams.factory import checked_key

    place = keys.keep(name, checked_key(_read(name)), to=args.to)
    if args.json:
        emit_json({"upstream": name, "kept_in": place})
    else:
        emit(f"stored the key for {name}: {place}")
    variable = next((one.key_env for one in upstreams if one.name == name), None)
    if variable:
        say(f"the variable {variable}, where it is set, goes before it")
    _say_unknown(name, [one.name or "" for one in upstreams])
    say("a running gateway uses it after a restart: `joytui gateway stop`, then start")
    return EXIT_OK


def _say_unknown(name: str, known: Sequence[str]) -> None:
    """A name that the settings do not have may be that of `gateway start --upstream URL`; it may also be a slip."""
    from joytui.gateway.upstream_keys import ALERTS_SECRET

    if name in (*known, ALERTS_SECRET):
        return
    from difflib import get_close_matches

    near = get_close_matches(name, known, n=1)
    has = f"the settings have {', '.join(known)}" if known else "they have none"
    say(f"warning: no upstream in the settings is called {name} ({has}){f': did you mean {near[0]}?' if near else ''}")
    say(
        f"  it is for `joytui gateway start --upstream URL` with that host; `joytui gateway upstream-key forget {name}`"
    )


def _read(name: str) -> str:
    if sys.stdin.isatty():
        import getpass

        text = getpass.getpass(f"key for {name} (not shown): ")
    else:
        text = sys.stdin.read(LONGEST + 1)
    text = text.strip()
    if not text:
        raise UsageError("no key was given", hint="joytui gateway upstream-key set NAME < FILE")
    if len(text) > LONGEST:
        raise SettingsError(f"a key has at most {LONGEST} characters")
    return text


def _where(args: argparse.Namespace, name: str, keys: UpstreamKeys, upstreams: list[UpstreamSettings]) -> int:
    variable = next((one.key_env for one in upstreams if one.name == name), None)
    found = keys.find(name, variable)
    if args.json:
        emit_json({"upstream": name, "key_from": found.source if found else None})
    elif found:
        emit(f"the key for {name} comes from: {found.source}")
    else:
        asked = f"the variable {variable} is not set, and " if variable else ""
        say(f"no key for {name}: {asked}neither the system's keyring nor {keys.file} has one")
    return EXIT_OK if found else EXIT_BAD_NEWS


def _forget(args: argparse.Namespace, name: str, keys: UpstreamKeys, upstreams: list[UpstreamSettings]) -> int:
    gone = keys.forget(name)
    if args.json:
        emit_json({"upstream": name, "forgotten": gone})
    elif gone:
        emit(f"deleted the key for {name}: {', '.join(gone)}")
    else:
        say(f"no key was stored for {name}")
    return EXIT_OK if gone else EXIT_BAD_NEWS
