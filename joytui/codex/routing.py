"""Which provider and model Codex ends up with, and where that leads instead of the gateway."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joytui.codex import layers as layering
from joytui.codex.models import default_model
from joytui.codex.providers import (
    BUILTIN,
    FIELD_DEFAULTS,
    FIELDS,
    OPENAI,
    OPENAI_BASE_URL,
    OPENAI_HOSTS,
    builtin_fields,
)
from joytui.codex.schema import known_fields
from joytui.codex.survey import Survey
from joytui.codex.urls import host_of
from joytui.codex.world import Provider, Stage, WireApi
from joytui.core.records import EffectiveValue


def resolve_provider(state: Survey) -> Provider | None:
    """The provider that this invocation selects, its table over what Codex knows of it; None if Codex refuses it."""
    name, origin, layer = selected(state)
    table = state.tables().get(name)
    if name == "ollama-chat" and name not in state.tables() and state.rules.removed_ollama_chat:
        _ollama_chat(state, origin)
        return None
    builtin = builtin_fields(name, state.rules)
    if builtin is None and isinstance(table, dict):
        return _built(state, name, table, {}, builtin=False)
    if builtin is None:
        _undefined(state, name, origin)
        return None
    _misrouted(state, name, origin, layer)
    own = table if isinstance(table, dict) and state.rules.checks_provider_tables else {}
    return _built(state, name, own, _builtin_values(state, name, builtin), builtin=True)


def selected(state: Survey) -> tuple[str, str, str]:
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


def _builtin_values(state: Survey, name: str, given: Mapping[str, Any]) -> dict[str, EffectiveValue]:
    fields = {key: EffectiveValue(value, "default", "default") for key, value in given.items()}
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
    details: dict[str, Any] = {"provider": name, "defined": defined, "suggestion": near(name, tuple(defined))}
    if misnamed := _misnamed_tables(state, name):
        details["misnamed"], details["misnamed_at"] = misnamed
    state.add(
        "provider-undefined", "refuses", Stage.PROVIDER, f"no layer defines the provider {name!r}",
        message=f"Error: Model provider `{name}` not found", where=origin, key="model_provider", details=details,
    )  # fmt: skip


def _misnamed_tables(state: Survey, name: str) -> tuple[str, str] | None:
    """A top-level table that Codex does not know, was meant as model_providers and holds this provider; and its place."""
    for layer in state.used():
        for key, value in layer.data.items():
            holds = isinstance(value, dict) and isinstance(value.get(name), dict)
            if holds and key not in known_fields((), state.rules) and near(key, ("model_providers",)):
                return key, layer.origin((key, name))
    return None


def _ollama_chat(state: Survey, origin: str) -> None:
    text = (
        "Error: `ollama-chat` is no longer supported.\nHow to fix: replace `ollama-chat` with `ollama` in `model_provider`, "
        "`oss_provider`, or `--local-provider`.\nMore info: https://github.com/openai/codex/discussions/7782"
    )
    state.add(
        "provider-undefined", "refuses", Stage.PROVIDER, "the provider `ollama-chat` was removed", message=text, where=origin,
        key="model_provider", details={"provider": "ollama-chat", "defined": sorted(state.tables())},
    )  # fmt: skip


def near(word: str, choices: tuple[str, ...]) -> str | None:
    """The choice that this misspelt word most likely means (case and `-` for `_` do not count); None if none is near."""
    from difflib import get_close_matches

    folded = {choice.lower().replace("-", "_"): choice for choice in choices}
    found = get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[found[0]] if found else None


def _misrouted(state: Survey, name: str, origin: str, layer: str) -> None:
    """Codex would run, and talk to OpenAI or another built-in provider."""
    if name == OPENAI and _openai_moved(state):
        return
    if origin == "default" and any(layer.state == "broken" for layer in state.layers):
        return  # the file that cannot be read may well select one
    wanted = _custom_wishes(state, layer)
    details = {"provider": name, "origin": origin, "wanted": [{"provider": v, "where": w} for v, w in wanted]}
    if state.command.oss and name in ("ollama", "lmstudio"):
        _oss(state, name, details)
    elif state.command.ignore_user_config and origin == "default" and _user_would_select(state):
        state.add(
            "provider-overridden", "misroutes", Stage.MISROUTED, "--ignore-user-config drops the file that selects the provider",
            where="flag", key="model_provider", details={**details, "flag": "--ignore-user-config"},
        )  # fmt: skip
    elif wanted and layer not in ("user", "system", "default"):
        state.add(
            "provider-overridden", "misroutes", Stage.MISROUTED, f"{origin} selects {name} over {wanted[0][0]}", where=origin,
            key="model_provider", details=details,
        )  # fmt: skip
    elif origin == "default" and _nothing_configured(state):
        state.add(
            "config-missing", "misroutes", Stage.MISROUTED, f"there is no {state.codex_home / 'config.toml'}",
            where=str(state.codex_home / "config.toml"), details=details,
        )  # fmt: skip
    else:
        found = _misplaced(state)
        place = (
            found[0]["where"] if found else (origin if origin != "default" else str(state.codex_home / "config.toml"))
        )
        state.add(
            "provider-not-selected", "misroutes", Stage.MISROUTED, f"the effective model_provider is {name}{_leads_to(state, name)}", where=place,
            key="model_provider", details={**details, "misplaced": found},
        )  # fmt: skip


def _leads_to(state: Survey, name: str) -> str:
    """Where old versions go with the id of a local server: there, whatever a table of the same name says (0.94.0, observed)."""
    fields = builtin_fields(name, state.rules) if name != OPENAI and not state.rules.checks_provider_tables else None
    return f": Codex asks its local server at {fields['base_url']}" if fields else ""


def _oss(state: Survey, name: str, details: dict[str, Any]) -> None:
    """--oss without a local server; without a choice of one, Codex looks for none."""
    if state.rules.asks_oss_provider and not (state.command.local_provider or state.config.get("oss_provider")):
        text = (
            "Error: No default OSS provider configured. Use --local-provider=provider or set oss_provider to one of: "
            f"lmstudio, ollama{'' if state.rules.removed_ollama_chat else ', ollama-chat'} in config.toml"
        )
        state.add(
            "provider-overridden", "refuses", Stage.OSS, "--oss asks for a local provider, and none is configured", message=text,
            where="flag", key="model_provider", details=details,
        )  # fmt: skip
        return
    text = (
        "Error: OSS setup failed: No running Ollama server detected. Start it with: `ollama serve` (after installing). "
        "Install instructions: https://github.com/ollama/ollama?tab=readme-ov-file#ollama"
    )
    if name == "lmstudio":
        text = (
            "Error: OSS setup failed: OSS setup failed: LM Studio is not responding. Install from "
            "https://lmstudio.ai/download and run 'lms server start'."
        )
    state.add(
        "provider-overridden", "misroutes", Stage.ARGUMENT_FILES, f"--oss selects the local provider {name}", message=text, where="flag",
        key="model_provider", details=details,
    )  # fmt: skip


def _openai_moved(state: Survey) -> bool:
    base = _builtin_values(state, OPENAI, BUILTIN[OPENAI])["base_url"].value
    return bool(host_of(str(base))) and host_of(str(base)) not in OPENAI_HOSTS


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
    """Keys that were meant as `model_provider`: below a table header, misspelt, or in a profile that nothing selects."""
    found: list[dict[str, str]] = []
    for layer in state.used():
        for path, value in layering.leaves(layer.data, into_lists=True):
            last = path[-1]
            if isinstance(value, str) and len(path) > 1 and last == "model_provider":
                kind = "in a profile" if path[0] == "profiles" else "below a table header"
                found.append({"key": ".".join(map(str, path)), "where": layer.origin(path), "kind": kind})
            elif len(path) == 1 and last not in known_fields((), state.rules) and near(last, ("model_provider",)):
                found.append({"key": str(last), "where": layer.origin(path), "kind": "misspelt"})
    return sorted(found, key=lambda one: one["kind"] == "in a profile")


def resolve_wire_api(state: Survey, provider: Provider | None) -> WireApi:
    """Which API Codex speaks to this provider: Responses, or with old versions Chat Completions where nothing else is
    set."""
    if not state.rules.chat_is_default or provider is None or provider.builtin:
        return "responses"
    if provider.get("wire_api") == "responses":
        return "responses"
    if state.command.output_schema:
        state.add(
            "codex-flag-unsupported", "refuses", Stage.OUTPUT_SCHEMA, "--output-schema needs the Responses API", where="flag --output-schema",
            message="ERROR: unsupported operation: output_schema is not supported for Chat Completions API",
            details={"flag": "--output-schema", "path": state.command.output_schema},
        )  # fmt: skip
    return "chat"


def resolve_model(state: Survey) -> EffectiveValue:
    """The model that Codex asks for, and who set it."""
    if state.command.model is not None:
        model = EffectiveValue(state.command.model, "flag -m", "flags")
    elif setter := state.setter(("model",)):
        model = EffectiveValue(state.config.get("model"), setter.origin(("model",)), setter.name)
    else:
        return EffectiveValue(default_model(state.rules), "default", "default")
    blank = isinstance(model.value, str) and not model.value.strip()
    if blank and state.rules.refuses_empty_model:
        text = (
            "Error: thread/start: thread/start failed: No models are available. Set `model` explicitly or check your model "
            "catalog configuration. (code -32600)"
        )
        state.add(
            "model-empty", "refuses", Stage.MODEL, "the model is empty", message=text, where=model.origin, key="model"
        )
    return model
