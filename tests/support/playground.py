"""Plays situations, many at once, in its own process and, where the machine permits, in its own network.

    results = play([Job(situation, "codex", binary=...), Job(situation, "doctor"), ...])

Inside the private network there is nothing but loopback: no name resolves except those that a world needs, so nothing leaves the machine
and the real Codex, which otherwise waits for resolvers, answers in half a second. It is made only where it is asked for
(JOYTUI_PRIVATE_NETWORK=1, or JOYTUI_REQUIRE=1 as in CI), since it needs root and mounts. Otherwise the same jobs run in the ordinary
network, and those that need the private one come back as not played, with the reason.

This module is also the worker: `python -m tests.support.playground` reads jobs as JSON from stdin, and writes one result a line.
"""

from __future__ import annotations

import contextlib
import functools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.support import codex_run
from tests.support.faketime import MACHINE_CLOCK, python_path
from tests.support.situation import Situation, Stage, etc_files, stage

ROOT = Path(__file__).resolve().parents[2]
_ALONE = ("unshare", "-n", "-m", "--propagation", "private")
NO_PRIVATE_NETWORK = "needs a private network: JOYTUI_PRIVATE_NETWORK=1, root and `unshare -n -m`"


@dataclass(frozen=True, slots=True)
class Job:
    """One thing to run in one situation. tool: "codex" (binary: its path; mode: see codex_run), "doctor" (the real command, in a process
    of its own; extra: its options; binary: the Codex that it asks, else it goes by the situation's version) or "examine" (the same
    examination inside the worker: five times as fast)."""

    situation: Situation
    tool: str
    binary: str = ""
    mode: str = "outcome"
    limit: float = 40.0
    extra: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a job. `skipped`: why it was not played. `works`: codex only; None if it did not end by itself. `places`: the
    machine's parts in the doctor's output, by placeholder (see Stage)."""

    name: str
    tool: str
    skipped: str = ""
    exit_code: int | None = None
    stdout: str = ""
    stderr: str = ""
    seconds: float = 0.0
    requests: dict[str, int] | None = None
    works: bool | None = None
    words: str = ""
    places: Mapping[str, str] = field(default_factory=dict)

    @property
    def report(self) -> dict[str, Any]:
        """The doctor's report. ValueError with all output if it is none."""
        try:
            return json.loads(self.stdout)  # type: ignore[no-any-return]
        except ValueError:
            raise ValueError(f"{self.name}: exit {self.exit_code}, no report\n{self.stdout}\n{self.stderr}") from None


