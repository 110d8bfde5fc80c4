"""The chart takes anything and takes nothing down with it: each case in its own process."""

from __future__ import annotations

import re
import subprocess
import sys
from itertools import pairwise

import pytest

from tests.support.hang import HANG_S

SCRIPT = """
import sys
from math import inf, nan
from joytui.tui.charts.stacked import Palette, stacked_bars
colours = Palette(((94, 211, 184), (116, 169, 255)), (139, 151, 171), (42, 50, 64))
labels, series, width, height = eval(sys.argv[1])
text = stacked_bars(labels, series, width, height, colours)
print("none" if text is None else f"{len(text.plain.splitlines())} {max(map(len, text.plain.splitlines()))}")
print("" if text is None else text.plain)
"""

DAYS = [f"{day:02d} Nov" for day in range(1, 8)]


def drawn(labels: object, series: object, width: int, height: int) -> str:
    case = f"({labels!r}, {series}, {width}, {height})"
    done = subprocess.run([sys.executable, "-c", SCRIPT, case], capture_output=True, text=True, timeout=HANG_S)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("labels", "series"),
    [
        (DAYS, "[[nan] * 7, [1.0] * 7]"),
        (DAYS, "[[inf, -inf, 1, 2, 3, 4, 5]]"),
        (DAYS, "[[1e300] * 7, [1e-300] * 7]"),
        (DAYS, "[[0.0] * 7]"),
        (DAYS, "[]"),
        (["today"], "[[3.0]]"),
        (["\x1b[2Jx\x07", "b"], "[[1.0, 2.0]]"),
    ],
)
def test_any_numbers_are_drawn(labels, series):
    out = drawn(labels, series, 60, 12)
    assert out.splitlines()[0].startswith("12 ")
    assert "\x1b" not in out
    assert "\x07" not in out


@pytest.mark.parametrize(("width", "height"), [(0, 0), (5, 2), (15, 40)])
def test_without_room_there_is_no_chart(width, height):
    assert drawn(DAYS, "[[1.0] * 7]", width, height).startswith("none")


def test_nothing_is_nothing():
    assert drawn([], "[]", 60, 12).startswith("none")


def test_round_ticks_evenly_spaced_and_separate_bars():
    out = drawn(DAYS, "[[10, 93, 50, 20, 70, 40, 1]]", 60, 16)
    lines = [line for line in out.splitlines()[1:] if line.strip()]
    ticks = [
        (number, re.split("[─▀]", line)[0].strip()) for number, line in enumerate(lines) if line[:3].strip().isdigit()
    ]
    assert [name for _, name in ticks] == ["100", "75", "50", "25", "0"]
    assert len({after[0] - before[0] for before, after in pairwise(ticks)}) == 1
    assert "01 Nov" in lines[-1]
    assert "07 Nov" in lines[-1]
    assert all("─" in lines[number] for number, _ in ticks)  # a label stands on its line
    assert len(re.findall("[█▆]+", lines[-3])) == 6  # 1 of 100 is less than half a cell
    assert "█" not in lines[-2]
    assert len(re.findall("▀+", lines[-2])) == 6  # the others begin in the middle of the zero line
    assert len(re.findall("━+", lines[-2])) == 1


def test_bars_end_at_eighths_of_a_cell():
    tops = drawn(["a", "b", "c"], "[[8, 4, 6.5]]", 40, 11)
    assert re.search("[▁▂▃▄▅▆▇]", tops)


def test_the_chosen_bar_is_pointed_at():
    from joytui.tui.charts.stacked import Palette, stacked_bars

    colours = Palette(((94, 211, 184),), (139, 151, 171), (42, 50, 64))
    text = stacked_bars(DAYS, [[5.0] * 7], 60, 12, colours, mark=6)
    assert text is not None
    line = next(line for line in text.plain.splitlines() if "▲" in line)
    assert line.index("▲") > 50


def test_a_stack_has_no_hole_where_many_series_share_a_row():
    from joytui.tui.charts.stacked import Palette, _cell

    colours = Palette(((1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4)), (5, 5, 5), (6, 6, 6))
    found = _cell((3.0, 3.2, 3.45, 4.3), 4, colours)  # the fourth row, of which three series have a part
    assert found is not None
    assert found[1].bgcolor is not None
    assert found[1].bgcolor.triplet == (4, 4, 4)
    ends = _cell((3.0, 3.2, 3.45), 4, colours)
    assert ends is not None
    assert ends[1].bgcolor is None


@pytest.mark.parametrize("width", [60, 76, 98, 140])
def test_labels_are_even_whole_and_under_their_bars(width):
    from joytui.tui.charts.stacked import Palette, stacked_bars

    hours = [f"{'Sun' if hour > 14 else 'Mon'} {hour % 24:02d}:00" for hour in range(15, 39)]
    text = stacked_bars(hours, [[5.0] * 24], width, 12, Palette(((94, 211, 184),), (139, 151, 171), (42, 50, 64)))
    assert text is not None
    *_, foot, line = text.plain.splitlines()
    found = [(match.start(), match[0]) for match in re.finditer(r"\w{3} \d\d:00", line)]
    assert len({after[0] - before[0] for before, after in pairwise(found)}) == 1
    assert line.split() == " ".join(name for _, name in found).split()
    for start, name in found:
        bar = re.match("▀+", foot[start + 4 :].lstrip("─")) or re.search("▀", foot[start : start + 9])
        assert bar, (name, foot)


def test_a_bar_that_is_clipped_bears_its_amount():
    from joytui.tui.charts.stacked import Palette, bar_at, stacked_bars

    colours = Palette(((94, 211, 184),), (139, 151, 171), (42, 50, 64))
    series = [[10.0, 12.0, 9.0, 11_000.0, 8.0, 10.0, 11.0]]
    text = stacked_bars(DAYS, series, 70, 12, colours, top=12.0)
    assert text is not None
    top = text.plain.splitlines()[0]
    assert "▲11k" in top
    assert bar_at(top.index("▲") + 1, DAYS, series, 70, 12, 12.0) == 3
