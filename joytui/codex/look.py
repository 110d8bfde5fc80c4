"""Looks at one invocation of Codex: `look(Invocation) -> World`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from joytui.codex import layers as layering
from joytui.codex.advice import warn
from joytui.codex.credential import (
    Source,
    credential_of,
    decodable,
    find_source,
    fits_header,
    headers_with,
    is_variable_name,
    looks_secret,
    oddities,
)
from joytui.codex.daemon import running_daemon
from joytui.codex.models import default_model
from joytui.codex.providers import BUILTIN, FIELD_DEFAULTS, FIELDS, OPENAI, OPENAI_BASE_URL
from joytui.codex.request import request_plan
from joytui.codex.schema import known_fields
from joytui.codex.shells import key_places
from joytui.codex.survey import Survey, survey
from joytui.codex.urls import origin_of
from joytui.codex.world import Credential, Invocation, LayerInfo, Provider, RequestPlan, Wanted, WireApi, World
from joytui.core.records import EffectiveValue
from joytui.core.redaction import fingerprint

_TOP = (
    "model",
    "model_provider",
    "openai_base_url",
    "model_catalog_json",
    "profile",
    "web_search",
    "model_reasoning_effort",
)
_SECRET_FIELDS = ("experimental_bearer_token",)


def look(invocation: Invocation) -> World:
    """What this Codex invocation will do, by the rules of its version. Reads files, sends nothing, raises nothing.

    Runs `codex --version` (at most 5 s) only where no version is given and no package file tells it.
    """
    state = survey(invocation)
    provider = _provider(state)
    model = _model(state)
    wire = _wire_api(state, provider)
    credential: Credential | None = None
    plan: RequestPlan | None = None
    if provider is not None:
        credential, own = _credential(state, provider)
        _base_url(state, provider)
        if isinstance(provider.get("base_url"), str):
            plan = request_plan(provider, str(model.value), wire, own, credential.header, state.env, state.rules)
            _url(state, provider, plan)
    warn(state, provider, credential, plan, model)
    return _world(state, provider, model, wire, credential, plan)


# --- provider


def _provider(state: Survey) -> Provider | None:
    name, origin, layer = _selected(state)
    table = state.tables().get(name)
    builtin = BUILTIN.get(name)
    if isinstance(table, dict) and (builtin is None or (not state.rules.checks_provider_tables and name != OPENAI)):
        return _built(state, name, table, {}, builtin=False)
    if builtin is None:
        _undefined(state, name, origin)
        return None
    _misrouted(state, name, origin, layer)
    return _built(state, name, table if isinstance(table, dict) else {}, _builtin_fields(state, name), builtin=True)


def _selected(state: Survey) -> tuple[str, str, str]:
    """The provider's id, its origin, and its layer."""
    command = state.command
    if command.oss or command.local_provider:
        chosen = command.local_provider or state.config.get("oss_provider")
        if command.oss:
            return (chosen if isinstance(chosen, str) else "ollama"), "flag --oss", "flags"
    path = ("model_provider",)
    setter = state.setter(path)
    value = state.config.get("model_provider")
    if setter is not None and isinstance(value, str):
        return value, setter.origin(path), setter.name
    return OPENAI, "default", "default"


def _builtin_fields(state: Survey, name: str) -> dict[str, EffectiveValue]:
    fields = {key: EffectiveValue(value, "default", "default") for key, value in BUILTIN[name].items()}
    if name != OPENAI:
        return fields
    setter = state.setter(("openai_base_url",))
    url = state.config.get("openai_base_url")
    variable = state.env.get("OPENAI_BASE_URL", "")
    if setter and isinstance(url, str) and state.rules.has_openai_base_url_key:
        fields["base_url"] = EffectiveValue(url or OPENAI_BASE_URL, setter.origin(("openai_base_url",)), setter.name)
    elif variable.strip() and state.rules.honours_openai_base_url_variable:
        fields["base_url"] = EffectiveValue(variable, "environment", "environment")
    return fields


def _built(
    state: Survey, name: str, table: dict[str, Any], base: dict[str, EffectiveValue], *, builtin: bool
) -> Provider:
    fields = dict(base)
    for key in FIELDS:
        if key in table:
            path = ("model_providers", name, key)
            setter = state.setter(path)
            origin = setter.origin(path) if setter else "default"
            fields[key] = EffectiveValue(table[key], origin, setter.name if setter else "default")
        elif key not in fields:
            default = FIELD_DEFAULTS.get(key)
            if key == "wire_api" and state.rules.chat_is_default:
                default = "chat"
            fields[key] = EffectiveValue(default, "default", "default")
    if not state.rules.has_auth_command:
        fields["auth"] = EffectiveValue(None, "default", "default")
    return Provider(name, builtin, fields)


