"""What is wrong with a TOML text, in the words of Codex 0.169.0 (observed: tests/codex/syntax_errors.json).

Fault       inside the reader: the words and the offset
TomlError   outside: the words, line and column, and the line's text
"""

from __future__ import annotations


class TomlError(Exception):
    """A syntax error: `message` in Codex's words at 1-based `line` and `column`; `text` is that line, and `width` how
    many of its characters Codex underlines."""

    def __init__(self, message: str, line: int, column: int, text: str, width: int = 1) -> None:
        super().__init__(f"{line}:{column}: {message}")
        self.message, self.line, self.column, self.text, self.width = message, line, column, text, width


class Fault(Exception):
    """The same while the text is read: at an offset."""

    def __init__(self, message: str, offset: int, width: int = 1) -> None:
        super().__init__(message)
        self.message, self.offset, self.width = message, offset, width

    def in_text(self, text: str) -> TomlError:
        """With line and column; the end of a text that ends with a newline counts to its last line."""
        offset = min(self.offset, len(text))
        anchor = offset - 1 if offset == len(text) and text.endswith("\n") else offset
        start = text.rfind("\n", 0, anchor) + 1
        end = text.find("\n", anchor)
        shown = text[start : end if end >= 0 else len(text)].rstrip("\r")
        return TomlError(self.message, text.count("\n", 0, anchor) + 1, offset - start + 1, shown, max(self.width, 1))


def duplicate_key(name: str, offset: int) -> Fault:
    """A key, or a table, that is there already."""
    return Fault("duplicate key", offset, len(name))


def no_extension(kind: str, offset: int) -> Fault:
    """A dotted key, or a header, that leads through a value."""
    return Fault(f"cannot extend value of type {kind} with a dotted key", offset)


def lone_return(at: int) -> Fault:
    """A carriage return, at this offset, without its newline."""
    return Fault("carriage return must be followed by newline, expected newline", at + 1)


def line_goes_on(offset: int) -> Fault:
    """Something behind a value or a header, on the same line."""
    return Fault("unexpected key or value, expected newline, `#`", offset)