def play(jobs: Sequence[Job], *, side_by_side: int = 6, private: bool = True) -> list[Result]:
    """Run the jobs; results in their order."""
    private = private and can_unshare()
    results: dict[int, Result] = {}
    together = [(number, job) for number, job in enumerate(jobs) if not job.situation.world]
    worlds = [(number, job) for number, job in enumerate(jobs) if job.situation.world]
    for number, job in list(together) if not private else []:
        if job.situation.leaves_loopback and job.tool == "codex":
            together.remove((number, job))
            results[number] = Result(job.situation.name, job.tool, skipped=NO_PRIVATE_NETWORK)
    results |= _work(together, side_by_side, private)
    if private:
        with ThreadPoolExecutor(max(1, side_by_side // 2)) as pool:  # ports 443 and 80 for each: a network each
            for some in pool.map(lambda one: _work([one], 1, True), worlds):
                results |= some
    else:
        results |= {number: Result(job.situation.name, job.tool, skipped=NO_PRIVATE_NETWORK) for number, job in worlds}
    return [results[number] for number in range(len(jobs))]


@functools.cache
def can_unshare() -> bool:
    """Whether a network and mounts of its own were asked for, and this process may make them."""
    if "1" not in (os.environ.get("JOYTUI_PRIVATE_NETWORK"), os.environ.get("JOYTUI_REQUIRE")):
        return False
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("unshare") is None:
        return False
    script = (
        'mount -t tmpfs none "$0" && mkdir "$0/u" "$0/w"'
        ' && mount -t overlay overlay -o "lowerdir=/etc,upperdir=$0/u,workdir=$0/w" /etc'
    )
    with _mount_point() as memory:
        return (
            subprocess.run([*_ALONE, "sh", "-c", script, str(memory)], capture_output=True, check=False).returncode == 0
        )


@contextlib.contextmanager
def _mount_point() -> Iterator[Path]:
    """An empty folder to mount memory on, in another mount namespace; seen from here it stays empty, and rmdir removes nothing else."""
    folder = Path(tempfile.mkdtemp(prefix="joytui-memory-"))
    try:
        yield folder
    finally:
        folder.rmdir()


def _work(jobs: Sequence[tuple[int, Job]], side_by_side: int, private: bool) -> dict[int, Result]:
    if not jobs:
        return {}
    given = json.dumps([{**asdict(job), "situation": job.situation.to_json()} for _, job in jobs])
    with _mount_point() as memory:
        network = ["private", str(memory), os.readlink("/proc/self/ns/mnt")] if private else ["shared"]
        command = [sys.executable, "-m", "tests.support.playground", str(side_by_side), *network]
        command = [*_ALONE, *command] if private else command
        done = subprocess.run(command, input=given, capture_output=True, text=True, cwd=ROOT, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"the playground ended with {done.returncode}\n{done.stderr[-4000:]}")
    results = {}
    for line in done.stdout.splitlines():
        value = json.loads(line)
        number = value.pop("number")
        results[jobs[number][0]] = Result(**value)
    return results


# The worker


def main() -> None:
    side_by_side, network = int(sys.argv[1]), sys.argv[2]
    jobs = [_job(value) for value in json.load(sys.stdin)]
    writing = threading.Lock()
    if network == "private":
        _be_alone(jobs, Path(sys.argv[3]), sys.argv[4])

    def one(numbered: tuple[int, Job]) -> None:
        number, job = numbered
        folder = Path(tempfile.mkdtemp(prefix="joytui-play-"))
        result = _run(job, folder)
        _remove(folder)
        with writing:
            sys.stdout.write(json.dumps({"number": number, **asdict(result)}) + "\n")

    with ThreadPoolExecutor(side_by_side) as pool:
        list(pool.map(one, enumerate(jobs)))


def _job(value: dict[str, Any]) -> Job:
    value["situation"] = Situation.from_json(value["situation"])
    value["extra"] = tuple(value["extra"])
    return Job(**value)


# The doctor does not see what else the developer's shell would find (a Codex, a key in the words of PATH).
_SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"


def _run(job: Job, folder: Path) -> Result:
    path = os.environ.get("PATH", "") if job.tool == "codex" else _SYSTEM_PATH
    base = {"PATH": path, "LANG": "C.UTF-8", "TERM": "xterm-256color", **MACHINE_CLOCK}
    with stage(job.situation, folder, base_env=base) as prepared:
        return _TOOLS[job.tool](job, prepared)


def _requests(prepared: Stage) -> dict[str, int]:
    seen = prepared.gateway.summary(hosts=prepared.situation.world)
    for request, count in (prepared.second.summary(hosts=prepared.situation.world) if prepared.second else {}).items():
        seen[request] = seen.get(request, 0) + count
    return seen


def _codex(job: Job, prepared: Stage) -> Result:
    done = codex_run.run(job.binary, prepared, job.mode, job.limit)
    words = done.stderr.replace(str(prepared.folder), "{D}").replace(f":{prepared.gateway.port}", ":{PORT}")
    return Result(
        job.situation.name,
        "codex",
        "",
        done.exit_code,
        done.stdout,
        words,
        done.seconds,
        _requests(prepared),
        done.works,
        codex_run.last_words(words),
    )


def _doctor(job: Job, prepared: Stage) -> Result:
    version = () if job.binary else ("--codex-version", prepared.situation.codex)
    command = [sys.executable, "-m", "joytui", "doctor", "--json", *version, *job.extra, "--", *prepared.words]
    env = {**prepared.env, "PYTHONPATH": python_path(str(ROOT)), "JOYTUI_DATA_DIR": str(prepared.folder / "data")}
    if job.binary:
        env["PATH"] = f"{Path(job.binary).parent}:{env['PATH']}"
    done = codex_run.bounded(command, env, prepared.cwd, job.limit)
    return Result(
        job.situation.name,
        "doctor",
        "",
        done.exit_code,
        done.stdout,
        done.stderr,
        done.seconds,
        _requests(prepared),
        places=prepared.places,
    )


def _examine(job: Job, prepared: Stage) -> Result:
    from joytui.codex.world import Invocation
    from joytui.doctor.examine import examine
    from joytui.doctor.report import report_json

    began = time.monotonic()
    try:
        report = examine(Invocation(prepared.words, prepared.env, prepared.cwd, prepared.situation.codex))
        text = json.dumps(report_json(report))
    except Exception:  # one broken situation is one wrong verdict, not the end of the table
        return Result(job.situation.name, "examine", "", 2, "", traceback.format_exc())
    seconds = round(time.monotonic() - began, 3)
    code = 0 if report.verdict.cause is None else 1
    return Result(
        job.situation.name, "examine", "", code, text, "", seconds, _requests(prepared), places=prepared.places
    )


_TOOLS = {"codex": _codex, "doctor": _doctor, "examine": _examine}


# The private network


def _be_alone(jobs: Sequence[Job], memory: Path, outside: str) -> None:
    """Loopback up, and an /etc of our own: no resolver, the host names of the guide at 127.0.0.1, /etc/codex as the situation has it.

    The real /etc is only ever the lower, read-only side of an overlay whose upper side lives in memory. It is mounted nowhere else: no
    clean-up of a temporary folder can reach it. `outside` is the mount namespace of the one who started this.
    """
    from tests.support.certificates import PUBLIC_NAMES

    if os.readlink("/proc/self/ns/mnt") == outside:
        raise RuntimeError("not in a mount namespace of its own: nothing is mounted here")
    _loopback_up()
    _mount("-t", "tmpfs", "none", str(memory))
    upper, work = memory / "upper", memory / "work"
    upper.mkdir()
    work.mkdir()
    _mount("-t", "overlay", "overlay", "-o", f"lowerdir=/etc,upperdir={upper},workdir={work}", "/etc")
    assert_own_etc(outside)
    names = " ".join(PUBLIC_NAMES) if any(job.situation.world for job in jobs) else ""
    Path("/etc/hosts").write_text(f"127.0.0.1 localhost {names}\n::1 localhost ip6-localhost\n")
    Path("/etc/resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    for job in jobs:
        for name, text in etc_files(job.situation).items():
            Path("/etc/codex").mkdir(exist_ok=True)
            (Path("/etc/codex") / name).write_text(text)


def assert_own_etc(outside: str, mounts: str | None = None) -> None:
    """Nothing is written below /etc unless it is an overlay, mounted in another mount namespace than `outside`. RuntimeError otherwise."""
    if os.readlink("/proc/self/ns/mnt") == outside:
        raise RuntimeError("/etc is the machine's own (same mount namespace): nothing is written there")
    table = Path("/proc/self/mountinfo").read_text() if mounts is None else mounts
    kinds = [line.split(" - ", 1)[1].split()[0] for line in table.splitlines() if line.split()[4] == "/etc"]
    if not os.path.ismount("/etc") or kinds[-1:] != ["overlay"]:
        raise RuntimeError(
            f"/etc is no overlay of our own (mounted there: {kinds or 'nothing'}): nothing is written there"
        )


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True, stdout=sys.stderr)


def _remove(folder: Path) -> None:
    """Remove a situation's folder, never anything that is mounted into it."""
    if str(folder) in Path("/proc/self/mountinfo").read_text():
        raise RuntimeError(f"something is mounted below {folder}: left alone")
    shutil.rmtree(folder, ignore_errors=True)


def _loopback_up() -> None:
    """`ip link set lo up`, for machines without ip."""
    import fcntl
    import socket
    import struct

    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        request = struct.pack("16sH14s", b"lo", 0, b"")
        flags = struct.unpack("16sH14s", fcntl.ioctl(any_socket, get_flags, request))[1]
        fcntl.ioctl(any_socket, set_flags, struct.pack("16sH14s", b"lo", flags | up, b""))


if __name__ == "__main__":
    main()
