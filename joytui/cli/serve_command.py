"""The console in a browser, for a wall display or a colleague: read-only, and only on this machine unless you say otherwise.

  joytui serve                              http://127.0.0.1:8792/, until Ctrl-C; prints "ready URL"
  joytui serve --screen usage               opens there; or add to a page's address: ?screen=logs&theme=light&fontsize=20
  joytui serve --host 0.0.0.0 --allow-host wall.example     for others: anyone who can reach the port sees the console
  joytui serve --allow-changes              also keys, fixes and settings; only with the printed link

Every page has a console process of its own, and a token that can only read. With a lead's or a
viewer's token in JOYTUI_ADMIN_TOKEN (and --gateway) the pages show what that token sees. Needs
textual-serve: pip install 'textual-serve>=1.1.2', or joytui with its extra `serve`.
"""

from __future__ import annotations

import argparse
import sys

from joytui.cli.output import emit, say
from joytui.core.errors import EXIT_OK, UsageError
from joytui.core.loopback import is_loopback

REQUIREMENT = "textual-serve>=1.1.2"
PORT = 8792


def configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--port", metavar="P", type=_port, default=PORT, help=f"default {PORT}; 0 takes a free one")
    parser.add_argument(
        "--host", metavar="H", type=_host, default="127.0.0.1", help="where to listen (default 127.0.0.1)"
    )
    parser.add_argument(
        "--allow-host", metavar="NAME", action="append", default=[], help="a name that browsers use for it; repeatable"
    )
    parser.add_argument(
        "--private", action="store_true", help="only the printed link opens it (a new one at each start)"
    )
    parser.add_argument(
        "--allow-changes", action="store_true", help="not read-only; always private, and only on loopback"
    )
    parser.add_argument("--limit", metavar="N", type=_limit, default=8, help="consoles at a time (default 8)")
    group = parser.add_argument_group("the consoles")
    group.add_argument("--screen", choices=("doctor", "logs", "usage", "keys"), help="open there")
    group.add_argument("--theme", metavar="NAME", help="auto (as the browser's), dark, light, contrast, contrast-light")
    group.add_argument("--ascii", action="store_true", help="use only ASCII characters")
    from joytui.cli.gateway_options import add_gateway_options

    add_gateway_options(parser)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port from 0 to 65535, not {text!r}")
    return int(text)


def _host(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("an address or a name of this machine, for example 127.0.0.1")
    return text.strip().lower()


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 64:
        raise argparse.ArgumentTypeError(f"from 1 to 64, not {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    """Serves until Ctrl-C or SIGTERM, which is its normal end."""
    import asyncio

    _need_textual_serve()
    from joytui.core.places import places
    from joytui.web.server import ServeWishes, bind, serve

    near = _is_near(args.host)
    if args.allow_changes and not near:
        hint = f"stay on loopback; to reach it from elsewhere: `ssh -L {args.port}:127.0.0.1:{args.port} THIS-MACHINE`"
        raise UsageError("--allow-changes is for loopback: over a network, new keys would be readable", hint=hint)
    wishes = ServeWishes(
        host=args.host,
        port=args.port,
        changes=args.allow_changes,
        private=args.private or args.allow_changes,
        limit=args.limit,
        allow_hosts=tuple(args.allow_host),
        gateway_url=args.gateway,
        start_gateway=not args.no_start,
        screen=args.screen,
        theme=args.theme,
        ascii=args.ascii,
    )
    with bind(wishes.host, wishes.port) as listening:
        asyncio.run(
            serve(
                wishes,
                listening,
                places(),
                say,
                lambda url, others: _ready(url, others, wishes.changes, wishes.private, near),
            )
        )
    return EXIT_OK


def _ready(url: str, others: list[str], changes: bool, private: bool, near: bool) -> None:
    emit(f"ready {url}")
    sys.stdout.flush()
    if others:
        say(f"from other machines: {'  or  '.join(others)}")
    what = "everything can be changed" if changes else "read-only"
    who = "only with this link" if private else "for everyone on this machine"
    if not near:
        who = "for everyone who has this link" if private else "for everyone who can reach this port"
        say("warning: plain http on a network address: anyone on the network path can see the console, too")
        if not private:
            say("warning: anyone who can reach the port sees requests, spend and key names; --private asks for a link")
    say(f"in a browser: {what}, {who}; Ctrl-C ends it")


def _is_near(host: str) -> bool:
    try:
        return is_loopback(f"//[{host}]" if ":" in host else f"//{host}")
    except ValueError:
        return False


def _need_textual_serve() -> None:
    """Raises UsageError with the command that installs it into this very Python."""
    from importlib.util import find_spec

    if find_spec("textual_serve") is not None:
        return
    pip = f"{sys.executable} -m pip install" if find_spec("pip") else f"uv pip install --python {sys.executable}"
    raise UsageError(
        "the console in a browser needs textual-serve, which is not installed", hint=f"{pip} '{REQUIREMENT}'"
    )
