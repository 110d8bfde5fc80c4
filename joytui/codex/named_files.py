"""Files that a key or an argument names, and what Codex refuses in them and beside them once its configuration is read.

Source: Codex 0.169.0, observed: permissions come before the provider is looked for, agents after it; then instructions,
the model catalog, the output schema, the file for the last message.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from joytui.codex.layers import content_of, git_root
from joytui.codex.mcp_servers import not_starting
from joytui.codex.survey import Survey
from joytui.codex.world import Stage
from joytui.core.plain_file import NotPlainError, plain_content

_FILE_KEYS = {
    "model_instructions_file": "model instructions file",
    "experimental_compact_prompt_file": "experimental compact prompt file",
}
_BUILT_IN_PERMISSIONS = (":read-only", ":workspace", ":danger-full-access")
_OWN_SANDBOX = (
    "--yolo",
    "--dangerously-bypass-approvals-and-sandbox",
    "--full-auto",
    "--approve-for-me",
)
_MODEL_FIELDS = ("slug", "display_name", "supported_reasoning_levels", "shell_type", "visibility", "supported_in_api", "priority")  # fmt: skip
_CATALOG_LIMIT = 32 * 2**20


def check_named(state: Survey) -> None:
    """Adds the faults to the survey."""
    _agents(state)
    if state.rules.checks_named_files:
        _permissions(state)
        _presets(state)
        _required_servers(state)
    for key, what in _FILE_KEYS.items():
        value = state.config.get(key)
        if isinstance(value, str) and (reason := _unreadable(state, _resolved(state, value))):
            state.add(
                "config-type", "refuses", Stage.NAMED_FILES, f"{key} does not name a readable file",
                message=f"Error: failed to read {what} {_resolved(state, value)}: {reason}", where=state.where((key,)), key=key,
                details={"path": value},
            )  # fmt: skip
    if state.rules.reads_model_catalog:
        _catalog(state)
    _argument_files(state)


def _resolved(state: Survey, value: str) -> Path:
    """Only the own home is meant by "~"; a user's name after it would be a file's name."""
    return state.home / value[2:] if value.startswith("~/") else state.codex_home / value


def _unreadable(state: Survey, path: Path) -> str | None:
    """Why a file cannot be read, in Codex's words; None if it can."""
    try:
        content_of(path, state.invocation.instead, 0)
    except (IsADirectoryError, NotPlainError):
        return f"path `{path}` is not a file"
    except OSError as error:
        return f"{error.strerror} (os error {error.errno})"
    except ValueError:
        return _NUL
    return None


_NUL = "file name contained an unexpected NUL byte"


# --- the model catalog


def _catalog(state: Survey) -> None:
    named = state.config.get("model_catalog_json")
    if not isinstance(named, str):
        return
    path = _resolved(state, named)
    message = _catalog_fault(state, path)
    if message is not None:
        readable = "os error" not in message and message != _NUL
        summary = "the model catalog is not valid" if readable else "model_catalog_json does not name a readable file"
        state.add(
            "model-catalog-missing", "refuses", Stage.CATALOG, summary, message=f"Error: {message}",
            where=state.where(("model_catalog_json",)), key="model_catalog_json", details={"path": named, "problem": message, **({"readable": True} if readable else {})},
        )  # fmt: skip


def _catalog_fault(state: Survey, path: Path) -> str | None:
    """What Codex says about this catalog; None if it is one."""
    try:
        raw = content_of(path, state.invocation.instead, _CATALOG_LIMIT)
    except NotPlainError:
        raw = b""
    except OSError as error:
        return f"{error.strerror} (os error {error.errno})"
    except ValueError:
        return _NUL
    failed = f"failed to parse model_catalog_json path `{path}` as JSON:"
    try:
        data = json.loads(raw)
    except (ValueError, RecursionError) as error:
        at = f" at line {error.lineno} column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        return f"{failed} {'EOF while parsing a value at line 1 column 0' if not raw.strip() else f'it does not parse{at}'}"
    models = data[0] if isinstance(data, list) and data else data.get("models") if isinstance(data, dict) else None
    if not isinstance(models, list):
        return f"{failed} missing field `models`"
    if not models:
        return f"model_catalog_json path `{path}` must contain at least one model"
    missing = [name for one in models if isinstance(one, dict) for name in _MODEL_FIELDS if name not in one]
    if missing:
        return f"{failed} missing field `{missing[0]}`"
    return None if all(isinstance(one, dict) for one in models) else f"{failed} a model is no object"


# --- arguments


def _argument_files(state: Survey) -> None:
    cwd, command = state.invocation.cwd, state.command
    if command.output_schema and (told := _schema_fault(cwd / command.output_schema, command.output_schema)):
        _refuse_argument(state, "--output-schema", command.output_schema, told, Stage.ARGUMENT_FILES)
    if command.last_message:
        path = cwd / command.last_message
        reason = "Is a directory (os error 21)" if os.path.isdir(path) else _no_parent(path)
        if reason:
            told = f'Error: Failed to open last message file "{command.last_message}": {reason}'
            _refuse_argument(state, "--output-last-message", command.last_message, told, Stage.LAST_MESSAGE)
    works_in = (cwd / (command.cd or "")).absolute()
    if "--worktree" in command.flags and git_root(works_in) is None:
        state.add(
            "codex-flag-unsupported", "refuses", Stage.ARGUMENT_FILES, f"--worktree needs a git repository, and {works_in} is in none",
            message="Error: git command failed: fatal: not a git repository (or any of the parent directories): .git", where="flag",
            details={"flag": "--worktree"},
        )  # fmt: skip


