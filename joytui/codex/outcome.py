"""The survey and what was resolved from it, as a finished `World`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from joytui.codex import layers as layering
from joytui.codex.credential import looks_secret
from joytui.codex.providers import FIELDS
from joytui.codex.remote import stops
from joytui.codex.routing import selected
from joytui.codex.survey import Survey
from joytui.codex.world import Credential, LayerInfo, Provider, RemoteServer, RequestPlan, Wanted, WireApi, World
from joytui.core.known_secrets import secrets_of_setting
from joytui.core.records import EffectiveValue
from joytui.core.redaction import MASK, is_secret_name, may_name_secret

_TOP = (
    "model",
    "model_provider",
    "openai_base_url",
    "model_catalog_json",
    "profile",
    "web_search",
    "model_reasoning_effort",
    "model_verbosity",
)


def finished(
    state: Survey,
    provider: Provider | None,
    model: EffectiveValue,
    wire: WireApi,
    credential: Credential | None,
    plan: RequestPlan | None,
) -> World:
    """The world that a survey ends with: its issues in the order in which Codex meets them."""
    ordered = sorted(state.issues, key=lambda issue: issue.stage)
    problems = tuple(i for i in ordered if i.effect in ("refuses", "misroutes"))
    wanted = _wanted(state)
    return World(
        invocation=state.invocation,
        command=state.command,
        binary=state.binary,
        version=state.rules.version,
        version_known=state.version_known,
        codex_home=str(state.codex_home),
        config_file=str(state.codex_home / "config.toml"),
        layers=tuple(_layer_info(layer) for layer in state.layers),
        effective=_effective(state, provider, model),
        wanted=wanted,
        provider=provider,
        wire_api=wire,
        credential=credential,
        plan=plan,
        problems=problems,
        suspicions=tuple(i for i in ordered if i.effect == "suspect"),
        warnings=tuple(i for i in ordered if i.effect == "warns"),
        secrets=_secrets(state, credential),
        codex_env=state.env,
        asked=state.asked,
    )


def remote_world(state: Survey, server: RemoteServer | None) -> World:
    """The world of `codex --remote`: of what is wrong here, little stops a turn elsewhere, and it misroutes none."""
    here = [issue for issue in state.issues if issue.effect != "misroutes"]
    state.issues = [issue if stops(issue, state) else replace(issue, effect="warns") for issue in here]
    world = finished(state, None, EffectiveValue(None, "default", "default"), "responses", None, None)
    secrets = {*world.secrets, *([server.token] if server and server.token else [])}
    return replace(world, effective={}, remote=server, secrets=tuple(sorted(secrets)))


def _layer_info(layer: layering.Layer) -> LayerInfo:
    values = {}
    if not _crowded(layer):
        values = {".".join(p): Wanted(layer.name, layer.origin(p), v) for p, v in layering.leaves(layer.data)}
    return LayerInfo(layer.name, layer.path, layer.state, values)


def _crowded(layer: layering.Layer) -> bool:
    """A file of hundreds of provider tables is not listed value by value."""
    tables = layer.data.get("model_providers")
    return isinstance(tables, dict) and len(tables) >= 500


def _wanted(state: Survey) -> dict[str, tuple[Wanted, ...]]:
    result: dict[str, tuple[Wanted, ...]] = {}
    for layer in state.used():
        if _crowded(layer):
            continue
        for path, value in layering.leaves(layer.data):
            name = ".".join(path)
            result[name] = (Wanted(layer.name, layer.origin(path), value), *result.get(name, ()))
    return result


def _effective(state: Survey, provider: Provider | None, model: EffectiveValue) -> dict[str, EffectiveValue]:
    name, origin, layer = selected(state)
    values = {"model": model, "model_provider": EffectiveValue(name, origin, layer)}
    for key in _TOP:
        if key not in values and (setter := state.setter((key,))):
            values[key] = EffectiveValue(state.config.get(key), setter.origin((key,)), setter.name)
    if provider is not None:
        for key in FIELDS:
            field = provider.fields.get(key)
            if field is not None and (field.value is not None or key in ("base_url", "env_key")):
                shown = MASK if is_secret_name(key) and field.value else field.value
                values[key] = EffectiveValue(shown, field.origin, field.layer)
    return {key: replace(value, origin=_plain_origin(value.origin)) for key, value in values.items()}


def _plain_origin(origin: str) -> str:
    """The contract of the report: "file:line", "flag", "environment" or "default"."""
    return "flag" if origin.startswith("flag") else origin


def _secrets(state: Survey, credential: Credential | None) -> tuple[str, ...]:
    found = {value for name, value in state.env.items() if may_name_secret(name)}
    if credential and credential.value:
        found.add(credential.value.decode("utf-8", "surrogateescape"))
    for layer in state.layers:
        tables = layer.data.get("model_providers")
        for table in list(tables.values())[:500] if isinstance(tables, dict) else ():
            if isinstance(table, dict):
                found |= _table_secrets(table, state)
        if not _crowded(layer):
            found.update(
                text for path, value in layering.leaves(layer.data) for text in secrets_of_setting(path, value)
            )
    return tuple(sorted(text for text in found if isinstance(text, str) and len(text) >= 6))


def _table_secrets(table: dict[str, Any], state: Survey) -> set[str]:
    token = table.get("experimental_bearer_token")
    found = {token} if isinstance(token, str) else set()
    env_key = table.get("env_key")
    if isinstance(env_key, str) and looks_secret(env_key, state.env):
        found.add(env_key)
    headers = table.get("http_headers")
    found |= {v for v in headers.values() if isinstance(v, str)} if isinstance(headers, dict) else set()
    auth = table.get("auth")
    arguments = auth.get("args") if isinstance(auth, dict) else None
    return found | {v for v in arguments if isinstance(v, str)} if isinstance(arguments, list) else found
