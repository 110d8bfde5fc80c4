"""The matrix of surfaces against the real Codex: each cell says what Codex does where it is really started so."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest

from joytui.core.joytoken import KEY_VARIABLE
from tests.real.surface_lab import SAME, Lab, editor, in_tmux, sshd, tmux_server
from tests.support.fault_gateway import GOOD_KEY, FaultGateway
from tests.support.needs import needs

pytestmark = [pytest.mark.codex, needs("bash"), needs("/proc")]

EXPORT = f"export {KEY_VARIABLE}={GOOD_KEY}\n"
GUARD = "case $- in\n  *i*) ;;\n  *) return;;\nesac\n"
OLD = "jt_live_of_last_year_000000"


@pytest.fixture(scope="module")
def gateway() -> Iterator[FaultGateway]:
    with FaultGateway("healthy") as playing:
        yield playing


@pytest.fixture
def lab_of(tmp_path: Path, gateway: FaultGateway) -> Callable[..., Lab]:
    def make(shell: str = "/bin/bash", **files: str) -> Lab:
        lab = Lab(tmp_path, gateway, shell)
        for name, text in files.items():
            path = lab.home / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return lab

    return make


def driven(lab: Lab) -> Mapping[str, tuple[list[str], dict[str, str]]]:
    """Each surface as it starts Codex: the command and its environment."""
    bare, line = lab.bare(), lab.line()
    cron = {"HOME": str(lab.home), "LOGNAME": "me", "SHELL": "/bin/sh", "PATH": "/usr/bin:/bin"}
    return {
        "this-shell": (["sh", "-c", f"exec {line}"], lab.env),
        "terminal": ([lab.shell, "-ic", line], bare),
        "login-shell": ([lab.shell, "-lc", line], bare),
        "shell-command": ([lab.shell, "-c", line], lab.env),
        "script": (["/bin/sh", "-c", line], lab.env),
        "cron": (["/bin/sh", "-c", line], cron),
        "empty": (["env", "-i", f"HOME={lab.home}", f"PATH={bare['PATH']}", "/bin/sh", "-c", line], bare),
    }


def agree(lab: Lab, *surfaces: str) -> dict[str, str]:
    """What Codex does on these surfaces; joytui must say the same."""
    cells = lab.cells()
    did = {}
    for name in surfaces:
        did[name] = lab.start(*driven(lab)[name])
        assert cells[name].verdict in SAME[did[name]], (name, did[name], cells[name])
    return did


@needs("zsh")
def test_the_key_stands_in_zshrc(lab_of: Callable[..., Lab]) -> None:
    lab = lab_of("/usr/bin/zsh", **{".zshrc": EXPORT})
    did = agree(lab, "this-shell", "terminal", "login-shell", "shell-command", "script", "cron", "empty")
    assert [name for name, how in did.items() if how == "key-missing"] == ["login-shell", "cron", "empty"]


@needs("zsh")
def test_the_key_stands_in_zshenv_and_this_shell_lacks_it(lab_of: Callable[..., Lab]) -> None:
    lab = lab_of("/usr/bin/zsh", **{".zshenv": EXPORT})
    del lab.env[KEY_VARIABLE]
    did = agree(lab, "this-shell", "terminal", "login-shell", "shell-command", "script", "cron")
    assert [name for name, how in did.items() if how == "works"] == ["terminal", "login-shell", "shell-command"]


def test_the_key_stands_in_a_bashrc_that_returns_early(lab_of: Callable[..., Lab]) -> None:
    lab = lab_of(**{".bashrc": GUARD + EXPORT, ".profile": "[ -f ~/.bashrc ] && . ~/.bashrc\n"})
    did = agree(lab, "terminal", "login-shell")
    assert did == {"terminal": "works", "login-shell": "key-missing"}


def test_the_key_stands_in_profile_and_bashrc_forgets_to_export_another(lab_of: Callable[..., Lab]) -> None:
    lab = lab_of(**{".profile": EXPORT, ".bashrc": f"{KEY_VARIABLE}={OLD}\n"})
    did = agree(lab, "terminal", "login-shell", "cron")
    assert did == {"terminal": "key-missing", "login-shell": "works", "cron": "key-missing"}


@needs("fish")
def test_the_key_stands_in_fishs_configuration(lab_of: Callable[..., Lab]) -> None:
    lab = lab_of(
        "/usr/bin/fish",
        **{".config/fish/config.fish": f"if status is-login\n  set -gx {KEY_VARIABLE} {GOOD_KEY}\nend\n"},
    )
    del lab.env[KEY_VARIABLE]
    did = agree(lab, "terminal", "login-shell", "shell-command")
    assert did == {"terminal": "key-missing", "login-shell": "works", "shell-command": "key-missing"}


def test_a_dotenv_reaches_every_surface(lab_of: Callable[..., Lab]) -> None:
    lab = lab_of(**{".codex/.env": f"{KEY_VARIABLE}={GOOD_KEY}\n", ".bashrc": f"export {KEY_VARIABLE}={OLD}\n"})
    did = agree(lab, "this-shell", "terminal", "cron", "empty")
    assert set(did.values()) == {"works"}


def test_a_wrong_dotenv_breaks_every_surface(lab_of: Callable[..., Lab]) -> None:
    lab = lab_of(**{".codex/.env": f"{KEY_VARIABLE}={OLD}\n", ".bashrc": EXPORT})
    did = agree(lab, "this-shell", "terminal", "empty")
    assert set(did.values()) == {"refused"}


def test_another_key_in_a_start_file(lab_of: Callable[..., Lab]) -> None:
    lab = lab_of(**{".bashrc": f"export {KEY_VARIABLE}={OLD}\n"})
    assert agree(lab, "terminal", "script") == {"terminal": "refused", "script": "works"}


@needs("sshd")
@pytest.mark.parametrize(
    ("bashrc", "does"), [(EXPORT, "works"), (GUARD + EXPORT, "key-missing")], ids=["plain", "guarded"]
)
def test_a_command_over_ssh(bashrc: str, does: str, lab_of: Callable[..., Lab]) -> None:
    lab = lab_of(**{".bashrc": bashrc})
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with sshd(lab, port) as command:
        assert lab.start([*command, lab.line()], {**os.environ, "HOME": str(lab.home)}) == does
    assert lab.cells()["ssh-command"].verdict in SAME[does]


@needs("tmux")
@pytest.mark.parametrize(("key", "does"), [(None, "key-missing"), (OLD, "refused")], ids=["none", "older"])
def test_a_tmux_server_with_an_older_environment(key: str | None, does: str, lab_of: Callable[..., Lab]) -> None:
    lab = lab_of()
    with tmux_server(lab, lab.bare() | ({KEY_VARIABLE: key} if key else {})):
        cells = lab.cells()
        assert in_tmux(lab, pane=False) == in_tmux(lab, pane=True) == does
    assert cells["tmux-command"].verdict in SAME[does]
    assert cells["tmux-pane"].verdict in SAME[does]


@pytest.mark.parametrize(("env", "does"), [({}, "key-missing"), ({KEY_VARIABLE: GOOD_KEY}, "works"), ({KEY_VARIABLE: OLD}, "refused")], ids=["none", "good", "older"])  # fmt: skip
def test_an_editor_that_spawns_the_app_server(env: dict[str, str], does: str, lab_of: Callable[..., Lab]) -> None:
    lab = lab_of()
    with editor(lab, {**lab.bare(), **env}) as (_, did):
        cell = next(cell for name, cell in lab.cells().items() if name == "app-server")
    assert did == does
    assert cell.verdict in SAME[does], cell


def test_an_app_server_that_is_older_than_the_dotenv(lab_of: Callable[..., Lab]) -> None:
    lab = lab_of()
    with editor(lab, lab.bare()) as (_, did):
        dotenv = lab.home / ".codex/.env"
        dotenv.write_text(f"{KEY_VARIABLE}={GOOD_KEY}\n")
        later = dotenv.stat().st_mtime + 3600
        os.utime(dotenv, (later, later))
        cell = lab.cells()["app-server"]
    assert did == "key-missing"
    assert cell.verdict == "key-missing"
    assert "restart" in cell.why


@pytest.mark.parametrize(("dotenv", "does"), [(True, "works"), (False, "key-missing")])
def test_the_other_sides_home_in_wsl(dotenv: bool, does: str, lab_of: Callable[..., Lab]) -> None:
    lab = lab_of()
    other = lab.folder / "windows/Users/me"
    (other / ".codex").mkdir(parents=True)
    (other / ".codex/config.toml").write_text((lab.home / ".codex/config.toml").read_text())
    if dotenv:
        (other / ".codex/.env").write_text(f"{KEY_VARIABLE}={GOOD_KEY}\n")
    lab.env |= {"WSL_DISTRO_NAME": "Debian", "USERPROFILE": str(other)}
    did = lab.start(["/bin/sh", "-c", lab.line()], {**lab.bare(), "CODEX_HOME": str(other / ".codex")})
    assert did == does
    cell = lab.cells()["wsl-windows"]
    assert cell.verdict in SAME[does]
    assert not cell.sure  # Windows' own variables are not seen from here
    assert str(other) in cell.name
