"""Fixes that change Codex's files: which keys of which files, for every cause that such a change fixes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from joytui.codex.edit import EditError, Keys
from joytui.codex.model_lists import CATALOG_FIELD
from joytui.codex.world import World
from joytui.core.joytoken import (
    CODEX_MODELS_PATH,
    DEV_BASE_URL,
    KEY_VARIABLE,
    PROVIDER_ID,
    config_block,
)
from joytui.doctor.checked import checked_with
from joytui.doctor.fix import dotenv_key, files, syntax, values
from joytui.doctor.fix.address import better_base
from joytui.doctor.fix.check import objection
from joytui.doctor.fix.draft import Draft
from joytui.doctor.fix.provider import models_url
from joytui.doctor.fix.refused import refused_by
from joytui.doctor.fix.values import value_of
from joytui.doctor.local_gateway import running_elsewhere

Details = Mapping[str, Any]
Plan = Callable[[World, Details, Draft], str | None]


def drafted(cause: str, world: World, details: Details) -> Draft | None:
    """The changes that fix this cause here, with their summary; None if no file of the user's can be changed so.

    `details` are the finding's. Reads the files; writes nothing, and never raises.
    """
    change = CHANGES.get(cause)
    if change is None:
        return None
    draft = Draft(world, refused_by(details))
    try:
        draft.summary = change(world, details, draft) or ""
        changes = draft.changes()
        unfit = not draft.summary or not changes or objection(world, changes, cause) is not None
    except (EditError, UnicodeError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None  # odd details or an odd file: the fix's words remain
    if cause in _BY_THE_VERSION and not _knows_the_version(world):
        draft.ask_first = True
        draft.summary += (
            f" Check this first: joytui was not tested with Codex {world.version}, which may know more keys and values."
        )
    return None if unfit else draft


_BY_THE_VERSION = ("config-type", "unknown-keys")
"""What joytui judges by what it knows of a version: a newer Codex may take what an older one refuses."""


def _knows_the_version(world: World) -> bool:
    """Whether this very Codex was asked, or joytui was checked with its version; also where there is none to be wrong about."""
    asked = world.asked is not None and world.asked.loader.outcome != "not asked"
    return asked or not world.version_known or bool(checked_with(world.version)["exact"])


def provider_id(world: World) -> str:
    """The provider that is meant: the selected one if it is the user's own, else the guide's name."""
    return world.provider.id if world.provider and not world.provider.builtin else PROVIDER_ID


def _field(world: World, name: str) -> Keys:
    return ("model_providers", provider_id(world), name)


def _defined(world: World) -> set[str]:
    return {key.split(".")[1] for key in world.wanted if key.startswith("model_providers.") and key.count(".") >= 2}


def _define(draft: Draft, name: str, base_url: str) -> None:
    file = draft.world.config_file
    for field, value in (("name", name), ("base_url", base_url), ("env_key", KEY_VARIABLE)):
        draft.set(("model_providers", name, field), value, file=file)


# --- the provider that is selected


def _config_missing(world: World, details: Details, draft: Draft) -> str | None:
    if draft.original(world.config_file) is not None:
        return None
    draft.write(world.config_file, config_block(DEV_BASE_URL))
    return f"Write the guide's block to {world.config_file}."


def _select_provider(world: World, details: Details, draft: Draft) -> str:
    file = world.config_file
    misplaced = details.get("misplaced") or []
    below = next((m["key"] for m in misplaced if m.get("kind") == "below a table header"), None)
    misspelt = next((m["key"] for m in misplaced if m.get("kind") == "misspelt"), None)
    defined = _defined(world)
    wanted = value_of(world, below or misspelt or "")
    if wanted not in defined:
        wanted = PROVIDER_ID if PROVIDER_ID in defined or len(defined) != 1 else next(iter(defined))
    if below:
        _lift(world, draft, tuple(below.split(".")), file)
    if misspelt and not below and "model_provider" not in world.wanted:
        draft.rename((misspelt,), "model_provider", file=file)
    draft.set(("model_provider",), wanted, file=file)
    if wanted not in defined:
        _define(draft, wanted, DEV_BASE_URL)
    return f'Put model_provider = "{wanted}" at the very top of {file}, above the first [table].'


def _lift(world: World, draft: Draft, below: Keys, file: str) -> None:
    """Takes model_provider out of the table into which it fell, and with it a model that fell beside it."""
    draft.remove(below, file=file)
    model = (*below[:-1], "model")
    value = value_of(world, ".".join(model))
    if isinstance(value, str) and "model" not in world.wanted:
        draft.remove(model, file=file)
        draft.set(("model",), value, file=file)


def _undefined(world: World, details: Details, draft: Draft) -> str:
    if isinstance(misnamed := details.get("misnamed"), str):
        draft.rename((misnamed,), "model_providers", file=_file_of(world, misnamed))
        return f"Rename the table {misnamed} to model_providers."
    defined = sorted(_defined(world))
    near = details.get("suggestion") or (defined[0] if len(defined) == 1 else None)
    if isinstance(near, str):
        draft.set(("model_provider",), near)
        return f'Write model_provider = "{near}", as the table is named.'
    name = str(details["provider"])
    _define(draft, name, DEV_BASE_URL)
    return f"Define the provider in a table [model_providers.{name}] with the guide's fields."


def _file_of(world: World, table: str) -> str:
    """The file in which a top-level table stands."""
    layers = (layer for layer in world.layers if layer.path and layer.state == "used")
    holding = (layer.path for layer in layers if any(key.startswith(f"{table}.") for key in layer.values))
    return next((path for path in holding if path), world.config_file)


def _reserved(world: World, details: Details, draft: Draft) -> str | None:
    name = str(details["key"]).split(".")[1]
    if PROVIDER_ID in _defined(world):
        return None
    draft.rename(("model_providers", name), PROVIDER_ID)
    if value_of(world, "model_provider") == name:
        draft.set(("model_provider",), PROVIDER_ID)
    return f"Rename the provider {name} to {PROVIDER_ID}: Codex reserves that name."


def _invalid(world: World, details: Details, draft: Draft) -> str | None:
    path = tuple(str(details["key"]).split("."))
    if len(path) != 3 and path[2:] != ("auth", "command"):
        return None
    owner, field = path[1], path[2]
    if field == "name" and f"model_providers.{owner}.base_url" in world.wanted:
        draft.set(path, owner)
        return f'Give the provider a name: name = "{owner}".'
    if field == "aws":
        draft.remove(path)
        return f"Remove aws from [model_providers.{owner}]: it belongs to Bedrock only."
    if field == "auth" and f"model_providers.{owner}.env_key" in world.wanted:
        draft.ask_first = True  # one of two ways to authenticate goes: which one is the user's to say
        draft.remove(path[:3])
        return f"Remove auth from [model_providers.{owner}]: the key comes from env_key."
    return None


# --- fields of the provider


def _wire_api(world: World, details: Details, draft: Draft) -> str:
    key = str(details.get("key") or "")
    named = key.startswith("model_providers.") and key.endswith(".wire_api")
    owner = key.removeprefix("model_providers.").removesuffix(".wire_api") if named else provider_id(world)
    draft.set(("model_providers", owner, "wire_api"), "responses")
    return f'Write wire_api = "responses" in [model_providers.{owner}].'


def _misspelt(world: World, details: Details, draft: Draft, name: str) -> str | None:
    """A key of the provider's table that was meant as this field gets the right name, or the right place."""
    wrong, below = details.get("misspelt"), details.get("fell_into")
    if isinstance(below, str):
        path = _field(world, below)
        value = value_of(world, ".".join((*path, name)))
        draft.remove((*path, name))
        draft.set(_field(world, name), value)
        return f"Move {name} out of [{'.'.join(path)}] into [model_providers.{provider_id(world)}]."
    if not isinstance(wrong, str):
        return None
    draft.rename(_field(world, wrong), name)
    return f"Rename {wrong} to {name} in [model_providers.{provider_id(world)}]."


