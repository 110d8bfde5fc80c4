"""The local gateway: keys, policy, relay and records on your own machine.

  joytui gateway run                         in the foreground, until Ctrl-C; prints "ready http://HOST:PORT"
  joytui gateway start --upstream https://api.example.com/openai/v1 --upstream-key-env UPSTREAM_KEY
  joytui gateway status
  joytui gateway stop
  joytui gateway settings                    each setting with what it means and where it comes from, as a settings file
  joytui gateway upstreams                   which API each upstream offers, and what the gateway learned from its refusals; `forget` deletes that
  joytui gateway upstream-key set api.example.com < FILE     stored in the system's keyring, or in a file with mode 0600

Without an upstream a built-in offline model answers. Settings: the table [gateway] of the settings file,
JOYTUI_GATEWAY_<NAME> in the environment, then these options. The store is also named by JOYTUI_STORE.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from joytui.cli.gateway_upstream_key import configure as configure_upstream_key
from joytui.cli.gateway_upstream_key import run as run_upstream_key
from joytui.cli.gateway_upstreams import configure as configure_upstreams
from joytui.cli.gateway_upstreams import run as run_upstreams
from joytui.cli.output import complain, emit, emit_json, say
from joytui.core.errors import EXIT_OK, EXIT_UNREACHABLE, RefusedError, UnreachableError
from joytui.core.places import Places, places

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import GatewayStatus, UpstreamView

OPTIONS = (
    "host", "port", "upstream", "upstream_key_env", "upstream_api", "store", "tls_cert", "tls_key", "allow_hosts",
    "insecure", "catalog", "strict", "access_log",
)  # fmt: skip


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    run_parser = actions.add_parser("run", help="serve in the foreground until SIGTERM, SIGHUP or Ctrl-C")
    _add_options(run_parser)
    start = actions.add_parser("start", help="start it in the background (it logs to gateway.log in the data folder)")
    _add_options(start)
    status = actions.add_parser("status", help="where it runs, since when, and with which upstream")
    status.add_argument("--gateway", metavar="URL", help="another gateway (token: JOYTUI_ADMIN_TOKEN)")
    configure_upstreams(
        actions.add_parser(
            "upstreams", help="which API each upstream offers, and what the gateway learned from its refusals"
        )
    )
    configure_upstream_key(actions.add_parser("upstream-key", help="store an upstream's key"))
    settings = actions.add_parser(
        "settings", help="each setting: what it means, its value, and where the value comes from"
    )
    for action in (settings, start, actions.add_parser("stop", help="stop it, and wait until it has ended"), status):
        action.add_argument("--json", action="store_true", help="JSON on stdout")


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--host", metavar="H", help="where to listen (default 127.0.0.1)")
    parser.add_argument("--port", metavar="P", type=_port, help="default 8791; 0 takes a free one")
    parser.add_argument("--upstream", metavar="URL", help="an OpenAI base URL to relay to (default: an offline model)")
    parser.add_argument("--upstream-key-env", metavar="NAME", help="the variable that holds the upstream's key")
    parser.add_argument("--upstream-api", choices=("auto", "responses", "chat"), help="what the upstream speaks")
    parser.add_argument(
        "--store",
        metavar="PATH",
        help="a SQLite file (default: in the data folder), or postgresql://USER@HOST/DATABASE",
    )
    parser.add_argument("--catalog", metavar="FILE", help="a TOML file with models and prices")
    parser.add_argument(
        "--strict", action="store_true", default=None, help="refuse models that the list does not contain"
    )
    parser.add_argument(
        "--access-log", action="store_true", default=None, help="log each request as a line of JSON on stderr"
    )
    group = parser.add_argument_group("listen on an address other than loopback")
    group.add_argument("--tls-cert", metavar="FILE", help="certificate chain (PEM)")
    group.add_argument("--tls-key", metavar="FILE", help="its private key (PEM)")
    group.add_argument(
        "--insecure", action="store_true", default=None, help="without TLS: keys cross the network unencrypted"
    )
    group.add_argument(
        "--allow-host", metavar="NAME", dest="allow_hosts", action="append", help="a name that clients use; repeatable"
    )


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"a port from 0 to 65535, not {text!r}")
    return int(text)


def run(args: argparse.Namespace) -> int:
    actions = {"run": _run, "start": _start, "stop": _stop, "status": _status}
    actions |= {"settings": _show_settings, "upstream-key": run_upstream_key, "upstreams": run_upstreams}
    return actions[args.action](args)


def _settings(args: argparse.Namespace) -> Any:
    from joytui.gateway.settings import load_settings
    from joytui.ledger.engines import named_store, refuse_password

    options = {name: getattr(args, name) for name in OPTIONS}
    refuse_password(args.store)
    settings = load_settings(places().config_file, os.environ, options)
    if settings.store:
        named_store(settings.store)
    return settings


def _show_settings(args: argparse.Namespace) -> int:
    from dataclasses import asdict

    from joytui.gateway.settings_text import as_toml, settings_of

    here = places()
    found = settings_of(here.config_file)
    if args.json:
        emit_json({"file": str(here.config_file), "settings": [asdict(one) for one in found]})
        return EXIT_OK
    emit(f"# {here.config_file}{'' if here.config_file.exists() else ' (no such file: these are the defaults)'}")
    for line in as_toml(found):
        emit(line)
    return EXIT_OK


def _run(args: argparse.Namespace) -> int:
    from joytui.client.spawn import prepare_data_folder
    from joytui.gateway.server import serve

    settings = _settings(args)
    here = places()
    prepare_data_folder(here)
    asyncio.run(_refuse_a_second(here))
    try:
        return serve(settings, here)
    except UnreachableError as error:
        if error.kind and not sys.stdout.isatty():
            emit(f"failed {error.kind}")  # for the process that started us, which waits for "ready"
        raise


async def _refuse_a_second(here: Places) -> None:
    """Two gateways on one data folder would take each other's state file away."""
    from joytui.client.local import find

    with contextlib.suppress(UnreachableError):  # somebody else has the port of one that is gone: no second one of ours
        if gateway := await find(here):
            what = f"the gateway of this data folder is already running (pid {gateway.pid})"
            raise RefusedError(what, where=gateway.url, hint="`joytui gateway stop`, or another JOYTUI_DATA_DIR")


