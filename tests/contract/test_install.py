"""What a user gets with `pip install joytui`, read from what is installed here: nothing is fetched."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
MOST_PACKAGES = 45
MOST_BYTES = 100_000_000
BYTE_CODE = 1.25
"""Bytes of byte code, which pip adds to a package, for each byte of its source (Python 3.11)."""


def base_install() -> set[str]:
    """The names of the packages that the base requirements bring, theirs too, on this platform."""
    extras: dict[str, set[str]] = {}

    def visit(lines: Iterable[str], wanted: set[str]) -> None:
        for requirement in map(Requirement, lines):
            if requirement.marker and not any(requirement.marker.evaluate({"extra": one}) for one in {"", *wanted}):
                continue
            name = canonicalize_name(requirement.name)
            known = extras.get(name)
            if known is None or requirement.extras - known:
                extras[name] = (known or set()) | requirement.extras
                visit(distribution(name).requires or (), extras[name])

    visit(PROJECT["dependencies"], set())
    return set(extras)


def size(files: Iterable[Path]) -> float:
    """Bytes on the disk with the byte code."""
    sizes = ((path.suffix, path.stat().st_size) for path in files if path.is_file() and path.suffix != ".pyc")
    return sum(bytes_ * (1 + BYTE_CODE if suffix == ".py" else 1) for suffix, bytes_ in sizes)


def test_the_base_install_is_small() -> None:
    sizes = {"joytui": size((ROOT / "joytui").rglob("*"))}
    for name in base_install():
        sizes[name] = size(Path(str(file.locate())) for file in distribution(name).files or ())
    largest = sorted(sizes.items(), key=lambda item: -item[1])
    told = "\n".join(f"{value / 1e6:6.1f} MB  {name}" for name, value in largest)
    assert len(sizes) <= MOST_PACKAGES, f"{len(sizes)} packages\n{told}"
    assert sum(sizes.values()) <= MOST_BYTES, f"{sum(sizes.values()) / 1e6:.0f} MB in {len(sizes)} packages\n{told}"


def test_the_install_is_read_right() -> None:
    """Requirements of requirements, extras and markers: httpx brings h11 by way of httpcore, and no extra of it is asked for."""
    found = base_install()
    assert {"textual", "httpx", "httpcore", "h11", "pydantic-core"} <= found
    assert "linkify-it-py" in found, "by an extra: markdown-it-py[linkify], which Textual asks for"
    assert not found & {"pytest", "keyring", "textual-serve", "h2"}


def test_textual_is_held_below_the_next_minor_version() -> None:
    textual = next(r for r in map(Requirement, PROJECT["dependencies"]) if r.name == "textual")
    assert textual.specifier.contains("8.2.8")
    assert not textual.specifier.contains("8.3.0"), "joytui/tui/textual_private.py is written for 8.2"
