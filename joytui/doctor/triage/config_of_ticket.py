"""The configuration that a ticket holds, as the files that it would be: found among other words, put where the ticket says it is.

People paste it whole or in parts, in fences or bare, with their sentences between. What is above the first table header of a part
counts for the file, as people mean it; a part that begins again with what was there replaces what was before.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from joytui.codex.providers import FIELDS
from joytui.codex.schema import known_fields
from joytui.codex.toml_reader import TomlError, read_toml
from joytui.codex.versions import assumed_version, rules_for
from joytui.doctor.triage.clean import unframed, without_escapes, without_stamp

HOME = Path("/ticket/home")
"""Where the files of a ticket are taken to be. Nothing is there."""
PROJECT = HOME / "project"
UNREAD = str(HOME / ".config/codex/config.toml")
LIMIT = 30_000
VALUE_LINES = 200
_HEADER = re.compile(
    r"^(\[{1,2}\s*([\w.\"' -]{1,120}?)\s*\]{1,2}|\[[\w.\"' -]{1,120}|[a-z_]{3,30}\.[\w.-]{1,80}\])\s*(?:#.*)?$"
)
_PAIR = re.compile(r"^([\"']?[A-Za-z_][\w.\"'-]{0,80})\s*=\s*(\S.{0,2000})$")
_WITH_COLON = re.compile(r"^(?:model|model_provider|name|base_url|env_key|wire_api): ?[\"'].{0,300}[\"'],?$")
"""A line as YAML has it, which is none to Codex."""
_ENVIRONMENT = re.compile(r"^[A-Z][A-Z0-9_]*=")
_QUOTING = re.compile(r"^(?:> ?)+")
_NUMBERED = re.compile(r"^\s{0,8}\d{1,3}(?:\t|\s?[│:] ?|\s{2,4})(?=[\[\w#\"]|$)")
_CARETS = re.compile(r"^[|│]?\s*\^+")
"""Codex points at what it cannot read: the line above is quoted in an error, and is no file."""
_TRIPLE = re.compile(r"\"{3}|'{3}")
_UNSEEN = re.compile(r"[\u200b\ufeff\xa0\u2060]+")
_FLAG = re.compile(
    r"\s(?:(--oss|--ignore-user-config)\b|(-p|--profile|-c|--config|-m|--model)[ =](\"[^\"\n]+\"|'[^'\n]+'|[^\s`\"']+))"
)
_VERSION = re.compile(r"\bcodex(?:[ -]cli)?[ (:v-]{1,3}0\.(\d{2,3})(?:\.(\d{1,2}))?(?![\d.]*\d)", re.I)
_COMMAND = re.compile(r"(?:^|[\s`'\"$>❯%(])codex((?: (?:exec|e|resume))?(?: [^\n`]{0,300})?)")
_INLINE = re.compile(r"(?<![\w.])([a-z_]{3,30})\s?=\s?(\"[^\"\n]{0,300}\")")
_FILE = re.compile(r"[~$\w.{}%:/\\-]{0,200}config\.toml\b")
_PROJECT_WORDS = re.compile(
    r"\b(?:repo\w*|project|workspace|checkout|proyecto|Projekt|projet)\b|项目|仓库|プロジェクト|リポジトリ", re.I
)
_EXPORTED = re.compile(
    r"\b(?:export|set -g?x\w*|setx|set)\s+([A-Z][A-Z0-9_]{2,60})\b|\$env:([A-Z][A-Z0-9_]{2,60})\s*=|^([A-Z][A-Z0-9_]{2,60})=",
    re.M,
)


@dataclass(frozen=True, slots=True)
class Configuration:
    """`files`: path to content. `provider`: whether a table of a provider is in it; `partly`: nothing but tables was shown.
    `args`: the flags with which the ticket starts Codex; `version`: its version, as people write it. `exported`: variables that the
    ticket sets. `only`: the fields that sentences quote, where no more of it is there."""

    files: dict[str, str] = field(repr=False)
    provider: bool
    partly: bool
    args: tuple[str, ...] = ()
    exported: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    version: str | None = None

    def line(self, where: str | None) -> str:
        """The line that a place ("file:line") names, as it was pasted; empty where it names none."""
        path, _, number = (where or "").rpartition(":")
        lines = self.files.get(path, "").split("\n")
        return lines[int(number) - 1].strip() if number.isdigit() and 0 < int(number) <= len(lines) else ""


def configuration_in(text: str) -> Configuration | None:
    """The configuration in a ticket, None if it holds none."""
    text = without_escapes(text[:LIMIT])
    parts = [part for part in _parts(text) if _is_codex(part)]
    if not parts:
        return _in_sentences(text)
    top, body = _composed(parts)
    partly = not any(map(_is_config, top)) and "model_provider" not in _names(body)
    if partly and (only := _only_provider(body)):
        top = [f'model_provider = "{only}"']
    content = "\n".join([*top, *body]) + "\n"
    exported = frozenset(name for found in _EXPORTED.finditer(text) for name in found.groups() if name)
    provider = any(line.startswith("[model_provider") for line in body)
    return Configuration(
        {_place(text): content}, provider, partly, tuple(_arguments(text)), exported, version=_version(text)
    )


def _in_sentences(text: str) -> Configuration | None:
    """The lines of a provider that a sentence quotes."""
    found = {name: value for name, value in _INLINE.findall(text) if name in FIELDS}
    if not found:
        return None
    lines = ["[model_providers.custom]", 'name = "custom"', *(f"{name} = {value}" for name, value in found.items())]
    content = 'model_provider = "custom"\n' + "\n".join(lines) + "\n"
    return Configuration({_place(text): content}, True, True, only=frozenset(found), version=_version(text))


def _version(text: str) -> str | None:
    """The newest version of Codex that the ticket names: an older one beside it is what worked before."""
    found = [(int(minor), int(patch or 0)) for minor, patch in _VERSION.findall(text)]
    return f"0.{max(found)[0]}.{max(found)[1]}" if found else None


def without_configuration(text: str) -> str:
    """A text without the lines of configuration in it: what a key is called says nothing of a failure."""
    own = {line for part in _parts(text[:LIMIT]) if _is_codex(part) for line in part if line}
    return "\n".join(line for line in text.split("\n") if unframed(line).strip() not in own) if own else text


def _lines(text: str) -> list[str]:
    quoted = [_QUOTING.sub("", line) for line in text.split("\n")]
    plain = [_NUMBERED.sub("", without_stamp(unframed(line))).strip() for line in quoted]
    shown = ["" if _CARETS.match(below) else line for line, below in zip(plain, [*plain[1:], ""], strict=True)]
    return list(_rejoined(shown))


def _rejoined(lines: list[str]) -> Iterator[str]:
    """The lines with those made one again that a terminal or a mail program broke within a text."""
    lines = [*lines, ""]
    number = 0
    while number < len(lines) - 1:
        line, behind = lines[number], lines[number + 1]
        number += 1
        broken = _PAIR.match(line) and line.count('"') == 1 and behind.count('"') == 1
        if broken and not _is_config(behind):
            line += behind
            number += 1
        yield line


def _parts(text: str) -> Iterator[list[str]]:
    """Runs of lines that are configuration. Lines of a value go with it, and one that is broken between two that are not; empty lines
    and comments do not end a run."""
    part: list[str] = []
    lines = _lines(text)
    within = _Value()
    for number, line in enumerate(lines):
        if within or _is_config(line):
            part.append(line)
            within.read(line)
        elif part and (line == "" or line.startswith("#") or _is_broken(lines, number)):
            part.append(line)
        elif part:
            yield part
            part = []
    if part:
        yield part


@dataclass(slots=True)
class _Value:
    """Whether a value goes on in the next line: its brackets, or a text in three quotes, are open."""

    brackets: int = 0
    quotes: str = ""
    lines: int = 0

    def __bool__(self) -> bool:
        return (self.brackets > 0 or bool(self.quotes)) and self.lines < VALUE_LINES

    def read(self, line: str) -> None:
        self.lines = self.lines + 1 if self else 0
        for mark in _TRIPLE.findall(line):
            self.quotes = "" if self.quotes == mark else self.quotes or mark
        if self.quotes or (not self.brackets and _HEADER.match(line)):
            return
        bare = re.sub(r"\"[^\"]*\"|'[^']*'|#.*", "", line)
        self.brackets = max(0, self.brackets + sum(map(bare.count, "[{")) - sum(map(bare.count, "]}")))


def _is_config(line: str) -> bool:
    line = _UNSEEN.sub("", line)
    pair = _PAIR.match(line) and not _ENVIRONMENT.match(line)
    return bool(pair or _HEADER.match(line) or _WITH_COLON.match(line))


def _is_broken(lines: list[str], number: int) -> bool:
    """A line that is none of configuration, right between two that are."""
    line = lines[number]
    between = 0 < number < len(lines) - 1 and _is_config(lines[number - 1]) and _is_config(lines[number + 1])
    return between and len(line) < 200 and bool(re.search(r"[=\"'\[\]]", line))


def _is_codex(part: list[str]) -> bool:
    """Whether a run of lines is Codex's configuration, rather than another program's or one line that a message quotes."""
    if len(part) == 1 and not _parses(part[0]):
        return False
    known = known_fields((), rules_for(assumed_version()))
    for line in part:
        if header := _HEADER.match(line):
            name = (header[2] or header[1]).strip("[]\"' ").split(".")[0].strip("\"' ")
            if name.startswith("model_provider") or name in ("profiles", "model-providers"):
                return True
        elif (pair := _PAIR.match(line)) and _bare(pair[1]) in (*known, "base_url", "env_key", "wire_api"):
            return True
    return False


def _parses(line: str) -> bool:
    try:
        return bool(read_toml(line))
    except TomlError:
        return False


def _composed(parts: list[list[str]]) -> tuple[list[str], list[str]]:
    """The lines above the first table, and the tables, of all parts as one file."""
    top: list[str] = []
    body: list[str] = []
    for part in parts:
        first = next((number for number, line in enumerate(part) if _HEADER.match(line)), len(part))
        lead, rest = part[:first], part[first:]
        if lead and not rest and _names(lead) <= set(FIELDS) and _names(lead) & {"base_url", "env_key", "wire_api"}:
            lead, rest = [], ["[model_providers.custom]", *lead] if not body else lead
        if _names(lead) & _names(top) or _headers(rest) & _headers(body):
            top, body = [], []
        top += lead
        body += rest
    return top, body


def _names(lines: list[str]) -> set[str]:
    return {_bare(pair[1]) for line in lines if (pair := _PAIR.match(line))}


def _headers(lines: list[str]) -> set[str]:
    return {line for line in lines if _HEADER.match(line)}


def _bare(key: str) -> str:
    return key.strip("\"'")


def _only_provider(body: list[str]) -> str | None:
    found = {
        name[1] or name[2]
        for line in body
        if (name := re.match(r"^\[model_providers\.(?:([\w-]+)|\"([^\"]+)\")\]", line))
    }
    return found.pop() if len(found) == 1 else None


def _place(text: str) -> str:
    """Where the ticket says that the file is: Codex's own home, where it names no other."""
    paths = [path.replace("\\", "/") for path in _FILE.findall(text)]
    if any("/.config/codex/" in path for path in paths) and not any("/.codex/" in path for path in paths):
        return UNREAD
    relative = [path for path in paths if path.removeprefix("./") == ".codex/config.toml"]
    if relative and len(relative) == len(paths) and _PROJECT_WORDS.search(text):
        return str(PROJECT / ".codex/config.toml")
    return str(HOME / ".codex/config.toml")


def _arguments(text: str) -> Iterator[str]:
    """The flags that choose a configuration, of the first command that has any; never a prompt."""
    for command in _COMMAND.finditer(text):
        if flags := list(_FLAG.finditer(command[1])):
            for flag in flags:
                yield from [flag[1]] if flag[1] else [flag[2], flag[3].strip("\"'")]
            return
