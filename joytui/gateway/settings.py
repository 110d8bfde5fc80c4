"""The gateway's settings: the table [gateway] of the settings file, then the environment, then the command's options.

Each setting is a field with its documentation under it; `JOYTUI_GATEWAY_<NAME>` in the environment overrides the file
(lists separated by commas). Errors name file and line. Secrets are not settings: `upstream_key_env` names a variable.
"""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from joytui.core.errors import SettingsError
from joytui.core.joytoken import LOCAL_PORT
from joytui.core.money import parse_credits
from joytui.core.plain_file import settings_text
from joytui.gateway.addresses import parse_networks
from joytui.gateway.alerts.address import checked_webhook_url, shown_webhook
from joytui.gateway.upstreams.address import checked_fields, checked_headers, checked_url, checked_variable
from joytui.ledger.engines import shown

ENV_PREFIX = "JOYTUI_GATEWAY_"
STORE_VARIABLE = "JOYTUI_STORE"
"""Names the store for all commands that have to do with one; it goes before JOYTUI_GATEWAY_STORE."""
TABLE = "gateway"
PATHS = frozenset({"store", "tls_cert", "tls_key", "catalog"})
LOOPBACK = ("127.0.0.1", "localhost", "::1")

Credits = Annotated[str, BeforeValidator(lambda v: str(v) if isinstance(v, (int, float)) else v)]


class UpstreamSettings(BaseModel):
    """One of several upstreams: [[gateway.upstreams]]."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    name: str | None = None
    """Its name in the logs. Default: its host, or its address if another upstream has the same host."""
    url: str
    """An OpenAI base URL, to which /responses and /chat/completions are appended. https, or http on loopback."""
    key_env: str | None = None
    """The environment variable that holds its key. If that is not set, or none is named: the key that
    `joytui gateway upstream-key set NAME` stored in the system's keyring or in a file (0600)."""
    api: Literal["auto", "responses", "chat"] = "auto"
    """The API that it offers; auto finds out once and remembers it."""
    priority: int = 0
    """Lower numbers go first. The next ones are asked if those cannot be reached, or fail (5xx) before the first byte of an answer.
    An upstream that may still be working on a request, and may bill it, is waited for: the request is not sent elsewhere."""
    quirks: Annotated[list[str], BeforeValidator(lambda v: [v] if isinstance(v, str) else v)] = []
    """What its requests must look like, if its host does not show that: a vendor ("mistral", "groq", "openai", "gpt-5", "default"),
    and lessons as `joytui gateway upstreams` words them ("text only", "no stream_options"). One, or a list."""
    drop: list[str] = []
    """Fields that are never sent to it: ["parallel_tool_calls"]. If you drop max_tokens, the length of an answer is not limited: one
    to /chat/completions that is not streamed may cost more than was reserved for it."""
    extra_body: dict[str, Any] = {}
    """Fields that are added to each request to it: { enable_thinking = false }."""
    headers: dict[str, str] = {}
    """Headers that are added to each request to it; "$NAME" takes a secret from the environment variable NAME:
    { api-key = "$AZURE_KEY" }."""
    models: dict[str, str] = {}
    """Your names for its models: { fast = "vendor/model-7b" } lists fast, sends vendor/model-7b when a client
    asks for fast, and says fast in the answers that it translates."""
    connect_timeout_s: float | None = Field(default=None, gt=0)
    """How long to wait for a connection to it. Default: the gateway's connect_timeout_s."""
    idle_timeout_s: float | None = Field(default=None, gt=0)
    """How long it may be silent. Default: the gateway's idle_timeout_s."""

    @field_validator("url")
    @classmethod
    def _url(cls, value: str) -> str:
        return checked_url(value)

    @field_validator("key_env")
    @classmethod
    def _variable(cls, value: str | None) -> str | None:
        return checked_variable(value) if value else None

    @field_validator("quirks")
    @classmethod
    def _quirks(cls, value: list[str]) -> list[str]:
        if value:
            from joytui.gateway.upstreams.tailoring import told_quirks

            told_quirks(value)
        return value

    @field_validator("drop", "extra_body")
    @classmethod
    def _fields(cls, value: Any) -> Any:
        return checked_fields(value)

    @field_validator("headers")
    @classmethod
    def _headers(cls, value: dict[str, str]) -> dict[str, str]:
        return checked_headers(value)

    @field_validator("models")
    @classmethod
    def _models(cls, value: dict[str, str]) -> dict[str, str]:
        if not all(name.strip() and model.strip() for name, model in value.items()):
            raise ValueError("names of models cannot be empty")
        return value


