"""The gateway's models for a Codex that cannot ask for them: a file beside config.toml, which names it (0.120 to 0.160).

It is a copy of what the key may name now: `joytui setup` again renews it. Codex refuses to start where the line names a file that
is gone; the doctor then takes the line out.
"""

from __future__ import annotations

import json
import os
from typing import Any

from joytui.codex.model_lists import CATALOG_FILE_KEY
from joytui.codex.versions import rules_for
from joytui.codex.world import World
from joytui.core.json_object import json_object
from joytui.core.records import Change
from joytui.doctor.fix.draft import Draft

FILE = "joytui-models.json"


def takes_file(world: World) -> bool:
    """Whether this Codex takes its models from a file alone, and the user has named none of their own."""
    rules = rules_for(world.version)
    named = named_file(world)
    return rules.reads_model_catalog and not rules.asks_model_catalog and (named is None or is_ours(named))


def models_file(world: World, catalog: bytes) -> tuple[Change, ...]:
    """The file and its line, of a catalog as the gateway gives it; nothing for one without a model, which Codex would refuse. Raises
    EditError where config.toml takes no line."""
    models = (json_object(catalog) or {}).get("models")
    if not models or not isinstance(models, list):
        return ()
    draft = Draft(world)
    place = os.path.join(world.codex_home, FILE)
    draft.write(place, _text(models))
    if named_file(world) != place:
        draft.set((CATALOG_FILE_KEY,), place, file=world.config_file)
    return draft.changes()


def named_file(world: World) -> str | None:
    """The file that the configuration names, None for none."""
    wanted = world.wanted.get(CATALOG_FILE_KEY)
    return str(wanted[0].value) if wanted else None


def is_ours(path: str) -> bool:
    return os.path.basename(path) == FILE


def _text(models: list[Any]) -> str:
    return json.dumps({"models": models}, ensure_ascii=False, indent=1) + "\n"
