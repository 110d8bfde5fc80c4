"""Two faults at once: every fitting pair of single faults, with the one that Codex meets first.

The order is Codex 0.169.0's own, observed: arguments > CODEX_HOME > TOML syntax > types > reserved ids > the provider's rules > an undefined
provider > catalog > model > key > URL > proxy, TCP, TLS > route > key check > status > stream.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.situation import Situation

NOTHING: Mapping[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `order`: when Codex meets it. `sets`: the pieces of a setup that it changes (two faults of one pair touch different
    pieces). `seen_without_sending`: the doctor can see it before any request, also beside an earlier fault."""

    name: str
    order: float
    causes: tuple[str, ...]
    sets: Mapping[str, Any] = field(default_factory=dict)
    seen_without_sending: bool = False

    def alone(self) -> Situation:
        """The situation with this fault only."""
        return _situation(self.name, self.sets, self.causes)


@dataclass(frozen=True, slots=True)
class Pair:
    """`first` is met before `second`."""

    first: Fault
    second: Fault
    situation: Situation


def _local(name: str, order: float, causes: str, /, **sets: Any) -> Fault:
    return Fault(name, order, tuple(causes.split("|")), sets, seen_without_sending=True)


def _remote(name: str, order: float, causes: str, /, **sets: Any) -> Fault:
    return Fault(name, order, tuple(causes.split("|")), sets)


FAULTS: tuple[Fault, ...] = (
    _local("unknown flag", -1, "codex-flag-unsupported", args=("--no-such-flag",)),
    _local("no CODEX_HOME", 0, "codex-home-invalid", codex_home="/proc/no-codex-home"),
    _local("unclosed string", 1, "config-syntax", tail='broken = "\n'),
    _local("key twice", 1, "config-syntax", head='model_verbosity = "low"\nmodel_verbosity = "low"\n'),
    _local("retries a string", 2, "config-type", retries='request_max_retries = "x"\n'),
    _local("chat", 2, "wire-api-removed", wire='wire_api = "chat"\n'),
    _local("feature a string, below", 4.5, "config-type", tail='[features]\nx = "y"\n'),
    _local("table for openai", 3, "provider-id-reserved", tail='[model_providers.openai]\nname = "x"\n'),
    _local("no name", 4, "provider-invalid", name=""),
    _local("auth and env_key", 4, "provider-invalid", wire='auth = { command = "echo" }\n', env_key="JOY_TOKEN_API_KEY"),
    _local("provider undefined", 5, "provider-undefined", selected="joytokens"),
    _local("no catalog", 6, "model-catalog-missing|config-unreadable|config-type", head='model_catalog_json = "/nonexistent.json"\n'),
    _local("empty model", 6.5, "model-empty", model=""),
    _local("key unset", 7, "key-unset", key=None),
    _local("key blank", 7, "key-unset", key="  "),
    _local("env_key of another name", 7, "key-unset", env_key="OTHER_KEY", key="<KEY>"),
    _local("no scheme", 8, "base-url-invalid", base="127.0.0.1:{PORT}/openai/v1"),
    _local("ftp", 8, "base-url-invalid", base="ftp://127.0.0.1:{PORT}/openai/v1"),
    _remote("proxy dead", 9, "proxy-unreachable", proxy={"HTTP_PROXY": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}),
    _remote("refused", 9.1, "connection-refused", base="http://127.0.0.1:9/openai/v1"),
    _remote("name unknown", 9.1, "dns-failure", base="http://gateway.invalid:{PORT}/openai/v1"),
    _remote("https on plain", 9.2, "tls-protocol-mismatch", base="https://127.0.0.1:{PORT}/openai/v1"),
    _remote("untrusted", 9.3, "tls-untrusted", base="https://localhost:{PORT}/openai/v1", plays="tls_untrusted"),
    _remote("reset", 9.4, "connection-reset", plays="reset_everything"),
    _remote("no /openai", 10, "base-url-path", base="http://127.0.0.1:{PORT}/v1"),
    _remote("endpoint appended", 10, "base-url-path", base="http://127.0.0.1:{PORT}/openai/v1/responses"),
    _remote("chat only", 10, "responses-unsupported", plays="chat_only"),
    _remote("quoted key", 10.2, "key-malformed", key='"<KEY>"'),
    _remote("newline in key", 10.2, "key-header-dropped", key="<KEY>\n"),
    _remote("wrong key", 10.2, "key-rejected", key="jt_live_wrong"),
    _remote("no env_key", 10.2, "env-key-missing", env_key=None),
    _remote("stale .env", 10.2, "key-shadowed-by-dotenv", key="<KEY>", dotenv="JOY_TOKEN_API_KEY=jt_live_stale\n"),
    _remote("402", 10.4, "insufficient-quota", plays="E_402"),
    _remote("403", 10.4, "policy-rejected", plays="E_403"),
    _remote("429", 10.4, "rate-limited", plays="E_429"),
    _remote("500", 10.4, "gateway-error", plays="E_500"),
    _remote("502", 10.4, "upstream-error", plays="E_502"),
    _remote("model unknown", 10.4, "model-not-found", plays="model_not_found_404"),
    _remote("stream cut", 11, "stream-truncated", plays="F_cut_clean"),
    _remote("chat chunks", 11, "chat-stream-on-responses", plays="F_chat_chunks"),
    _remote("no response id", 11, "stream-invalid", plays="F_completed_no_id"),
    _remote("deltas only", 11, "stream-output-missing", plays="F_delta_only"),
)  # fmt: skip

