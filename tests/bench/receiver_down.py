"""What telemetry costs a turn while its receiver is down: real `codex exec` runs without an exporter, with one that a receiver
answers, and with one that nobody answers.

    python -m tests.bench receiver_down [--rounds 20]

The three of a round follow each other, each begins in every third round. The CPU's seconds are what counts on a busy machine; the
clock's stand beside them. Aim: a receiver that is down costs no more CPU than one that answers, within a twentieth of a turn. (What
the exporter itself costs at Codex's start stands in the first line.)
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from joytui.core.joytoken import KEY_VARIABLE, config_block
from tests.support.fault_gateway import GOOD_KEY, FaultGateway
from tests.support.hang import HANG_S
from tests.support.real_codex import NEWEST, codex

EXPORTER = '[otel]\nexporter = {{ otlp-http = {{ endpoint = "http://127.0.0.1:{port}/otlp/v1/logs", protocol = "json", headers = {{}} }} }}\n'
MOST = 0.05
NAMES = ("no exporter", "receiver answers", "receiver down")
Took = tuple[float, float]
"""Seconds of CPU, and of the clock."""


def main(words: list[str]) -> int:
    """0 if the aim is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench receiver_down")
    parser.add_argument("--rounds", type=int, default=20)
    args = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="joytui-bench-") as name, FaultGateway("healthy") as gateway:
        with FaultGateway("healthy") as gone:
            closed = gone.port
        with receiver() as open_:
            more = ("", EXPORTER.format(port=open_), EXPORTER.format(port=closed))
            machines = [a_machine(Path(name) / str(place), gateway, text) for place, text in enumerate(more)]
            for machine in machines:
                a_turn(machine)  # the first start of Codex prepares its folder
            rounds = [a_round(machines, number) for number in range(args.rounds)]
    print(
        f"{len(rounds)} rounds of `codex exec`, Codex {NEWEST}; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    for place, what in enumerate(NAMES):
        cpu, clock = (statistics.median(one[place][kind] for one in rounds) for kind in (0, 1))
        print(f"{what:18} CPU {cpu * 1000:6.0f} ms   clock {clock * 1000:6.0f} ms   (medians)")
    for what, one, other in (("the exporter", 1, 0), ("being down", 2, 1)):
        cpu, clock = (statistics.median(took[one][kind] - took[other][kind] for took in rounds) for kind in (0, 1))
        print(f"{what:18} CPU {cpu * 1000:+6.0f} ms   clock {clock * 1000:+6.0f} ms   (median of the differences)")
    return 0 if cpu <= MOST * statistics.median(one[0][0] for one in rounds) else 1


@contextmanager
def receiver() -> Iterator[int]:
    """Takes whatever comes, in this process; its port."""

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            self.send_response(200)
            self.send_header("content-length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def a_machine(folder: Path, gateway: FaultGateway, more: str) -> Path:
    for name in ("ch", "home", "work"):
        (folder / name).mkdir(parents=True)
    (folder / "ch" / "config.toml").write_text(config_block(gateway.base_url) + more)
    return folder


def a_round(machines: list[Path], number: int) -> list[Took]:
    """In the order of the machines, whichever began."""
    took: dict[int, Took] = {}
    for turn in range(len(machines)):
        place = (number + turn) % len(machines)
        took[place] = a_turn(machines[place])
    return [took[place] for place in sorted(took)]


def a_turn(folder: Path) -> Took:
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder / "home"), "CODEX_HOME": str(folder / "ch"), KEY_VARIABLE: GOOD_KEY,
    }  # fmt: skip
    before, begun = children(), time.perf_counter()
    command = [codex(NEWEST), "exec", "--skip-git-repo-check", "say hi"]
    subprocess.run(
        command, env=env, cwd=folder / "work", stdin=subprocess.DEVNULL, capture_output=True, timeout=HANG_S, check=True
    )
    return children() - before, time.perf_counter() - begun


def children() -> float:
    """CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
