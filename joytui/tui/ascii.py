"""ASCII mode: one filter over every rendered line instead of a second set of glyphs in every widget.

Each character becomes one of the same width, so layouts hold. It serves terminals and fonts without box drawing,
serial consoles, and screen readers that spell symbols out.
"""

from __future__ import annotations

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

_PAIRS: dict[str, str] = {
    "✓": "+", "✗": "x", "▲": "!", "●": "*", "○": "o", "◌": ".", "◐": "o", "◓": "o", "◑": "o", "◒": "o", "◆": "*", "◇": "o",
    "…": "~", "→": ">", "←": "<", "↑": "^", "↓": "v", "↵": "<", "⏎": "<", "·": ".", "•": "*", "–": "-", "—": "-", "−": "-",
    "×": "x", "≈": "~", "≥": ">", "≤": "<", "“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "‹": "<", "›": ">",
    "▁": "_", "▂": "_", "▃": ".", "▄": "=", "▖": "=", "▅": "=", "▆": "=", "▇": "#", "█": "#", "▀": "-", "▔": "-", "▕": "|",
    "▏": "|", "▎": "|", "▍": "|", "▌": "|", "▋": "#", "▊": "#", "▉": "#", "▐": "|", "░": ".", "▒": ":", "▓": "%", "▚": "x", "▞": "o", "▪": "#",
    "■": "#", "▼": "v", "▶": ">", "▸": ">", "▾": "v", "◀": "<", "Σ": "S", "½": "h", "\u00a0": " ", "⣿": "#", "⟳": "@",
}  # fmt: skip

_BOX = {
    **dict.fromkeys("─━═╌╍┄┅┈┉╴╶╸╺╼╾", "-"),
    **dict.fromkeys("│┃║╎╏┆┇┊┋╵╷╹╻╽╿", "|"),
}
_TABLE = {ord(k): v for k, v in {**_PAIRS, **_BOX}.items()}


def to_ascii(text: str) -> str:
    """Text with every other character replaced by one ASCII character a cell."""
    if text.isascii():
        return text
    text = text.translate(_TABLE)
    return text if text.isascii() else "".join(c if c.isascii() else _nearest(c) for c in text)


def _nearest(character: str) -> str:
    code = ord(character)
    if 0x2500 <= code <= 0x257F:
        return "+"
    if 0x2580 <= code <= 0x259F:
        return "#"
    if 0x2800 <= code <= 0x28FF:
        return "*" if code > 0x2800 else " "
    from unicodedata import normalize

    from rich.cells import cell_len

    plain = normalize("NFKD", character)[:1]
    width = cell_len(character)
    return plain if plain.isascii() and width == 1 else "?" * width


class AsciiOnly(LineFilter):
    """Lets nothing but ASCII through to the terminal."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return [s if s.text.isascii() else Segment(to_ascii(s.text), s.style, s.control) for s in segments]