# Where one fault hides the other altogether, there is no pair: without env_key no variable is asked for, unset or malformed.
_HIDES = {"no env_key": ("key unset", "key blank", "stale .env", "newline in key", "quoted key", "wrong key")}


def pairs() -> Iterator[Pair]:
    """Every pair of faults that fit together and that Codex meets one after the other."""
    for one, other in itertools.combinations(FAULTS, 2):
        first, second = sorted((one, other), key=lambda fault: fault.order)
        if first.order == second.order or set(first.sets) & set(second.sets):
            continue
        if other.name in _HIDES.get(one.name, ()) or one.name in _HIDES.get(other.name, ()):
            continue
        if "tls-protocol-mismatch" in first.causes and "connection-reset" in second.causes:
            continue  # a TLS hello is not a request: it is never answered with the reset
        yield Pair(
            first, second, _situation(f"{first.name} + {second.name}", {**first.sets, **second.sets}, first.causes)
        )


def _situation(name: str, sets: Mapping[str, Any], causes: tuple[str, ...]) -> Situation:
    env = dict(sets.get("proxy", NOTHING))
    key = sets.get("key", "<KEY>")
    if key is not None:
        env["JOY_TOKEN_API_KEY"] = key
    if "codex_home" in sets:
        env["CODEX_HOME"] = sets["codex_home"]
    return Situation(
        name,
        plays=sets.get("plays", "healthy"),
        config=_config(sets),
        env=env,
        args=sets.get("args", ()),
        files={"{D}/ch/.env": sets["dotenv"]} if "dotenv" in sets else {},
        causes=causes,
        works=False,
    )


def _config(sets: Mapping[str, Any]) -> str:
    env_key = sets.get("env_key", "JOY_TOKEN_API_KEY")
    lines = [
        sets.get("head", ""),
        f'model_provider = "{sets.get("selected", "joytoken")}"\nmodel = "{sets.get("model", "auto")}"\n\n[model_providers.joytoken]\n',
        f'name = "{sets.get("name", "joytoken")}"\nbase_url = "{sets.get("base", "http://127.0.0.1:{PORT}/openai/v1")}"\n',
        f'env_key = "{env_key}"\n' if env_key is not None else "",
        sets.get("wire", ""),
        sets.get("retries", ""),
        sets.get("tail", ""),
    ]
    return "".join(lines)
