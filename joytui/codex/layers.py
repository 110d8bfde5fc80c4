"""Codex's configuration layers: where each one is, what it says, and the deep merge of all of them.

Lowest first: built-in defaults, /etc/codex/config.toml, $CODEX_HOME/config.toml, $CODEX_HOME/<profile>.config.toml,
the project's .codex/config.toml files (from its root to cwd), session flags, /etc/codex/managed_config.toml.
A table keeps the order in which its keys first appeared, and Codex checks values in that order.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from joytui.codex.toml_reader import Document, TomlError, read_toml
from joytui.codex.versions import Rules
from joytui.codex.world import Command
from joytui.core.plain_file import NotPlainError, plain_content

# The values that Codex 0.169 starts from, in its order (they decide which of two wrong values it names first).
DEFAULTS: dict[str, Any] = {
    "include_permissions_instructions": True,
    "include_apps_instructions": True,
    "include_collaboration_mode_instructions": True,
    "include_environment_context": True,
    "include_environment_context_time": True,
    "cli_auth_credentials_store": "file",
    "mcp_oauth_credentials_store": "auto",
    "project_doc_max_bytes": 32768,
    "project_doc_fallback_filenames": [],
    "background_terminal_max_timeout": 300000,
    "file_opener": "vscode",
    "hide_agent_reasoning": False,
    "chatgpt_base_url": "https://chatgpt.com/backend-api/",
    "project_root_markers": [".git"],
    "history": {"persistence": "save-all"},
}
PROJECT_DENIED = (
    "openai_base_url", "chatgpt_base_url", "apps_mcp_product_sku", "model_provider", "model_providers", "notify", "profile",
    "profiles", "experimental_realtime_webrtc_call_base_url", "experimental_realtime_ws_base_url", "otel",
)  # fmt: skip
MAX_NAMES = 240
MAX_FILE = 8 * 2**20


@dataclass(frozen=True, slots=True)
class LayerFault:
    """A file that Codex cannot read or parse. `kind`: "syntax", "unreadable", or "too large" for joytui."""

    kind: str
    message: str
    where: str
    excerpt: str = ""


@dataclass(slots=True)
class Layer:
    """One layer: its data with the places of its keys, or what is wrong with it."""

    name: str
    path: str | None = None
    state: str = "used"
    data: dict[str, Any] = field(default_factory=dict)
    document: Document | None = None
    fault: LayerFault | None = None
    removed: tuple[str, ...] = ()  # keys of a project file that Codex does not take from there
    flag_origins: dict[str, str] = field(default_factory=dict)

    def origin(self, path: tuple[str | int, ...]) -> str:
        """Where this layer sets a key: "file:line", or the flag."""
        if self.document is None:
            for end in range(len(path), 0, -1):
                if found := self.flag_origins.get(".".join(str(p) for p in path[:end])):
                    return found
            return "flag" if self.name == "flags" else self.path or self.name
        line = self.document.line_of(path)
        return f"{self.path}:{line}" if line else str(self.path)


def load_file(name: str, path: Path, instead: Mapping[str, bytes | None] | None = None) -> Layer:
    """Reads one configuration file. A missing one is a layer in the state "missing"; nothing is raised."""
    shown = str(path)
    try:
        raw = content_of(path, instead or {}, MAX_FILE + 1)
    except FileNotFoundError:
        return Layer(name, shown, "missing")
    except OSError as error:
        if isinstance(error, NotADirectoryError) and name != "user":
            return Layer(name, shown, "missing")  # a project's `.codex` may be a file (observed), ~/.codex may not
        no_file = isinstance(error, (IsADirectoryError, NotPlainError))
        reason = f"path `{shown}` is not a file" if no_file else f"{error.strerror} (os error {error.errno})"
        text = f"Failed to read config file {shown}: {reason}"
        return Layer(name, shown, "broken", fault=LayerFault("unreadable", text, shown))
    if len(raw) > MAX_FILE:
        told = f"{shown} is larger than {MAX_FILE >> 20} MiB, so joytui does not read it"
        return Layer(name, shown, "broken", fault=LayerFault("too large", told, shown))
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return Layer(name, shown, "broken", fault=_not_utf8(shown, raw, error))
    return parse_text(name, shown, text)


def content_of(path: Path, instead: Mapping[str, bytes | None], limit: int = -1) -> bytes:
    """The content of a file, up to this many bytes. Raises OSError."""
    if str(path) not in instead:
        return plain_content(path, limit)
    content = instead[str(path)]
    if content is None:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(path))
    return content


def parse_text(name: str, shown: str, text: str) -> Layer:
    """A layer from the text of its file."""
    try:
        document = read_toml(text)
    except TomlError as error:
        return Layer(name, shown, "broken", fault=_syntax(shown, error))
    return Layer(name, shown, data=document.data, document=document)


def _not_utf8(shown: str, raw: bytes, error: UnicodeDecodeError) -> LayerFault:
    width = error.end - error.start
    cut_short = error.end >= len(raw) and "unexpected end" in error.reason
    what = "incomplete utf-8 byte sequence" if cut_short else f"invalid utf-8 sequence of {width} bytes"
    return LayerFault("unreadable", f"Failed to read config file {shown}: {what} from index {error.start}", shown)


def _syntax(shown: str, error: TomlError) -> LayerFault:
    where = f"{shown}:{error.line}:{error.column}"
    return LayerFault("syntax", f"{where}: {error.message}", f"{shown}:{error.line}", excerpt(error))


def excerpt(error: TomlError) -> str:
    """The line with carets under the fault, as Codex prints it."""
    gutter = " " * len(str(error.line))
    width = min(error.width, max(len(error.text) - error.column + 1, 1))
    return f"{gutter} |\n{error.line} | {error.text}\n{gutter} | {' ' * (error.column - 1)}{'^' * width}"


# --- session flags


class OverrideError(Exception):
    """A `-c` that Codex refuses, in its words."""


def flag_layer(command: Command) -> Layer:
    """The layer of `-c key=value`, `--enable`, `--disable`. Raises OverrideError."""
    layer = Layer("flags")
    for text in command.overrides:
        key, sign, raw = text.partition("=")
        if not sign:
            raise OverrideError(f"Error parsing -c overrides: Invalid override (missing '='): {text}")
        if not key.strip():
            raise OverrideError(f"Error parsing -c overrides: Empty key in override: {text}")
        if key.count(".") >= MAX_NAMES:
            raise OverrideError(
                f"a key of {key.count('.') + 1} names: joytui reads {MAX_NAMES} at most, and Codex crashes at 20,000"
            )
        _set(layer, key.strip(), override_value(raw.strip()), f"flag -c {key.strip()}")
    for name in command.enable:
        _set(layer, f"features.{name}", True, f"flag --enable {name}")
    for name in command.disable:
        _set(layer, f"features.{name}", False, f"flag --disable {name}")
    return layer


def override_value(raw: str) -> Any:
    """The value of a `-c`: TOML if it parses, else the raw text without outer quotes."""
    try:
        return read_toml(f"_x_ = {raw}").data["_x_"]
    except (TomlError, KeyError):
        return raw.strip().strip("\"'")


def _set(layer: Layer, dotted: str, value: Any, origin: str) -> None:
    parts = dotted.split(".")
    table = layer.data
    for part in parts[:-1]:
        child = table.get(part)
        if not isinstance(child, dict):
            child = table[part] = {}
        table = child
    table[parts[-1]] = value
    layer.flag_origins[dotted] = origin


# --- merging


def merge(base: dict[str, Any], overlay: Mapping[str, Any]) -> dict[str, Any]:
    """Codex's deep merge: tables merge, everything else is replaced. Changes and returns `base`."""
    for key, value in overlay.items():
        present = base.get(key)
        if isinstance(value, dict):
            base[key] = merge(present if isinstance(present, dict) else {}, value)
        else:
            base[key] = value
    return base


