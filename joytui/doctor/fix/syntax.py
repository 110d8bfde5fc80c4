"""Repairs of a config.toml that does not parse: the usual accidents of copying and typing, one line at a time.

A repair is taken only if the reader then gets past the line; it changes that line and no other (line ends that TOML does
not know are changed everywhere).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from joytui.codex.toml_reader import TomlError, read_toml
from joytui.codex.world import World
from joytui.doctor.fix.draft import Draft
from joytui.doctor.fix.files import broken_file

ROUNDS = 20

_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "‘": "'", "’": "'", "‚": "'"})
_BLANKS = str.maketrans(
    dict.fromkeys("\xa0\u2002\u2003\u2007\u2009\u202f\u3000", " ")
    | dict.fromkeys("\u200b\u200c\u200d\u2060\ufeff\x00", "")
)
_BARE_VALUE = re.compile(r"^(\s*[\w.\-]+\s*=\s*)([^\s\"'\[{#][^\"'#]*?)(\s*)(#.*)?$")
_UNCLOSED = re.compile(r"^(\s*[\w.\-]+\s*=\s*)([\"'])([^\"'#]*?)(\s*)$")
_UNOPENED = re.compile(r"^(\s*[\w.\-]+\s*=\s*)([^\"'\s\[{]\S*)([\"'])(\s*(?:#.*)?)$")
_HEADER = re.compile(r"^(\s*)\[\s*([\w.\-]+)\s*$")
_COLON = re.compile(r"^(\s*[\"']?[\w.\-]+[\"']?\s*):(\s*)(?=[\"'\dtf])")
_AFTER = re.compile(r"^(\s*[\w.\-]+\s*=\s*(?:\"[^\"]*\"|'[^']*'|true|false|[\d_]+))\s*[,;](\s*(?:#.*)?)$")
_NO_CONFIGURATION = re.compile(r"```\w*|~~~\w*|(?:\$ )?(?:cat|tee)\b.*<<.*|EOF|END|EOT")
"""What came along from a page or a shell: fences of code, the lines around a here-document."""
_EXPORT = re.compile(r"^(\s*)(?:export|set)\s+(?=[\w.\-]+\s*=)")


def repaired(world: World, details: Mapping[str, Any], draft: Draft) -> str | None:
    """The broken file with every line that can be repaired by itself repaired, if the whole then parses."""
    place = broken_file(world)
    if place is None:
        return None
    text = draft.text(place)
    new = repair(text)
    if new is None:
        return None
    draft.write(place, new)
    before, after = text.splitlines(), new.splitlines()
    wrong = [n for n, (a, b) in enumerate(zip(before, after, strict=False), 1) if a != b]
    lines = ", ".join(str(number) for number in wrong[:6]) or "ends"
    return f"Correct line {lines} of {place}, so that it is valid TOML."


def repair(text: str) -> str | None:
    """The text made valid TOML by small repairs, None if they do not suffice."""
    if "\r" in text.replace("\r\n", ""):
        text = re.sub(r"\r(?!\n)", "\n", text)
    for _ in range(ROUNDS):
        error = _error(text)
        if error is None:
            return text
        better = _better(text, error)
        if better is None:
            return None
        text = better
    return None


def _error(text: str) -> TomlError | None:
    try:
        read_toml(text)
    except TomlError as error:
        return error
    return None


def _better(text: str, error: TomlError) -> str | None:
    """The text with one line repaired so that the reader gets further."""
    bom = "\ufeff" if text.startswith("\ufeff") else ""
    lines = text.removeprefix(bom).split("\n")
    for number in (error.line, error.line - 1):
        if not 1 <= number <= len(lines):
            continue
        end = "\r" if lines[number - 1].endswith("\r") else ""
        old = lines[number - 1].removesuffix("\r")
        for line in _candidates(old, lines[: number - 1]):
            tried = [*lines[: number - 1], *([] if line is None else [line + end]), *lines[number:]]
            changed = bom + "\n".join(tried)
            left = _error(changed)
            if left is None or left.line > error.line:
                return changed
    return None


def _candidates(line: str, above: list[str]) -> Iterator[str | None]:
    """The line as it may have been meant; None: it goes."""
    said, sign, comment = line.partition(" #")
    plain = said.translate(_QUOTES).translate(_BLANKS) + sign + comment
    whole = line.translate(_QUOTES).translate(_BLANKS)
    for repair_line in (lambda text: text, *_REPAIRS):
        for start in dict.fromkeys((line, plain, whole)):
            changed = repair_line(start)
            if changed != line:
                yield changed
    if _NO_CONFIGURATION.fullmatch(line.strip()) or (line.strip() and any(_same(line, other) for other in above)):
        yield None


def _same(line: str, other: str) -> bool:
    """The same assignment once more."""
    return "=" in line and re.sub(r"\s+", "", line) == re.sub(r"\s+", "", other)


def _plural(line: str) -> str:
    """`[model_provider.x]` beside `model_provider = "x"`."""
    return re.sub(r"^(\s*\[\s*model_provider)(?=\s*\.)", r"\1s", line)


def _quoted(line: str) -> str:
    def quote(found: re.Match[str]) -> str:
        word = found[2]
        lowered = word.lower()
        shown = lowered if lowered in ("true", "false") else f'"{word}"'
        return f"{found[1]}{shown}{found[3]}{found[4] or ''}"

    return _BARE_VALUE.sub(quote, line)


def _in_equal_quotes(line: str) -> str:
    """`"x'` and the like."""
    return re.sub(r"^(\s*[\w.\-]+\s*=\s*)[\"']([^\"']*)[\"'](\s*(?:#.*)?)$", r'\1"\2"\3', line)


_REPAIRS: tuple[Callable[[str], str], ...] = (
    lambda line: _HEADER.sub(r"\1[\2]", line),
    lambda line: _EXPORT.sub(r"\1", line),
    lambda line: _COLON.sub(r"\1 =\2", line),
    lambda line: _AFTER.sub(r"\1\2", line),
    lambda line: _UNCLOSED.sub(r"\1\2\3\2\4", line),
    lambda line: _UNOPENED.sub(r"\1\3\2\3\4", line),
    _plural,
    _in_equal_quotes,
    _quoted,
)
