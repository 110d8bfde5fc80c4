"""/etc/codex/requirements.toml: what an administrator forces or forbids, as Codex 0.169 treats it.

Observed: `model_provider` and `model_providers` here beat every other layer; a sandbox mode that is not allowed ends a
run that may not ask for approval; other limits (approval policies, web search) only make Codex fall back with a warning;
a file that does not parse ends Codex before it reads any configuration; unknown keys only warn.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from joytui.codex.layers import Layer, load_file
from joytui.codex.versions import Rules
from joytui.codex.world import Command, Issue, Stage

_FORCED = ("model_provider", "model_providers")
_SANDBOX_MODES = ("read-only", "workspace-write", "danger-full-access", "external-sandbox")
_LISTS = (
    "allowed_approval_policies", "allowed_approvals_reviewers", "allowed_sandbox_modes", "allowed_web_search_modes",
    "allowed_login_methods",
)  # fmt: skip
_NEVER_EMPTY = ("allowed_approval_policies", "allowed_approvals_reviewers")


def load_requirements(system_dir: Path, rules: Rules) -> Layer:
    """The file as a layer; its data are the whole file."""
    layer = load_file("requirements", system_dir / "requirements.toml")
    if not rules.reads_requirements and layer.state == "used":
        layer.state = "ignored"
    return layer


def forced(layer: Layer) -> Layer:
    """The layer of the keys that this file sets over everything else."""
    data = {key: layer.data[key] for key in _FORCED if key in layer.data} if layer.state == "used" else {}
    state = "used" if data else layer.state
    return Layer("requirements", layer.path, state if state != "broken" else "ignored", data, layer.document)


def requirement_issues(layer: Layer, config: dict[str, Any], command: Command) -> list[Issue]:
    """What Codex refuses because of this file, its own faults first."""
    if layer.fault is not None and layer.state == "broken":
        return [_broken(layer)]
    if layer.state != "used":
        return []
    return [*_wrong_types(layer), *_sandbox(layer, config, command)]


def _broken(layer: Layer) -> Issue:
    fault = layer.fault
    assert fault is not None
    cause = "config-syntax" if fault.kind == "syntax" else "config-unreadable"
    place = fault.message.removeprefix(f"{layer.path}:").split(":")
    at = f"TOML parse error at line {place[0]}, column {place[1]}" if len(place) > 2 else fault.message
    text = f"Error loading config.toml: failed to parse requirements layer {layer.path}: {at}"
    return Issue(
        cause,
        "refuses",
        f"{layer.path} does not parse",
        text,
        fault.where,
        details={"layer": layer.name},
        stage=Stage.REQUIREMENTS,
    )


def _wrong_types(layer: Layer) -> list[Issue]:
    found = []
    for key in _LISTS:
        value = layer.data.get(key)
        if value == [] and key in _NEVER_EMPTY:
            text = f"field `{key}` cannot be empty"
            found.append(
                Issue(
                    "requirements-violated",
                    "refuses",
                    text,
                    f"Error loading config.toml: {text}",
                    layer.origin((key,)),
                    key,
                    stage=Stage.ALLOWED_LISTS,
                )
            )
            continue
        if value is None or isinstance(value, list):
            bad = [v for v in value or () if key == "allowed_sandbox_modes" and v not in _SANDBOX_MODES]
            if not bad:
                continue
            listed = ", ".join(f"`{mode}`" for mode in _SANDBOX_MODES)
            what = f"unknown variant `{bad[0]}`, expected one of {listed}"
        else:
            what = f"invalid type in {key}, expected a sequence"
        text = f"Error loading config.toml: failed to parse requirements layer {layer.path}: {what}\nin `{key}`"
        found.append(Issue("config-type", "refuses", what, text, layer.origin((key,)), key, stage=Stage.REQUIREMENTS))
    return found


def _sandbox(layer: Layer, config: dict[str, Any], command: Command) -> list[Issue]:
    allowed = layer.data.get("allowed_sandbox_modes")
    if not isinstance(allowed, list):
        return []
    where = layer.origin(("allowed_sandbox_modes",))
    details = {"allowed": allowed}
    if "read-only" not in allowed:
        named = ", ".join("".join(word.capitalize() for word in str(mode).split("-")) for mode in allowed)
        text = (
            f"Error loading config.toml: invalid value for `allowed_sandbox_modes`: `[{named}]` is not in the allowed set must "
            f"include 'read-only' to allow any PermissionProfile (set by {layer.path})"
        )
        summary = "allowed_sandbox_modes leaves out read-only"
        return [
            Issue(
                "requirements-violated",
                "refuses",
                summary,
                text,
                where,
                "allowed_sandbox_modes",
                details,
                Stage.ALLOWED_LISTS,
            )
        ]
    mode = command.sandbox or config.get("sandbox_mode")
    policies = layer.data.get("allowed_approval_policies")
    asks = isinstance(policies, list) and "never" not in policies
    if not isinstance(mode, str) or mode in allowed or asks:
        return []
    text = (
        f'Error: `approval_policy = "never"` cannot be used because requirements do not allow `sandbox_mode = "{mode}"`; Codex '
        "would fall back to read-only permissions with approvals disabled. Choose an `approval_policy` based on what you need, "
        "such as `on-request`, or choose an allowed sandbox mode."
    )
    summary = f"requirements.toml does not allow the sandbox mode {mode}"
    return [
        Issue(
            "requirements-violated",
            "refuses",
            summary,
            text,
            where,
            "sandbox_mode",
            {**details, "mode": mode},
            Stage.SANDBOX,
        )
    ]
