"""The model catalog: a TOML file with prices, joined with what an upstream lists; shown in JoyToken's spelling.

JoyToken's list is documented in snake_case and read by its SDKs in camelCase: entries carry both.
Prices are nano-credits per million tokens inside, credits outside.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from joytui.core.errors import SettingsError
from joytui.core.joytoken import TIERS
from joytui.core.money import MoneyError, format_credits, from_millionths, parse_credits, parse_credits_up
from joytui.gateway.bridge.reported_usage import MOST_COST

FEATURES = "features"
WINDOWS = ("context_window", "contextWindow", "context_length", "max_model_len", "max_context_length")
"""What lists call the context window: ours and Groq's, JoyToken's SDKs' spelling, OpenRouter's and Together's, vLLM's, Mistral's."""
MOST_WINDOW = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Prices:
    """Nano-credits per million tokens."""

    input: int
    output: int
    cache_read: int
    cache_write: int


@dataclass(frozen=True, slots=True)
class Model:
    """A model as the catalog knows it. `context_window`: tokens of input and output together; None: not known."""

    key: str
    name: str
    tier: str | None = None
    provider: str | None = None
    description: str = ""
    tags: tuple[str, ...] = ()
    features: tuple[str, ...] = ()
    scenarios: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    score: float | None = None
    speed: float | None = None
    prices: Prices | None = None
    context_window: int | None = None


@dataclass(frozen=True, slots=True)
class Catalog:
    """Models by key, in the order of the file or the upstream's list. `aliases`: other names; `gpt-*` is every name that begins so."""

    models: Mapping[str, Model] = field(default_factory=dict)
    version: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)

    def get(self, key: str) -> Model | None:
        """By its key, else by an alias, else by the longest beginning."""
        if (model := self.models.get(key)) is not None or not self.aliases:
            return model
        alias = key if key in self.aliases else max(self._beginnings(key), key=len, default=key)
        return self.models.get(self.aliases.get(alias, ""))

    def _beginnings(self, key: str) -> Iterator[str]:
        return (alias for alias in self.aliases if alias.endswith("*") and key.startswith(alias[:-1]))


def load_catalog(path: Path | None = None) -> Catalog:
    """The catalog of a file, or the one that ships with joytui. Raises SettingsError with the file and the entry."""
    where = str(path) if path else "catalog.toml"
    try:
        text = (
            path.read_text(encoding="utf-8")
            if path
            else files("joytui.gateway").joinpath("catalog.toml").read_text("utf-8")
        )
        data = tomllib.loads(text)
    except OSError as error:
        raise SettingsError(f"the catalog cannot be read: {error.strerror}", where=where) from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingsError(f"the catalog is not valid TOML: {error}", where=where) from None
    models: dict[str, Model] = {}
    for index, entry in enumerate(data.get("model", []), 1):
        try:
            model = _model(entry)
        except (KeyError, ValueError, TypeError) as error:
            what = f"{error.args[0]!r} is missing" if isinstance(error, KeyError) else str(error)
            raise SettingsError(f"model {index}: {what}", where=where) from None
        if model.key in models:
            raise SettingsError(f"model {index}: {model.key!r} is listed twice", where=where)
        models[model.key] = model
    if not models:
        raise SettingsError("the catalog contains no [[model]]", where=where)
    aliases = {alias: model.key for model in models.values() for alias in model.aliases}
    return Catalog(models, str(data.get("version", "")), aliases)


def _model(entry: Mapping[str, Any]) -> Model:
    key = entry["key"]
    if not isinstance(key, str) or not key.strip() or key == "auto":
        raise ValueError(f"key must be a model's name, not {key!r}")
    tier = entry.get("tier", "standard")
    if tier not in TIERS:
        raise ValueError(f"{key}: tier must be economy, standard or premium, not {tier!r}")
    return Model(
        key=key,
        name=str(entry.get("name", key)),
        tier=tier,
        provider=_text(entry, "provider"),
        description=str(entry.get("description", "")),
        tags=_texts(entry, "tags"),
        features=_texts(entry, FEATURES),
        scenarios=_texts(entry, "scenarios"),
        aliases=_texts(entry, "aliases"),
        score=_number(entry, "score"),
        speed=_number(entry, "speed"),
        prices=_prices(entry),
        context_window=_window(entry),
    )