def _undefined(state: Survey, name: str, origin: str) -> None:
    defined = sorted(state.tables())
    state.add(
        "provider-undefined", "refuses", 60, f"no layer defines the provider {name!r}",
        message=f"Error: Model provider `{name}` not found", where=origin, key="model_provider",
        details={"provider": name, "defined": defined, "suggestion": _near(name, tuple(defined))},
    )  # fmt: skip


def _near(word: str, choices: tuple[str, ...]) -> str | None:
    from difflib import get_close_matches

    folded = {choice.lower().replace("-", "_"): choice for choice in choices}
    found = get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def _misrouted(state: Survey, name: str, origin: str, layer: str) -> None:
    """Codex would run, and talk to OpenAI or another built-in provider."""
    if name == OPENAI and _openai_moved(state):
        return
    wanted = _custom_wishes(state, layer)
    details = {"provider": name, "origin": origin, "wanted": [{"provider": v, "where": w} for v, w in wanted]}
    if state.command.oss and name in ("ollama", "lmstudio"):
        text = None
        if name == "ollama":
            text = (
                "Error: OSS setup failed: No running Ollama server detected. Start it with: `ollama serve` (after installing). "
                "Install instructions: https://github.com/ollama/ollama?tab=readme-ov-file#ollama"
            )
        state.add(
            "provider-overridden", "misroutes", 65, f"--oss selects the local provider {name}", message=text, where="flag",
            key="model_provider", details=details,
        )  # fmt: skip
    elif state.command.ignore_user_config and origin == "default" and _user_would_select(state):
        state.add(
            "provider-overridden", "misroutes", 82, "--ignore-user-config drops the file that selects the provider",
            where="flag", key="model_provider", details={**details, "flag": "--ignore-user-config"},
        )  # fmt: skip
    elif wanted and layer not in ("user", "system", "default"):
        state.add(
            "provider-overridden", "misroutes", 82, f"{origin} selects {name} over {wanted[0][0]}", where=origin,
            key="model_provider", details=details,
        )  # fmt: skip
    elif origin == "default" and _nothing_configured(state):
        state.add(
            "config-missing", "misroutes", 82, f"there is no {state.codex_home / 'config.toml'}",
            where=str(state.codex_home / "config.toml"), details=details,
        )  # fmt: skip
    else:
        found = _misplaced(state)
        place = (
            found[0]["where"] if found else (origin if origin != "default" else str(state.codex_home / "config.toml"))
        )
        state.add(
            "provider-not-selected", "misroutes", 82, f"the effective model_provider is {name}", where=place,
            key="model_provider", details={**details, "misplaced": found},
        )  # fmt: skip


def _openai_moved(state: Survey) -> bool:
    base = _builtin_fields(state, OPENAI)["base_url"].value
    return bool(origin_of(str(base))) and origin_of(str(base)) != origin_of(OPENAI_BASE_URL)


def _custom_wishes(state: Survey, winner: str) -> list[tuple[str, str]]:
    """Providers that lower layers select, highest first."""
    path = ("model_provider",)
    found = []
    for layer in reversed(state.used()):
        here, value = layering.lookup(layer.data, path)
        if here and isinstance(value, str) and value not in BUILTIN and layer.name != winner:
            found.append((value, layer.origin(path)))
    return found


def _user_would_select(state: Survey) -> bool:
    user = next((layer for layer in state.layers if layer.name == "user"), None)
    value = user.data.get("model_provider") if user and user.state == "ignored" else None
    return isinstance(value, str) and value not in BUILTIN


def _nothing_configured(state: Survey) -> bool:
    user = next((layer for layer in state.layers if layer.name == "user"), None)
    others = any(layer.data.get("model_providers") for layer in state.used())
    return (user is None or user.state == "missing") and not others


def _misplaced(state: Survey) -> list[dict[str, str]]:
    """Keys that were meant as `model_provider`: below a table header, or misspelt."""
    found: list[dict[str, str]] = []
    for layer in state.used():
        for path, value in layering.leaves(layer.data):
            last = path[-1]
            if isinstance(value, str) and len(path) > 1 and last == "model_provider" and path[0] != "profiles":
                found.append({"key": ".".join(path), "where": layer.origin(path), "kind": "below a table header"})
            elif len(path) == 1 and last not in known_fields(()) and _near(last, ("model_provider",)):
                found.append({"key": last, "where": layer.origin(path), "kind": "misspelt"})
    return found


def _wire_api(state: Survey, provider: Provider | None) -> WireApi:
    if not state.rules.chat_is_default or provider is None or provider.builtin:
        return "responses"
    return "responses" if provider.get("wire_api") == "responses" else "chat"


