"""What each version of Codex knows and does, as data: a file for each recorded version beside this one, and behaviours.toml.

`0.171.0.json` and its like hold what the binary answered (`python -m tests.record VERSION` writes them). A version without a
file takes the lists of the recorded one before it; `since` in a file says that its lists go for some older versions too.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

Number = tuple[int, int, int]
_FILES = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class Flag:
    """One flag: where it belongs, whether it takes a value, the name that clap prints for the value, and whether --help lists it."""

    name: str
    short: str | None = None
    value: str | None = None
    where: Literal["any", "tui", "exec"] = "any"
    many: bool = False
    choices: tuple[str, ...] = ()
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Recorded:
    """One version's file. `models`: slug of the bundled catalog -> request shape; `absent`: keys of config.toml that it does not
    know and newer ones do ("*" for any name); `new`: what it adds to schema.json; `headers`: those that never change; `elements`:
    how many fields its tables of config.toml have."""

    version: str
    number: Number
    since: Number
    default_model: str
    models: Mapping[str, str]
    subcommands: frozenset[str]
    flags: Mapping[str, Flag]
    features: frozenset[str]
    absent: frozenset[str]
    new: Mapping[str, Any]
    headers: Mapping[str, str]
    elements: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rules:
    """The behaviours of one version of Codex, and the recorded lists that go for it."""

    version: str
    number: Number
    recorded: Recorded
    chat_is_default: bool  # no `wire_api` means Chat Completions, and "chat" works
    honours_openai_base_url_variable: bool  # OPENAI_BASE_URL moves the built-in provider
    has_openai_base_url_key: bool
    checks_provider_tables: bool  # reserved ids are an error
    checks_provider_fields: bool  # empty `name`, exclusive fields are an error
    checks_provider_auth: bool  # `auth` beside another credential is an error
    legacy_profiles: bool  # `profile = "x"` and [profiles.x] work
    project_may_set_provider: bool
    has_auth_command: bool
    has_own_ca_variable: bool  # CODEX_CA_CERTIFICATE
    reads_requirements: bool  # requirements.toml
    requires_provider_name: bool  # a provider without `name` does not deserialise
    names_error_path: bool  # type errors end with "in `key.path`"
    reads_model_catalog: bool  # the file that model_catalog_json names
    asks_model_catalog: bool  # a provider's model_catalog_url
    checks_profile_flag: bool  # --profile takes a plain name only
    runs_ephemeral: bool  # exec --ephemeral leaves no rollout
    sends_long_first_turn: bool
    endless_connection_retries: bool
    refuses_empty_model: bool
    model_decides_shape: bool
    asks_oss_provider: bool  # --oss without a choice is an error
    removed_ollama_chat: bool  # the provider of that name is refused
    has_concurrent_threads_key: bool  # agents.max_concurrent_threads_per_session, before: max_threads
    checks_named_files: bool  # permission presets, agents, required MCP servers stop the start
    checks_exec_rules: bool
    says_no_file: bool
    has_daemon: bool
    warns_unknown_keys: bool
    asked_flags: Mapping[str, Flag] = field(default_factory=dict)  # those that the installed binary listed


def parse_version(text: str) -> Number | None:
    """The three numbers of "codex-cli 1.2.3", "1.2.3-alpha.3", "v1.2"; None if there are none."""
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", text)
    return (int(found[1]), int(found[2]), int(found[3] or 0)) if found else None


@cache
def rules_for(version: str) -> Rules:
    """The behaviours of this version; an unreadable one is taken as the assumed version."""
    number = parse_version(version) or _number(assumed_version())
    table = _behaviours()
    since = {name: number >= _number(first) for name, first in table["since"].items()}
    until = {name: number < _number(first) for name, first in table["until"].items()}
    return Rules(version=version, number=number, recorded=recorded_for(number), asked_flags={}, **since, **until)


def assumed_version() -> str:
    """The version that is taken where none is known."""
    return str(_behaviours()["assumed"])


@cache
def recorded_versions() -> tuple[Recorded, ...]:
    """Every version with a file, the oldest first."""
    found = [json.loads(file.read_text("utf-8")) for file in _FILES.glob("*.json")]
    return tuple(sorted(map(_read, found), key=lambda one: one.number))


def recorded_for(number: Number) -> Recorded:
    """The lists that go for this version: its own, those of the version before it, or the oldest."""
    known = recorded_versions()
    return next((one for one in reversed(known) if one.since <= number), known[0])


def asked_rules(
    rules: Rules,
    models: Mapping[str, str] | None,
    default_model: str | None,
    features: Iterable[str] | None,
    flags: Mapping[str, Mapping[str, Any]] | None,
) -> Rules:
    """The rules with what the installed binary said of itself instead of the file's lists; None: it did not say it."""
    recorded = rules.recorded
    if models is not None:
        recorded = replace(recorded, models=dict(models), default_model=default_model or recorded.default_model)
    if features is not None:
        recorded = replace(recorded, features=frozenset(features))
    if models is not None and features is not None:
        recorded = replace(recorded, number=rules.number)
    listed = {name: _flag(name, one) for name, one in (flags or {}).items()}
    return replace(rules, recorded=recorded, asked_flags=listed)