def _prices(entry: Mapping[str, Any]) -> Prices | None:
    if "input" not in entry and "output" not in entry:
        return None
    paid = parse_credits(entry.get("input", 0))
    return Prices(
        paid,
        parse_credits(entry.get("output", 0)),
        parse_credits(entry["cache_read"]) if "cache_read" in entry else paid,
        parse_credits(entry["cache_write"]) if "cache_write" in entry else paid,
    )


def _text(entry: Mapping[str, Any], name: str) -> str | None:
    value = entry.get(name)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{name} must be a text")
    return value


def _texts(entry: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = entry.get(name, [])
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise ValueError(f"{name} must be a list of strings")
    return tuple(value)


def _number(entry: Mapping[str, Any], name: str) -> float | None:
    value = entry.get(name)
    if value is not None and _loose_number(value) is None:
        raise ValueError(f"{name} must be a number")
    return _loose_number(value)


def _window(entry: Mapping[str, Any]) -> int | None:
    value = entry.get("context_window")
    if value is not None and _loose_window(value) is None:
        raise ValueError(f"context_window must be a whole number of tokens from 1 to {MOST_WINDOW:,}")
    return _loose_window(value)


# --- an upstream's list -----------------------------------------------------------------------------------------------


def joined(shipped: Catalog, listed: Iterable[Mapping[str, Any]]) -> Catalog:
    """The upstream's models, with prices and tiers from our file if the upstream reports none."""
    models: dict[str, Model] = {}
    for entry in listed:
        model = _listed(entry)
        if model is not None and model.key != "auto":
            ours = shipped.get(model.key)
            models[model.key] = _completed(model, ours) if ours else model
    return Catalog(models, shipped.version)


def with_names(catalog: Catalog, shipped: Catalog, stands_for: Mapping[str, Sequence[str]]) -> Catalog:
    """The catalog with the settings' own names of models: each with tier and price of what it stands for, as the upstream or our
    file tells them."""
    models = dict(catalog.models)
    for name, behind in stands_for.items():
        ours = next((known for one in behind if (known := catalog.get(one) or shipped.get(one))), None)
        if ours is not None:
            own = models.get(name)
            models[name] = _completed(own, ours) if own else replace(ours, key=name, name=name)
    return replace(catalog, models=models)


def _completed(model: Model, ours: Model) -> Model:
    return replace(
        model,
        tier=model.tier or ours.tier,
        provider=model.provider or ours.provider,
        features=model.features or ours.features,
        score=ours.score if model.score is None else model.score,
        speed=ours.speed if model.speed is None else model.speed,
        prices=model.prices or ours.prices,
        context_window=model.context_window or ours.context_window,
    )


def _listed(entry: Mapping[str, Any]) -> Model | None:
    """An entry of an OpenAI list ({"id"}) or of JoyToken's catalog, in either spelling."""

    def read(snake: str, camel: str) -> Any:
        return entry.get(snake, entry.get(camel))

    key = _loose_text(read("model_key", "modelKey") or entry.get("id"))
    if not key:
        return None
    tier = entry.get("tier")
    return Model(
        key=key,
        name=_loose_text(read("display_name", "displayName")) or key,
        tier=tier if isinstance(tier, str) and tier in TIERS else None,
        provider=_loose_text(entry.get("provider")) or _loose_text(entry.get("owned_by")),
        description=_loose_text(entry.get("description")) or "",
        tags=_loose_texts(entry.get("tags")),
        features=_loose_texts(read("feature_tags", "featureTags")),
        scenarios=_loose_texts(read("scenario_tags", "scenarioTags")),
        score=_loose_number(read("mci_score", "mciScore")),
        prices=_listed_prices(read),
        context_window=next((tokens for name in WINDOWS if (tokens := _loose_window(entry.get(name)))), None),
    )


def _listed_prices(read: Any) -> Prices | None:
    names = ("customer_input_mtok", "customerInputMtok"), ("customer_output_mtok", "customerOutputMtok")
    try:
        paid, out = (parse_credits(read(*pair)) for pair in names)
    except (MoneyError, TypeError):
        return None
    extra = []
    for pair in (
        ("customer_cacheread_mtok", "customerCachereadMtok"),
        ("customer_cachewrite_mtok", "customerCachewriteMtok"),
    ):
        try:
            extra.append(parse_credits(read(*pair)))
        except (MoneyError, TypeError):
            extra.append(paid)
    return Prices(paid, out, *extra)


def _loose_text(value: Any) -> str | None:
    """A text that UTF-8 can hold; None for anything else than a text."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def _loose_texts(value: Any) -> tuple[str, ...]:
    found = (_loose_text(v) for v in value) if isinstance(value, list) else ()
    return tuple(text for text in found if text)


def _loose_number(value: Any) -> float | None:
    """A number that JSON can hold; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not -1e300 < value < 1e300:
        return None
    return float(value)


def _loose_window(value: Any) -> int | None:
    """A number of tokens; None for anything else."""
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 < value <= MOST_WINDOW
    return value if whole else None


# --- what it shows ----------------------------------------------------------------------------------------------------


def entry(model: Model) -> dict[str, Any]:
    """An entry of `GET /api/v1/models`, each name in both spellings."""
    prices = model.prices or Prices(0, 0, 0, 0)
    fields = {
        "model_id": model.key,
        "model_key": model.key,
        "display_name": model.name,
        "alias": model.key,
        "tier": model.tier,
        "provider": model.provider,
        "description": model.description,
        "tags": list(model.tags),
        "feature_tags": list(model.features),
        "scenario_tags": list(model.scenarios),
        "mci_score": model.score,
        "context_window": model.context_window,
        "customer_input_mtok": _shown(prices.input),
        "customer_output_mtok": _shown(prices.output),
        "customer_cacheread_mtok": _shown(prices.cache_read),
        "customer_cachewrite_mtok": _shown(prices.cache_write),
    }
    return fields | {camel(name): value for name, value in fields.items()}


def camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _shown(nano: int) -> int | float:
    """Credits per million tokens as a JSON number, as JoyToken shows them."""
    text = format_credits(nano)
    return float(text) if "." in text else int(text)


def filtered(models: Iterable[Model], query: Mapping[str, Sequence[str]]) -> list[Model]:
    """`GET /api/v1/models`'s parameters: tier, provider, feature_tag, pack (a SKU tag), industry_packs (repeatable)."""
    one = {name: query[name][-1] for name in ("tier", "provider", "feature_tag", "pack") if query.get(name)}
    packs = set(query.get("industry_packs", ()))
    return [
        model
        for model in models
        if ("tier" not in one or model.tier == one["tier"])
        and ("provider" not in one or model.provider == one["provider"])
        and ("feature_tag" not in one or one["feature_tag"] in model.features)
        and ("pack" not in one or one["pack"] in model.tags)
        and (not packs or packs & set(model.scenarios))
    ]


# --- money ------------------------------------------------------------------------------------------------------------


def dearest(catalog: Catalog, tier: str) -> Model | None:
    """The model of a tier with the highest known price of output: what `auto` may cost at most."""
    of_tier = [model for model in catalog.models.values() if model.tier == tier and model.prices]
    return max(of_tier, key=lambda model: model.prices.output if model.prices else 0, default=None)


def cost(prices: Prices, input_tokens: int, cached_tokens: int, output_tokens: int) -> int:
    """Nano-credits of an answer, half to even over the whole. Cached input is part of the input."""
    cached = min(cached_tokens, input_tokens)
    millionths = (input_tokens - cached) * prices.input + cached * prices.cache_read + output_tokens * prices.output
    return min(from_millionths(millionths), MOST_COST)


def reserve(prices: Prices, input_tokens: int, output_tokens: int) -> int:
    """Nano-credits that a request may cost, rounded up; at least JoyToken's least freeze of 0.000001 credits."""
    millionths = input_tokens * max(prices.input, prices.cache_write) + output_tokens * prices.output
    return min(max(-(-millionths // 1_000_000), LEAST_FREEZE), MOST_FREEZE) if millionths else 0


LEAST_FREEZE = 1_000
MOST_FREEZE = 2**60  # sums of it stay within the ledger's 64 bits
DEFAULT_FREEZE = parse_credits_up("1")
