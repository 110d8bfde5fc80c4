"""Where Codex points in a file when it refuses a value: line and column as its own parser counts them."""

from __future__ import annotations

from joytui.codex import layers as layering
from joytui.codex.layers import Layer
from joytui.codex.schema import TypeFault


def place_in(layer: Layer, path: tuple[str | int, ...], *, value: bool = False) -> str:
    """file:line:column of a key, or of its value."""
    document = layer.document
    if document is None:
        return layer.path or layer.name
    line, column = document.value_position(path) if value else document.key_position(path)
    table = isinstance(layering.lookup(layer.data, path)[1], dict)
    if value and table:  # one with its own header begins there
        text = document.text.split("\n", line)[line - 1] if line else ""
        column = 1 if text.startswith("[") else column
    return f"{layer.path}:{line}:{column}"


def _header_place(layer: Layer, path: tuple[str | int, ...]) -> str:
    """Where the header of a table begins: Codex points behind its bracket."""
    document = layer.document
    if document is None:
        return layer.path or layer.name
    line = document.line_of(path) or 1
    text = document.text.split("\n", line)[line - 1] if line else ""
    return f"{layer.path}:{line}:{max(text.find(str(path[0])), 0) + 1}"


def said_of_file(message: str) -> str:
    """Where a file is read by itself, one of Codex's messages is another."""
    unit = "invalid type: unit variant, expected string only"
    return "wanted string or table" if message == unit else message


def fault_place(layer: Layer, fault: TypeFault) -> str:
    """What is wrong with the provider tables as a whole stands where the first of their headers does."""
    header = fault.shown == "model_providers"
    return _header_place(layer, fault.path[:2]) if header else place_in(layer, fault.path, value=True)
