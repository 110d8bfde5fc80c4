"""Makes the films in screenshots/, played by the real commands in a real terminal.

recording.svg: Codex fails, the doctor names the cause, shows the change and makes it, the gateway answers, a real turn of Codex
appears in Logs, and Usage shows who spends what. direct.svg: a Codex that talks to its provider directly, on a machine where nothing of joytui's is set up,
and Logs beside it. Each is what the terminal showed, as one SVG without scripts or anything from elsewhere.

python -m tests.make_recording [recording|direct]
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from joytui.core.joytoken import KEY_VARIABLE, config_block
from tests.make_screenshots import SHOWN_HOME, free_port
from tests.support.behaviours import HEALTHY, behaviour, error
from tests.support.fault_gateway import GOOD_KEY, FaultGateway
from tests.support.film import Film
from tests.support.real_codex import NEWEST, codex
from tests.support.real_setup import Setup
from tests.support.terminal import Terminal
from tests.tui.staging import Stage, now

FOLDER = Path(__file__).parent.parent / "screenshots"
COLUMNS, LINES = 100, 30
TURN = 'codex exec --skip-git-repo-check "say hi"'
TURN_S = 60.0
SHELL_LINES = 12
"""Of the thirty, under a line between the panes."""
GAP = re.compile(r"  | (?=[^\x00-\x7f])")  # blanks, or what is drawn behind one: a frame, a scroll bar


@dataclass
class Camera:
    """Takes frames of one terminal; `names` puts the names of the stage's folders in the words of a reader."""

    terminal: Terminal
    names: dict[str, str]
    film: Film = field(default_factory=lambda: Film(COLUMNS, LINES))
    redraw: Callable[[], object] = lambda: None

    def take(self, caption: str, seconds: float) -> None:
        self.terminal.wait_quiet(min(seconds, 0.5))
        self.redraw()
        self.terminal.wait_quiet(min(seconds, 0.5))
        rows = self.terminal.cells()
        self.film.add([renamed(row, self.names) for row in rows], caption, seconds)

    def type(self, text: str, caption: str) -> None:
        """Typed in three steps, as somebody types."""
        third = max(1, -(-len(text) // 3))
        for start in range(0, len(text), third):
            self.terminal.send(*text[start : start + third])
            self.terminal.wait_for(text[: start + third].rstrip())
            self.take(caption, 0.35)


def renamed(row: list[tuple[str, str]], names: dict[str, str]) -> list[tuple[str, str]]:
    """A line of (character, style) with other names for folders. What stands to the right of a name moves to it, up to
    the next gap, which takes up the difference: frames keep their places."""
    text = "".join(character for character, _ in row)
    for old, new in names.items():
        while (at := text.find(old)) >= 0:
            spare = len(old) - len(new)
            assert spare >= 0, f"{new} is longer than {old}"
            gap = GAP.search(text, at + len(old))
            end = gap.start() if gap else len(text)
            moved = [(c, row[at][1]) for c in new] + row[at + len(old) : end] + [(" ", row[end - 1][1])] * spare
            row = row[:at] + moved + row[end:]
            text = "".join(character for character, _ in row)
    return row


def play(stage: Stage) -> Film:
    """The journey, on a terminal of 100×30."""
    (stage.setup.codex_home / "config.toml").write_text(config_block(f"{stage.url}/v1"), encoding="utf-8")
    env = {**stage.setup.env, KEY_VARIABLE: stage.plain["codex-anna"], "COLORTERM": "truecolor", "PS1": "$ "}
    env["TMPDIR"] = str(stage.folder / "data")  # Codex warns where its home is below the folder for temporary files
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    names = {str(stage.setup.codex_home): f"{SHOWN_HOME}/.codex", str(stage.folder / "work"): f"{SHOWN_HOME}/app"}
    shell = ["bash", "--noprofile", "--norc", "-i"]
    with Terminal(shell, columns=COLUMNS, lines=LINES, env=env, cwd=stage.folder / "work") as terminal:
        camera = Camera(terminal, names)
        terminal.wait_for("$")
        codex_fails(camera)
        doctor_mends(camera)
        turn_shows(camera)
        spend_shows(camera)
        return camera.film


def codex_fails(camera: Camera) -> None:
    says = "Codex fails, and does not say what to fix"
    camera.type(TURN, says)
    camera.terminal.send("enter")
    camera.terminal.wait_for("404 Not Found", timeout=TURN_S)
    camera.terminal.wait_until(at_prompt, TURN_S, "the shell's prompt")
    camera.take(says, 3.0)


def doctor_mends(camera: Camera) -> None:
    terminal = camera.terminal
    camera.type("joytui", "joytui looks at it")
    terminal.send("enter")
    terminal.wait_for("wrong path", "f Fix", timeout=30)
    camera.take("it reads the configuration as Codex does, and names the one cause", 5.0)
    terminal.send("f")
    terminal.wait_for("base_url = ", "Apply")
    camera.take("f: the change as a diff, before anything is written", 4.5)
    terminal.send("a")
    terminal.wait_for("press r to send", timeout=30)
    camera.take("a: written, with a backup, and checked again", 3.0)
    terminal.send("r")
    terminal.wait_for("proven by a streamed test request", timeout=60)
    camera.take("r: small test requests: it works", 3.5)


def turn_shows(camera: Camera) -> None:
    terminal = camera.terminal
    works = "The same Codex, the same command"
    terminal.send("q")
    terminal.wait_for("gateway keeps running")
    terminal.send("clear", "enter")
    terminal.wait_until(lambda text: text.strip() == "$", what="an empty screen")
    camera.type(TURN, works)
    terminal.send("enter")
    terminal.wait_for("tokens used", timeout=TURN_S)
    terminal.wait_until(at_prompt, TURN_S, "the shell's prompt")
    camera.take(works, 3.5)
    camera.type("joytui --screen logs", "And in Logs")
    terminal.send("enter")
    terminal.wait_for("following", "codex-anna", timeout=30)
    camera.take("And in Logs: every request, live", 3.0)
    terminal.send("enter")
    terminal.wait_for("TOKENS AND COST")
    camera.take("⏎: what happened to the turn, and what it cost", 5.0)


def spend_shows(camera: Camera) -> None:
    terminal = camera.terminal
    terminal.send("3")
    terminal.wait_for("SPEND", "by model", timeout=30)
    terminal.wait_gone("loading", timeout=30)
    camera.take("3: for leads, what each model costs, day by day", 3.0)
    terminal.send("g")
    terminal.wait_for("by key", timeout=30)
    camera.take("g: and who spends it, by key", 3.5)


def at_prompt(text: str) -> bool:
    return text.rstrip().endswith("$")


def journey(folder: Path) -> str:
    """recording.svg"""
    stage = Stage(folder)
    stage.setup.with_codex()
    stage.fill(now(), as_at=now())
    stage.start("--port", free_port())
    try:
        stage.work()
        return play(stage).svg("joytui: from a Codex that fails to a turn in the logs")
    finally:
        stage.close()


def direct(folder: Path) -> str:
    """direct.svg: the console above a shell, in two panes of tmux."""
    setup = Setup(folder)
    good, refused = HEALTHY, error(402, "Daily budget of this key is used up", "insufficient_quota")
    with FaultGateway(replace(behaviour("healthy"), responses=(good, refused))) as provider:
        setup.url = provider.origin
        setup.configure()
        setup.env |= {
            KEY_VARIABLE: GOOD_KEY, "COLORTERM": "truecolor", "TMPDIR": str(folder / "data"), "TERM": "screen-256color",
            "PATH": f"{Path(sys.executable).parent}:{Path(codex(NEWEST)).parent}:{setup.env['PATH']}",
        }  # fmt: skip
        server = ["tmux", "-S", str(folder / "s"), "-f", "/dev/null"]
        # The options first: which colours a terminal has is read when the session is attached.
        shown = [
            *server, "start-server", ";", "set", "-g", "status", "off", ";", "set", "-g", "default-terminal", "tmux-256color", ";",
            "set", "-ga", "terminal-overrides", ",*:Tc:indn@:rin@:rep@", ";", "set", "-g", "pane-border-style", "fg=colour240", ";",
            "new-session", "joytui --screen logs", ";", "split-window", "-v", "-l", str(SHELL_LINES), "env", "PS1=$ ", "bash", "--noprofile", "--norc", "-i",
        ]  # fmt: skip
        names = {str(setup.folder / "work"): f"{SHOWN_HOME}/app", str(setup.codex_home): f"{SHOWN_HOME}/.codex"}
        with Terminal(shown, columns=COLUMNS, lines=LINES, env=setup.env, cwd=folder / "work") as terminal:
            camera = Camera(terminal, names)
            camera.redraw = lambda: subprocess.run([*server, "refresh-client"], check=True, env=setup.env)
            try:
                appears(camera)
            finally:
                subprocess.run([*server, "kill-server"], check=False, env=setup.env)
            return camera.film.svg("joytui: the turns of a Codex that talks to its provider directly, as they happen")


def appears(camera: Camera) -> None:
    terminal = camera.terminal
    terminal.wait_for("$", "Codex has done nothing on this machine yet", "no gateway", timeout=TURN_S)
    camera.take("Nothing is set up: no gateway, no relay. Codex talks to its provider directly", 3.0)
    says = "A turn of Codex, and its row in Logs as it happens"
    camera.type(TURN, says)
    terminal.send("enter")
    terminal.wait_for("tokens used", timeout=TURN_S)
    terminal.wait_for("200", timeout=TURN_S)
    camera.take(says, 4.0)
    terminal.send("clear", "enter")
    says = "The next one is refused"
    camera.type(TURN, says)
    terminal.send("enter")
    terminal.wait_for("402 Payment Required", timeout=TURN_S)
    terminal.wait_for("402", "insufficient", timeout=TURN_S)
    camera.take(says, 4.0)


def main(words: list[str]) -> int:
    for name in words or SCENES:
        with tempfile.TemporaryDirectory(prefix="") as folder:
            svg = SCENES[name](Path(folder))
        (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")
        print(f"{name}.svg {len(svg.encode()) // 1000} kB")
    return 0


SCENES: dict[str, Callable[[Path], str]] = {"recording": journey, "direct": direct}


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
