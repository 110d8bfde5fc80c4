"""What something took, by the clock and in CPU time, and how two of them that worked by turns stand to each other."""

from __future__ import annotations

import os
import statistics
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

One = TypeVar("One")


class Spent(NamedTuple):
    """Seconds, or two ratios."""

    wall: float
    cpu: float


def busy() -> bool:
    """Whether others use this machine too: then the clock says little, and the CPU time counts."""
    return os.getloadavg()[0] > (os.cpu_count() or 1)


def by_turns(ones: Sequence[One], rounds: int) -> Iterator[One]:
    """Each one once a round, to and fro, so that none always comes first."""
    for number in range(rounds):
        yield from ones if number % 2 == 0 else reversed(ones)


def times(ours: Sequence[Spent], theirs: Sequence[Spent]) -> Spent:
    """How many times theirs ours is: the median of the pairs, which the rest of the machine met alike."""
    pairs = list(zip(ours, theirs, strict=True))
    wall, cpu = ([our[i] / their[i] for our, their in pairs] for i in (0, 1))
    return Spent(statistics.median(wall), statistics.median(cpu))


def judged(what: str, ours: Sequence[Spent], theirs: Sequence[Spent], name: str, aim: float, by: str = "") -> bool:
    """Says how ours stands to what `name` took; whether that is within the aim. `by`: "CPU", or "clock"; else as `busy` says."""
    ratio = times(ours, theirs)
    by = by or ("CPU" if busy() else "clock")
    counted = ratio.cpu if by == "CPU" else ratio.wall
    print(f"{what}: {counted:.2f} times {name} by the {by}", end=" ")
    print(f"(clock {ratio.wall:.3f}, CPU {ratio.cpu:.3f}, medians of {len(ours)} pairs; aim: at most {aim})")
    return counted <= aim


def finished(process: subprocess.Popen[str] | subprocess.Popen[bytes]) -> float:
    """Waits for a process; its CPU seconds, and those of the children that it waited for."""
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return usage.ru_utime + usage.ru_stime


def cpu_of(pid: int) -> float:
    """The CPU seconds of a process that runs, in hundredths (Linux)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return float("nan")
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