class GatewaySettings(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    host: str = "127.0.0.1"
    """Where to listen. Addresses other than loopback need tls_cert and tls_key, or insecure."""
    port: int = Field(LOCAL_PORT, ge=0, le=65535)
    """0 takes a free one."""
    tls_cert: Path | None = None
    """Certificate chain (PEM)."""
    tls_key: Path | None = None
    """Its private key (PEM)."""
    insecure: bool = False
    """Listen without TLS beyond loopback: keys cross the network unencrypted."""
    allow_hosts: list[str] = []
    """Further names that clients may use for it (Host header): "gw.example.com" or "gw.example.com:8791"; behind a proxy, the
    proxy's name: "gw.example.com:443"."""
    trusted_proxies: list[str] = []
    """Addresses or CIDR ranges whose X-Forwarded-For is trusted. All others are ignored."""

    store: str | None = None
    """A SQLite file, or the URL of a PostgreSQL database that several gateways share: "postgresql://USER@HOST/DATABASE", with
    "?schema=NAME" for a schema other than joytui. Put its password into PGPASSWORD or a passfile. Default: a file in the data
    folder."""
    retention_days: int = Field(90, ge=0, le=36_500)
    """Request rows are deleted after this many days, sums stay; 0 keeps rows forever."""

    upstream: str | None = None
    """An OpenAI base URL. Without one the built-in offline model answers."""
    upstream_key_env: str | None = None
    """The environment variable that holds the upstream's key; otherwise the stored key, as for `upstreams`."""
    upstream_api: Literal["auto", "responses", "chat"] = "auto"
    """The API that the upstream offers; auto finds out once and remembers it."""
    upstreams: list[UpstreamSettings] = []
    """Several upstreams, by priority; `upstream` comes before them."""
    connect_timeout_s: float = Field(10.0, gt=0)
    """How long to wait for a connection to an upstream."""
    idle_timeout_s: float = Field(300.0, gt=0)
    """How long an upstream may be silent."""

    catalog: Path | None = None
    """A TOML file with models and prices. Default: the one that comes with joytui."""
    strict: bool = False
    """Refuse models that are not in the catalog (404) instead of passing them on."""
    auto_model: str | None = None
    """The model that replaces `auto` at an upstream that does not know it. Default: the router picks one."""
    default_model: str = "auto"
    """The model for requests that name none."""
    metadata: Literal["object", "array", "off"] = "object"
    """JoyToken's `metadata` in answers: an object as documented, or an array as its real answers have it."""

    alerts_url: str | None = None
    """A webhook that receives alerts; without one, they are only kept in the store. Slack's and Teams' own URLs are secrets:
    JOYTUI_GATEWAY_ALERTS_URL keeps them out of the file. No redirect is followed."""
    alerts_format: Literal["json", "slack", "teams"] = "json"
    """What the webhook accepts: JSON as in joytui/guide/alerts.md, a Slack message, or a Teams card."""
    alerts_secret_env: str | None = None
    """The environment variable that holds the secret that signs alerts ("whsec_…"); otherwise the one that
    `joytui gateway upstream-key set alerts-webhook` stored. Without one, alerts are not signed."""
    alerts_insecure: bool = False
    """Send alerts over plain http beyond this machine."""
    alerts_retry_s: float = Field(5.0, ge=0.05, le=3600)
    """How long to wait before an alert is sent again; twice as long each time, up to an hour, 14 tries in all."""

    default_output_tokens: int = Field(1024, ge=1)
    """Output tokens that are reserved for a request without max_tokens (JoyToken: 1024), and the step by which more are reserved
    while an answer continues: a stream ends when the next step cannot be reserved."""
    default_freeze: Credits = "1"
    """Credits to reserve for each step if no price is known; what the upstream does not bill costs what was reserved."""
    usd_per_credit: Credits | None = None
    """What a credit is worth in US dollars. With it, the gateway tells Codex what its turns cost (`codex.turn_cost` in Codex's
    telemetry); without it, no amounts are sent."""
    lease_s: int = Field(60, ge=5, le=1_000_000)
    """A request's reservation lapses after this time unless its gateway renews it: other gateways on the same store close the
    requests of a gateway that died after this time."""
    duplicate_window_s: int = Field(86_400, ge=0, le=100_000_000)
    """How long a client cannot use the same X-Request-ID again (409); 0 allows it."""

    max_body_bytes: int = Field(50 * 1024 * 1024, ge=1024)
    """The largest request body, also after decompression. JoyToken itself accepts 8 MiB; other upstreams have limits of their own."""
    max_bodies_bytes: int = Field(256 * 1024 * 1024, ge=1024 * 1024)
    """The total size of all bodies above 1 MiB in memory at the same time (503 beyond it; a single one is always accepted)."""
    max_header_bytes: int = Field(64 * 1024, ge=4096)
    """The total size of a request's headers."""
    request_wait_s: float = Field(30.0, gt=0)
    """How long a client may take to send a request's headers, and between two pieces of its body (408 after that)."""
    body_wait_s: float = Field(300.0, gt=0)
    """How long a client may take to send all of a request's body, even if it arrives steadily (408 after that)."""
    max_parallel: int = Field(1024, ge=1)
    """How many model requests may run at the same time."""
    max_parallel_per_key: int = Field(256, ge=1)
    """The same, for one key (429 beyond it)."""
    drain_s: float = Field(10.0, ge=0, le=1_000_000)
    """How long running requests may continue after the gateway was told to stop."""
    drain_delay_s: float = Field(0.0, ge=0, le=3600)
    """How long a gateway that was told to stop still accepts requests while `GET /readyz` says 503. Behind a proxy or load balancer:
    longer than the interval of its health checks."""
    lonely_s: float = Field(600.0, ge=0)
    """A gateway that a console started and that has no key ends after this time without a console (a console that was killed
    cannot stop it); 0: never."""
    metrics_public: bool = False
    """Serve /metrics without a token."""
    access_log: bool = False
    """One JSON line for each request on stderr (never with bodies or keys)."""

    @field_validator("upstream")
    @classmethod
    def _upstream(cls, value: str | None) -> str | None:
        return checked_url(value) if value else None

    @field_validator("upstream_key_env", "alerts_secret_env")
    @classmethod
    def _variable(cls, value: str | None) -> str | None:
        return checked_variable(value) if value else None

    @field_validator("trusted_proxies")
    @classmethod
    def _proxies(cls, value: list[str]) -> list[str]:
        parse_networks(value)
        return value

    @field_validator("default_freeze")
    @classmethod
    def _freeze(cls, value: str) -> str:
        parse_credits(value)
        return value

    @field_validator("usd_per_credit")
    @classmethod
    def _rate(cls, value: str | None) -> str | None:
        if value is not None and parse_credits(value) == 0:
            raise ValueError("must be more than 0")
        return value

    @model_validator(mode="after")
    def _listening(self) -> GatewaySettings:
        if (self.tls_cert is None) != (self.tls_key is None):
            raise ValueError("tls_cert and tls_key belong together")
        names = [upstream.name for upstream in self.upstreams if upstream.name]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise ValueError(f"two upstreams are called {twice!r}")
        if self.upstream is None and self.upstream_key_env:
            raise ValueError(
                "upstream_key_env belongs to `upstream`, which is not set (each of `upstreams` has its own key_env)"
            )
        if self.upstream is None and self.upstream_api != "auto":
            raise ValueError(
                "upstream_api belongs to `upstream`, which is not set (each of `upstreams` has its own api)"
            )
        if self.alerts_url:
            checked_webhook_url(self.alerts_url, insecure=self.alerts_insecure)
        if self.host not in LOOPBACK and not self.tls_cert and not self.insecure:
            raise ValueError(f"host {self.host} is not loopback: give tls_cert and tls_key, or insecure = true")
        return self

    @property
    def offline(self) -> bool:
        return self.upstream is None and not self.upstreams

    @property
    def stands_for(self) -> dict[str, tuple[str, ...]]:
        """The settings' own names of models, each with what it is called at the upstreams."""
        names: dict[str, tuple[str, ...]] = {}
        for upstream in self.upstreams:
            for name, model in upstream.models.items():
                names[name] = (*names.get(name, ()), model)
        return names

    def given(self) -> dict[str, Any]:
        """What is not a default, as JSON has it; paths from the root on, a store's URL without its password."""
        found = self.model_dump(mode="json", exclude_defaults=True)
        given = {name: absolute(value) if name in PATHS else value for name, value in found.items()}
        return given | masked(given)


def masked(values: Mapping[str, Any]) -> dict[str, Any]:
    """Of settings as JSON has them, those that may hold a secret, as they may be shown."""
    ways = {"store": shown, "alerts_url": shown_webhook}
    return {name: way(values[name]) for name, way in ways.items() if values.get(name)}


def absolute(path: str) -> str:
    """A path from the root on, for a process in another folder. A URL stays, to be refused as what it is."""
    return path if "://" in path else str(Path(path).expanduser().absolute())


def load_settings(
    config_file: Path, env: Mapping[str, str] = os.environ, options: Mapping[str, Any] | None = None
) -> GatewaySettings:
    """The settings of file, environment and options (None there: not given). Raises SettingsError with file:line."""
    text, table = _read(config_file)
    origin = dict.fromkeys(table, str(config_file))
    values = dict(table)
    for name, (value, variable) in _environment(env).items():
        values[name], origin[name] = value, variable
    for name, value in (options or {}).items():
        if value is not None and value != []:
            values[name], origin[name] = value, f"--{name.replace('_', '-')}"
    try:
        return GatewaySettings.model_validate(values)
    except ValidationError as error:
        raise _settings_error(error, origin, config_file, text) from None


def origins(config_file: Path, env: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Where each setting that is given comes from: "FILE:LINE", or a variable's name. Raises SettingsError."""
    text, table = _read(config_file)
    found = {name: f"{config_file}:{_line_of(text, name) or 1}" for name in table}
    return found | {name: variable for name, (_, variable) in _environment(env).items()}


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        text = settings_text(path)
    except FileNotFoundError:
        return "", {}
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise SettingsError(f"the settings cannot be read: {why}", where=str(path)) from None
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        raise SettingsError(str(error), where=f"{path}:{line[1]}" if line else str(path)) from None
    except RecursionError:
        raise SettingsError("it is nested too deeply", where=str(path)) from None
    table = data.get(TABLE, {})
    if not isinstance(table, dict):
        raise SettingsError("gateway must be a table: [gateway]", where=str(path))
    return text, table


def _environment(env: Mapping[str, str]) -> dict[str, tuple[Any, str]]:
    """What variables say of each setting, and which variable does."""
    found: dict[str, tuple[Any, str]] = {}
    for name, info in GatewaySettings.model_fields.items():
        variables = (*([STORE_VARIABLE] if name == "store" else []), f"{ENV_PREFIX}{name.upper()}")
        variable = next((variable for variable in variables if env.get(variable)), None)
        if variable is None:
            continue
        value = env[variable]
        is_list = str(info.annotation).startswith("list[str]")
        found[name] = [part.strip() for part in value.split(",") if part.strip()] if is_list else value, variable
    return found


def _settings_error(error: ValidationError, origin: Mapping[str, str], path: Path, text: str) -> SettingsError:
    first = error.errors()[0]
    place = [str(part) for part in first["loc"]]
    name = place[0] if place else ""
    what = first["msg"].removeprefix("Value error, ")
    stands = (
        place or [word for word in re.findall(r"\w+", what) if word in origin][:1]
    )  # of several: the first that it names
    where = origin.get(stands[0], str(path)) if stands else str(path)
    if where == str(path) and (line := _line_of_place(text, stands)):
        where = f"{path}:{line}"
    hint = None
    if first["type"] == "extra_forbidden":
        from difflib import get_close_matches

        in_upstream = len(place) > 1
        what = f"no setting {'of an upstream ' if in_upstream else ''}is called {place[-1]!r}"
        known = UpstreamSettings.model_fields if in_upstream else GatewaySettings.model_fields
        near = get_close_matches(place[-1], known, n=1)
        hint = f"did you mean {near[0]}?" if near else None
    elif name:
        what = f"{'.'.join(place)}: {what}"
    return SettingsError(what, where=where, hint=hint)


def _line_of_place(text: str, place: list[str]) -> int | None:
    """The line of a setting; of one of an upstream, its own line in the table of that upstream."""
    if len(place) > 2 and place[0] == "upstreams" and (line := _line_in_upstream(text, int(place[1]), place[2])):
        return line
    return _line_of(text, place[0]) if place else None


def _line_in_upstream(text: str, index: int, name: str) -> int | None:
    """The line on which the table [[gateway.upstreams]] number `index` gives this name, else that on which the table begins."""
    begins, count = None, -1
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*\[\[\s*{TABLE}\s*\.\s*upstreams\s*\]\]", line):
            count += 1
            begins = number if count == index else begins
        elif count == index and re.match(
            rf"\s*(?:[\"']?{re.escape(name)}[\"']?\s*[=.]|\[\s*{TABLE}\s*\.\s*upstreams\s*\.\s*{re.escape(name)}\s*[.\]])",
            line,
        ):
            return number
    return begins


def _line_of(text: str, name: str) -> int | None:
    """The line on which [gateway] (or a table below it) gives this name."""
    inside = False
    for number, line in enumerate(text.splitlines(), 1):
        if table := re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line):
            inside = table[1].split(".")[0].strip("\"' ") == TABLE
            if inside and table[1].endswith(f".{name}"):
                return number
        elif (inside and re.match(rf"\s*[\"']?{re.escape(name)}[\"']?\s*=", line)) or re.match(
            rf"\s*{TABLE}\s*\.\s*{re.escape(name)}\s*=", line
        ):
            return number
    return None
