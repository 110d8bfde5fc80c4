"""What the binary lists by itself: models, features, subcommands, flags."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from tests.record.binary import Binary

UNLISTED = ("--yolo", "--experimental-json", "--full-auto")  # flags that --help does not print in every version
_FLAG = re.compile(r"^ {2,6}(?:(-\w), )?(--[\w-]+)(?: <([\w=]+)>(\.\.\.)?)?$")
_SUBCOMMAND = re.compile(r"^  ([a-z][\w-]*) {2,}")
_ALIASES = re.compile(r"\[aliases?: ([^\]]+)\]")
_CHOICES = re.compile(r"\[possible values: ([^\]]+)\]")
_CHOICE = re.compile(r"^ +- ([\w-]+):")


def models(binary: Binary) -> tuple[dict[str, str], str | None]:
    """The slugs of the bundled catalog with their request shape, and the first visible one by priority; ({}, None) without a catalog."""
    try:
        catalog = json.loads(binary.ask("debug", "models", "--bundled").out)["models"]
    except ValueError:
        return {}, None
    shapes = {one["slug"]: _shape(one) for one in catalog}
    visible = [one for one in catalog if one.get("visibility") == "list"]
    return dict(sorted(shapes.items())), min(visible, key=lambda one: one["priority"])["slug"]


def _shape(model: dict[str, Any]) -> str:
    if model.get("use_responses_lite"):
        return "lite"
    return "freeform" if model.get("apply_patch_tool_type") == "freeform" else "classic"


def features(binary: Binary) -> list[str]:
    """The names of `codex features list`."""
    return sorted(line.split()[0] for line in binary.ask("features", "list").out.splitlines() if line.strip())


def subcommands(binary: Binary, elsewhere: Iterable[str]) -> list[str]:
    """The subcommands of `codex`, with their aliases. Those of `elsewhere` (the other versions') that --help does not print are tried."""
    text = binary.ask("--help").out.partition("Commands:")[2].partition("Arguments:")[0]
    names = [found[1] for line in text.splitlines() if (found := _SUBCOMMAND.match(line))]
    aliases = [name for listed in _ALIASES.findall(text) for name in listed.split(", ")]
    listed_ones = {*names, *aliases}
    unlisted = {
        name
        for name in elsewhere
        if name not in listed_ones and f"Usage: codex {name}" in binary.ask(name, "--help").out
    }
    return sorted(listed_ones | unlisted)


def flags(binary: Binary, elsewhere: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The flags of `codex` and `codex exec`, and those of both their `resume`. Flags of `elsewhere` (the other versions') that --help
    does not print are tried; what neither `codex --help` nor `codex exec --help` prints is not `listed`."""
    top, inner = _helped(binary), _helped(binary, "exec")
    resumed, inner_resumed = _helped(binary, "resume"), _helped(binary, "exec", "resume")
    found = {**{name: resumed[name] for name in resumed if name in inner_resumed}, **top, **inner}
    listed = {*top, *inner}
    for name in (*elsewhere, *UNLISTED):
        if name not in found:
            takes = {key: value for key, value in elsewhere.get(name, {}).items() if key not in ("where", "listed")}
            if _accepted(binary, name, "exec"):
                inner[name] = found[name] = takes
            if _accepted(binary, name):
                top[name] = found[name] = takes
    for name, flag in found.items():
        if (name in top) != (name in inner):
            flag["where"] = "tui" if name in top else "exec"
        if name not in listed:
            flag["listed"] = False
    return dict(sorted(found.items()))


def _accepted(binary: Binary, name: str, *command: str) -> bool:
    """Whether clap knows a flag: it looks at the arguments in their order, so that --help is not reached with an unknown one."""
    return f"unexpected argument '{name}'" not in binary.ask(*command, f"{name}=x", "--help").err


def _helped(binary: Binary, *command: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {}
    last: dict[str, Any] = {}
    for line in binary.ask(*command, "--help").out.splitlines():
        if flag := _FLAG.match(line):
            short, name, value, many = flag.groups()
            last = found[name] = {"short": short, "value": value, "many": bool(many)}
        elif listed := _CHOICES.search(line):
            last["choices"] = listed[1].split(", ")
        elif "choices" not in last and (choice := _CHOICE.match(line)):
            last.setdefault("listed", []).append(choice[1])
    for one in found.values():
        if listed_below := one.pop("listed", None):
            one["choices"] = listed_below
    return {name: {key: value for key, value in one.items() if value} for name, one in found.items()}
