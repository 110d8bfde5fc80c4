"""A place in a TOML text, and the steps that move it: over blanks, comments, line ends and keys."""

from __future__ import annotations

import re
from dataclasses import dataclass

from joytui.codex.toml_reader.faults import Fault, line_goes_on, lone_return
from joytui.codex.toml_reader.strings import read_line_string

Names = list[tuple[str, int]]
"""The names of a dotted key, each with its offset."""

_BLANK = re.compile(r"[ \t]*")
_COMMENT = re.compile(r"#[^\x00-\x08\x0a-\x1f\x7f]*")
_FILLER = re.compile(r"(?:[ \t\n]|\r\n|#[^\x00-\x08\x0a-\x1f\x7f]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_KEY_TOKEN = re.compile(r"[^ \t\r\n.=\[\]{},#']+")
_PLAIN_NAME = re.compile(r"[ \t]*([A-Za-z0-9_-]+)[ \t]*(?:(\.)|(?=[=\]]))")


@dataclass(slots=True)
class Cursor:
    """`at` is an offset in `text`. A step that does not fit raises a Fault and leaves `at` somewhere before it."""

    text: str
    at: int = 0
    _bad_key: Fault | None = None

    def starts(self, words: str) -> bool:
        """Whether these words come next."""
        return self.text.startswith(words, self.at)

    def char(self) -> str:
        """The next character; "" at the end."""
        return self.text[self.at : self.at + 1]

    def skip_blank(self) -> None:
        """Over spaces and tabs."""
        self.at = _behind(_BLANK, self.text, self.at)

    def skip_filler(self) -> bool:
        """Over blanks, newlines and comments; False at the end of the text."""
        self.at = _behind(_FILLER, self.text, self.at)
        return self.at < len(self.text)

    def skip_within(self, unclosed: str) -> None:
        """The same inside of brackets, where the end of the text is the fault `unclosed`."""
        before = self.at
        if not self.skip_filler():
            raise Fault(unclosed, before)
        if self.text[self.at] == "\r":
            raise lone_return(self.at)

    def line_end(self) -> None:
        """Over the rest of a line, where only a comment may stand."""
        text = self.text
        at = _behind(_BLANK, text, self.at)
        if text.startswith("#", at):
            at = _behind(_COMMENT, text, at)
            if at < len(text) and text[at] not in "\r\n":
                raise Fault("invalid comment character, expected printable characters", at)
        if at >= len(text) or text[at] == "\n":
            self.at = at + 1
        elif text.startswith("\r\n", at):
            self.at = at + 2
        elif text[at] == "\r":
            raise lone_return(at)
        else:
            raise line_goes_on(at)

    def names(self, *, of_value: bool = False) -> Names:
        """Over a dotted key and the blanks around it. A name with a wrong character is taken too: Codex complains about
        the shape of the line first, and of the name in `check_names`. `of_value`: a line starts here, not a header."""
        names: Names = []
        while True:
            if plain := _PLAIN_NAME.match(self.text, self.at):
                names.append((plain[1], plain.start(1)))
                self.at = plain.end()
                if plain[2]:
                    continue
                return names
            self.skip_blank()
            names.append(self.name(first_of_value=of_value and not names))
            self.skip_blank()
            if not self.starts("."):
                return names
            self.at += 1

    def name(self, *, first_of_value: bool = False) -> tuple[str, int]:
        """Over one name, bare or in quotes; its text and its offset."""
        text, at = self.text, self.at
        char = self.char()
        if char in ('"', "'"):
            name, self.at = read_line_string(text, at)
            return name, at
        found = _KEY_TOKEN.match(text, at)
        if found is None:
            if first_of_value and char in ("{", "}", ","):
                raise Fault("invalid key-value pair, expected key", at)
            raise Fault("unquoted keys cannot be empty, expected letters, numbers, `-`, `_`", at)
        self.at = found.end()
        wrong = _behind(_BARE, text, at)
        if wrong < found.end() and self._bad_key is None:
            message = "invalid unquoted key, expected letters, numbers, `-`, `_`"
            self._bad_key = Fault(message, wrong, found.end() - wrong)
        return found[0], at

    def check_names(self) -> None:
        """Raises what was wrong with the characters of the last names."""
        if self._bad_key:
            raise self._bad_key


def _behind(pattern: re.Pattern[str], text: str, at: int) -> int:
    """The offset behind what the pattern finds right here; `at` where that is nothing."""
    found = pattern.match(text, at)
    return found.end() if found else at
