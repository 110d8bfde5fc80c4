"""The guide's setup as changes of config.toml, and what takes it out again."""

from __future__ import annotations

from typing import Any

from joytui.codex.credential import is_variable_name
from joytui.codex.edit import EditError, Keys
from joytui.codex.model_lists import CATALOG_FIELD, CATALOG_FILE_KEY
from joytui.codex.providers import OTHER_CREDENTIALS
from joytui.codex.toml_reader import TomlError, read_toml
from joytui.codex.urls import origin_of
from joytui.codex.versions import rules_for
from joytui.codex.world import World
from joytui.core.joytoken import CODEX_MODELS_PATH, KEY_VARIABLE, PROVIDER_ID
from joytui.core.records import Change, Fix
from joytui.doctor.fix.draft import Draft, patch_of
from joytui.doctor.fix.models_file import is_ours, named_file

TABLE: Keys = ("model_providers", PROVIDER_ID)
SETUP = "setup"


def provider_fix(world: World, base_url: str, model: str, *, lists_models: bool) -> Fix:
    """config.toml with the provider in it, selected; everything else as it is. No changes where it is so already.

    `lists_models`: the gateway there has the models for Codex's own picker, and this Codex is told so if it asks for them.
    Raises EditError if the file does not parse or cannot be read.
    """
    draft = Draft(world)
    file = world.config_file
    present = _table(draft.text(file), TABLE)
    for field in OTHER_CREDENTIALS:
        if field in present:
            draft.remove((*TABLE, field), file=file)
    wanted: dict[Keys, Any] = {
        ("model_provider",): PROVIDER_ID,
        ("model",): model,
        (*TABLE, "name"): PROVIDER_ID,
        (*TABLE, "base_url"): base_url,
        (*TABLE, "env_key"): _variable(present),
        (*TABLE, "supports_websockets"): False,
    }
    if "wire_api" in present:
        wanted[*TABLE, "wire_api"] = "responses"
    if lists_models and rules_for(world.version).asks_model_catalog:
        wanted[*TABLE, CATALOG_FIELD] = models_url(base_url)
        if is_ours(named_file(world) or ""):
            draft.remove((CATALOG_FILE_KEY,))  # the copy of an older Codex, which would go before it
    elif CATALOG_FIELD in present and origin_of(str(present[CATALOG_FIELD])) != origin_of(base_url):
        draft.remove((*TABLE, CATALOG_FIELD), file=file)  # the models of the gateway from before
    for path, value in wanted.items():
        if _value(draft.text(file), path) != value:
            draft.set(path, value, file=file)
    changes = draft.changes()
    summary = f"Write the provider {PROVIDER_ID} into {file}, and select it."
    return Fix(summary, patch=patch_of(changes), safe=True, changes=changes)


def models_url(base_url: str) -> str:
    """Where joytui's gateway has a key's models for Codex."""
    return base_url.rstrip("/") + CODEX_MODELS_PATH


def _variable(present: dict[str, Any]) -> str:
    """The variable that the table names already, if it is one."""
    named = present.get("env_key")
    return named if isinstance(named, str) and is_variable_name(named) and named.isupper() else KEY_VARIABLE


def sets_up(old: bytes, new: bytes) -> bool:
    """Whether what makes the new config.toml of the old one may be a setup: the provider is there, and was not as it is."""
    texts = [text.decode("utf-8", "replace") for text in (old, new)]
    try:
        before, after = ([_value(text, path) for path in (TABLE, ("model_provider",))] for text in texts)
    except EditError:
        return False
    return after[1] == PROVIDER_ID and before != after


def removal(world: World, old: bytes | None) -> tuple[Change, ...]:
    """What takes the provider out of a config.toml that was edited since, and puts back what `old` had in its place."""
    draft = Draft(world)
    file = world.config_file
    before = (old or b"").decode("utf-8", "replace")
    if not _table(draft.text(file), TABLE) and _value(draft.text(file), ("model_provider",)) != PROVIDER_ID:
        return ()
    paths: list[Keys] = [TABLE]
    if _value(draft.text(file), ("model_provider",)) == PROVIDER_ID:
        paths += [("model_provider",), ("model",)]
    if is_ours(str(_value(draft.text(file), (CATALOG_FILE_KEY,)))):
        paths.append((CATALOG_FILE_KEY,))
    for path in paths:
        _put_back(draft, file, path, _value(before, path))
    return draft.changes()


def _put_back(draft: Draft, file: str, path: Keys, value: Any) -> None:
    if value is None or isinstance(value, dict):
        draft.remove(path, file=file)
    elif _value(draft.text(file), path) != value:
        draft.set(path, value, file=file)
    for field, item in value.items() if isinstance(value, dict) else ():
        draft.set((*path, field), item, file=file)


def _table(text: str, path: Keys) -> dict[str, Any]:
    found = _value(text, path)
    return found if isinstance(found, dict) else {}


def _value(text: str, path: Keys) -> Any:
    try:
        found: Any = read_toml(text).data
    except TomlError as error:
        raise EditError(str(error)) from None
    for part in path:
        found = found.get(part) if isinstance(found, dict) else None
    return found