def _start(args: argparse.Namespace) -> int:
    from joytui.client.local import ensure

    wanted = _settings(args)  # what is wrong in them is said here and now, with its place, not in a log
    gateway = asyncio.run(ensure(places(), arguments=_words(args), on_demand=False))
    named = [name for name in OPTIONS if getattr(args, name)]
    differs = {} if gateway.started else _differences(wanted.given(), named)
    if args.json:
        facts = {"url": gateway.url, "pid": gateway.pid, "version": gateway.version, "started": gateway.started}
        emit_json({**facts, "differs": sorted(differs)})
    else:
        emit(f"gateway {'runs' if gateway.started else 'already runs'} at {gateway.url} (pid {gateway.pid})")
    if gateway.outdated:
        say(gateway.outdated)
    return _say_differences(differs, named, gateway.url)


def _differences(wanted: Mapping[str, Any], named: Sequence[str]) -> dict[str, str]:
    """The settings that are given now, or named by an option, and that the running gateway has otherwise: with how it has
    them."""
    from joytui.core.gateway_state import read_state

    state = read_state(places().state_file)
    if state is None or state.settings is None:
        return {}
    running = state.settings
    names = [name for name in {*wanted, *named} if wanted.get(name) != running.get(name)]
    return {name: str(running[name]) if name in running else "its default" for name in names}


def _say_differences(differs: Mapping[str, str], named: Sequence[str], url: str) -> int:
    """A gateway that runs takes no settings: bad news for who named some, a word for who changed them elsewhere."""
    from joytui.core.redaction import visible

    listed = ", ".join(f"{name}: {visible(text, limit=100)}" for name, text in sorted(differs.items()))
    again = "`joytui gateway stop`, then start it again"
    if not differs.keys().isdisjoint(named):
        complain(RefusedError(f"it keeps running with its own settings ({listed})", where=url, hint=again))
        return RefusedError.exit_code
    if differs:
        say(f"its settings changed since it started; it still uses {listed}: {again}")
    return EXIT_OK


