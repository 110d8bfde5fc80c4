"""Frames of a terminal as one animated SVG: text stays text, equal lines are stored once, nothing comes from elsewhere.

Every frame is drawn beside the one before, and the strip moves by steps. Where a reader wants no motion it stands still,
on the frame that was chosen as the poster.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from itertools import groupby

Row = list[tuple[str, str]]
"""Characters with their styles: "FG BG FLAGS", colours as "rrggbb", flags of "b" (bold), "i" (italic), "u" (underlined)."""

FONT = "DejaVu Sans Mono, Menlo, Consolas, Liberation Mono, monospace"
CELL, LINE, SIZE, MARGIN, FOOT = 8.43, 16.3, 14, 10.0, 34.0
GROUND, INK = "0f1219", "d8dee9"


@dataclass
class Film:
    columns: int
    lines: int
    poster: int = 0
    _frames: list[tuple[list[int], str, float]] = field(default_factory=list)
    _rows: dict[str, int] = field(default_factory=dict)
    _styles: dict[str, str] = field(default_factory=dict)

    def add(self, rows: list[Row], caption: str, seconds: float) -> None:
        """One more frame, shown for so long. The frame that is shown longest is the poster."""
        numbers = [self._rows.setdefault(self._drawn(row), len(self._rows)) for row in rows]
        self._frames.append((numbers, caption, seconds))
        self.poster = max(range(len(self._frames)), key=lambda n: self._frames[n][2])

    @property
    def width(self) -> float:
        return self.columns * CELL + 2 * MARGIN

    @property
    def height(self) -> float:
        return self.lines * LINE + 2 * MARGIN + FOOT

    def svg(self, title: str) -> str:
        width, height = round(self.width, 1), round(self.height, 1)
        rows = "".join(f'<g id="r{number}">{drawn}</g>' for drawn, number in self._rows.items() if drawn)
        frames = "".join(self._frame(number) for number in range(len(self._frames)))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="{FONT}" '
            f'font-size="{SIZE}" role="img"><title>{escape(title)}</title><style>{self._css()}</style>'
            f'<defs>{rows}</defs><rect width="{width}" height="{height}" rx="8" fill="#{GROUND}"/>'
            f'<svg width="{width}" height="{height}"><g class="film">{frames}</g></svg></svg>\n'
        )

    def _frame(self, number: int) -> str:
        numbers, caption, _ = self._frames[number]
        empty = self._rows.get("", -1)
        uses = "".join(f'<use href="#r{row}" y="{line * LINE:g}"/>' for line, row in enumerate(numbers) if row != empty)
        foot = self.lines * LINE + MARGIN + FOOT / 2
        return (
            f'<g transform="translate({number * self.width + MARGIN:.1f} {MARGIN:g})">{uses}'
            f'<text class="say" x="{self.columns * CELL / 2:.1f}" y="{foot:g}">{escape(caption)}</text></g>'
        )

    def _css(self) -> str:
        total = sum(seconds for _, _, seconds in self._frames)
        steps, at = [], 0.0
        for number, (_, _, seconds) in enumerate(self._frames):
            steps.append(f"{at / total * 100:.3f}%{{transform:translateX({-number * self.width:.1f}px)}}")
            at += seconds
        still = f"transform:translateX({-self.poster * self.width:.1f}px)"
        return (
            "text{white-space:pre}"
            f".say{{fill:#{INK};text-anchor:middle;font-weight:bold}}"
            + "".join(f".{name}{{{css}}}" for css, name in self._styles.items())
            + f"@keyframes film{{{''.join(steps)}}}.film{{animation:film {total:g}s step-end infinite}}"
            + f"@media (prefers-reduced-motion:reduce){{.film{{animation:none;{still}}}}}"
        )

    # One line

    def _drawn(self, row: Row) -> str:
        return "".join(self._grounds(row)) + "".join(self._texts(row))

    def _grounds(self, row: Row) -> Iterator[str]:
        at = 0
        for ground, cells in groupby(row, key=lambda cell: cell[1].split(" ")[1]):
            wide = len(list(cells))
            if ground != GROUND:
                style = self._style(f"fill:#{ground}")
                yield f'<rect class="{style}" x="{at * CELL:.2f}" width="{wide * CELL + 0.2:.2f}" height="{LINE + 0.2:g}"/>'
            at += wide

    def _texts(self, row: Row) -> Iterator[str]:
        at = 0
        for (ink, flags), cells in groupby(row, key=lambda cell: tuple(cell[1].split(" ")[::2])):
            text = "".join(character for character, _ in cells)
            words = text.strip()
            if words:
                start = at + len(text) - len(text.lstrip())
                yield (
                    f'<text class="{self._style(_css_of(ink, flags))}" x="{start * CELL:.2f}" y="{LINE * 0.76:.1f}" '
                    f'textLength="{len(words) * CELL:.2f}">{escape(words, quote=False)}</text>'
                )
            at += len(text)

    def _style(self, css: str) -> str:
        return self._styles.setdefault(css, f"s{len(self._styles)}")


def _css_of(ink: str, flags: str) -> str:
    return (
        f"fill:#{ink}"
        + (";font-weight:bold" if "b" in flags else "")
        + (";font-style:italic" if "i" in flags else "")
        + (";text-decoration:underline" if "u" in flags else "")
    )
