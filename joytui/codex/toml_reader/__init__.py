"""Reads TOML 1.1 as Codex 0.169 does (the Rust crate toml 1.x): values, the place of every key, and its own error texts.

Why not a library: the standard tomllib refuses TOML 1.1, tomlkit needs a minute for the 6 MB that Codex loads in three
seconds, and neither says where a key stands. Values come as plain Python data, tables in document order.

    read_toml(text) -> Document      raises TomlError
    Document.data                    nested dict / list / str / int / float / bool / date, time, datetime
    Document.places                  key path -> offset of the key; elements of arrays of tables have their index in the path
    TomlError                        message as Codex words it, line and column (1-based, in characters), the line's text
    value_span, key_span             where a value or a name is in the text

The texts were observed with Codex 0.169.0 over 110 malformed files (tests/codex/syntax_errors.json).

    reader      the grammar: lines, headers, assignments, values; over
    cursor      a place in the text, and the steps over blanks, comments, line ends and keys
    strings     the four kinds of strings
    scalars     numbers, booleans, dates
    tables      what a document has defined so far, and what may still extend it
    faults      what is wrong, in Codex's words
    document    what a reader of a file gets: data, and lines and columns of its keys
"""

from joytui.codex.toml_reader.document import Document, Section
from joytui.codex.toml_reader.faults import TomlError
from joytui.codex.toml_reader.reader import key_span, read_toml, value_span

__all__ = ["Document", "Section", "TomlError", "key_span", "read_toml", "value_span"]
