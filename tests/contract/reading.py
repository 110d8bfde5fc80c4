"""The whole contract of the running product, part by part: each is a file of `frozen/`."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.contract import answers, commands, compare, routes, shapes, surroundings
from tests.contract.product import SHELL, Shell, Told, running
from tests.support.joytui_process import Machine

FROZEN = Path(__file__).parent / "frozen"
Data = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Part:
    """What was read just now, under the name of its file. `lost`: what of the frozen data it lacks; `grown`: the frozen data
    with what it has beyond that."""

    name: str
    today: Data
    lost: Callable[[Data, Data], Iterator[str]] = compare.missing
    grown: Callable[[Data, Data], Data] = compare.merged

    @property
    def file(self) -> Path:
        return FROZEN / f"{self.name}.json"

    @property
    def frozen(self) -> Data:
        """What the file says; nothing if there is none yet."""
        return dict(json.loads(self.file.read_text(encoding="utf-8"))) if self.file.exists() else {}

    def missing(self) -> list[str]:
        return [f"{self.name}: {line}" for line in self.lost(self.frozen, self.today)]


def read_commands() -> Iterator[Part]:
    """What the parsers say: no process, no file."""
    yield Part("commands", _as_read(commands.commands()), commands.lost)


def read_product(folder: Path) -> Iterator[Part]:
    """What is answered, on a machine that has nothing and on one where a gateway runs."""
    told = Told()
    fresh = folder / "fresh"
    fresh.mkdir(parents=True)
    with contextlib.chdir(fresh):
        shell = Shell(Machine(fresh, dict(SHELL)), told, "nothing runs")
        answers.alone(shell)
        around = surroundings.of_nothing_running(shell)
        answers.in_trouble(shell)
    used = folder / "used"
    used.mkdir()
    with running(used, told) as shell:
        answers.of_everything(shell)
        served = routes.told(shell)
        around |= surroundings.of_a_used_machine(shell)
    yield from _of(told)
    yield Part("routes", _as_read(served), routes.lost)
    yield Part("surroundings", _as_read(around))


def read_codex(folder: Path, codex: str) -> Iterator[Part]:
    """What is answered where the real Codex runs (`codex`: its path): a turn through the gateway, a run beside the doctor."""
    told = Told()
    with contextlib.chdir(folder):
        answers.with_codex(
            Shell(
                Machine(folder, {**SHELL, "PATH": f"{Path(codex).parent}:{os.environ['PATH']}"}), told, "Codex is here"
            )
        )
    yield from _of(told, "-with-codex")


def _of(told: Told, suffix: str = "") -> Iterator[Part]:
    members = {what: shapes.to_json(shape) for what, shape in told.members.items()}
    yield Part(f"exits{suffix}", dict(sorted(told.exits.items())))
    yield Part(f"members{suffix}", members, _members_lost, _members_grown)


def _as_read(data: Data) -> Data:
    """As it comes back from a file: tuples are lists there."""
    return dict(json.loads(json.dumps(data)))


def _members_lost(old: Data, new: Data) -> Iterator[str]:
    for what, shape in old.items():
        if what not in new:
            yield f"{what}: gone"
        else:
            before, now = shapes.from_json(shape), shapes.from_json(new[what])
            yield from (f"{what}: {line}" for line in shapes.lost(before, now))


def _members_grown(old: Data, new: Data) -> Data:
    found = dict(old)
    for what, shape in new.items():
        if what in old:
            shape = shapes.to_json(shapes.grown(shapes.from_json(old[what]), shapes.from_json(shape)))
        found[what] = shape
    return found
