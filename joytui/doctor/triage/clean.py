"""Pasted text made readable: colours, cursor jumps, frames, quoting and prompts off, wrapped lines joined again.

A record is one message: the line it begins with, and the lines that a terminal or a mail program broke off it.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

LIMIT = 1_000_000
_HEAD = 200_000
RECORD_LIMIT = 20_000
_RECORD_LINES = 60

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b\n]{0,2000}(?:\x07|\x1b\\)?|(?:\x1b|\x9b|\^\[|␛|\\u001b|\\x1b|\\e|\\033)\[[0-9;:?<=>]{0,40}[ -/]{0,4}[@-~]"
    r"|\x9b[0-9;:?]{0,40}[@-~]|\x1b[PX^_][^\x1b\n]{0,2000}\x1b\\|\x1b[ -/]?[0-~]|\[(?:\d{1,3}(?:;\d{1,3}){0,6})m"
)
_FRAME = re.compile(r"^(?:[\s>│┃║▌▐╭╰╮╯├└─━•■▪⚠✗✘✖×▲●◦⎿⏺*]|\|(?=\s))+")
_TAIL = " \t│┃║▐╮╯"
_STAMP = re.compile(
    r"^\[?\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?\]?\s*|^\[?\d\d:\d\d:\d\d(?:[.,]\d+)?\]?\s+"
    r"|^[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d \S{1,80} [\w.-]{1,40}(?:\[\d{1,8}\])?: |^[\w.-]{1,40}-\d{1,3} {1,20}\| "
)
_STARTER = re.compile(
    r"(?:ERROR|Error|error(?! \d{1,3}\))|WARN(?:ING)?|warning|Warning|deprecated|Caused by|fatal)\b\s*[:\w]|\{\"|Reconnecting\.\.\."
    r"|[Uu]nexpected status \d|[Ss]tream disconnected|[Ee]xceeded retry|Missing environment variable|Connection failed|curl: \("
    r"|(?:[\w.-]+@[\w.-]+[^$#%]{0,80})?[$❯%#➜λ](?:\s|$)|PS [A-Z]:|\w:\\[^>]{0,80}>|tokens used|To get more|OpenAI Codex|-{6,}|workdir:|model:"
    r"|provider:|approval:|sandbox:|session id:|reasoning |(?:user|codex|exec|thinking)\s*$|user \(",
)
_BANNER = re.compile(r"(?:workdir|model|provider|approval|sandbox|session id):")


@dataclass(frozen=True, slots=True)
class Record:
    """One message. `text`: its lines joined where they were wrapped; `tight`: the same without any white space;
    `loose`: joined by spaces throughout, for where a full line was not a broken word; `hard`: joined without anything, for where
    every line was broken in a word.

    `warning`: one of Codex's own warnings, which are beside many failures and explain few.
    """

    text: str
    tight: str
    warning: bool
    loose: str = ""
    hard: str = ""

    @property
    def forms(self) -> tuple[str, ...]:
        """The text in each way in which its lines may belong together, the likeliest first."""
        return tuple(dict.fromkeys((self.text, self.hard or self.text, self.loose or self.text)))


def decode(data: str | bytes) -> str:
    """Any bytes as text: UTF-8, or UTF-16 where a mark or the zero bytes say so (Windows' clipboard files)."""
    if isinstance(data, str):
        return data
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return data.decode("utf-16", "replace")
    if len(data) > 3 and data[1::2][:200].count(0) > len(data[1::2][:200]) * 0.6:
        return data.decode("utf-16-le", "replace")
    return data.decode("utf-8-sig", "replace")


def bounded(text: str) -> str:
    """The beginning and the end of a text that is too long: errors stand last, versions and headers first."""
    return text if len(text) <= LIMIT else text[:_HEAD] + "\n" + text[-(LIMIT - _HEAD) :]


def without_escapes(text: str) -> str:
    """Without terminal sequences; carriage returns as line ends."""
    return _ESCAPES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")


@lru_cache(maxsize=2)
def plain(text: str) -> str:
    """Without terminal sequences; carriage returns as line ends; typographic quotes and spaces as plain ones."""
    text = without_escapes(text)
    text = re.sub(r"[^\n]\x08", "", text)
    if not text.isascii():
        text = text.translate(_PLAIN)
    odd = {ord(c): " " for c in set(text) if c not in "\n\t" and not c.isprintable()}
    return text.translate(odd) if odd else text


_PLAIN = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "\xa0": " ", "…": "...", "\u200b": None, "\ufeff": None}
)


