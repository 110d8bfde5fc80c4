"""Who may import whom: read from the source, and seen in a fresh process."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

import joytui
from tests.support.hang import HANG_S

ROOT = Path(joytui.__file__).parent
DRIVERS = {"sqlite3", "psycopg", "asyncpg"}

MAY_IMPORT = {
    "core": set(),
    "causes": {"core"},
    "codex": {"causes", "core"},
    "client": {"core"},
    "ledger": {"core"},
    "doctor": {"codex", "causes", "client", "core"},
    "usage": {"codex", "causes", "client", "core"},
    "gateway": {"ledger", "client", "causes", "core"},
    "web": {"client", "core"},
    "tui": {"doctor", "usage", "codex", "causes", "client", "core"},
    "cli": {"core", "causes", "codex", "client", "ledger", "doctor", "usage", "gateway", "tui", "web"},
}


def sources_that_name(words: Iterable[str]) -> Iterator[tuple[Path, ast.Module]]:
    """The modules with one of these words anywhere, parsed: the others cannot import them."""
    for path in sorted(ROOT.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        if any(word in text for word in words):
            yield path, ast.parse(text)


def imported_modules(path: Path) -> set[str]:
    """Every joytui module that a file names in an import, at the top or inside a function."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative imports hide the layer"
            found.add(node.module or "")
            if node.module == "joytui":
                found.update(f"joytui.{alias.name}" for alias in node.names)
    return {name for name in found if name.split(".")[0] == "joytui"}


@pytest.mark.parametrize("package", sorted(MAY_IMPORT))
def test_a_package_imports_only_what_lies_below_it(package: str) -> None:
    wrong = []
    for path in sorted((ROOT / package).rglob("*.py")):
        for name in imported_modules(path):
            parts = name.split(".")
            target = parts[1] if len(parts) > 1 else None
            if target in MAY_IMPORT and target != package and target not in MAY_IMPORT[package]:
                wrong.append(f"{path.relative_to(ROOT)} imports {name}")
    assert not wrong, "\n".join(wrong)


def test_every_package_has_its_place_in_the_layering() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert packages == set(MAY_IMPORT)


def test_only_the_engines_know_a_database() -> None:
    """The ledger's interface is all that others see of a store; Codex's rollout cache is its own file."""
    known = {
        path.relative_to(ROOT).as_posix()
        for path, tree in sources_that_name(DRIVERS)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Import) and DRIVERS & {alias.name.split(".")[0] for alias in node.names})
        or (isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in DRIVERS)
    }
    assert {name for name in known if not name.startswith(("ledger/sqlite/", "ledger/postgres/"))} == {
        "codex/rollouts/cache.py"
    }


def test_only_the_console_names_textual_in_its_source() -> None:
    wrong = []
    for path, tree in sources_that_name(("textual", "plotext")):
        if path.relative_to(ROOT).parts[0] == "tui":
            continue
        for node in ast.walk(tree):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            if any(name.split(".")[0] in ("textual", "plotext") for name in names):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not wrong, wrong


def test_importing_all_but_the_console_in_a_fresh_process_loads_no_textual() -> None:
    """One process, one package after the other, so that the first that brings it is named."""
    modules = {
        package: [
            ".".join(("joytui", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")
            for path in sorted((ROOT / package).rglob("*.py"))
        ]
        for package in MAY_IMPORT
        if package != "tui"
    }
    program = (
        "import importlib, sys\n"
        f"for package, names in {modules!r}.items():\n"
        "    for name in names: importlib.import_module(name)\n"
        "    brought = {m.split('.')[0] for m in sys.modules} & {'textual', 'plotext'}\n"
        "    assert not brought, f'{package} brings {brought}'"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=HANG_S)
    assert done.returncode == 0, done.stderr


def test_the_commands_frame_loads_nothing_heavy() -> None:
    """`joytui --version` and a command's start must not pay for what another command needs."""
    program = (
        "import sys, joytui.cli.main\n"
        "heavy = {'textual', 'httpx', 'pydantic', 'pydantic_core', 'plotext', 'tomlkit', 'starlette', 'uvicorn', 'asyncio'}\n"
        "print(sorted({m.split('.')[0] for m in sys.modules} & heavy))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=HANG_S)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr


def test_the_http_client_loads_no_command_line() -> None:
    program = "import sys, joytui.client.http, httpx\nprint(sorted({'click', 'pygments', 'rich'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=HANG_S)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