def _words(args: argparse.Namespace) -> tuple[str, ...]:
    """The options again, for the process in the background; paths made absolute."""
    from joytui.gateway.settings import PATHS, absolute

    words: list[str] = []
    for name in OPTIONS:
        value = getattr(args, name)
        option = "--allow-host" if name == "allow_hosts" else f"--{name.replace('_', '-')}"
        if value is True:
            words.append(option)
        else:
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    words.append(f"{option}={absolute(one) if name in PATHS else one}")
    return tuple(words)


def _stop(args: argparse.Namespace) -> int:
    from joytui.client.local import stop

    state = asyncio.run(stop(places()))
    if args.json:
        emit_json(
            {"stopped": state is not None, "url": state.url if state else None, "pid": state.pid if state else None}
        )
    elif state is None:
        say("no local gateway is running")
    else:
        emit(f"gateway at {state.url} stopped (pid {state.pid})")
    return EXIT_OK


def _status(args: argparse.Namespace) -> int:
    return asyncio.run(_ask_status(args))


async def _ask_status(args: argparse.Namespace) -> int:
    from joytui.client.local import START_HINT, connect, find

    here = places()
    if args.gateway is None and await find(here) is None:
        if args.json:
            emit_json({"running": False})
        else:
            say(f"no local gateway is running; {START_HINT}")
        return EXIT_UNREACHABLE
    async with await connect(here, gateway_url=args.gateway, start=False, announce=say) as console:
        status = await console.status()
        if args.json:
            emit_json({"running": True, **status.model_dump()})
        else:
            _show(console, status, here.gateway_log)
    return EXIT_OK


def _show(console: ConsoleClient, status: GatewayStatus, log: Path) -> None:
    from joytui.cli.amounts import local_time
    from joytui.core.joytoken import BASE_PATH
    from joytui.core.redaction import visible

    local = console.local is not None
    several = len(status.upstreams) > 1
    facts = [
        ("gateway", f"{status.url} (pid {status.pid}, joytui {status.version}, since {local_time(status.started_at)})"),
        ("base URL", f"{console.url}{BASE_PATH}"),
        ("upstream", "" if status.upstream else "none: the built-in offline model answers"),
        *(("upstream", _upstream_text(one, named=several)) for one in status.upstreams),
        ("store", status.store),
        *(("on it", text) for text in others(status)),
        ("log", _log_text(log) if local else ""),
        ("keys", str(status.keys)),
        ("requests", f"{status.requests} ({status.in_flight} running)"),
        ("turned away", _turned_away(status)),
        ("consoles", str(status.consoles)),
        ("wallets", "on" if status.wallets else "off"),
    ]
    for name, text in facts:
        if text:
            emit(f"{name:<11} {visible(text)}")
    for warning in status.warnings:
        say(f"warning: {visible(warning)}")


def others(status: GatewayStatus) -> list[str]:
    """The gateways on the store, where this is not the only one."""
    from joytui.cli.amounts import local_time

    if len(status.gateways) < 2:
        return []
    return [
        f"{one.url} (joytui {one.version}, since {local_time(one.since)}, {one.running} running;"
        f" {'alive' if one.alive else f'last seen {local_time(one.last_seen)}'})"
        for one in status.gateways
    ]


def _turned_away(status: GatewayStatus) -> str:
    return f"{status.turned_away} while the store could not be written" if status.turned_away else ""


def _upstream_text(upstream: UpstreamView, *, named: bool) -> str:
    """ "https://api.example.com/v1 (chat; key: environment variable UPSTREAM_KEY)", by its name where it is one of several."""
    facts = [
        upstream.api or "api not asked yet",
        f"key: {upstream.key_from or 'none'}",
        *([] if upstream.healthy else ["failed a moment ago"]),
    ]
    return f"{upstream.name + ': ' if named else ''}{upstream.url} ({'; '.join(facts)})"


def _log_text(log: Path) -> str:
    """The file with its size, and how large it may become."""
    from joytui.client.background_log import LOG_LIMIT

    try:
        size = log.stat().st_size
    except OSError:
        return ""
    return f"{log} ({size / 1000:,.0f} kB; rotated to {log.name}.1 at {LOG_LIMIT // 1000:,} kB)"