_RAN = re.compile(r"^\s*[•⏺●]\s+(?:Ran|Running|Explored|Exploring|Called|Calling|Edited|Added|Searched)\b")
_SAID = re.compile(r"^\s*[•⏺●]\s+(?!Reconnecting|Working|Stream |Model |Warning|Error)\S")
_BELOW = re.compile(r"^\s+\S")
_EXEC_ENDED = re.compile(r"^\s*(?:exited -?\d+|succeeded|failed) in [\d.]+ ?m?s:?\s*$")
_EXEC_HEAD = re.compile(r"^(?:codex|exec|thinking|user|tokens used|file update|apply patch|(?:ERROR|warning):.*)\s*$")


def without_commands(text: str) -> tuple[str, str]:
    """A text that `plain` gave without what the commands printed that Codex ran, and without Codex's own answers as well. The
    failures in either are those of somebody's program. Both are the text itself where it shows no command."""
    kept: list[str] = []
    bare: list[str] = []
    block, ran = "", False
    for line in text.split("\n"):
        if _RAN.match(line) or _EXEC_ENDED.match(line):
            block, ran = "exec" if _EXEC_ENDED.match(line) else "ran", True
        elif _SAID.match(line):
            block = "said"
        elif not (_EXEC_HEAD.match(line) is None if block == "exec" else block and _BELOW.match(line)):
            block = ""
        if block in ("", "said"):
            kept.append(line)
        if not block:
            bare.append(line)
    return ("\n".join(kept), "\n".join(bare)) if ran else (text, text)


def answered_behind(text: str, words: str) -> bool:
    """Whether Codex's own answer is behind these words on a screen, and no failure behind the answer."""
    lines = [re.sub(r"^[>\s]+(?=\S)", "", line) for line in text.split("\n")]
    last = max((number for number, line in enumerate(lines) if words in line), default=len(lines))
    said = [number for number, line in enumerate(lines) if number > last and _SAID.match(line)]
    return bool(said) and not any("■" in line for line in lines[said[0] :])


@lru_cache(maxsize=2)
def records(text: str) -> tuple[Record, ...]:
    """The messages of a text that `plain` gave, in order."""
    return tuple(_record(group) for group in _grouped(_lines(text)))


def squeezed(text: str) -> str:
    """Without white space: what a wrapped message and its pattern have in common."""
    return re.sub(r"\s+", "", text)


def bare_lines(text: str) -> list[str]:
    """The lines of any text without colours, frames and quoting."""
    return [unframed(line) for line in plain(text).split("\n")]


def unframed(line: str) -> str:
    """A line without the frame, the bullet or the quoting around it."""
    return _FRAME.sub("", line).rstrip(_TAIL)


def without_stamp(line: str) -> str:
    """A line without the time and the program's name that a log puts before it."""
    return _STAMP.sub("", line)


def _lines(text: str) -> Iterator[str]:
    """The lines without frames and stamps; Codex's messages in one line, parted by " | ", on lines of their own."""
    text = re.sub(r" \| +(?=(?:ERROR|Error|error|warning|user)\b)", "\n", text)
    lines = text.split("\n")
    label = _label(lines)
    for line in lines:
        line = line.removeprefix(label)
        bare = _FRAME.sub("", _STAMP.sub("", _FRAME.sub("", line))).rstrip(_TAIL)
        if _RUNNER.match(bare):
            bare = ""
        if bare:  # one space at either end may be where a terminal broke a line between two words
            yield (" " if line[:1] == " " != line[1:2] else "") + bare + (" " if line.endswith(bare + " ") else "")
        else:
            yield ""


