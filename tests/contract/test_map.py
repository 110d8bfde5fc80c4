"""The map (joytui/README.md) names files that are there, and the layering that the contract test holds."""

from __future__ import annotations

import re
from pathlib import Path

from tests.contract.test_layering import MAY_IMPORT

ROOT = Path(__file__).parents[2]
MAP = (ROOT / "joytui" / "README.md").read_text(encoding="utf-8")


def test_every_path_of_the_map_is_there() -> None:
    named = {text for text in re.findall(r"`([\w./]+)`", MAP) if "/" in text and not re.search("NAME|VERSION", text)}
    assert len(named) > 20
    assert [text for text in named if not ((ROOT / text).exists() or (ROOT / "joytui" / text).exists())] == []


def test_the_layers_of_the_map_are_those_that_are_held() -> None:
    shown = {}
    for line in re.findall(r"```text\n(.*?)```", MAP, re.S)[0].splitlines():
        name, *_ = line.split()
        words = re.split(r" {3,}", line)[-1].split()
        shown[name] = set(words) & set(MAY_IMPORT)
    assert shown == {name: set() if name == "cli" else below for name, below in MAY_IMPORT.items()}
