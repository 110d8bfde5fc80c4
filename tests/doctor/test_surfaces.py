"""The matrix of surfaces on machines that are laid out here: what is found, what is told, and what it never does."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from joytui.codex.look import look
from joytui.codex.world import Invocation
from joytui.core.joytoken import KEY_VARIABLE, config_block
from joytui.core.records import Finding, SurfaceCell
from joytui.doctor.limits import Limit
from joytui.doctor.surfaces.catalogue import SURFACES, surfaces_of
from joytui.doctor.surfaces.environments import powershell_profile
from joytui.doctor.surfaces.judge import cells_of
from joytui.doctor.surfaces.machine import How, Machine, System
from joytui.doctor.surfaces.words import surface_lines
from tests.support.joytui_process import Machine as Home
from tests.support.needs import needs

KEY = "jt_live_0123456789abcdef"
OTHER = "jt_live_another_one_0000"
EXPORT = f"export {KEY_VARIABLE}={KEY}\n"
Lay = Callable[..., dict[str, SurfaceCell]]


@pytest.fixture
def cells(tmp_path: Path) -> Lay:
    """The cells of a home with these files, asked for in a shell with this environment."""

    def lay(
        files: Mapping[str, str] | None = None,
        *,
        env: Mapping[str, str] | None = None,
        system: System = "linux",
        how: How = "read",
        programs: Mapping[str, str] | None = None,
        verdict: Finding | None = None,
    ) -> dict[str, SurfaceCell]:
        home = tmp_path / "home"
        for name, text in {".codex/config.toml": config_block("http://127.0.0.1:9/openai/v1"), **(files or {})}.items():
            place = tmp_path / name.removeprefix("/") if name.startswith("/") else home / name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(text)
        for name, script in (programs or {}).items():
            place = tmp_path / "bin" / name
            place.parent.mkdir(exist_ok=True)
            place.write_text(f"#!/bin/sh\n{script}\n")
            place.chmod(0o755)
        (home / "work").mkdir(exist_ok=True)
        base = {"HOME": str(home), "SHELL": "/bin/bash", "PATH": f"{tmp_path}/bin", KEY_VARIABLE: KEY}
        invocation = Invocation((), {**base, **(env or {})}, home / "work", "0.171.0")
        machine = Machine(look(invocation), Limit.after(60), system, how, tmp_path / "etc", tmp_path / "proc")
        return {cell.surface: cell for cell in cells_of(machine, verdict)}

    return lay


def process(proc: Path, pid: int, ppid: int, command: list[str], env: Mapping[str, str]) -> None:
    """A process as /proc shows it, started at the beginning of 2033."""
    folder = proc / str(pid)
    folder.mkdir(parents=True)
    (folder / "cmdline").write_bytes(b"".join(part.encode() + b"\0" for part in command))
    (folder / "environ").write_bytes(b"".join(f"{name}={value}".encode() + b"\0" for name, value in env.items()))
    (folder / "stat").write_text(f"{pid} (a b) S {ppid} " + "0 " * 17 + "0 0")
    (folder / "comm").write_text(f"{Path(command[0]).name}\n")
    (proc / "stat").write_text("cpu 1\nbtime 1988150400\n")


# --- the catalogue


@pytest.mark.parametrize("system", ["linux", "macos", "wsl", "windows"])
def test_every_system_has_each_of_its_surfaces_once(system: System) -> None:
    ids = [one.id for one in surfaces_of(system)]
    assert len(ids) == len(set(ids)) >= 8
    assert {"this-shell", "vscode", "editors", "dev-container", "ci"} <= set(ids)


def test_every_surface_has_its_words() -> None:
    assert all(one.name and one.started and one.systems for one in SURFACES)


# --- what is found


def test_what_the_system_starts_has_what_the_system_sets(cells: Lay) -> None:
    found = cells({"/etc/environment": f'# all\n{KEY_VARIABLE}="{KEY}"\n'}, env={KEY_VARIABLE: ""})
    assert found["this-shell"].verdict == "key-missing"
    assert {name: found[name].verdict for name in ("cron", "login-shell", "ssh-command", "empty")} == {
        "cron": "works", "login-shell": "works", "ssh-command": "works", "empty": "key-missing",
    }  # fmt: skip


def test_environment_d_is_the_session_s(cells: Lay) -> None:
    found = cells({".config/environment.d/joytoken.conf": f"{KEY_VARIABLE}={KEY}\n"})
    assert (found["systemd-user"].verdict, found["terminal"].verdict, found["cron"].verdict) == (
        "works",
        "works",
        "key-missing",
    )
    assert not found["systemd-user"].sure


def test_a_crontab_and_systemd_are_asked(cells: Lay) -> None:
    programs = {
        "crontab": f"echo '# m h'; echo '{KEY_VARIABLE} = {KEY}'; echo '* * * * * codex'",
        "systemctl": f"echo LANG=C; echo \"{KEY_VARIABLE}=$'{OTHER}'\"",
        "tmux": "exit 1",
    }
    found = cells(programs=programs)
    assert (found["cron"].verdict, found["systemd-user"].verdict) == ("works", "other-value")
    assert found["systemd-user"].differs == (KEY_VARIABLE,)
    assert "on the PATH" not in found["cron"].why  # there is no codex here either


def test_a_program_that_fails_or_never_ends_tells_nothing(cells: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joytui.doctor.surfaces.environments.ASK_S", 0.2)
    found = cells(programs={"crontab": "exec /bin/sleep 60", "systemctl": "echo no >&2; exit 1"})
    assert (found["cron"].verdict, found["systemd-user"].verdict) == ("key-missing", "key-missing")


def test_launchd_tells_what_an_app_gets_on_macos(cells: Lay) -> None:
    told = f'[ "$2" = {KEY_VARIABLE} ] && echo {KEY}; exit 0'
    assert cells(programs={"launchctl": told}, system="macos")["desktop-app"].verdict == "works"
    assert cells(programs={"launchctl": "exit 0"}, system="macos")["desktop-app"].verdict == "key-missing"
    assert "systemd-user" not in cells(system="macos")


def test_a_macos_terminal_is_a_login_shell(cells: Lay) -> None:
    found = cells({".zprofile": EXPORT}, env={"SHELL": "/bin/zsh"}, system="macos")
    assert found["terminal"].verdict == "works"
    assert cells({".zprofile": EXPORT}, env={"SHELL": "/bin/zsh"})["terminal"].verdict == "key-missing"


def test_windows_variables_are_told_where_they_cannot_be_read(cells: Lay) -> None:
    found = cells(system="windows", env={"SHELL": ""})
    assert found["desktop-app"].verdict == found["powershell"].verdict == "unknown"
    assert "wsl-linux" in found


def test_a_powershell_profile(tmp_path: Path) -> None:
    (tmp_path / "profile.ps1").write_text("\ufeff# mine\n$env:A = 'a b' # c\n$Env:B=\"b\"\n$env:C = $env:A\n$D = 'd'\n")
    assert powershell_profile(tmp_path / "profile.ps1") == {"A": "a b", "B": "b"}


def test_an_app_server_that_runs(cells: Lay, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    node = ["/usr/bin/node", "/opt/codex/bin/codex.js", "app-server"]
    process(tmp_path / "proc", 10, 1, ["/usr/share/code/code", "--no-sandbox"], {})
    process(tmp_path / "proc", 11, 10, node, {"HOME": home})
    process(tmp_path / "proc", 12, 11, ["/opt/codex/codex", "app-server"], {"HOME": home})
    process(tmp_path / "proc", 13, 1, ["vim", "app-server"], {"HOME": home, KEY_VARIABLE: KEY})
    cell = cells()["app-server"]
    assert (cell.name, cell.verdict) == ("a running app server (pid 12, started by node)", "key-missing")


def test_an_app_server_with_a_proxy_of_its_own(cells: Lay, tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path / "home"), KEY_VARIABLE: KEY, "HTTP_PROXY": "http://me:geheim@proxy:1"}
    process(tmp_path / "proc", 12, 1, ["/opt/codex/codex", "app-server"], env)
    cell = cells()["app-server"]
    assert (cell.verdict, cell.differs) == ("other-value", ("HTTP_PROXY",))
    assert "geheim" not in repr(cell)


def test_an_extension_host_that_runs(cells: Lay, tmp_path: Path) -> None:
    env = {"HOME": str(tmp_path / "home"), "VSCODE_ESM_ENTRYPOINT": "vs/workbench/api/node/extensionHostProcess"}
    process(tmp_path / "proc", 20, 1, ["/usr/share/code/code", "--type=utility"], env)
    home = Path(tmp_path / "home")
    assert cells({".bashrc": ""})["vscode"].name == "VS Code, Cursor"  # the last one: opened again
    assert home.is_dir()


def test_an_editors_settings_reach_its_own_terminal_alone(cells: Lay) -> None:
    settings = f'{{ // mine\n "terminal.integrated.env.linux": {{ "{KEY_VARIABLE}": "{KEY}", "A": "${{env:B}}", }},\n /* "x": */ "url": "https://a//b", }}'
    found = cells({".config/Code/User/settings.json": settings})
    assert (found["vscode-terminal"].verdict, found["vscode"].verdict) == ("works", "key-missing")
    assert found["vscode"].why.endswith("settings.json sets it for the editor's own terminal alone.")
    assert cells({".config/Code/User/settings.json": "{ nothing"})["vscode-terminal"].verdict == "key-missing"


@pytest.mark.parametrize("named", [f'{{"remoteEnv": {{"{KEY_VARIABLE}": "${{localEnv:{KEY_VARIABLE}}}"}}}}', "{}"])
def test_a_dev_container_and_ci_are_told(named: str, cells: Lay) -> None:
    found = cells({"work/.devcontainer/devcontainer.json": named, "work/.github/workflows/x.yml": named})
    assert found["dev-container"].verdict == found["ci"].verdict == "unknown"
    assert ("does not name" in found["dev-container"].why) is (named == "{}")


# --- verdicts


def test_a_condition_that_reading_cannot_decide_is_not_guessed(cells: Lay) -> None:
    found = cells({".bashrc": f"if some-program; then\n  {EXPORT}fi\n"}, env={KEY_VARIABLE: ""})["terminal"]
    assert (found.verdict, found.key["state"]) == ("unknown", "unknown")
    assert "under a condition" in found.why


def test_a_key_that_the_shell_computes_is_not_guessed(cells: Lay) -> None:
    found = cells({".bashrc": f"export {KEY_VARIABLE}=$(pass show joytoken)\n"})["terminal"]
    assert found.verdict == "unknown"
    assert "computes" in found.why


def test_a_dotenv_decides_whatever_the_shell_computes(cells: Lay) -> None:
    files = {".bashrc": f"export {KEY_VARIABLE}=$(pass show joytoken)\n", ".codex/.env": f"{KEY_VARIABLE}={KEY}\n"}
    assert {cell.verdict for cell in cells(files).values()} <= {"works", "unknown"}
    assert cells(files)["terminal"].verdict == "works"


def test_a_variable_that_is_not_exported_is_named(cells: Lay) -> None:
    found = cells({".bashrc": f"{KEY_VARIABLE}={KEY}\n"})["terminal"]
    assert found.verdict == "key-missing"
    assert "without export" in found.why


def test_code_that_reading_does_not_follow_makes_it_less_sure(cells: Lay) -> None:
    found = cells({".bashrc": 'eval "$(direnv hook bash)"\n'})["terminal"]
    assert (found.verdict, found.sure) == ("key-missing", False)
    assert ".bashrc:1 runs code" in found.why


def test_another_codex_home_is_another_configuration(cells: Lay, tmp_path: Path) -> None:
    other = tmp_path / "home/elsewhere"
    files = {".bashrc": f"{EXPORT}export CODEX_HOME={other}\n"}
    assert (cells(files)["terminal"].verdict, cells(files)["terminal"].cause) == ("fails", "codex-home-invalid")
    files["elsewhere/config.toml"] = config_block("http://127.0.0.1:8/openai/v1")
    assert cells(files)["terminal"].differs == ("base_url",)


def test_what_fails_here_fails_where_all_is_the_same(cells: Lay) -> None:
    found = cells({".bashrc": EXPORT}, verdict=Finding(False, "insufficient-quota"))
    assert (found["terminal"].verdict, found["terminal"].cause) == ("fails", "insufficient-quota")
    assert found["cron"].verdict == "key-missing"


def test_another_shell_than_those_that_can_be_read(cells: Lay) -> None:
    found = cells(env={"SHELL": "/bin/tcsh"})["login-shell"]
    assert found.verdict == "unknown"
    assert "tcsh" in found.why


# --- starting shells, only when asked


TRAP = "touch {HOME}/was-run\n"


def test_no_shell_is_started_without_being_asked(cells: Lay, tmp_path: Path) -> None:
    files = {name: TRAP.replace("{HOME}", "$HOME") for name in (".bashrc", ".profile", ".zshrc", ".zshenv")}
    for shell in ("/bin/bash", "/bin/zsh"):
        cells(files, env={"SHELL": shell})
    assert not (tmp_path / "home/was-run").exists()


@needs("bash")
def test_shells_that_are_started_say_what_reading_cannot(cells: Lay, tmp_path: Path) -> None:
    files = {
        ".bashrc": f"touch ~/was-run\nexport {KEY_VARIABLE}=$(printf %s {KEY})\necho noise\n",
        ".profile": "exit 3\n",
    }
    found = cells(files, how="run", env={"PATH": "/usr/bin:/bin"})
    assert (tmp_path / "home/was-run").exists()
    assert (found["terminal"].verdict, found["terminal"].found) == ("works", "`bash -ic`, started")
    assert (found["login-shell"].verdict, found["login-shell"].why) == (
        "unknown",
        "`bash -lc`: its start files ended it",
    )


@needs("bash")
def test_a_shell_that_never_ends_is_ended(cells: Lay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("joytui.doctor.surfaces.shells.RUN_S", 0.3)
    found = cells({".profile": "/bin/sleep 60\n"}, how="run", env={"PATH": "/usr/bin:/bin"})
    assert "did not reach its command" in found["login-shell"].why


# --- shown


def test_no_key_is_in_any_cell(cells: Lay) -> None:
    found = cells({".bashrc": f"export {KEY_VARIABLE}={OTHER}\n", ".profile": EXPORT})
    assert found["terminal"].verdict == "other-value"
    text = json.dumps([repr(cell) for cell in found.values()])
    assert OTHER not in text
    assert KEY not in text


def test_the_table_fits_a_small_terminal(cells: Lay) -> None:
    found = tuple(cells({".bashrc": EXPORT}).values())
    for width in (60, 80, 120):
        assert all(len(line) <= width for line, _ in surface_lines(found, width))
    odd = replace(found[0], name="\x1b[31mred\nline")
    assert "\x1b" not in "".join(line for line, _ in surface_lines((odd,), 80))


def test_the_command_has_the_matrix_only_where_it_is_asked(tmp_path: Path) -> None:
    home = Home(tmp_path, {KEY_VARIABLE: KEY, "PATH": "/nowhere"})
    (tmp_path / "home/.codex/config.toml").write_text(config_block("http://127.0.0.1:9/openai/v1"))
    plain = home.call("doctor", "--no-send", "--json")
    asked: Any = home.call("doctor", "--no-send", "--json", "--surfaces").json
    assert "surfaces" not in plain.json
    assert {"surface", "name", "verdict", "why", "found", "sure", "cause", "key", "codex_home"} <= set(
        asked["surfaces"][0]
    )
    shown = home.call("doctor", "--no-send", "--surfaces").out
    assert "Where Codex may start" in shown
    (tmp_path / "report.json").write_text(json.dumps(asked))
    assert "Where Codex may start" in home.call("doctor", "--report", str(tmp_path / "report.json")).out


def test_what_the_gateway_has_to_decide_is_said(cells: Lay) -> None:
    found = cells({".codex/.env": f"{KEY_VARIABLE}='{OTHER}'\n"})["cron"]
    assert (found.verdict, found.why) == ("works", "")
    here = cells()["this-shell"]
    assert "overrides" in here.why
    assert cells(verdict=Finding(True, None))["this-shell"].why == ""