def _model(state: Survey) -> EffectiveValue:
    if state.command.model is not None:
        model = EffectiveValue(state.command.model, "flag -m", "flags")
    elif setter := state.setter(("model",)):
        model = EffectiveValue(state.config.get("model"), setter.origin(("model",)), setter.name)
    else:
        return EffectiveValue(default_model(state.rules), "default", "default")
    if model.value == "" and state.rules.refuses_empty_model:
        text = (
            "Error: thread/start: thread/start failed: No models are available. Set `model` explicitly or check your model "
            "catalog configuration. (code -32600)"
        )
        state.add("model-empty", "refuses", 66, "the model is empty", message=text, where=model.origin, key="model")
    return model


# --- credential


def _credential(state: Survey, provider: Provider) -> tuple[Credential, tuple[tuple[str, bytes], ...]]:
    source = find_source(provider, state.env, state.env_origins, state.codex_home)
    value = source.value
    if source.kind == "env_key" and (value is None or not value.strip() or not _readable(state, value)):
        _key_unset(state, provider, source)
        value = None
    elif value is not None and not decodable(value):  # what the npm wrapper makes of bytes that are no UTF-8
        value = value.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
    source = replace(source, value=value)
    raw = value.encode("utf-8", "surrogateescape") if value is not None else None
    bearer = raw if raw and fits_header(raw) else None
    own, authorization = headers_with(provider, state.env, bearer)
    credential = credential_of(source, authorization)
    credential = replace(credential, **_surroundings(state, source))
    _suspect(state, provider, credential, value)
    return credential, own


def _readable(state: Survey, value: str) -> bool:
    """Bytes that are no UTF-8: the npm wrapper repairs them on the way, the native binary says that nothing is set."""
    return decodable(value) or (state.binary is not None and state.binary.kind == "npm") or state.binary is None


def _surroundings(state: Survey, source: Source) -> dict[str, Any]:
    if not source.variable or source.kind != "env_key":
        return {}
    shell = state.invocation.env.get(source.variable)
    shadowed = source.variable in state.env_origins and shell is not None and shell != source.value
    daemon = None
    if state.rules.has_daemon:
        daemon = running_daemon(state.codex_home, source.variable, state.env)
    return {
        "places": key_places(source.variable, state.home, source.value),
        "daemon": daemon,
        "shell_value_fingerprint": fingerprint(shell) if shadowed and shell else None,
    }


def _key_unset(state: Survey, provider: Provider, source: Source) -> None:
    name = source.variable or ""
    hint = provider.get("env_key_instructions")
    text = f"ERROR: Missing environment variable: `{name}`." + (f" {hint}" if isinstance(hint, str) else "")
    origin = provider.fields["env_key"].origin
    shell = state.invocation.env.get(name, "")
    wiped = name in state.env_origins and bool(shell.strip())
    if wiped:
        cause, summary, where = (
            "key-shadowed-by-dotenv",
            f"{name} is empty in $CODEX_HOME/.env",
            state.env_origins[name],
        )
    elif looks_secret(name, state.env):
        cause, summary, where = "env-key-is-secret", "env_key holds a key, not the name of a variable", origin
    elif not is_variable_name(name):
        cause, summary, where = "env-key-invalid", "env_key is not the name of a variable", origin
    else:
        blank = source.value is not None
        cause, summary, where = "key-unset", f"{name} is {'blank' if blank else 'not set'}", "environment"
    details: dict[str, Any] = {"variable": name if cause != "env-key-is-secret" else None}
    if cause == "key-unset":
        details["set_in"] = [place.where for place in key_places(name, state.home, None)]
        details["similar"] = _near(name, tuple(n for n in state.env if n.endswith("KEY") or n.endswith("TOKEN")))
        details["env_key_at"] = origin
    state.add(
        cause, "refuses", 70, summary, message=text, where=where,
        key=f"model_providers.{provider.id}.env_key", details=details,
    )  # fmt: skip


def _suspect(state: Survey, provider: Provider, credential: Credential, value: str | None) -> None:
    """What the gateway's answer will decide."""
    key = f"model_providers.{provider.id}.env_key"
    name = credential.variable or "the key"
    if credential.kind == "none" and not provider.builtin:
        _no_credential(state, provider)
    if credential.kind == "openai_auth" and not provider.builtin:
        state.add(
            "openai-key-to-gateway" if value else "env-key-missing", "suspect", 90,
            "requires_openai_auth sends OpenAI's credential to the gateway" if value
            else "requires_openai_auth is set and no OpenAI credential is stored: requests carry no Authorization",
            where=provider.fields["requires_openai_auth"].origin, key=f"model_providers.{provider.id}.requires_openai_auth",
            details={"credential_from": credential.origin, **_misspelt(state, provider, "env_key")},
        )  # fmt: skip
    if value is None:
        return
    shadow = credential.variable in state.env_origins and credential.shell_value_fingerprint is not None
    if shadow and credential.variable:
        state.add(
            "key-shadowed-by-dotenv", "suspect", 88, f"$CODEX_HOME/.env overrides {name} of the shell",
            where=state.env_origins[credential.variable], key=key,
            details={"shell": credential.shell_value_fingerprint, "dotenv": credential.fingerprint},
        )  # fmt: skip
    if credential.sent == "dropped":
        state.add(
            "key-header-dropped", "suspect", 89, f"{name} holds a newline or control character: Codex sends no Authorization",
            where=credential.origin, key=key, details={"other_authorization": credential.header is not None},
        )  # fmt: skip
    elif odd := oddities(value):
        state.add(
            "key-malformed", "suspect", 90, f"{name} has {', '.join(odd)}", where=credential.origin, key=key,
            details={"oddities": list(odd)},
        )  # fmt: skip