def flag_of(name: str, rules: Rules) -> Flag | None:
    """The flag of this name ("--model" or "-m") in this version of Codex; None if it does not know it.

    Where the binary listed its flags, the files only add those that no --help lists."""
    asked = _by_name(rules.asked_flags).get(name)
    recorded = None if asked else _recorded_flag(name, rules.number)
    return asked or (None if recorded and recorded.listed and rules.asked_flags else recorded)


def _recorded_flag(name: str, number: Number) -> Flag | None:
    here = recorded_for(number)
    flag = _by_name(here.flags).get(name)
    if number == here.number or number > recorded_versions()[-1].number:
        return flag
    found = flag or next(
        (one for every in reversed(recorded_versions()) if (one := _by_name(every.flags).get(name))), None
    )
    return found if found and _knows_between(found, flag is not None, number) else None


def _knows_between(flag: Flag, listed: bool, number: Number) -> bool:
    """Whether a version between two recorded ones knows the flag: by its tried boundary, else by the list of the version before."""
    bounds = _behaviours()["flags"]
    if first := bounds["since"].get(flag.name):
        return number >= _number(first)
    if gone := bounds["until"].get(flag.name):
        return number < _number(gone)
    return listed


def _by_name(flags: Mapping[str, Flag]) -> dict[str, Flag]:
    return {name: flag for flag in flags.values() for name in (flag.name, flag.short) if name}


@cache
def _behaviours() -> dict[str, Any]:
    return tomllib.loads((_FILES / "behaviours.toml").read_text("utf-8"))


def _number(version: str) -> Number:
    number = parse_version(version)
    if number is None:
        raise ValueError(f"not a version: {version!r}")
    return number


def _read(told: Mapping[str, Any]) -> Recorded:
    number = _number(told["version"])
    flags = {name: _flag(name, one) for name, one in told["flags"].items()}
    return Recorded(
        version=told["version"],
        number=number,
        since=_number(told.get("since", told["version"])),
        default_model=told["default_model"],
        models=told["models"],
        subcommands=frozenset(told["subcommands"]),
        flags=flags,
        features=frozenset(told["features"]),
        absent=frozenset(told["keys"]["absent"]),
        new=told["keys"]["new"],
        headers=told["headers"],
        elements=told["elements"],
    )


def _flag(name: str, told: Mapping[str, Any]) -> Flag:
    choices = tuple(told.get("choices", ()))
    where, many, listed = told.get("where", "any"), told.get("many", False), told.get("listed", True)
    return Flag(name, told.get("short"), told.get("value"), where, many, choices, listed)
