"""Codex's world as plain data: what `look` found out about one invocation of Codex, in the order in which Codex meets it.

    Invocation      what the user typed and where: arguments, environment, folder, version
    World           the answer: version, CODEX_HOME, layers, effective values, provider, credential, request plan,
                    and three ordered lists of issues

An `Issue` is a fault or a peculiarity with its place. Its `effect` says what Codex does about it:

    refuses     Codex ends by itself: no request goes out             -> World.problems
    misroutes   Codex runs, and talks to OpenAI (or another) instead  -> World.problems
    suspect     the request goes out, and the gateway's answer decides -> World.suspicions
    warns       does not stop Codex                                    -> World.warnings
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, auto
from pathlib import Path
from typing import Any, Literal

from joytui.codex.asked import Asked
from joytui.core.records import EffectiveValue

Effect = Literal["refuses", "misroutes", "suspect", "warns"]
WireApi = Literal["responses", "chat"]
Shape = Literal["classic", "freeform", "lite"]
CredentialKind = Literal["env_key", "bearer_token", "auth_command", "openai_auth", "header", "none"]


@dataclass(frozen=True, slots=True)
class Invocation:
    """One start of Codex. `env` in the style of os.environ (undecodable bytes as lone surrogates).

    `ask`: let the installed Codex itself say what it knows and whether it loads (codex/asking.py).
    `instead`: what files would hold (path -> content), to look at a change before it is made; None: no such file.
    """

    args: tuple[str, ...]
    env: Mapping[str, str] = field(repr=False)
    cwd: Path
    codex_version: str | None = None
    system_dir: Path = Path("/etc/codex")
    home: Path | None = None  # the user's home; None: $HOME, else the account's
    instead: Mapping[str, bytes | None] = field(default_factory=dict, repr=False)
    ask: bool = False


class Stage(IntEnum):
    """Where on its way Codex meets a fault, in its order (0.169.0, observed). Within a stage issues stand as they were found."""

    ARGUMENTS = auto()
    FEATURES = auto()  # --enable, --disable
    OVERRIDES = auto()  # -c
    FOLDER = auto()  # -C
    CODEX_HOME = auto()
    STRICT_FLAGS = auto()  # --strict-config: what -c sets
    REQUIREMENTS = auto()  # requirements.toml itself
    STRICT_FILES = auto()  # --strict-config: the system's and the user's file
    PROFILE_CONFLICT = auto()  # -p against [profiles.*]
    FILES = auto()  # a file that cannot be read or parsed
    STRICT_OTHER_FILES = auto()  # --strict-config: profile, project, managed
    ALLOWED_LISTS = auto()  # what requirements.toml lists
    FILE_TYPES = auto()  # types of one file, where an early key is wrong
    TYPES = auto()  # types, wire_api, provider tables
    SANDBOX = auto()  # against requirements.toml
    OSS = auto()  # --oss without a provider
    PRESETS = auto()  # tui.presets
    TRUST = auto()  # --trust
    LEGACY_SELECTOR = auto()  # profile = …
    PERMISSIONS = auto()  # permissions, and the profiles of old versions
    LATE_PROVIDERS = auto()  # what is wrong with a provider's table, checked late
    PROVIDER = auto()  # no such provider
    AGENTS = auto()
    NAMED_FILES = auto()  # files that a key names
    CATALOG = auto()  # the model catalog
    ARGUMENT_FILES = auto()  # files that an argument names; --oss
    LAST_MESSAGE = auto()  # --output-last-message
    RULES = auto()  # command rules
    MODEL = auto()
    MCP = auto()  # required MCP servers
    DAEMON = auto()  # the background server
    KEY = auto()
    OUTPUT_SCHEMA = auto()
    URL = auto()
    MISROUTED = auto()
    SHADOWED_KEY = auto()
    DROPPED_KEY = auto()
    SUSPECTED = auto()  # what else the gateway's answer decides
    WARNED = auto()


@dataclass(frozen=True, slots=True)
class Issue:
    """`message` is what Codex prints for it (None: nothing), `where` "file:line" | "flag" | "environment" | None.

    `key` is the dotted key path in the configuration. `stage`: where on its way Codex meets it.
    """

    cause: str
    effect: Effect
    summary: str
    message: str | None = None
    where: str | None = None
    key: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    stage: Stage = Stage.ARGUMENTS


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one layer says about one key."""

    layer: str
    origin: str
    value: Any


@dataclass(frozen=True, slots=True)
class LayerInfo:
    """One layer, lowest precedence first in `World.layers`.

    `name`: "system", "user", "profile", "project", "flags", "managed",
    "requirements". `state`: "used", "missing", "untrusted" (ignored),
    "ignored" (by --ignore-user-config), "broken". `values` maps dotted key paths to (value, origin).
    """

    name: str
    path: str | None
    state: str
    values: Mapping[str, Wanted] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Provider:
    """The provider that Codex will use. `fields` has every field of `[model_providers.<id>]` with its origin.

    `builtin`: openai, ollama, … rather than a table of the user's.
    """

    id: str
    builtin: bool
    fields: Mapping[str, EffectiveValue] = field(repr=False)

    def get(self, name: str) -> Any:
        """The effective value of a field, None if it is unset."""
        found = self.fields.get(name)
        return found.value if found else None


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """A file that sets the key's variable. `fingerprint` tells values apart without showing them; None: not literal."""

    where: str
    fingerprint: str | None
    shell: str
    same: bool | None  # as the value that Codex gets; None: cannot be told


