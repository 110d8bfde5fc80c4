"""The models of a key as Codex takes them: what its `model_catalog_url` loads, and its picker then offers.

    {"models": [{"slug": "auto", "display_name": "auto", "context_window": 272000, "base_instructions": "You are …", …}, …]}

Each entry is what Codex assumes of a model that it does not know (its fallback metadata), so that its prompt and its tools stay
as they are without a catalog; only the context window is the model's own. The fields are those of 0.171.0, observed in
the models_cache.json that it keeps; a version takes those that it knows. `base_instructions` must be there, and is sent
as it stands: the prompts in `codex_prompts/` were recorded from the requests of the versions that they are named after.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from joytui.core.joytoken import AUTO_MODEL
from joytui.core.money import format_credits
from joytui.core.redaction import visible
from joytui.gateway.catalog import Model
from joytui.gateway.policy import Policy
from joytui.gateway.refusals import Refused
from joytui.gateway.routing import Ask, Market, route

Version = tuple[int, ...]

FALLBACK_WINDOW = 272_000
"""Tokens that Codex assumes for a model that it does not know (0.171.0, observed)."""
COMPACT_PERCENT = 90
"""Codex compacts a conversation at this part of the window where nobody names a limit (0.171.0, observed)."""
AUTO_TOLD = "The gateway chooses a model within this key's policy."
MOST_NAME = 100
CACHED = 8
"""Catalogs that are kept rendered: keys with the same policy share one."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A model as a key may name it. `context_window` in tokens; None: not known."""

    slug: str
    name: str
    description: str
    context_window: int | None


def offers(policy: Policy, market: Market) -> tuple[Offer, ...]:
    """What a key of this policy may name, `auto` first, each name once (else Codex takes none of them); the model of a key that is
    fixed to one. Whether the key is paid for, and where it asks from, does not matter here."""
    listed = market.catalog.models if market.listed else market.stands_for
    names = (policy.fixed_model,) if policy.fixed_model else (AUTO_MODEL, *listed)
    return tuple(_offers(dict.fromkeys(names), policy, market))


def _offers(names: Iterable[str], policy: Policy, market: Market) -> Iterator[Offer]:
    address = str(policy.ip_allow[0].network_address) if policy.ip_allow else None
    for name in names:
        try:
            candidates = route(policy, Ask(name, address=address), market)
        except Refused:
            continue
        behind = [market.catalog.get(one.model) for one in candidates]
        yield _offer(name, behind[0], _window(behind))


def _offer(name: str, model: Model | None, window: int | None) -> Offer:
    if name == AUTO_MODEL:
        return Offer(name, name, AUTO_TOLD, window)
    shown = visible(model.name, limit=MOST_NAME) if model and model.name.isprintable() else name
    return Offer(name, shown, _price(model), window)


def _price(model: Model | None) -> str:
    """What people choose by, in a few words: Codex writes them into the prompt, too, for its sub-agents to choose by."""
    told = [f"{model.tier} tier"] if model and model.tier else []
    if model and model.prices:
        paid, out = format_credits(model.prices.input), format_credits(model.prices.output)
        told.append(f"{paid} credits per million tokens of input, {out} of output")
    text = "; ".join(told)
    return f"{text[0].upper()}{text[1:]}." if text else ""


def _window(models: list[Model | None]) -> int | None:
    """The smallest window of the models that may answer; a window that is not known counts as what Codex assumes."""
    known = [model.context_window if model else None for model in models]
    if not any(known):
        return None
    return min(window or FALLBACK_WINDOW for window in known)


@lru_cache(maxsize=CACHED)
def catalog_json(offered: tuple[Offer, ...], client: Version, *, packed: bool) -> bytes:
    """The catalog for a Codex of this version, `packed` with gzip: the prompt is in each entry."""
    prompt = prompt_for(client)
    entries = [_entry(offer, priority, prompt) for priority, offer in enumerate(offered)]
    plain = json.dumps({"models": entries}, separators=(",", ":")).encode()
    return gzip.compress(plain, compresslevel=6, mtime=0) if packed else plain


def _entry(offer: Offer, priority: int, prompt: str) -> dict[str, Any]:
    window = offer.context_window
    return {
        "slug": offer.slug,
        "display_name": offer.name,
        "description": offer.description,
        "supported_reasoning_levels": [],
        "shell_type": "default",
        "visibility": "list",
        "supported_in_api": True,
        "priority": priority,
        "base_instructions": prompt,
        "include_skills_usage_instructions": False,
        "include_plugin_usage_instructions": False,
        "include_apps_usage_instructions": False,
        "supports_reasoning_summaries": False,
        "support_verbosity": False,
        "truncation_policy": {"mode": "bytes", "limit": 10_000},
        "supports_parallel_tool_calls": False,
        "context_window": window or FALLBACK_WINDOW,
        "auto_compact_token_limit": window * COMPACT_PERCENT // 100 if window else None,
        "effective_context_window_percent": 95,
        "experimental_supported_tools": [],
    }


def prompt_for(client: Version) -> str:
    """The base instructions that a Codex of this version uses for a model that it does not know: those of the newest recorded
    version up to it, else the oldest; the newest for a client that does not tell its version."""
    known = _prompts()
    fitting = [version for version in known if version <= client] if client else list(known)
    return known[max(fitting, default=min(known))]


@cache
def _prompts() -> dict[Version, str]:
    found = (file for file in files("joytui.gateway").joinpath("codex_prompts").iterdir() if file.name.endswith(".md"))
    return {version_of(file.name.removesuffix(".md")): file.read_text("utf-8") for file in found}


def version_of(text: str) -> Version:
    """The numbers of "0.171.0" or "0.172.0-alpha.1"; () where there are none."""
    numbers = text.split("-", 1)[0].split(".")
    return (
        tuple(int(part) for part in numbers) if all(p.isascii() and p.isdigit() and len(p) < 9 for p in numbers) else ()
    )
