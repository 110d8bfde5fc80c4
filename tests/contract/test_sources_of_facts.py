"""A comment or docstring that says where a fact is from names what a reader can open: a version of Codex with "observed", a
public page, or a file of this repository. No notes that lie elsewhere, no numbers out of them."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENT = re.compile(r"""[^\s`'"(),;]*\w\.md\b""")
RECORDING = re.compile(r"\bsituations? [A-Z]+(?:[0-9]|_)|\b[A-Z][0-9]{2} to [A-Z][0-9]{2}\b|\b[A-Z]{1,3}_\*")
MADE_BY_US = {"report.md"}
"""Documents that the product writes."""


def said(source: str) -> Iterator[tuple[int, str]]:
    """The comments and docstrings of a file, with their lines; a string that stands by itself documents what is above it."""
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            yield node.lineno, node.value.value
        elif isinstance(node, ast.keyword) and node.arg == "__doc__" and isinstance(node.value, ast.Constant):
            yield node.value.lineno, str(node.value.value)


def elsewhere(text: str) -> list[str]:
    """What it points to that is not in the repository."""
    documents = [name for name in DOCUMENT.findall(text) if name not in MADE_BY_US and not _is_here(name)]
    return [*documents, *RECORDING.findall(text)]


def _is_here(name: str) -> bool:
    return "://" in name or (
        ".." not in name and any((folder / name).is_file() for folder in (ROOT, ROOT / "joytui", ROOT / "tests"))
    )


@pytest.mark.slow
def test_no_comment_points_outside_the_repository() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{line}: {', '.join(names)}"
        for folder in ("joytui", "tests")
        for path in sorted((ROOT / folder).rglob("*.py"))
        if path != Path(__file__)
        for line, text in said(path.read_text(encoding="utf-8"))
        if (names := elsewhere(text))
    ]
    assert not found, f'name the source itself ("observed with Codex 0.169.0", a public page): {found}'


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("as notes.md has it, section 9", ["notes.md"]),
        ("see ../elsewhere/notes.md", ["../elsewhere/notes.md"]),
        ("0.169.0, situations B01 to B36 and Z_*", ["situations B0", "Z_*"]),
        ("observed (T20 to T23)", ["T20 to T23"]),
        ("joytui/README.md is the map; CHANGELOG.md", []),
        ("tests/README.md, report.md; observed with Codex 0.169.0; https://example.com/page.md", []),
    ],
)
def test_it_tells_pointers_from_sources(text: str, names: list[str]) -> None:
    assert elsewhere(text) == names
