"""`gateway.log`: it has a bound, it is its owner's, and nothing secret gets into it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from joytui.client.background_log import LOG_LIMIT, open_log, previous, renew
from tests.support.hang import HANG_S

LIMIT = 100_000
"""The bound that WRITER sets, so that it is reached soon."""

WRITER = """
import logging, sys, pathlib
from joytui.client import background_log
from joytui.gateway.logs import set_up_logging
background_log.LOG_LIMIT = 100_000
set_up_logging(access=True, log=pathlib.Path(sys.argv[1]), secrets=["the-upstreams-own-word"])
for number in range(int(sys.argv[2])):
    logging.getLogger("joytui.access").info("request", extra={"fields": {"number": number, "text": "x" * 150}})
logging.getLogger("joytui").warning("asked with the-upstreams-own-word and Bearer abcd1234efgh")
"""


def write(log: Path, stderr: Path, lines: int) -> None:
    with stderr.open("ab") as file:
        subprocess.run([sys.executable, "-c", WRITER, str(log), str(lines)], stderr=file, timeout=HANG_S, check=True)


@pytest.mark.slow
def test_memory_and_disk_log_size_has_a_bound(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    os.close(open_log(log))
    write(log, log, 1_500)
    sizes = [file.stat().st_size for file in (log, previous(log))]
    assert all(0 < size < LIMIT + 100 * 400 for size in sizes)
    assert {file.name for file in tmp_path.iterdir()} == {"gateway.log", "gateway.log.1"}
    for file in tmp_path.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    numbers = [
        json.loads(line).get("number") for file in (previous(log), log) for line in file.read_text().splitlines()
    ]
    last = [number for number in numbers if number is not None]
    assert last == list(range(last[0], 1_500)), "no line is lost between the two"


def test_leaks_no_secret_reaches_the_log(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    write(log, log, 0)
    text = log.read_text()
    assert "asked with" in text
    assert "upstreams-own-word" not in text
    assert "abcd1234efgh" not in text


def test_another_file_behind_stderr_is_let_alone(tmp_path: Path) -> None:
    log, other = tmp_path / "gateway.log", tmp_path / "mine.log"
    log.write_text("")
    write(log, other, 600)
    assert other.stat().st_size > LIMIT
    assert log.read_text() == ""


def test_a_full_log_is_put_aside_at_the_start(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    log.write_bytes(b"x" * (LOG_LIMIT + 1))
    log.chmod(0o644)
    os.close(open_log(log))
    assert (log.stat().st_size, previous(log).stat().st_size) == (0, LOG_LIMIT + 1)
    assert stat.S_IMODE(log.stat().st_mode) == 0o600


def test_a_log_that_is_gone_or_cannot_be_put_aside_goes_on(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    descriptor = open_log(log)
    os.write(descriptor, b"x" * (LOG_LIMIT + 1))
    previous(log).mkdir()
    assert not renew(log, descriptor)
    log.unlink()
    assert not renew(log, descriptor)
    os.close(descriptor)