def merged(layers: list[Layer]) -> dict[str, Any]:
    """All used layers over the defaults."""
    result: dict[str, Any] = merge({}, DEFAULTS)
    for layer in layers:
        if layer.state == "used":
            merge(result, layer.data)
    return result


def lookup(data: Mapping[str, Any], path: tuple[str | int, ...]) -> tuple[bool, Any]:
    """Whether a path is set, and its value."""
    value: Any = data
    for part in path:
        if isinstance(value, dict) and part in value:
            value = value[part]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            value = value[int(part)]
        else:
            return False, None
    return True, value


def leaves(
    data: Mapping[str, Any], path: tuple[Any, ...] = (), *, into_lists: bool = False
) -> Iterator[tuple[tuple[Any, ...], Any]]:
    """Every value that is not a table, with its path (an empty table counts as a value). `into_lists`: also those of the tables
    in an array, whose place in it is a part of the path."""
    for key, value in data.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*path, key), into_lists=into_lists)
        elif into_lists and isinstance(value, list) and any(isinstance(one, dict) for one in value):
            for number, one in enumerate(value):
                if isinstance(one, dict):
                    yield from leaves(one, (*path, key, number), into_lists=True)
        else:
            yield (*path, key), value


# --- projects


def project_dirs(cwd: Path, markers: list[str]) -> tuple[Path, tuple[Path, ...]]:
    """The project root and the folders from it down to cwd."""
    here = Path(os.path.abspath(cwd))
    chain = [here, *here.parents]
    root = here
    if markers:
        root = next((d for d in chain if any(os.path.exists(d / m) for m in markers)), here)
    down = [d for d in chain if d == root or root in d.parents]
    return root, tuple(reversed(down))


