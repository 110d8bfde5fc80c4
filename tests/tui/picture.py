"""A screen as cells: exactly what the terminal gets, as text that a diff can show, and as an image.

A picture's text has three parts: the lines of the screen; a letter for each style; and for each line the letters of its
cells, each with how many cells follow it in that style. Two pictures with the same text look the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.style import Style

if TYPE_CHECKING:
    from PIL.Image import Image

Cell = tuple[str, str]
"""A character ("" behind a wide one) and its style in words."""

LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True, slots=True)
class Picture:
    """Rows of cells."""

    rows: tuple[tuple[Cell, ...], ...]

    @property
    def lines(self) -> list[str]:
        return ["".join(char for char, _ in row).rstrip() for row in self.rows]

    def styles(self) -> list[str]:
        """The legend and the runs of each line."""
        names: dict[str, str] = {}
        runs = []
        for row in self.rows:
            parts = []
            for style, run in groupby(style for _, style in row):
                letter = names.setdefault(style, _letter(len(names)))
                parts.append(f"{letter}{len(list(run))}")
            runs.append("".join(parts))
        return [*(f"{letter} {style}" for style, letter in names.items()), "", *runs]


def _letter(number: int) -> str:
    return LETTERS[number] if number < len(LETTERS) else f"({number})"


def take(app: Any) -> Picture:
    """What the screen in front shows at this moment, with what lies behind it."""
    strips = app.screen._compositor.render_strips()
    return Picture(tuple(tuple(_cells(strip)) for strip in strips))


def _cells(strip: Any) -> Iterator[Cell]:
    for text, style, control in strip:
        if control:
            continue
        words = _words(style)
        for char in text:
            width = cell_len(char)
            if width == 0:
                continue
            yield char, words
            if width == 2:
                yield "", words


def _words(style: Style | None) -> str:
    if style is None:
        return "- on -"
    front = style.color.get_truecolor().hex if style.color else "-"
    behind = style.bgcolor.get_truecolor(foreground=False).hex if style.bgcolor else "-"
    flags = [name for name in ("bold", "italic", "underline", "reverse", "strike", "dim") if getattr(style, name)]
    return " ".join([front, "on", behind, *flags])


def text_of(pictures: dict[str, Picture]) -> str:
    """Several pictures of the same moment (in other themes), by name; what is written on them stands once."""
    parts: list[str] = []
    before: list[str] | None = None
    for name, picture in pictures.items():
        parts += [f"== {name}", *(picture.lines if picture.lines != before else ["(the same words)"])]
        parts += ["-- styles", *picture.styles()]
        before = picture.lines
    return "\n".join(parts) + "\n"


BLOCKS = {
    **{chr(0x2580 + n): (0, 1 - n / 8, 1, 1) for n in range(1, 9)},  # lower eighths to the full block
    **{chr(0x2590 - n): (0, 0, n / 8, 1) for n in range(1, 8)},  # left eighths
    "▀": (0, 0, 1, 0.5), "▐": (0.5, 0, 1, 1), "▔": (0, 0, 1, 0.125), "▕": (0.875, 0, 1, 1),
}  # fmt: skip
"""Left, top, right and bottom of what fills a part of its cell: fonts leave seams."""

FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSansMono{}.ttf"
SIZE = 15


def draw(picture: Picture, *, size: int = SIZE) -> Image:
    """The picture as an image, cell by cell, in DejaVu Sans Mono. Needs pillow and that font (fonts-dejavu-core)."""
    from PIL import Image, ImageDraw, ImageFont

    fonts = {bold: ImageFont.truetype(FONT.format("-Bold" if bold else ""), size) for bold in (False, True)}
    wide = round(fonts[False].getlength("M"))
    ascent, descent = fonts[False].getmetrics()
    high = ascent + descent
    columns = max(len(row) for row in picture.rows)
    image = Image.new("RGB", (columns * wide, len(picture.rows) * high))
    pen = ImageDraw.Draw(image)
    for y, row in enumerate(picture.rows):
        for x, (_, style) in enumerate(row):
            pen.rectangle((x * wide, y * high, (x + 1) * wide, (y + 1) * high), fill=_colours(style)[1])
        for x, (char, style) in enumerate(row):
            if char in BLOCKS:
                left, top, right, bottom = BLOCKS[char]
                box = (
                    x * wide + left * wide,
                    y * high + top * high,
                    x * wide + right * wide - 1,
                    y * high + bottom * high - 1,
                )
                pen.rectangle(tuple(map(round, box)), fill=_colours(style)[0])
            elif char.strip():
                front, _ = _colours(style)
                pen.text((x * wide, y * high), char, fill=front, font=fonts["bold" in style.split()])
            if "underline" in style.split():
                pen.line(
                    (x * wide, y * high + ascent + 1, (x + 1) * wide, y * high + ascent + 1), fill=_colours(style)[0]
                )
    return image


def _colours(style: str) -> tuple[str, str]:
    front, _, behind, *flags = style.split()
    pair = ("#d0d0d0" if front == "-" else front, "#000000" if behind == "-" else behind)
    return (pair[1], pair[0]) if "reverse" in flags else pair
