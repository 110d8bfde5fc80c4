"""How far joytui knows the Codex that was examined: by a data file of its version, by its neighbours', and by what itself answered."""

from __future__ import annotations

from typing import Any

from joytui.codex.versions import parse_version, recorded_versions
from joytui.codex.world import World
from joytui.core.records import Status


def checked_with(version: str) -> dict[str, Any]:
    """Whether joytui was checked with exactly this version, and else with which ones before and after it."""
    number = parse_version(version)
    known = recorded_versions()
    older = [one.version for one in known if number and one.number < number]
    newer = [one.version for one in known if number and one.number > number]
    exact = any(one.number == number for one in known)
    return {
        "exact": exact,
        "older": None if exact else next(reversed(older), None),
        "newer": None if exact else next(iter(newer), None),
    }


def newest_checked() -> str:
    """The newest version that joytui was checked with."""
    return recorded_versions()[-1].version


def asked_data(world: World) -> dict[str, Any] | None:
    """What the installed Codex was asked, for the report; None if it was not to be asked."""
    asked = world.asked
    if asked is None:
        return None
    return {
        "of_binary": list(asked.facts.asked()),
        "loader": asked.loader.outcome,
        "why": asked.why or asked.loader.why,
        "left": asked.loader.left,
        "disagreements": list(asked.disagreements),
    }


def version_told(world: World) -> tuple[Status, str]:
    """The step's status and words."""
    if not world.version_known:
        return "unknown", f"not known; the rules of {world.version} were applied"
    checked = checked_with(world.version)
    asked = _asked_told(world)
    if checked["exact"]:
        wrong = world.asked is not None and bool(world.asked.disagreements)
        return "warn" if wrong else "pass", f"joytui was checked with {world.version}{asked}"
    older, newer = checked["older"], checked["newer"]
    if newer is None:
        told = f"{world.version} is newer than what joytui was checked with{asked}; taken from {older}: stream and retry rules"
    elif older is None:
        told = f"{world.version} is older than what joytui was checked with{asked}; taken from {newer}: stream and retry rules"
    else:
        told = f"{world.version} lies between {older} and {newer}, which joytui was checked with{asked}"
    return "warn", told


def _asked_told(world: World) -> str:
    asked = world.asked
    if asked is None:
        return ""
    answered = [*asked.facts.asked(), *(["configuration"] if asked.loader.outcome != "not asked" else [])]
    parts = [f"; asked of the binary: {', '.join(answered)}"] if answered else []
    why = asked.why or asked.loader.why
    missing = [name for name in ("models", "features", "flags", "configuration") if name not in answered]
    if missing:
        parts.append(f"; not asked: {', '.join(missing)}{f' ({why})' if why else ''}")
    if asked.loader.left:
        parts.append(f"; it left {asked.loader.left}")
    return "".join([*parts, *(f"; {one}" for one in asked.disagreements)])