def _base_url(world: World, details: Details, draft: Draft) -> str:
    right = str(details.get("right_base_url") or "") or better_base(world)
    return _misspelt(world, details, draft, "base_url") or _set_base(world, draft, right)


def _set_base(world: World, draft: Draft, right: str) -> str:
    draft.set(_field(world, "base_url"), right)
    models = world.provider.get(CATALOG_FIELD) if world.provider else None
    if not isinstance(models, str) or not models.endswith(CODEX_MODELS_PATH):
        return f'Set base_url = "{right}".'
    draft.set(_field(world, CATALOG_FIELD), models_url(right))
    return f'Set base_url = "{right}", and {CATALOG_FIELD} with it.'


def _env_key(world: World, details: Details, draft: Draft) -> str:
    if renamed := _misspelt(world, details, draft, "env_key"):
        return renamed
    if world.provider and world.provider.get("requires_openai_auth") is True:
        return _requires_auth(world, details, draft)
    draft.set(_field(world, "env_key"), KEY_VARIABLE)
    return f'Set env_key = "{KEY_VARIABLE}" in [model_providers.{provider_id(world)}].'


def _key_unset(world: World, details: Details, draft: Draft) -> str | None:
    """env_key gets the name of the variable that is set, where the two are all but the same name."""
    from difflib import SequenceMatcher

    named, near = str(details.get("variable") or ""), details.get("similar")
    if not isinstance(near, str) or not world.codex_env.get(near, "").strip() or details.get("set_in"):
        return None
    one, other = (name.replace("_", "").replace("-", "").lower() for name in (named, near))
    alike = SequenceMatcher(None, one, other).ratio()
    if alike < _NEAR_NAME:
        return None
    draft.ask_first = alike < _SAME_NAME  # KEY and KEY_PROD may both be meant
    draft.set(_field(world, "env_key"), near)
    return f'Write env_key = "{near}": that variable is set, {named} is not.'


