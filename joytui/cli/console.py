"""`joytui` without a command: the console."""

from __future__ import annotations

import argparse

SCREENS = ("doctor", "logs", "usage", "keys")


def configure(parser: argparse.ArgumentParser) -> None:
    """The options of the console."""
    group = parser.add_argument_group("console")
    group.add_argument("--screen", choices=SCREENS, help="open there (default: where the last run ended)")
    group.add_argument("--view", metavar="NAME", help="open this saved view (V in the console saves one)")
    group.add_argument(
        "--gateway", metavar="URL", help="use this gateway, not the local one (token: JOYTUI_ADMIN_TOKEN)"
    )
    group.add_argument("--no-start", action="store_true", help="never start the local gateway")
    group.add_argument(
        "--theme", metavar="NAME", help="auto, dark, light, contrast, contrast-light, or one of Textual's themes"
    )
    group.add_argument("--ascii", action="store_true", default=None, help="use only ASCII characters")
    # What `joytui serve` says to the consoles that it starts.
    group.add_argument("--served", choices=("read-only", "changes"), help=argparse.SUPPRESS)
    group.add_argument("--light", action="store_true", help=argparse.SUPPRESS)


def run(args: argparse.Namespace) -> int:
    """Opens the console; the exit code. Raises UsageError if it cannot open."""
    from joytui.cli.output import say
    from joytui.tui.launch import open_console
    from joytui.tui.options import Wishes

    wishes = Wishes(
        screen=args.screen,
        theme=args.theme,
        ascii=args.ascii,
        gateway_url=args.gateway,
        start_gateway=not args.no_start,
        codex_args=tuple(getattr(args, "rest", ()) or ()),
        view=args.view,
        served=args.served,
        light=args.light,
    )
    return open_console(wishes, say)
