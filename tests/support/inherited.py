"""What the tests' process took over from the shell that started it, and hands down to every process that a test starts.

None of it may decide what a test sees: not the variables of the developer's own Codex, not the files below HOME, not a signal that
`nohup` or a script's `&` left ignored, not a mask for new files.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path

from tests.support import real_codex, real_programs

_OF_OTHERS = ("CODEX_", "JOY_TOKEN_", "OPENAI_", "XDG_", "PYTHON", "LC_")
_NAMES = {"SSL_CERT_FILE", "SSL_CERT_DIR", "NO_COLOR", "COLUMNS", "LINES", "JOYTUI_ADMIN_TOKEN"}
_NEEDED = {"PYTHONPATH", "PYTHONHOME"}
"""Without these a Python may not find its own library."""


def own_variables(scratch: Path) -> None:
    """The environment of a user with an empty home who speaks English.

    Of Python's own variables PYTHONDONTWRITEBYTECODE alone would double the run: each of hundreds of processes would compile joytui again.
    """
    os.environ["JOYTUI_PROGRAMS_CACHE"] = str(real_programs.cache_folder())
    os.environ["JOYTUI_CODEX_CACHE"] = str(
        real_codex.cache_folder()
    )  # below the real home: it is to be there next time
    for name in list(os.environ):
        theirs = name.startswith(_OF_OTHERS) or name.upper().endswith("_PROXY") or name in _NAMES
        if theirs and name not in _NEEDED:
            del os.environ[name]
    home = scratch / "home"
    home.mkdir()
    os.environ |= {
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "TERM": "xterm-256color",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",  # a test that wants a keyring names its own
        "JOYTUI_DATA_DIR": str(scratch / "data"),
        "JOYTUI_CONFIG_FILE": str(scratch / "config.toml"),
    }


def own_signals() -> None:
    """Signals that were ignored are caught, and still nothing happens: what is caught is back at its default in a new program, what is
    ignored stays ignored there. Python itself sees to SIGPIPE and SIGXFSZ."""
    for number in signal.valid_signals() - {signal.SIGPIPE, signal.SIGXFSZ}:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _nothing)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _nothing(number: int, frame: object) -> None:
    pass