def _no_credential(state: Survey, provider: Provider) -> None:
    near = _misspelt(state, provider, "env_key")
    place = near.get("misspelt_at") or state.where(("model_providers", provider.id))
    state.add(
        "env-key-missing", "suspect", 90, "the provider has no env_key: requests carry no Authorization", where=place,
        key=f"model_providers.{provider.id}.env_key", details=near,
    )  # fmt: skip


def _misspelt(state: Survey, provider: Provider, field: str) -> dict[str, Any]:
    """An unknown key of the provider's table that was meant as this field."""
    table = state.tables().get(provider.id)
    for key in table if isinstance(table, dict) else ():
        if key not in FIELDS and _near(key, (field,)):
            return {"misspelt": key, "misspelt_at": state.where(("model_providers", provider.id, key))}
    return {}


# --- URL


def _base_url(state: Survey, provider: Provider) -> None:
    if provider.builtin or isinstance(provider.get("base_url"), str):
        return
    near = _misspelt(state, provider, "base_url")
    state.add(
        "base-url-missing", "misroutes", 82, "the provider has no base_url: Codex sends the key to api.openai.com",
        where=near.get("misspelt_at") or state.where(("model_providers", provider.id)),
        key=f"model_providers.{provider.id}.base_url", details=near,
    )  # fmt: skip


def _url(state: Survey, provider: Provider, plan: RequestPlan) -> None:
    if provider.builtin and origin_of(plan.base_url) == origin_of(OPENAI_BASE_URL):
        return
    where = provider.fields["base_url"].origin
    key = "openai_base_url" if provider.builtin else f"model_providers.{provider.id}.base_url"
    if plan.builder_error:
        state.add(
            "base-url-invalid", "refuses", 80, f"base_url is no URL that Codex can use: {plan.builder_error}",
            message="ERROR: stream disconnected before completion: builder error", where=where, key=key,
            details={"base_url": plan.base_url, "reason": plan.builder_error},
        )  # fmt: skip
    elif origin_of(plan.wire_url) == origin_of(OPENAI_BASE_URL) and not provider.builtin:
        state.add(
            "base-url-missing", "misroutes", 82, "base_url is OpenAI's own address: the key would go there", where=where,
            key=key, details={"base_url": plan.base_url},
        )  # fmt: skip


# --- the result


def _world(
    state: Survey,
    provider: Provider | None,
    model: EffectiveValue,
    wire: WireApi,
    credential: Credential | None,
    plan: RequestPlan | None,
) -> World:
    ordered = sorted(state.issues, key=lambda issue: issue.order)
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
    )


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
    name, origin, layer = _selected(state)
    values = {"model": model, "model_provider": EffectiveValue(name, origin, layer)}
    for key in _TOP:
        if key not in values and (setter := state.setter((key,))):
            values[key] = EffectiveValue(state.config.get(key), setter.origin((key,)), setter.name)
    if provider is not None:
        for key in FIELDS:
            field = provider.fields.get(key)
            if field is not None and (field.value is not None or key in ("base_url", "env_key")):
                shown = "‹redacted›" if key in _SECRET_FIELDS and field.value else field.value
                values[key] = EffectiveValue(shown, field.origin, field.layer)
    return {key: replace(value, origin=_plain_origin(value.origin)) for key, value in values.items()}


def _plain_origin(origin: str) -> str:
    """The contract of the report: "file:line", "flag", "environment" or "default"."""
    return "flag" if origin.startswith("flag") else origin


def _secrets(state: Survey, credential: Credential | None) -> tuple[str, ...]:
    found = {
        value
        for name, value in state.env.items()
        if any(w in name.upper() for w in ("KEY", "TOKEN", "SECRET", "PASSW"))
    }
    if credential and credential.value:
        found.add(credential.value.decode("utf-8", "surrogateescape"))
    for layer in state.layers:
        tables = layer.data.get("model_providers")
        for table in list(tables.values())[:500] if isinstance(tables, dict) else ():
            if isinstance(table, dict):
                found |= _table_secrets(table, state)
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