def _no_parent(path: Path) -> str | None:
    """Why no file can be written there: the folder is missing, or may not be entered or changed."""
    try:
        os.stat(path.parent / ".")
    except OSError as error:
        return f"{error.strerror} (os error {error.errno})"
    place, right = (path, os.W_OK) if os.path.exists(path) else (path.parent, os.W_OK | os.X_OK)
    may = os.access(place, right, effective_ids=os.access in os.supports_effective_ids)
    return None if may else "Permission denied (os error 13)"


def _schema_fault(path: Path, shown: str) -> str | None:
    try:
        json.loads(plain_content(path))
    except OSError as error:
        return f"Failed to read output schema file {shown}: {error.strerror} (os error {error.errno})"
    except (ValueError, RecursionError):
        return f"Output schema file {shown} is not valid JSON"
    return None


def _refuse_argument(state: Survey, flag: str, value: str, message: str, stage: Stage) -> None:
    state.add(
        "codex-flag-unsupported", "refuses", stage, f"{flag} names a file that Codex cannot use: {value}", message=message,
        where=f"flag {flag}", details={"flag": flag, "path": value},
    )  # fmt: skip


# --- permissions, agents, servers


def _refuse(state: Survey, stage: Stage, message: str, *path: str) -> None:
    state.add(
        "config-type",
        "refuses",
        stage,
        message,
        message=f"Error: {message}",
        where=state.where(path),
        key=".".join(path),
    )


def _permissions(state: Survey) -> None:
    if state.command.sandbox or any(one in _OWN_SANDBOX for one in state.invocation.args):
        return
    chosen, tables = state.config.get("default_permissions"), state.config.get("permissions")
    profiles = tables if isinstance(tables, dict) else {}
    if not isinstance(chosen, str):
        if profiles and "sandbox_mode" not in state.config:
            text = "config defines `[permissions]` profiles but does not set `default_permissions`"
            _refuse(state, Stage.PERMISSIONS, text, "permissions")
        return
    if chosen.startswith(":"):
        if chosen not in _BUILT_IN_PERMISSIONS:
            _refuse(
                state,
                Stage.PERMISSIONS,
                f"default_permissions refers to unknown built-in profile `{chosen}`",
                "default_permissions",
            )
    elif not profiles:
        _refuse(state, Stage.PERMISSIONS, "default_permissions requires a `[permissions]` table", "default_permissions")
    elif chosen not in profiles:
        _refuse(
            state,
            Stage.PERMISSIONS,
            f"default_permissions refers to undefined profile `{chosen}`",
            "default_permissions",
        )
    elif told := _inheritance(chosen, profiles):
        _refuse(state, Stage.PERMISSIONS, told, "permissions", chosen, "extends")


def _presets(state: Survey) -> None:
    """`[tui.presets.<slot>]`: quick dials have one digit each."""
    tui = state.config.get("tui")
    presets = tui.get("presets") if isinstance(tui, dict) else None
    for slot in presets if isinstance(presets, dict) else ():
        if not (len(slot) == 1 and slot.isascii() and slot.isdecimal()):
            _refuse(
                state,
                Stage.PRESETS,
                f"tui.presets.{slot}: slot must be a single digit from 0 to 9",
                "tui",
                "presets",
                slot,
            )
            return


def _inheritance(name: str, profiles: Mapping[str, Any]) -> str | None:
    """What is wrong with the chain of `extends` that begins at this profile."""
    chain = [name]
    while True:
        table = profiles.get(chain[-1])
        parent = table.get("extends") if isinstance(table, dict) else None
        if not isinstance(parent, str) or parent in _BUILT_IN_PERMISSIONS:
            return None
        if parent.startswith(":"):
            return f"permissions profile `{chain[-1]}` cannot extend unsupported built-in profile `{parent}`"
        if parent not in profiles:
            return f"permissions profile `{chain[-1]}` extends undefined profile `{parent}`"
        if parent in chain:
            return f"permissions profile inheritance cycle detected: {' -> '.join([*chain, parent])}"
        chain.append(parent)


def _agents(state: Survey) -> None:
    table = state.config.get("agents")
    if not isinstance(table, dict):
        return
    newer = ("max_concurrent_threads_per_session",) if state.rules.has_concurrent_threads_key else ()
    for name in ("max_threads", *newer):
        if table.get(name) == 0 and table.get(name) is not False:
            _refuse(state, Stage.AGENTS, f"agents.{(*newer, name)[0]} must be at least 1", "agents", name)


def _required_servers(state: Survey) -> None:
    for name, reason in not_starting(state.config.get("mcp_servers"), state.env):
        text = (
            "thread/start: thread/start failed: error creating thread: Fatal error: Failed to initialize session: required MCP "
            f"servers failed to initialize: {name}: {reason} (code -32603)"
        )
        state.add(
            "config-type", "refuses", Stage.MCP, f"the required MCP server {name} cannot start: {reason}", message=f"Error: {text}",
            where=state.where(("mcp_servers", name)), key=f"mcp_servers.{name}", details={"server": name},
        )  # fmt: skip
