"""The gateway's keys: who may call what, and for how much.

joytui keys create dev-ada --owner ada --fixed-model auto --daily 500  the plain key is shown only this once
joytui keys create dev-bo --owner bo --handout                         with everything that its owner needs
joytui keys list
joytui keys check dev-ada --model gpt-5.5                              may it? If not, why (exit 1)
joytui keys rotate dev-ada --overlap 24h                               a new key; the old one works for a day
joytui keys revoke dev-ada
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from joytui.cli.gateway_options import add_action, moment, with_console
from joytui.cli.names import check_name
from joytui.cli.output import emit, emit_json, say
from joytui.core.clock import parse_expiry
from joytui.core.errors import EXIT_BAD_NEWS, EXIT_OK, UsageError
from joytui.core.joytoken import TIERS

if TYPE_CHECKING:
    from joytui.client.console import ConsoleClient
    from joytui.core.wire import KeyCreated, KeyView, PolicyView


OFF = object()
"""A limit that `keys edit` takes away."""
BREAKERS = {
    "max-requests-per-minute": "stop a task that sends more requests than this, sub-agents included",
    "max-identical-turns": "stop a task that repeats the same turn more often than this in a row",
}


def configure(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    create = add_action(actions, "create", "a new key; the plain key is shown only once")
    create.add_argument("name", metavar="NAME")
    create.add_argument(
        "--handout", action="store_true", help="print everything that its owner needs, including the key"
    )
    _add_policy(create)
    listing = add_action(actions, "list", "all keys, with what they spent and when they were used")
    listing.add_argument("--all", "-a", action="store_true", help="also revoked and expired ones")
    for name, text in (
        ("revoke", "revoke a key for good"),
        ("disable", "refuse a key until it is enabled again"),
        ("enable", "let a disabled key work again"),
    ):
        add_action(actions, name, text).add_argument("key", metavar="KEY", help="its id or name")
    edit = add_action(actions, "edit", "change a key's name, owner, labels, expiry or policy")
    edit.add_argument("key", metavar="KEY", help="its id or name")
    edit.add_argument("--name", metavar="NAME")
    _add_policy(edit)
    rotate = add_action(actions, "rotate", "a new key with the same policy and budget")
    rotate.add_argument("key", metavar="KEY", help="its id or name")
    rotate.add_argument(
        "--overlap", metavar="WHEN", help="how long the old one keeps working: 24h, a date (default: it stops now)"
    )
    check = add_action(actions, "check", "a dry run: may this key call this model now, and if not, why")
    check.add_argument("key", metavar="KEY", help="its id or name; - reads a plain key from stdin")
    check.add_argument("--model", metavar="M", default="auto")
    check.add_argument("--ip", metavar="A", help="as if the request came from this address")
    check.add_argument("--tier", metavar="T", choices=TIERS)
    check.add_argument(
        "--like",
        choices=("codex-turn", "small"),
        help="the size of the request: a first turn of Codex, about 16,000 tokens (default), or a short question",
    )


def _add_policy(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("policy (whatever you leave out is not limited)")
    group.add_argument(
        "--owner", metavar="O", help="whose key it is; the key is in its owner's team (`joytui teams add`)"
    )
    group.add_argument("--label", metavar="L", action="append", help="repeatable")
    group.add_argument("--policy", metavar="NAME", help="a named policy of this gateway instead of the options below")
    group.add_argument("--fixed-model", metavar="M", help="every request gets this model")
    group.add_argument("--block-model", metavar="M", action="append", help="repeatable")
    group.add_argument("--tier", metavar="T", action="append", choices=TIERS, help=f"repeatable: {', '.join(TIERS)}")
    group.add_argument(
        "--allow-ip", metavar="CIDR", action="append", help="allow only this address or network; repeatable"
    )
    group.add_argument("--block-ip", metavar="CIDR", action="append", help="block this address or network; repeatable")
    for period, text in (("daily", "a day (UTC)"), ("weekly", "a week (from Monday, UTC)"), ("total", "in all")):
        group.add_argument(f"--{period}", metavar="CR", help=f"limit in credits {text}; with edit also `off`")
    group.add_argument(
        "--per-task", metavar="CR", help="limit in credits for each task, all of its sub-agents included"
    )
    for option, text in BREAKERS.items():
        group.add_argument(f"--{option}", metavar="N", help=f"{text}; with edit also `off`")
    group.add_argument("--expires", metavar="WHEN", help="12h, 30d, a date, an RFC 3339 time")
    group.add_argument(
        "--no-logs", action="store_true", default=None, help="store counts and cost, but no ids or addresses"
    )


def run(args: argparse.Namespace) -> int:
    actions = {"create": _create, "list": _list, "edit": _edit, "rotate": _rotate, "check": _check}
    action = actions.get(args.action, _switch)
    _read(args)
    if args.action in ("create", "edit"):
        _check_wish(args)
    return with_console(args, lambda console: action(console, args))


def _read(args: argparse.Namespace) -> None:
    """What can be wrong about the words is found before a gateway is asked, or started."""
    from joytui.core.money import MoneyError, format_credits, parse_credits

    name = getattr(args, "name", None)
    check_name(name, "the key's name")
    key = getattr(args, "key", None)
    if key is not None and ("/" in key or key.strip() in ("", ".", "..")):
        raise UsageError("no key has this name or id", where="KEY", hint="`joytui keys list --all` shows them")
    if address := getattr(args, "ip", None):
        _check_address(address)
    for period in ("daily", "weekly", "total", "per_task"):
        text = getattr(args, period, None)
        if args.action == "edit" and text is not None and text.lower() == "off":
            setattr(args, period, OFF)
            continue
        try:
            setattr(args, period, None if text is None else format_credits(parse_credits(text)))
        except MoneyError as error:
            raise UsageError(str(error), where=f"--{period.replace('_', '-')}") from None
    for option in BREAKERS:
        _read_count(args, option)
    for option in ("expires", "overlap"):
        setattr(args, option, moment(getattr(args, option, None), f"--{option}", parse_expiry))
    for option in ("allow_ip", "block_ip"):
        for text in getattr(args, option, None) or ():
            _check_network(text, "--" + option.replace("_", "-"))
    if args.action == "check" and args.key == "-":
        import sys

        args.key = sys.stdin.readline().strip()
        if not args.key.isascii() or not args.key.isprintable():
            raise UsageError("stdin does not contain a key", hint="joytui keys check - --model auto < FILE")
        if not args.key:
            raise UsageError("no key on stdin", hint="joytui keys check - --model auto < FILE")


def _read_count(args: argparse.Namespace, option: str) -> None:
    name = option.replace("-", "_")
    text = getattr(args, name, None)
    if text is None:
        return
    if args.action == "edit" and text.lower() == "off":
        setattr(args, name, OFF)
    elif not (text.isascii() and text.isdigit() and len(text) < 10 and int(text)):
        raise UsageError("a whole number, 1 or more", where=f"--{option}")
    else:
        setattr(args, name, int(text))


def _check_address(text: str) -> None:
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        raise UsageError(f"not an address: {text[:60]!r}", where="--ip", hint="203.0.113.7, 2001:db8::7") from None


def _check_network(text: str, option: str) -> None:
    import ipaddress

    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError:
        hint = "an address or a network: 203.0.113.7, 10.0.0.0/8, 2001:db8::/32"
        raise UsageError(f"not an address: {text[:60]!r}", where=option, hint=hint) from None


# --- the actions ---


def _check_wish(args: argparse.Namespace) -> None:
    """What a new or changed key cannot be."""
    from pydantic import ValidationError

    from joytui.core.wire import KeyCreate, KeyEdit

    fields = _fields(args)
    if not fields:
        raise UsageError("nothing to change", hint="joytui keys edit KEY --daily 500; `joytui keys edit --help`")
    try:
        (KeyCreate if args.action == "create" else KeyEdit).model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UsageError(f"{field}: {first['msg'].removeprefix('Value error, ')}") from None


async def _create(console: ConsoleClient, args: argparse.Namespace) -> int:
    from joytui.core.wire import KeyCreate

    _show_new(await console.create_key(KeyCreate.model_validate(_fields(args))), console.url, args)
    return EXIT_OK


async def _edit(console: ConsoleClient, args: argparse.Namespace) -> int:
    from joytui.core.wire import KeyEdit

    _show(await console.edit_key(args.key, KeyEdit.model_validate(_fields(args))), args)
    return EXIT_OK


async def _switch(console: ConsoleClient, args: argparse.Namespace) -> int:
    actions = {"revoke": console.revoke_key, "disable": console.disable_key, "enable": console.enable_key}
    _show(await actions[args.action](args.key), args)
    return EXIT_OK


async def _rotate(console: ConsoleClient, args: argparse.Namespace) -> int:
    created = await console.rotate_key(args.key, old_expires_at=args.overlap)
    _show_new(created, console.url, args)
    if not args.json:
        from joytui.cli.amounts import local_time

        if args.overlap:
            say(
                f"the old key works until {local_time(args.overlap)}; the name now refers to the new key; name the old one by its id"
            )
        else:
            say("the old key has ended")
    return EXIT_OK


async def _check(console: ConsoleClient, args: argparse.Namespace) -> int:
    from joytui.cli.key_view import describe_verdict

    verdict = await console.check_key(args.key, model=args.model, ip=args.ip, tier=args.tier, like=args.like)
    if args.json:
        emit_json(verdict.model_dump())
    else:
        emit(describe_verdict(verdict))
    return EXIT_OK if verdict.allowed else EXIT_BAD_NEWS


async def _list(console: ConsoleClient, args: argparse.Namespace) -> int:
    from joytui.cli.columns import emit_table
    from joytui.cli.key_view import COLUMNS, row

    keys = await console.keys()
    shown = keys if args.all or args.json else [key for key in keys if key.state in ("active", "disabled")]
    if args.json:
        emit_json({"keys": [key.model_dump() for key in shown]})
    elif shown:
        emit_table(COLUMNS, [row(key) for key in shown])
    else:
        more = f" ({len(keys)} have ended: `joytui keys list --all`)" if keys else ""
        say(f"no keys yet{more}: `joytui keys create NAME` makes the first one, `joytui try` one for an hour")
    return EXIT_OK


# --- words in, words out ---


def _fields(args: argparse.Namespace) -> dict[str, Any]:
    """What the options say of KeyCreate or KeyEdit; what they do not name is left out."""
    details = {"owner": args.owner, "labels": args.label, "expires_at": args.expires, "policy_name": args.policy}
    policy = "policy" if args.action == "create" else "policy_changes"
    fields = {"name": args.name, **details, policy: _policy(args) or None}
    return {name: value for name, value in fields.items() if value is not None}


def _policy(args: argparse.Namespace) -> dict[str, Any]:
    """What the options say of PolicyView; what they do not name is left out."""
    fields = {
        "fixed_model": args.fixed_model,
        "tiers": args.tier,
        "model_blacklist": args.block_model,
        "ip_allow": args.allow_ip,
        "ip_block": args.block_ip,
        "daily_limit": args.daily,
        "weekly_limit": args.weekly,
        "total_limit": args.total,
        "per_task_limit": args.per_task,
        "logs": False if args.no_logs else None,
        "max_requests_per_minute": args.max_requests_per_minute,
        "max_identical_turns": args.max_identical_turns,
    }
    given = {name: None if value is OFF else value for name, value in fields.items() if value is not None}
    if given and args.policy:
        raise UsageError("--policy uses a named policy unchanged", hint="leave out the other policy options")
    return given


def _show_new(created: KeyCreated, url: str, args: argparse.Namespace) -> None:
    from joytui.cli.handout import handout
    from joytui.core.joytoken import BASE_PATH, KEY_VARIABLE, config_block, try_command

    text = handout(created.name, created.key, url) if getattr(args, "handout", False) else None
    if text is not None:
        _say_where_it_holds(url)
    if args.json:
        shown = {name: getattr(created, name) for name in ("id", "name", "key", "hint")}
        emit_json({**shown, "policy": _policy_json(created.policy), **({} if text is None else {"handout": text})})
        return
    if text is not None:
        emit(text, here=False)
        return
    emit(created.key)
    say(f"key {created.name!r} ({created.id}): it is shown only once; joytui stores only its digest. To use it:")
    say(f'  export {KEY_VARIABLE}="…"')
    say(f"  {try_command(url + BASE_PATH)}")
    say("or for good, in Codex's config.toml:")
    for line in config_block(url + BASE_PATH).splitlines():
        say(f"  {line}".rstrip())


def _say_where_it_holds(url: str) -> None:
    from joytui.cli.handout import is_local

    if is_local(url):
        say(f"note: {url} works only on this machine; --gateway URL names the address for others")


def _policy_json(policy: PolicyView) -> dict[str, Any]:
    return policy.model_dump()


def _show(key: KeyView, args: argparse.Namespace) -> None:
    if args.json:
        emit_json(key.model_dump())
    else:
        emit(f"{key.name} ({key.id}, {key.hint}) is {key.state}")
