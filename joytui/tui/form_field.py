"""A field of a form as data: what it is called, how it is filled in, what helps. Its value is a text, whatever it is."""

from __future__ import annotations

from dataclasses import dataclass

ON, OFF = "yes", "no"


@dataclass(frozen=True, slots=True)
class Field:
    """`choices`: values with their words; `several`: any number of them, as "one, two"; `switch`: "yes" or "no"."""

    name: str
    label: str
    help: str
    value: str = ""
    choices: tuple[tuple[str, str], ...] = ()
    several: bool = False
    switch: bool = False
