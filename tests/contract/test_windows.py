"""What a Windows user needs runs without what only POSIX has: modules blocked, functions of `os` and `signal` taken away.

Windows itself is not here: this holds that no import and no call of a name that it lacks is in the way.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hang import HANG_S

PREPARED = """
import os, runpy, signal, sys
import asyncio, platformdirs, portalocker, selectors, shutil, socket, subprocess, tempfile  # these choose by sys.platform, and that stays
for name in ("fcntl", "grp", "pty", "pwd", "readline", "resource", "syslog", "termios", "tty", "posix", "nis"):
    sys.modules[name] = None
for name in (
    "chown", "fchmod", "fchown", "fork", "forkpty", "getegid", "geteuid", "getgid", "getgroups", "getpgid", "getpgrp", "getsid",
    "getuid", "initgroups", "killpg", "lchown", "memfd_create", "mkfifo", "mknod", "nice", "openpty", "pidfd_open", "posix_spawn",
    "pread", "pwrite", "sched_getaffinity", "setpgid", "setsid", "statvfs", "sync", "tcgetpgrp", "ttyname", "uname", "wait3",
    "wait4", "O_CLOEXEC", "O_DIRECTORY", "O_NOCTTY", "O_NOFOLLOW", "O_NONBLOCK", "WNOHANG",
):
    if hasattr(os, name):
        delattr(os, name)
for name in ("SIGALRM", "SIGCHLD", "SIGCONT", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGSTOP", "SIGTSTP", "SIGUSR1", "SIGUSR2",
             "SIGWINCH", "pthread_kill", "pthread_sigmask", "sigwait"):
    if hasattr(signal, name):
        delattr(signal, name)
asyncio.SelectorEventLoop.add_signal_handler = asyncio.AbstractEventLoop.add_signal_handler
"""
COMMAND = PREPARED + "from joytui.cli.main import main\nsys.exit(main(sys.argv[1:]))\n"
MISSPELT = (
    '[model_providers.joytoken]\nname = "j"\nbase_url = "http://127.0.0.1:9/openai/v1"\nenv_key = "JOY_TOKEN_API_KEY"\n'
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "codex").mkdir()
    (tmp_path / "codex" / "config.toml").write_text(f'model_provider = "joytokn"\n{MISSPELT}', encoding="utf-8")
    return tmp_path


def run(home: Path, *arguments: str, program: str = COMMAND, text: str = "") -> subprocess.CompletedProcess[str]:
    env = {
        **os.environ,
        "HOME": str(home),
        "CODEX_HOME": str(home / "codex"),
        "JOYTUI_DATA_DIR": str(home / "data"),
        "JOYTUI_CONFIG_FILE": str(home / "settings.toml"),
        "PYTHONUTF8": "1",
    }
    return subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env=env,
        cwd=home,
        input=text,
        capture_output=True,
        text=True,
        timeout=HANG_S,
    )


def test_the_doctor_names_the_cause(home: Path) -> None:
    done = run(home, "doctor", "--json")
    assert json.loads(done.stdout)["verdict"]["cause"] == "provider-undefined", done.stderr
    assert (done.returncode, done.stderr.count("Traceback")) == (1, 0)


@pytest.mark.slow
def test_a_fix_is_written_and_undone(home: Path) -> None:
    config = home / "codex" / "config.toml"
    before = config.read_bytes()
    fixed = run(home, "doctor", "--no-send", "--fix", "--yes")
    assert 'model_provider = "joytoken"' in config.read_text(encoding="utf-8"), fixed.stderr
    undone = run(home, "doctor", "--undo", "--yes")
    assert config.read_bytes() == before, undone.stderr


@pytest.mark.parametrize(
    ("arguments", "text", "shown"),
    [
        (("triage", "-", "--json"), "ERROR: unexpected status 401 Unauthorized: invalid_api_key", '"cause"'),
        (("codex", "config", "--json"), "", '"schema_version"'),
        (("usage", "--source", "codex", "--json"), "", '"rows"'),
        (("doctor", "--explain", "key-unset"), "", "key-unset"),
        (("setup", "--direct", "--print"), "", "model_provider"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_a_command_answers(home: Path, arguments: tuple[str, ...], text: str, shown: str) -> None:
    done = run(home, *arguments, text=text)
    assert shown in done.stdout, done.stderr
    assert "Traceback" not in done.stderr


CONSOLE = (
    "import textual.drivers.linux_driver  # Textual chooses it by sys.platform\n"
    + PREPARED
    + """
import asyncio
from pathlib import Path
from joytui.core.places import places
from joytui.tui.launch import make_app
from joytui.tui.options import Wishes

async def walk():
    app = make_app(Wishes(screen="doctor", start_gateway=False), places(), dark=True)
    async with app.run_test(size=(100, 30)) as pilot:
        for key in ("1", "2", "3", "4", "1"):
            await pilot.press(key)
        await pilot.press("q")
    print(app.failure, app.current_mode)

asyncio.run(walk())
"""
)


@pytest.mark.slow
def test_the_console_opens_its_four_screens(home: Path) -> None:
    done = run(home, program=CONSOLE)
    assert done.stdout.split() == ["None", "doctor"], done.stderr


@pytest.mark.slow
def test_the_gateway_and_its_store_can_be_imported(home: Path) -> None:
    done = run(
        home, program=f"{PREPARED}\nimport joytui.gateway.server, joytui.ledger.sqlite, joytui.web.server\nprint('ok')"
    )
    assert done.stdout.strip() == "ok", done.stderr
