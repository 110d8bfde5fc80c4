"""The first half of a look: arguments, version, CODEX_HOME, `.env`, layers, and what is wrong with them in Codex's order."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joytui.codex import layers as layering
from joytui.codex.arguments import Refusal, parse_arguments
from joytui.codex.asked import Asked
from joytui.codex.binary import find_codex
from joytui.codex.dotenv import Assignment, read_dotenv
from joytui.codex.fault_places import fault_place, place_in, said_of_file
from joytui.codex.home import home_of, no_folder
from joytui.codex.layers import Layer, OverrideError
from joytui.codex.providers import late_faults, table_faults
from joytui.codex.requirements import forced, load_requirements, requirement_issues
from joytui.codex.schema import TypeFault, feature_known, type_faults, unknown_keys
from joytui.codex.versions import Rules, assumed_version, rules_for
from joytui.codex.world import CodexBinary, Command, Effect, Invocation, Issue, Stage

MAX_DOTENV = 2**20
LOADING = "Error loading config.toml:"


@dataclass(slots=True)
class Survey:
    """What is known so far; `look` goes on from here. `config` is the merged configuration."""

    invocation: Invocation
    rules: Rules
    command: Command
    binary: CodexBinary | None
    version_known: bool
    home: Path
    codex_home: Path
    env: dict[str, str]
    asked: Asked | None = None
    env_origins: dict[str, str] = field(default_factory=dict)
    dotenv: tuple[Assignment, ...] = ()
    layers: list[Layer] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    rule_folders: list[Path] = field(default_factory=list)
    issues: list[Issue] = field(default_factory=list)

    def add(self, cause: str, effect: Effect, stage: Stage, summary: str, **more: Any) -> None:
        """Notes an issue."""
        self.issues.append(Issue(cause, effect, summary, stage=stage, **more))

    def used(self) -> list[Layer]:
        """The layers that count, lowest first."""
        return [layer for layer in self.layers if layer.state == "used"]

    def tables(self) -> dict[str, Any]:
        """The merged [model_providers.*]; {} where that key holds something else."""
        found = self.config.get("model_providers")
        return found if isinstance(found, dict) else {}

    def setter(self, path: tuple[str | int, ...]) -> Layer | None:
        """The highest layer that sets a key."""
        return next((layer for layer in reversed(self.used()) if layering.lookup(layer.data, path)[0]), None)

    def where(self, path: tuple[str | int, ...]) -> str | None:
        """The place of the winning value of a key; of the nearest table above it where the key is missing."""
        for end in range(len(path), 0, -1):
            if layer := self.setter(path[:end]):
                return layer.origin(path[:end])
        return None


def survey(invocation: Invocation) -> Survey:
    """Arguments, version, environment and layers of one invocation."""
    env = dict(invocation.env)
    binary = None if invocation.codex_version else find_codex(env)
    version = invocation.codex_version or (binary.version if binary else None)
    rules = rules_for(version or assumed_version())
    asked = None
    if invocation.ask and binary is not None:
        from joytui.codex.agreement import ask_knowledge

        asked, rules = ask_knowledge(invocation, binary, rules)
    command, refusals = parse_arguments(invocation.args, rules)
    env.update(command.env)
    home = home_of(env, invocation.home)
    state = Survey(invocation, rules, command, binary, bool(version), home, home / ".codex", env, asked)
    for refusal in refusals:
        state.add(
            "codex-flag-unsupported", "refuses", Stage.ARGUMENTS, _refused(refusal, rules.version),
            message=refusal.message, where="flag", details={"flag": refusal.flag, "version": rules.version},
        )  # fmt: skip
    _features(state)
    _working_folder(state)
    if _codex_home(state):
        _dotenv(state)
        _layers(state)
        _judge(state)
    if asked is not None:
        from joytui.codex.agreement import ask_about_configuration

        ask_about_configuration(state)
    return state


def _refused(refusal: Refusal, version: str) -> str:
    if refusal.message.startswith("error: unexpected argument"):
        return f"Codex {version} does not know {refusal.flag}"
    return f"Codex {version} does not accept {refusal.flag} like this"


def _codex_home(state: Survey) -> bool:
    named = state.env.get("CODEX_HOME", "")
    if not named:
        return True
    state.codex_home = Path(os.path.abspath(state.invocation.cwd / named))
    wrong = no_folder(state.codex_home)
    if wrong is None:
        return True
    reason, met = wrong
    told = (
        f'CODEX_HOME points to "{named}", but {reason}' if not met else f'failed to read CODEX_HOME "{named}": {reason}'
    )
    state.add(
        "codex-home-invalid", "refuses", Stage.CODEX_HOME, f"CODEX_HOME names {named}, {'but' if not met else 'which cannot be read:'} {reason}",
        message=f"Error finding codex home: {told}", where="environment", details={"codex_home": named},
    )  # fmt: skip
    return False


def _features(state: Survey) -> None:
    for name in (*state.command.enable, *state.command.disable):
        if not feature_known(name, state.rules):
            state.add(
                "codex-flag-unsupported", "refuses", Stage.FEATURES, f"Codex {state.rules.version} has no feature {name}",
                message=f"Error: Unknown feature flag: {name}", where="flag", details={"feature": name},
            )  # fmt: skip


def _working_folder(state: Survey) -> None:
    named = state.command.cd
    if named is None:
        return
    try:
        os.stat(state.invocation.cwd / named)
    except OSError as error:
        state.add(
            "codex-flag-unsupported", "refuses", Stage.FOLDER, f"-C names {named}, and there is no such folder",
            message=f"Error: {error.strerror} (os error {error.errno})", where="flag -C", details={"flag": "-C", "path": named},
        )  # fmt: skip


def _dotenv(state: Survey) -> None:
    path = state.codex_home / ".env"
    try:
        raw = layering.content_of(path, state.invocation.instead, MAX_DOTENV + 1)
        text = raw.decode("utf-8") if len(raw) <= MAX_DOTENV else ""
    except (OSError, UnicodeDecodeError):
        return
    if len(raw) > MAX_DOTENV:
        told = f"{path} is larger than {MAX_DOTENV >> 20} MiB: joytui does not read it, and Codex takes every variable that it sets"
        state.add("config-unreadable", "warns", Stage.WARNED, told, where=str(path))
    state.dotenv = read_dotenv(text, state.env)
    for item in state.dotenv:
        state.env[item.name] = item.value
        state.env_origins[item.name] = f"{path}:{item.line}"


def _layers(state: Survey) -> None:
    command, home, system = state.command, state.codex_home, state.invocation.system_dir
    instead = state.invocation.instead
    state.layers.append(layering.load_file("system", system / "config.toml", instead))
    user = layering.load_file("user", home / "config.toml", instead)
    state.layers.append(_ignored(user) if command.ignore_user_config else user)
    if command.profile and not state.rules.legacy_profiles:
        profile = layering.load_file("profile", home / f"{command.profile}.config.toml", instead)
        state.layers.append(_ignored(profile) if command.ignore_user_config else profile)
    below = layering.merged(state.layers)
    cwd = state.invocation.cwd / command.cd if command.cd else state.invocation.cwd
    if command.trust:
        _trust(state, below, cwd)
    state.layers += layering.project_layers(cwd, below, home, state.rules, instead)
    trusted = [dot for dot, trust in layering.project_folders(cwd, below, home) if trust]
    state.rule_folders = [dot / "rules" for dot in (home, *trusted)]
    try:
        state.layers.append(layering.flag_layer(command))
    except OverrideError as error:
        state.add(
            "config-type",
            "refuses",
            Stage.OVERRIDES,
            "a -c override that Codex cannot read",
            message=str(error),
            where="flag",
        )
    state.layers.append(layering.load_file("managed", system / "managed_config.toml", instead))
    requirements = load_requirements(system, state.rules)
    state.layers.append(forced(requirements))
    if state.rules.legacy_profiles:
        _legacy_profile(state)
    state.config = layering.merged(state.layers)
    state.issues += requirement_issues(requirements, state.config, command)


def _trust(state: Survey, below: dict[str, Any], cwd: Path) -> None:
    if refused := layering.trust_by_flag(below, cwd):
        state.add(
            "codex-flag-unsupported", "refuses", Stage.TRUST, f"--trust, and {refused} is marked as untrusted",
            message=f"Error: {refused} is marked as untrusted. Update its trust setting first.",
            where=state.where(("projects", refused, "trust_level")), details={"flag": "--trust", "path": refused},
        )  # fmt: skip


def _ignored(layer: Layer) -> Layer:
    if layer.state in ("used", "broken"):
        layer.state = "ignored"
    return layer


def _legacy_profile(state: Survey) -> None:
    """`profile = "x"` and `-p x` of 0.120 and older: a table of the configuration, laid over the rest."""
    config = layering.merged(state.layers)
    name = state.command.profile or config.get("profile")
    if not isinstance(name, str) or not name:
        return
    profiles = config.get("profiles")
    profiles = profiles if isinstance(profiles, dict) else {}
    table = profiles.get(name)
    if not isinstance(table, dict):
        state.add(
            "profile-missing", "refuses", Stage.PERMISSIONS, f"no profile named {name}", message=f"Error: config profile `{name}` not found",
            where="flag" if state.command.profile else state.where(("profile",)), key="profile",
            details={"profile": name, "defined": sorted(profiles)},
        )  # fmt: skip
        return
    owner = state.setter(("profiles", name))
    layer = Layer("profile", owner.path if owner else None, data=table)
    layer.flag_origins = {key: owner.origin(("profiles", name, key)) for key in table} if owner else {}
    state.layers.append(layer)


# --- what is wrong with them


def _judge(state: Survey) -> None:
    for layer in state.layers:
        _file_fault(state, layer)
    if not any(
        issue.stage == Stage.FILES and issue.details.get("layer") in ("system", "user") for issue in state.issues
    ):
        _profile_conflict(state)
    if state.command.strict_config:
        _strict(state)
    _types(state)
    _late(state)


def _file_fault(state: Survey, layer: Layer) -> None:
    fault = layer.fault
    if fault is None or layer.state != "broken":
        return
    if fault.kind == "too large":
        state.add(
            "config-unreadable", "refuses", Stage.FILES, fault.message, where=fault.where, details={"layer": layer.name}
        )
        return
    if fault.kind == "unreadable":
        said = fault.message
        if not state.rules.says_no_file:
            said = said.replace(f"path `{layer.path}` is not a file", "Is a directory (os error 21)")
        state.add(
            "config-unreadable", "refuses", Stage.FILES, f"Codex cannot read {fault.where}", message=f"{LOADING} {said}",
            where=fault.where, details={"layer": layer.name},
        )  # fmt: skip
        return
    text = f"{LOADING}\n{fault.message}\n{fault.excerpt}"
    if layer.name == "project" and (place := re.search(r":(\d+):(\d+): ", fault.message)):
        at = f"TOML parse error at line {place[1]}, column {place[2]}"
        text = f"{LOADING} Error parsing project config file {layer.path}: {at}"
    state.add(
        "config-syntax", "refuses", Stage.FILES, f"TOML syntax: {fault.message.partition(': ')[2]}", message=text, where=fault.where, details={"layer": layer.name},
    )  # fmt: skip


def _profile_conflict(state: Survey) -> None:
    name = state.command.profile
    user = next((layer for layer in state.layers if layer.name == "user" and layer.state == "used"), None)
    if not name or user is None or state.rules.legacy_profiles:
        return
    profiles = user.data.get("profiles")
    in_table = isinstance(profiles, dict) and name in profiles
    if not in_table and user.data.get("profile") != name:
        return
    file = state.codex_home / f"{name}.config.toml"
    text = (
        f'{LOADING} --profile `{name}` cannot be used while {user.path} contains legacy `profile = "{name}"` or '
        f"`[profiles.{name}]` config; move those settings into {file} and remove the legacy profile selector/table. "
        "See https://developers.openai.com/codex/config-advanced#profiles for more information."
    )
    path = ("profiles", name) if in_table else ("profile",)
    state.add(
        "profile-legacy", "refuses", Stage.PROFILE_CONFLICT, f"-p {name} and the older [profiles.{name}] exclude each other", message=text,
        where=user.origin(path), key=".".join(path), details={"profile": name, "file": str(file)},
    )  # fmt: skip


def _strict(state: Survey) -> None:
    """--strict-config: unknown flags first, then each file by itself: its types, its providers, its unknown fields."""
    flags = next((layer for layer in state.layers if layer.name == "flags"), None)
    readable = flags is not None and not any(
        True for _ in _faults(state, flags.data)
    )  # of others Codex tells features only
    for path in unknown_keys(flags.data, state.rules) if flags else ():
        if not readable and path[0] != "features":
            continue
        shown = _dotted(path)
        _refuse_unknown(state, flags, path, f"{LOADING} unknown configuration field `{shown}` in -c/--config override")
    for layer in state.used():
        if layer.document is None:
            continue
        for fault in _faults(state, layer.data):
            place = fault_place(layer, fault)
            state.add(
                fault.cause, "refuses", _strict_stage(layer), fault.message.split("\n")[0],
                message=f"{LOADING}\n{place}: {fault.message}", where=layer.origin(fault.path), key=_dotted(fault.path),
                details={"layer": layer.name, "strict": True},
            )  # fmt: skip
        for path in sorted(unknown_keys(layer.data, state.rules), key=lambda path: path[0] == "features"):
            text = f"{LOADING}\n{place_in(layer, path)}: unknown configuration field `{_dotted(path)}`"
            _refuse_unknown(state, layer, path, text)


def _refuse_unknown(state: Survey, layer: Layer | None, path: tuple[str | int, ...], text: str) -> None:
    shown = _dotted(path)
    state.add(
        "unknown-keys", "refuses", _strict_stage(layer), f"--strict-config refuses the unknown key {shown}",
        message=text, where=layer.origin(path) if layer else "flag", key=shown, details={"keys": [shown], "strict": True},
    )  # fmt: skip


def _strict_stage(layer: Layer | None) -> Stage:
    """Codex looks at the flags first, then at each file as it reads it."""
    if layer is None or layer.name == "flags":
        return Stage.STRICT_FLAGS
    return Stage.STRICT_FILES if layer.name in ("system", "user") else Stage.STRICT_OTHER_FILES


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(str(part) for part in path)


def _faults(state: Survey, data: dict[str, Any]) -> Iterator[TypeFault]:
    """What Codex refuses in a document, in its order: types, and after the last provider what is wrong with their tables."""
    rules = state.rules
    for key, value in data.items():
        yield from type_faults({key: value}, rules)
        if key != "model_providers" or not isinstance(value, dict):
            continue
        for name, table in value.items() if rules.requires_provider_name else ():
            if isinstance(table, dict) and "name" not in table:
                yield TypeFault("provider-invalid", "missing field `name`", ("model_providers", name), "")
        yield from table_faults(value, rules)


def _types(state: Survey) -> None:
    faults = list(_faults(state, state.config))
    early = next((f for f in faults if f.path[0] in ("projects", "project_root_markers")), None)
    if early is not None:
        _by_file(state, early)  # they are read before the layers merge; Codex then looks for the first fault of a file
    for fault in faults:
        _note(state, fault, Stage.TYPES)


def _by_file(state: Survey, early: TypeFault) -> None:
    for layer in state.used():
        for fault in _faults(state, layer.data) if layer.document else ():
            state.add(
                fault.cause, "refuses", Stage.FILE_TYPES, fault.message.split("\n")[0],
                message=f"{LOADING}\n{fault_place(layer, fault)}: {said_of_file(fault.message)}",
                where=layer.origin(fault.path), key=_dotted(fault.path), details={"layer": layer.name},
            )  # fmt: skip
            return
    state.add(
        early.cause, "refuses", Stage.FILE_TYPES, early.message, message=f"{LOADING} {early.message}\nin `{early.shown}`",
        where=state.where(early.path), key=_dotted(early.path),
    )  # fmt: skip


def _note(state: Survey, fault: TypeFault, stage: Stage) -> None:
    tail = f"\nin `{fault.shown}`" if fault.shown and state.rules.names_error_path else ""
    head = f"{LOADING} " if stage == Stage.TYPES else "Error: "
    setter = state.setter(fault.path)
    if not state.rules.names_error_path and stage == Stage.TYPES and setter is not None and setter.document is not None:
        head = f"{LOADING}\n{place_in(setter, fault.path, value=True)}: "
    state.add(
        fault.cause, "refuses", stage, fault.message.split("\n")[0], message=f"{head}{fault.message}{tail}",
        where=state.where(fault.path), key=_dotted(fault.path),
        details={"layer": setter.name} if setter else {},
    )  # fmt: skip


def _late(state: Survey) -> None:
    profile = state.config.get("profile")
    if isinstance(profile, str) and not state.rules.legacy_profiles:
        text = (
            f'Error: legacy `profile = "{profile}"` config is no longer supported; use `--profile {profile}` with '
            f"`{profile}.config.toml` instead"
        )
        state.add(
            "profile-legacy", "refuses", Stage.LEGACY_SELECTOR, f'`profile = "{profile}"` is no longer supported', message=text,
            where=state.where(("profile",)), key="profile", details={"profile": profile},
        )  # fmt: skip
    providers = state.config.get("model_providers")
    if isinstance(providers, dict):
        for fault in late_faults(providers, state.rules):
            _note(state, fault, Stage.LATE_PROVIDERS)