@dataclass(frozen=True, slots=True)
class Daemon:
    """A running background server of Codex (>= 0.157) and what its environment holds for the key's variable.

    `key_state`: "same", "different", "unset", "unknown". `differs`: names of other variables that differ (proxies, CA).
    """

    pid: int
    started: str | None
    key_state: str
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Credential:
    """Where the Authorization header comes from. `value` is the key as bytes (never to be shown), None if there is none.

    `header` is the Authorization as sent, None if none is sent. `sent`: "verbatim", "dropped" (Codex silently omits
    it), "none". `origin`: "environment", "$CODEX_HOME/.env:line", "file:line", "auth.json", "command".
    """

    kind: CredentialKind
    variable: str | None
    origin: str | None
    value: bytes | None = field(repr=False)
    header: bytes | None = field(repr=False)
    sent: Literal["verbatim", "dropped", "none"]
    fingerprint: str | None = None
    places: tuple[KeyPlace, ...] = ()
    daemon: Daemon | None = None
    shell_value_fingerprint: str | None = None  # where .env shadows another value of the shell


@dataclass(frozen=True, slots=True)
class ProxyUse:
    """The proxy for the request URL. `url` None: direct. `variable`: which variable set it (or which exempts it)."""

    url: str | None
    variable: str | None
    value: str | None
    valid: bool = True


@dataclass(frozen=True, slots=True)
class RequestPlan:
    """The request that Codex will send. `url` is the composed text as Codex shows it, `wire_url` as it goes on the wire.

    `headers` are (name, value) with the key as bytes, in Codex's order, without Host and Content-Length.
    `ca_file`/`ca_variable`: an own CA bundle.
    `builder_error`: Codex cannot build a request from this URL.
    """

    method: str
    url: str
    wire_url: str
    headers: tuple[tuple[str, bytes], ...] = field(repr=False)
    wire_api: WireApi
    shape: Shape
    model: str
    proxy: ProxyUse
    ca_variable: str | None
    ca_file: str | None
    request_max_retries: int
    stream_max_retries: int
    stream_idle_timeout_ms: int
    builder_error: str | None = None
    base_url: str = ""
    unpacks: bool = False  # 0.171 and later: gzip and zstd answers are unpacked


@dataclass(frozen=True, slots=True)
class RemoteServer:
    """The app server that `codex --remote` talks to: its address as Codex shows it, and the token (never to be shown)."""

    address: str
    token_variable: str | None
    token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class CodexBinary:
    """The Codex on PATH. `kind`: "npm", "homebrew", "standalone", "unknown". `version` None: it did not say."""

    path: str
    kind: str
    version: str | None


@dataclass(frozen=True, slots=True)
class Command:
    """The arguments understood: subcommand ("" is the TUI), flags that matter, the rest as it was."""

    subcommand: str = ""
    overrides: tuple[str, ...] = ()
    model: str | None = None
    profile: str | None = None
    oss: bool = False
    local_provider: str | None = None
    ignore_user_config: bool = False
    ignore_rules: bool = False
    trust: bool = False
    strict_config: bool = False
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()
    cd: str | None = None
    json: bool = False
    output_schema: str | None = None
    last_message: str | None = None
    sandbox: str | None = None
    prompt: str | None = None
    shown: tuple[str, ...] = field(
        default=(), compare=False
    )  # all arguments as a report may show them, without the prompt
    remote: str | None = None
    remote_token_variable: str | None = None
    passed: tuple[str, ...] = field(default=(), repr=False)  # the flags as they were typed, for a question to Codex
    flags: tuple[str, ...] = ()  # the long names of all that were given
    env: Mapping[str, str] = field(default_factory=dict, repr=False)  # FOO=x codex …
    unknown: tuple[str, ...] = ()
    version: bool = False


@dataclass(frozen=True, slots=True)
class World:
    """Everything that `look` found. `plan` is None if Codex cannot come as far as a request (see `problems`)."""

    invocation: Invocation
    command: Command
    binary: CodexBinary | None
    version: str  # the version whose rules were applied
    version_known: bool  # False: no Codex found, the newest known rules were applied
    codex_home: str
    config_file: str
    layers: tuple[LayerInfo, ...]
    effective: Mapping[str, EffectiveValue]
    wanted: Mapping[str, tuple[Wanted, ...]] = field(repr=False)  # per key, what each layer wanted, the winner first
    provider: Provider | None
    wire_api: WireApi
    credential: Credential | None
    plan: RequestPlan | None
    problems: tuple[Issue, ...]
    suspicions: tuple[Issue, ...]
    warnings: tuple[Issue, ...]
    secrets: tuple[str, ...] = field(repr=False, default=())  # for the Redactor
    codex_env: Mapping[str, str] = field(repr=False, default_factory=dict)  # after $CODEX_HOME/.env
    asked: Asked | None = None  # what the installed Codex answered; None: it was not to be asked
    remote: RemoteServer | None = None  # --remote: nothing here is used but this

    @property
    def folders(self) -> frozenset[str]:
        """Where the files of its configuration are, or would be."""
        return frozenset(os.path.dirname(layer.path) for layer in self.layers if layer.path)
