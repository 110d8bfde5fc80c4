"""Stacked bars over time as SVG: the chart of Usage, and that of Logs, as a picture that any browser and any page shows. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from joytui.tui.charts.ticks import finite, label_places, round_ticks, tick_text
from joytui.tui.shown import visible

WIDTH, HEIGHT = 960, 480
LEFT, RIGHT, TOP, BOTTOM = 84, 24, 96, 52
LETTER = 7.2
"""The width of a letter at 12 px, nearly."""
TICKS = 5


@dataclass(frozen=True, slots=True)
class Bars:
    """`series`: name, colour and one value a label; the first is at the bottom."""

    title: str
    unit: str
    labels: Sequence[str]
    series: Sequence[tuple[str, str, Sequence[float]]]


def bars_svg(bars: Bars, colours: Mapping[str, str]) -> str:
    """The picture, `colours` by "background", "foreground", "quiet" and "rule". Texts are escaped; nothing is loaded."""
    values = [[max(0.0, finite(value)) for value in one[2]] for one in bars.series]
    ticks = round_ticks(max((sum(column) for column in zip(*values, strict=True)), default=0.0), TICKS)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"'
        ' font-family="system-ui, sans-serif" font-size="12">',
        f"<title>{_text(bars.title)}</title>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{colours["background"]}"/>',
        f'<text x="{LEFT}" y="30" font-size="18" font-weight="600" fill="{colours["foreground"]}">{_text(bars.title)}</text>',
        *_legend(bars, colours),
        *_grid(ticks, bars.unit, colours),
        *_bars(bars, values, ticks[-1]),
        *_labels(bars.labels, colours),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _legend(bars: Bars, colours: Mapping[str, str]) -> list[str]:
    parts, x = [], float(LEFT)
    for name, colour, _ in bars.series:
        text = visible(name, limit=24)
        parts.append(f'<rect x="{x:.1f}" y="50" width="12" height="12" rx="2" fill="{colour}"/>')
        parts.append(f'<text x="{x + 18:.1f}" y="60.5" fill="{colours["foreground"]}">{_text(text)}</text>')
        x += 18 + LETTER * len(text) + 22
    return parts


def _grid(ticks: Sequence[float], unit: str, colours: Mapping[str, str]) -> list[str]:
    parts = [f'<text x="{LEFT - 10}" y="{TOP - 12}" text-anchor="end" fill="{colours["quiet"]}">{_text(unit)}</text>']
    for tick in ticks:
        y = _y(tick, ticks[-1])
        parts.append(f'<path d="M{LEFT} {y:.1f}H{WIDTH - RIGHT}" stroke="{colours["rule"]}"/>')
        words = tick_text(tick, ticks[1]).strip()
        parts.append(
            f'<text x="{LEFT - 10}" y="{y + 4:.1f}" text-anchor="end" fill="{colours["quiet"]}">{words}</text>'
        )
    return parts


def _bars(bars: Bars, values: Sequence[Sequence[float]], top: float) -> list[str]:
    parts, step = [], _step(bars.labels)
    for place, label in enumerate(bars.labels):
        x, under = LEFT + step * (place + 0.19), 0.0
        for (name, colour, _), column in zip(bars.series, values, strict=True):
            if column[place] > 0:
                y, below = _y(under + column[place], top), _y(under, top)
                under += column[place]
                said = f"{label} · {visible(name, limit=40)}: {column[place]:,.6g} {bars.unit}"
                parts.append(
                    f'<rect x="{x:.1f}" y="{y:.2f}" width="{step * 0.62:.1f}" height="{below - y:.2f}" fill="{colour}">'
                    f"<title>{_text(said)}</title></rect>"
                )
    return parts


def _labels(labels: Sequence[str], colours: Mapping[str, str]) -> list[str]:
    step = _step(labels)
    shown = label_places(list(labels), int((WIDTH - LEFT - RIGHT) / LETTER))
    return [
        f'<text x="{LEFT + step * (place + 0.5):.1f}" y="{HEIGHT - BOTTOM + 22}" text-anchor="middle"'
        f' fill="{colours["quiet"]}">{_text(labels[place])}</text>'
        for place in shown
    ]


def _step(labels: Sequence[str]) -> float:
    return (WIDTH - LEFT - RIGHT) / max(1, len(labels))


def _y(value: float, top: float) -> float:
    return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - TOP) * min(1.0, value / top if top else 0.0)


def _text(text: str) -> str:
    return escape(visible(text).replace("\n", " "))
