"""Changes of single values: the model, a value of the wrong type, keys that Codex does not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from joytui.codex.edit import EditError
from joytui.codex.world import World
from joytui.doctor.fix.check import objection
from joytui.doctor.fix.draft import Draft
from joytui.doctor.fix.refused import better_models

Details = Mapping[str, Any]


def value_of(world: World, key: str) -> Any:
    """What the layer that wins says about a key; None if none says anything."""
    wanted = world.wanted.get(key)
    return wanted[0].value if wanted else None


def model(world: World, details: Details, draft: Draft) -> str:
    better = better_models(details)
    model = world.effective.get("model")
    if not better or (model and model.layer == "flags"):
        return ""  # nothing to name, or nothing in a file: the words of the fix remain
    also = f" ({', '.join(better[1:3])} would work, too)" if len(better) > 1 else ""
    draft.set(("model",), better[0])
    return f'Write model = "{better[0]}"{also}.'


def allowed_model(world: World, details: Details, draft: Draft) -> str | None:
    """The model that a key's policy names where it refuses another."""
    return model(world, details, draft) if details.get("allowed") else None


def refused_line(world: World, details: Details, draft: Draft) -> str | None:
    """The line whose value the gateway refuses goes, where the request was seen to pass without it."""
    line = details.get("line")
    if not isinstance(line, str):
        return None
    draft.remove(tuple(line.split(".")))
    return f"Remove {line}: the gateway refuses its value, and takes the request without it."


def catalog(world: World, details: Details, draft: Draft) -> str | None:
    if details.get("catalog"):
        return _catalog_url(details, draft)
    draft.remove(("model_catalog_json",))
    told = "the file that it names is no catalog" if details.get("readable") else "it does not name a readable file"
    return f"Remove model_catalog_json: {told}."


def _catalog_url(details: Details, draft: Draft) -> str | None:
    """The address where the gateway was seen to list its models; without one the line goes, but where the list is good."""
    path = tuple(str(details["key"]).split("."))
    if right := details.get("use"):
        draft.set(path, right)
        return f'Set model_catalog_url = "{right}".'
    if details["catalog"] == "unlisted":
        return None
    draft.remove(path)
    return "Remove model_catalog_url: Codex works without it."


def type(world: World, details: Details, draft: Draft) -> str | None:
    key = str(details["key"])
    path = tuple(key.split("."))
    value = value_of(world, key)
    for other in _other_types(value):
        attempt = Draft(world)
        attempt.set(path, other)
        if objection(world, attempt.changes(), "config-type") is None:
            draft.set(path, other)
            return f"Write {path[-1]} = {str(other).lower() if isinstance(other, bool) else other!r} (another type than it has)."
    if path[-1] in _NEEDED:
        return None
    draft.remove(path)
    return f"Remove {path[-1]}: Codex takes its own default then."


_NEEDED = ("base_url", "env_key", "name", "model", "model_provider", "model_providers")


def _other_types(value: Any) -> list[Any]:
    """What a value may have been meant as."""
    if isinstance(value, bool):
        return [str(value).lower()]
    if isinstance(value, str):
        word = value.strip().lower()
        number = [int(word)] if word.isascii() and word.isdigit() else []
        answer = [word in ("true", "yes", "on")] if word in ("true", "false", "yes", "no", "on", "off") else []
        return [*number, *answer, [value]]
    if isinstance(value, (int, float)):
        return ([bool(value)] if value in (0, 1) else []) + [abs(int(value)), str(value)]
    if isinstance(value, list) and len(value) == 1:
        return [value[0]]
    return []


def unknown(world: World, details: Details, draft: Draft) -> str | None:
    renamed = [_respell(draft, key, near) for key, near in _unknown_keys(world, details) if near]
    done = [text for text in renamed if text]
    return f"Rename {', '.join(done)}." if done else None


def _unknown_keys(world: World, details: Details) -> list[tuple[str, str | None]]:
    from difflib import get_close_matches

    from joytui.codex.schema import known_fields
    from joytui.codex.versions import rules_for

    rules = rules_for(world.version)
    found: list[tuple[str, str | None]] = []
    for item in details.get("keys") or []:
        if isinstance(item, str):
            *parent, name = item.split(".")
            near = get_close_matches(
                name.lower().replace("-", "_"), known_fields(tuple(parent), rules), n=1, cutoff=0.6
            )
            found.append((item, near[0] if near else None))
        else:
            found.append((str(item["key"]), item.get("near")))
    return found


def _respell(draft: Draft, key: str, near: str) -> str | None:
    """One misspelt key renamed, where its right name is still free."""
    path = tuple(key.split("."))
    try:
        draft.rename(path, near)
    except EditError:
        return None
    return f"{path[-1]} to {near}"