def git_root(start: Path) -> Path | None:
    """The main repository's folder, also from inside a linked worktree."""
    for folder in (start, *start.parents):
        dot = folder / ".git"
        if os.path.isdir(dot):
            return folder
        if os.path.isfile(dot):
            try:
                target = dot.read_text("utf-8", "replace").partition("gitdir:")[2].strip()
            except OSError:
                return folder
            main = Path(target).parent.parent.parent
            return main if Path(target).parent.name == "worktrees" and os.path.isdir(main) else folder
    return None


def trusted(projects: Any, folder: Path, root: Path) -> bool:
    """Whether `[projects."…"] trust_level = "trusted"` covers this folder: by itself, its project root, or git root."""
    if not isinstance(projects, dict):
        return False
    for candidate in (folder, root, git_root(folder)):
        if candidate is None:
            continue
        for form in (os.path.normpath(candidate), os.path.realpath(candidate)):
            entry = projects.get(form)  # "/x/" and "/x/." in the file are other names than "/x" (observed)
            if isinstance(entry, dict) and "trust_level" in entry:
                return bool(entry["trust_level"] == "trusted")
    return False


def trust_by_flag(below: dict[str, Any], cwd: Path) -> str | None:
    """`--trust`: the project is written down as trusted (here: in `below`); the folder that is said where it stands as untrusted."""
    folder = os.path.normpath(git_root(cwd) or cwd)
    projects = below.setdefault("projects", {})
    entry = projects.get(folder) if isinstance(projects, dict) else None
    if isinstance(entry, dict) and entry.get("trust_level") == "untrusted":
        return folder
    if isinstance(projects, dict):
        projects[folder] = {"trust_level": "trusted"}
    return None


def project_folders(cwd: Path, below: Mapping[str, Any], codex_home: Path) -> Iterator[tuple[Path, bool]]:
    """Where the project's `.codex` folders would be, from its root to `cwd`, and whether each is trusted."""
    markers = below.get("project_root_markers", [".git"])
    marks = [m for m in markers if isinstance(m, str)] if isinstance(markers, list) else [".git"]
    root, folders = project_dirs(cwd, marks)
    for folder in folders:
        if os.path.realpath(folder / ".codex") != os.path.realpath(codex_home):
            yield folder / ".codex", trusted(below.get("projects"), folder, root)


def project_layers(
    cwd: Path,
    below: Mapping[str, Any],
    codex_home: Path,
    rules: Rules,
    instead: Mapping[str, bytes | None] | None = None,
) -> list[Layer]:
    """The project layers for a folder, given the merged configuration of the layers below (trust, root markers)."""
    found: list[Layer] = []
    for dot, trust in project_folders(cwd, below, codex_home):
        path = dot / "config.toml"
        if os.path.exists(path) or instead:  # in a folder that may not be searched: as if it were not there (observed)
            layer = _no_file(path) if os.path.isdir(path) else load_file("project", path, instead)
            if layer.state != "missing":
                found.append(_project_layer(layer, trust, rules))
    return found


def _no_file(path: Path) -> Layer:
    text = f"Failed to read project config file {path}: path `{path}` is not a file"
    return Layer("project", str(path), "broken", fault=LayerFault("unreadable", text, str(path)))


def _project_layer(layer: Layer, trust: bool, rules: Rules) -> Layer:
    if not trust:
        return Layer("project", layer.path, "untrusted", layer.data, layer.document)
    if layer.fault is not None:
        text = layer.fault.message.replace("Failed to read config file", "Failed to read project config file")
        layer.fault = replace(layer.fault, message=text)
    if layer.state == "used" and not rules.project_may_set_provider:
        removed = [key for key in PROJECT_DENIED if key in layer.data]
        kept = {k: v for k, v in layer.data.items() if k not in removed}
        features = kept.get("features")
        if isinstance(features, dict) and "respect_system_proxy" in features:
            removed.append("features.respect_system_proxy")
            kept["features"] = {k: v for k, v in features.items() if k != "respect_system_proxy"}
        layer.data, layer.removed = kept, tuple(removed)
    return layer
