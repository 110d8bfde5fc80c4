"""The channels of gpt-oss ("harmony") whose marks somebody took out: `analysisI greet.assistantfinalHello`.

Servers that decode without special tokens leave the words between them. Put back, they are read like any others (`tags`, `leaked`).
Only for the model that writes so (`Quirks.bare_channels`), and only where its answer begins with a channel's name that no blank and
no small letter follows, nor what goes on with a word or a file's name: to anybody else these are words.
"""

from __future__ import annotations

import re

_FIRST = re.compile(
    r"\s*(?:assistant)?(?=(?:analysis|final|commentary)[^\sa-z.,:;!?)'’_/\\=(-]|(?:analysis|commentary) to=)"
)
_LONGEST_FIRST = len("assistantcommentary to=")
_NEXT = re.compile(
    r"(?P<channel>analysis|commentary|final)(?P<to> to=[\w.-]+)?(?(to)\s*(?:json|code)?\s*(?=[{\[\"]))"
    r"|(?P<first> to=[\w.-]+?)(?P<then>analysis|commentary)\s*(?:json|code)?\s*(?=[{\[\"])"
)
"""A channel, or a call in it, whose recipient may come before it. The word behind a call is the form of its arguments."""
_SPEAKER = "assistant"
_LONGEST = 160
"""Characters behind `assistant` that may be part of what begins there."""


class BareChannels:
    """Puts the marks back into the text of one answer, as it comes."""

    def __init__(self) -> None:
        self._held = ""
        self._between = ""
        self._begun = False
        self._off = False

    def feed(self, text: str) -> str:
        """What can be said now."""
        return text if self._off else self._read(self._held + text, last=False)

    def end(self) -> str:
        """The rest of the text."""
        return "" if self._off else self._read(self._held, last=True)

    def _read(self, text: str, *, last: bool) -> str:
        self._held = ""
        if not self._begun:
            if len(text.lstrip()) < _LONGEST_FIRST and not last:
                self._held = text
                return ""
            if (first := _FIRST.match(text)) is None:
                self._off = True
                return text
            self._begun, text = True, _SPEAKER + text[first.end() :]
        said = ""
        while not self._off and (at := text.find(_SPEAKER)) >= 0:
            behind = at + len(_SPEAKER)
            if not last and len(text) - at < _LONGEST and not text.startswith("final", behind):
                self._held = text[at:]
                return said + text[:at]
            head, end = self._head(text, behind)
            said, text = said + text[:at] + head, text[end:]
        if not self._off and not last:
            begun = next((n for n in range(len(_SPEAKER) - 1, 0, -1) if text.endswith(_SPEAKER[:n])), 0)
            text, self._held = text[: len(text) - begun], text[len(text) - begun :]
        return said + text

    def _head(self, text: str, behind: int) -> tuple[str, int]:
        """What stands for the word before this place, and where the text goes on."""
        if (found := _NEXT.match(text, behind)) is None:
            return _SPEAKER, behind
        channel = found["channel"] or found["then"]
        head = f"{self._between}<|channel|>{channel}{found['to'] or found['first'] or ''}<|message|>"
        self._between = "<|end|><|start|>assistant"
        self._off = channel == "final"  # nothing comes behind it
        return head, found.end()