_SAME_NAME = 0.95
_NEAR_NAME = 0.85  # JOYTOKEN_KEY is near JOY_TOKEN_API_KEY, OPENAI_API_KEY is not: another vendor's key is never sent


def _other_header(world: World, details: Details, draft: Draft) -> str | None:
    """The key goes out in the header in which the gateway was seen to take it."""
    key, header = world.credential, details.get("header")
    if not details.get("header_works") or key is None or key.kind != "env_key" or not isinstance(header, str):
        return None
    draft.remove(_field(world, "env_key"))
    draft.set((*_field(world, "env_http_headers"), header), key.variable)
    return f"Send the key in the header {header}, by env_http_headers instead of env_key."


def _env_key_secret(world: World, details: Details, draft: Draft) -> str:
    draft.set(_field(world, "env_key"), KEY_VARIABLE)
    draft.then = (f"export {KEY_VARIABLE}='<a new key>'",)
    return f'Write env_key = "{KEY_VARIABLE}", export a new key under that name, and revoke the old one: Codex has printed it.'


def _requires_auth(world: World, details: Details, draft: Draft) -> str:
    draft.remove(_field(world, "requires_openai_auth"))
    if not (world.provider and world.provider.get("env_key")):
        draft.set(_field(world, "env_key"), KEY_VARIABLE)
    return f'Remove requires_openai_auth from [model_providers.{provider_id(world)}]; env_key = "{KEY_VARIABLE}" names the key.'


def _scheme(world: World, details: Details, draft: Draft) -> str:
    base = world.plan.base_url if world.plan else ""
    return _set_base(world, draft, f"{details.get('use') or 'https'}://" + base.split("://", 1)[-1])


def _redirected(world: World, details: Details, draft: Draft) -> str | None:
    base = str(details.get("redirected_to") or "").removesuffix("/responses").removesuffix("/chat/completions")
    draft.ask_first = True  # the key would go to the address that somebody's redirect names
    return _set_base(world, draft, base) if base else None


def _idle(world: World, details: Details, draft: Draft) -> str:
    draft.remove(_field(world, "stream_idle_timeout_ms"))
    return f"Remove stream_idle_timeout_ms from [model_providers.{provider_id(world)}]: the default is five minutes."


def _encoding(world: World, details: Details, draft: Draft) -> str | None:
    """Only where a request without compression was seen to work."""
    if not details.get("plain_works"):
        return None
    draft.set((*_field(world, "http_headers"), "accept-encoding"), "identity")
    return "Ask the gateway for uncompressed answers."


def _named_openai(world: World, details: Details, draft: Draft) -> str:
    draft.set(_field(world, "name"), provider_id(world))
    return f'Set name = "{provider_id(world)}".'


def _websockets(world: World, details: Details, draft: Draft) -> str:
    draft.set(_field(world, "supports_websockets"), False)
    return f"Set supports_websockets = false in [model_providers.{provider_id(world)}]."


def _moved_gateway(world: World, details: Details, draft: Draft) -> str | None:
    right = running_elsewhere(world)
    draft.ask_first = True  # another program may belong at the port that is asked
    return f"joytui's own gateway runs on another port. {_set_base(world, draft, right)}" if right else None


CHANGES: Mapping[str, Plan] = {
    "config-missing": _config_missing,
    "config-unreadable": files.readable,
    "config-syntax": syntax.repaired,
    "config-type": values.type,
    "unknown-keys": values.unknown,
    "wire-api-removed": _wire_api,
    "wire-api-invalid": _wire_api,
    "provider-not-selected": _select_provider,
    "provider-undefined": _undefined,
    "provider-id-reserved": _reserved,
    "provider-invalid": _invalid,
    "profile-legacy": files.profile_moved,
    "model-empty": values.model,
    "model-not-found": values.model,
    "policy-rejected": values.allowed_model,
    "request-rejected": values.refused_line,
    "model-defaulted": values.model,
    "model-catalog-missing": values.catalog,
    "base-url-missing": _base_url,
    "base-url-invalid": _base_url,
    "base-url-path": _base_url,
    "connection-refused": _moved_gateway,
    "key-unset": lambda *given: _key_unset(*given) or dotenv_key.written(*given),
    "env-key-missing": _env_key,
    "key-missing": _other_header,
    "env-key-invalid": _env_key,
    "env-key-is-secret": _env_key_secret,
    "key-shadowed-by-dotenv": files.without_dotenv_key,
    "openai-key-to-gateway": _requires_auth,
    "proxy-unreachable": files.without_dotenv_proxy,
    "proxy-denied": files.without_dotenv_proxy,
    "proxy-invalid": files.without_dotenv_proxy,
    "redirected": _redirected,
    "tls-protocol-mismatch": _scheme,
    "stream-idle": _idle,
    "encoding-broken": _encoding,
    "provider-named-openai": _named_openai,
    "websocket-fallback": _websockets,
}