# What the program that started Codex says of its end, which says nothing of the reason.
_RUNNER = re.compile(
    r"(?:##\[error\]|::error::)?(?:Error: )?(?:Process completed with exit code \d|command terminated with (?:non-zero )?exit code|Command failed with exit code \d)"
    r"|npm (?:ERR!|error)|[\w.-]{1,60} exited with code \d|make(?:\[\d+\])?: \*\*\*|ELIFECYCLE|\S{1,60}\.service: (?:Main process exited|Failed with result)|script returned exit code \d"
    r"|ERROR: Job failed: exit (?:code|status) \d"
)


def _label(lines: list[str]) -> str:
    """What a program that collects logs put before each line, such as "[codex] "; empty if the lines do not share it."""
    said = [line for line in lines if line.strip()]
    found = _LABEL.match(said[0]) if len(said) > 1 else None
    return found[0] if found and all(line.startswith(found[0]) for line in said) else ""


_LABEL = re.compile(r"\[[\w.:/ -]{1,40}\][ :]{0,2}")


def _grouped(lines: Iterable[str]) -> Iterator[list[str]]:
    group: list[str] = []
    blank = False
    for line in lines:
        if not line:
            blank = True
            continue
        begins = _STARTER.match(line.lstrip()) and not (_BANNER.match(line.lstrip()) and _is_open_body(group))
        ends = begins or (blank and not _is_config(group)) or len(group) >= _RECORD_LINES
        if group and ends:
            yield group
            group = []
        group.append(line)
        blank = False
    if group:
        yield group


def _is_open_body(group: list[str]) -> bool:
    """A JSON body that was wrapped: a line like `model: auto` goes on with it, though Codex's banner has such lines."""
    text = "".join(group)
    return '{"' in text and text.count("{") > text.count("}")


def _is_config(group: list[str]) -> bool:
    """The report of a broken config.toml has lines of its own, empty ones among them."""
    return bool(group) and "config" in group[0] and len(group) < 8


def _record(group: list[str]) -> Record:
    text = _unwrapped(group).strip()[:RECORD_LIMIT]
    warning = bool(re.match(r"(?i)(?:warn(?:ing)?\b|deprecated|user \()", text))
    loose = " ".join(line.strip() for line in group)[:RECORD_LIMIT]
    return Record(text, squeezed(text), warning, loose, "".join(group).strip()[:RECORD_LIMIT])


def joined(lines: list[str]) -> tuple[str, ...]:
    """The lines as one, each white space one blank: parted by blanks, and joined where a terminal may have broken a word."""
    width = max(map(len, lines), default=0)
    forms = [" ".join(lines)]
    if len(lines) < _FEW or sum(len(line) == width for line in lines) > 1:
        forms.append("".join(line if len(line) == width else f"{line} " for line in lines))
    return tuple(dict.fromkeys(re.sub(r"\s+", " ", text) for text in forms))


_FEW = 40
"""Lines: in more than these, one that is longer than all others is no sign of a terminal's width."""


def _unwrapped(group: list[str]) -> str:
    """Lines joined where the next word would not have fitted: without a space where the line is full to the column."""
    if len(group) == 1:
        return group[0]
    width = max(len(line) for line in group)
    text = group[0]
    for before, line in itertools.pairwise(group):
        if width < 40 or len(before) + 1 + len(line.split(" ", 1)[0]) <= width:
            text += "\n" + line.lstrip()
        else:
            text += line if len(before) == width or text.endswith(" ") else " " + line.lstrip()
    return text
