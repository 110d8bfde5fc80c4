"""A user's home with the guide's config.toml and a gateway on loopback, and the ways in which Codex is really started there."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from joytui.codex.world import Invocation
from joytui.core.joytoken import KEY_VARIABLE, config_block
from joytui.core.records import SurfaceCell
from joytui.doctor import examine
from joytui.doctor.surfaces import with_surfaces
from tests.support.codex_run import bounded
from tests.support.fault_gateway import GOOD_KEY, FaultGateway
from tests.support.hang import HANG_S
from tests.support.real_codex import codex

VERSION = "0.171.0"
QUICK = ("-c", "features.unbounded_connection_retries=false")
PLAIN_PATH = "/usr/local/bin:/usr/bin:/bin"
_SAID = (("key-missing", "Missing environment variable"), ("refused", "401 Unauthorized"))
SAME: Mapping[str, tuple[str, ...]] = {
    "works": ("works",),
    "key-missing": ("key-missing",),
    "refused": ("other-value", "fails"),
}
"""What Codex did, and the verdicts that say the same."""


@dataclass
class Lab:
    """`env`: the shell that joytui is asked in. `home` is HOME everywhere."""

    folder: Path
    gateway: FaultGateway
    shell: str = "/bin/bash"
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name in ("home/.codex", "work"):
            (self.folder / name).mkdir(parents=True)
        (self.home / ".codex/config.toml").write_text(
            config_block(self.gateway.base_url).replace(
                "[model_providers.joytoken]",
                "[model_providers.joytoken]\nrequest_max_retries = 0\nstream_max_retries = 0",
            )
        )
        self.env = {**self.bare(), KEY_VARIABLE: GOOD_KEY}

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def bare(self) -> dict[str, str]:
        return {"HOME": str(self.home), "PATH": PLAIN_PATH, "SHELL": self.shell, "LANG": "C.UTF-8"}

    def line(self) -> str:
        """`codex exec …` as a line for any shell, with all its programs by their paths."""
        command = [
            str(shutil.which("node")),
            os.path.realpath(codex(VERSION)),
            "exec",
            "--skip-git-repo-check",
            *QUICK,
            "say hi",
        ]
        return shlex.join(command)

    def start(self, command: list[str], env: Mapping[str, str]) -> str:
        """What Codex does where this command starts it: "works", "key-missing", "refused"."""
        done = bounded(command, env, self.folder / "work", HANG_S)
        return outcome(done.stdout + done.stderr, done.exit_code)

    def cells(self) -> dict[str, SurfaceCell]:
        """joytui's matrix in this shell, after its doctor asked the gateway; of several cells of a surface the last, but of app servers
        none that another test runs meanwhile."""
        invocation = Invocation((), self.env, self.folder / "work", VERSION)
        report = with_surfaces(examine(invocation, timeout=HANG_S), invocation)
        return {cell.surface: cell for cell in report.surfaces if cell.surface != "app-server" or self._has(cell)}

    def _has(self, server: SurfaceCell) -> bool:
        return server.codex_home is None or server.codex_home.startswith(str(self.folder))


def outcome(text: str, exit_code: int | None) -> str:
    for name, words in _SAID:
        if words in text:
            return name
    assert exit_code == 0, text
    return "works"


# --- tmux


@contextlib.contextmanager
def tmux_server(lab: Lab, env: Mapping[str, str]) -> Iterator[None]:
    """A server that was started in another environment than the shell has by now."""
    lab.env["TMUX_TMPDIR"] = str(lab.folder)
    env = {**env, "TMUX_TMPDIR": str(lab.folder), "TERM": "xterm-256color"}
    subprocess.run(
        ["tmux", "-f", "/dev/null", "new-session", "-d", "-x", "200", "-y", "50"],
        env=env,
        cwd=lab.folder,
        check=True,
        timeout=HANG_S,
    )
    try:
        yield
    finally:
        subprocess.run(["tmux", "kill-server"], env=env, check=False, timeout=HANG_S, capture_output=True)


def in_tmux(lab: Lab, *, pane: bool) -> str:
    """Codex as a command of tmux, or typed into a new window."""
    out = lab.folder / f"tmux-{pane}"
    line = f"cd {lab.folder / 'work'}; {lab.line()} >{out} 2>&1 </dev/null; echo $? >>{out}; tmux wait-for -S done"
    command = ["tmux", "new-window", line] if not pane else ["tmux", "new-window", ";", "send-keys", line, "Enter"]
    env = {**lab.env, "TERM": "xterm-256color"}
    subprocess.run(command, env=env, check=True, timeout=HANG_S)
    subprocess.run(["tmux", "wait-for", "done"], env=env, check=True, timeout=HANG_S)
    text = out.read_text()
    return outcome(text, int(text.split()[-1]))


# --- sshd


def sshd_path() -> str | None:
    return os.environ.get("JOYTUI_SSHD") or shutil.which(
        "sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
    )


@contextlib.contextmanager
def sshd(lab: Lab, port: int) -> Iterator[list[str]]:
    """A server of one's own that lets nobody but its own key in, in a mount namespace where root's home is the lab's: the
    command that runs something there."""
    place = lab.folder / "ssh"
    place.mkdir()
    for name in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / name], check=True, timeout=HANG_S)
    (place / "passwd").write_text(
        f"root:x:0:0::{lab.home}:{lab.shell}\nsshd:x:33333:65534::/run/sshd:/usr/sbin/nologin\nnobody:x:65534:65534::/:/usr/sbin/nologin\n"
    )
    options = {
        "Port": port, "ListenAddress": "127.0.0.1", "HostKey": place / "host", "AuthorizedKeysFile": place / "user.pub", "PidFile": "none",
        "StrictModes": "no", "PermitRootLogin": "yes", "PasswordAuthentication": "no",
    }  # fmt: skip
    (place / "config").write_text("".join(f"{name} {value}\n" for name, value in options.items()))
    inside = (
        f"mount --bind {place}/passwd /etc/passwd && mount -t tmpfs none /run && mkdir -m 755 /run/sshd"
        f" && exec {sshd_path()} -D -e -f {place}/config"
    )
    server = subprocess.Popen(
        ["unshare", "-m", "sh", "-c", inside], stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL
    )
    assert server.stderr is not None
    try:
        said = server.stderr.readline()
        assert "listening" in said, said
        yield [
            "ssh", "-F", "none", "-p", str(port), "-i", str(place / "user"), "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o",
            f"UserKnownHostsFile={place / 'known'}", "-o", "IdentitiesOnly=yes", "root@127.0.0.1",
        ]  # fmt: skip
    finally:
        server.terminate()
        server.communicate(timeout=HANG_S)


# --- an editor


@contextlib.contextmanager
def editor(lab: Lab, env: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """A node process that spawns `codex app-server`, as editors' extensions do, and asks it for a turn: its pid, and how it went."""
    script = "require('child_process').spawn(process.argv[1], process.argv.slice(2), {stdio: 'inherit'})"
    command = [
        str(shutil.which("node")),
        "-e",
        script,
        str(shutil.which("node")),
        os.path.realpath(codex(VERSION)),
        "app-server",
        *QUICK,
    ]
    process = subprocess.Popen(
        command, env=dict(env), cwd=lab.folder / "work", stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
        start_new_session=True,
    )  # fmt: skip
    try:
        yield process.pid, _turn(process)
    finally:
        os.killpg(process.pid, 9)
        process.communicate(timeout=HANG_S)


def _turn(process: subprocess.Popen[str]) -> str:
    assert process.stdin is not None
    assert process.stdout is not None

    def send(method: str, number: int | None, **params: Any) -> None:
        assert process.stdin is not None
        message = {"method": method, "params": params} | ({} if number is None else {"id": number})
        process.stdin.write(json.dumps(message) + "\n")
        process.stdin.flush()

    send("initialize", 1, clientInfo={"name": "editor", "title": "editor", "version": "1"})
    said = ""
    for line in process.stdout:
        said += line
        message = json.loads(line)
        if message.get("id") == 1:
            send("initialized", None)
            send("thread/start", 2)
        elif message.get("id") == 2:
            send(
                "turn/start", 3, threadId=message["result"]["thread"]["id"], input=[{"type": "text", "text": "say hi"}]
            )
        elif message.get("method") == "turn/completed":
            return outcome(said, 0 if not re.search(r'"status":\s*"failed"', line) else 1)
    raise AssertionError(said)
