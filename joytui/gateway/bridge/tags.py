"""Thoughts in tags: upstreams without a parser for their model's reasoning send it as text, between `<think>` and `</think>`.

Only at the beginning of an answer, where these models think, and never inside code. Templates that open the tag themselves make
an answer with the closing tag alone: that the text before it was a thought shows only then.

The channels of gpt-oss ("harmony") are marks of the same kind, but that its answer has one as well: `HEADS` are dropped where they
begin the text. Tags that people ask models for (`<reasoning>`) are none of these: such a text is the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

Kind = Literal["text", "thought", "was thought"]
Piece = tuple[Kind, str]

PAIRS = (
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<seed:think>", "</seed:think>"),
    ("[THINK]", "[/THINK]"),
    ("◁think▷", "◁/think▷"),
    ("<mm:think>", "</mm:think>"),
    ("<|think|>", "<|/think|>"),
    ("<|START_THINKING|>", "<|END_THINKING|>"),
    ("<|channel>thought\n", "<channel|>"),
    ("<|channel|>analysis<|message|>", "<|end|>"),
    ("<|start|>assistant<|channel|>analysis<|message|>", "<|end|>"),
)
_CLOSING = tuple(closing for opening, closing in PAIRS if not opening.startswith("<|"))
"""Those that count without their opening: templates open no others."""
_ANSWERS = ("<|channel|>final<|message|>", "<|channel|>commentary<|message|>")
HEADS = (*_ANSWERS, *(f"<|start|>assistant{head}" for head in _ANSWERS), "<|START_RESPONSE|>")
"""What stands before an answer, and is no part of it."""
TAILS = (
    *(
        "<|im_end|>",
        "<|eot_id|>",
        "<|end|>",
        "<|return|>",
        "<|endoftext|>",
        "<|END_RESPONSE|>",
        "<end_of_turn>",
        "</s>",
    ),
    *("<|eom_id|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>"),
)
"""Models' own marks of the end, which some servers leave behind the answer."""


class ThoughtTags:
    """Tells the thoughts of one answer's text from what it says.

    `feed` and `end` give pieces in order; "was thought": everything said so far, and this, was a thought.
    """

    def __init__(self, *, lone: bool = True) -> None:
        self.lone = lone
        """Whether a closing tag alone counts; not where the upstream gives thoughts their own place."""
        self._held = ""
        self._closing: str | None = None  # in a thought: the tag that ends it
        self._at_start = True
        self._after_thought = False
        self._said: list[str] = []

    def feed(self, text: str) -> list[Piece]:
        pieces: list[Piece] = []
        text, self._held = self._held + text, ""
        while text:
            if self._closing is not None:
                text = self._think(text, self._closing, pieces)
            elif self._at_start:
                text = self._begin(text)
            else:
                text = self._say(text, pieces)
        return [(kind, words) for kind, words in pieces if words or kind == "was thought"]

    def end(self) -> list[Piece]:
        """What was held back because it might have been half a tag."""
        held, self._held = self._held, ""
        if self._closing is not None:
            return [("thought", held)] if held else []
        return [("text", held)] if held and not (self._after_thought and not held.strip()) else []

    def _begin(self, text: str) -> str:
        """Before anything is said: waits as long as a tag may come."""
        start = text.lstrip()
        for opening, closing in PAIRS:
            if start.startswith(opening):
                self._closing = closing
                return start.removeprefix(opening)
        leading = HEADS if self.lone else (*HEADS, *_CLOSING)  # a parser that leaves the closing tag in the text
        for head in leading:
            if start.startswith(head):
                self._after_thought = True
                return start.removeprefix(head)
        if any(mark.startswith(start) for mark in (*(opening for opening, _ in PAIRS), *leading)):
            self._held = text
            return ""
        self._at_start = False
        return start if self._after_thought else text

    def _think(self, text: str, closing: str, pieces: list[Piece]) -> str:
        thought, found, rest = text.partition(closing)
        if not found:
            thought, self._held = split_tail(text, (closing,))
        pieces.append(("thought", thought))
        if found:
            self._closing, self._at_start, self._after_thought = None, True, True
        return rest

    def _say(self, text: str, pieces: list[Piece]) -> str:
        if not may_hold_mark(text):
            self._said.append(text)
            pieces.append(("text", text))
            return ""
        place = min((at for closing in _CLOSING if (at := text.find(closing)) >= 0), default=-1)
        if place < 0 or not self.lone:
            said, self._held = split_tail(text, _CLOSING) if self.lone else (text, "")
            self._said.append(said)
            pieces.append(("text", said))
            return ""
        closing = next(c for c in _CLOSING if text.startswith(c, place))
        before, rest = text[:place], text[place + len(closing) :]
        if not _is_thought("".join((*self._said, before))):
            self._said.append(before + closing)
            pieces.append(("text", before + closing))
            return rest
        pieces.append(("was thought", before))
        self._said, self._at_start, self._after_thought = [], True, True
        return rest


def _is_thought(text: str) -> bool:
    """Whether a closing tag behind this text closes a thought: no tag was opened in it, and it does not end inside code."""
    if any(opening in text for opening, _ in PAIRS) or text.count("```") % 2:
        return False
    line = text.rpartition("\n")[2]
    return line.count("`") % 2 == 0 and text[-1:] not in ("'", '"')


class EndMarks:
    """Holds back a mark of the end behind a text. It is dropped where the answer ends with it and nothing parts it from the text:
    who writes about such a mark puts a blank, a quotation mark or a backtick before it, or other marks into the text."""

    def __init__(self) -> None:
        self._held = ""
        self._before = ""
        self._marked = False

    def feed(self, text: str) -> str:
        """What can be said now."""
        if not self._held and "<" not in text:
            self._before = text[-1:] or self._before
            return text
        text = self._held + text
        whole = next((mark for mark in TAILS if text.rstrip().endswith(mark)), None)
        said, self._held = _cut(text, whole) if whole else split_tail(text, TAILS)
        self._before = said[-1:] or self._before
        self._marked = self._marked or "<s>" in said or "<|" in said
        return said

    def end(self) -> str:
        """The rest of the text."""
        held, self._held = self._held, ""
        mark = held.strip()
        parted = self._before.isspace() or self._before in ("", "`", "'", '"', "“", "‘", "(", "[")
        return held if mark not in TAILS or parted or self._marked else ""


def _cut(text: str, mark: str) -> tuple[str, str]:
    at = text.rindex(mark)
    return text[:at], text[at:]


def may_hold_mark(text: str) -> bool:
    """Whether any mark of thoughts or calls, or the beginning of one, can be in a text: most pieces have none of their first letters."""
    return "<" in text or "[" in text or "◁" in text


def split_tail(text: str, marks: Iterable[str]) -> tuple[str, str]:
    """The text, and the end of it that may be the beginning of a mark."""
    longest = 0
    for mark in marks:
        for size in range(min(len(mark) - 1, len(text)), longest, -1):
            if text.endswith(mark[:size]):
                longest = size
                break
    return (text[:-longest], text[-longest:]) if longest else (text, "")
