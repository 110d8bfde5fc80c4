"""What the installed Codex answered when it was asked (asking.py), as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Facts:
    """What a binary says of itself; None if it did not say it in the form that is expected.

    `models`: slug -> request shape. `flags`: name -> {"short", "value", "many", "choices", "where"}, as in the versions' files.
    """

    models: Mapping[str, str] | None = None
    default_model: str | None = None
    features: tuple[str, ...] | None = None
    flags: Mapping[str, Mapping[str, Any]] | None = None

    def asked(self) -> tuple[str, ...]:
        """What it answered, in words."""
        told = (("models", self.models), ("features", self.features), ("flags", self.flags))
        return tuple(name for name, value in told if value is not None)


@dataclass(frozen=True, slots=True)
class Loader:
    """What Codex's own loader says of the configuration: `fault` in its words, None if it loads.

    `unknown`: the keys that `--strict-config` names; None if that was not asked. `why`: why the loader was not asked.
    """

    outcome: Literal["loads", "fault", "not asked"]
    fault: str | None = None
    unknown: tuple[str, ...] | None = None
    why: str = ""
    left: str | None = None  # a folder that the question made, and that could not be removed


@dataclass(frozen=True, slots=True)
class Asked:
    """All answers. `why`: why nothing was asked at all. `disagreements`: where joytui's own model was wrong, in words."""

    facts: Facts = Facts()
    loader: Loader = Loader("not asked")
    why: str = ""
    disagreements: list[str] = field(default_factory=list)
