"""What joytui and its CI are made of: `python -m tests.supply` writes `constraints.txt` and the table of licences again.

The versions are those that pip chooses today for the package with all its extras, its tests and its build. The licences are read
from the packages that are installed.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterable
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
CONSTRAINTS = ROOT / "tests" / "constraints.txt"
LICENCES = ROOT / "joytui" / "guide" / "licences.md"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BUILD = ("hatchling", "editables")
"""What an editable install of this project is built by."""
HEAD = (
    "# Versions of all that CI installs: pip install -c tests/constraints.txt …   Made by `python -m tests.supply`.\n"
)
NAMES = {
    "apache software license": "Apache-2.0", "apache 2": "Apache-2.0", "apache 2.0": "Apache-2.0", "bsd license": "BSD-3-Clause", "3-clause bsd license": "BSD-3-Clause", "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0", "python software foundation license": "PSF-2.0",
}  # fmt: skip
"""Words of older metadata by the name that SPDX has for it."""


def runtime(extras: Iterable[str] = ("keyring", "postgres", "serve")) -> set[str]:
    """The packages that a user gets with these extras, as far as they are installed here."""
    found: dict[str, set[str]] = {}

    def visit(lines: Iterable[str], wanted: set[str]) -> None:
        for requirement in map(Requirement, lines):
            if requirement.marker and not any(requirement.marker.evaluate({"extra": one}) for one in {"", *wanted}):
                continue
            name = canonicalize_name(requirement.name)
            if (known := found.get(name)) is None or requirement.extras - known:
                found[name] = (known or set()) | requirement.extras
                if (package := installed(name)) is not None:
                    visit(package.requires or (), found[name])

    visit(
        [*PROJECT["dependencies"], *(line for one in extras for line in PROJECT["optional-dependencies"][one])], set()
    )
    return {name for name in found if installed(name) is not None}


def installed(name: str) -> Distribution | None:
    try:
        return distribution(name)
    except PackageNotFoundError:
        return None


def licence(name: str) -> str:
    """The licence that a package names, in SPDX's words where they are known; "" where it names none."""
    metadata = distribution(name).metadata
    classes = [
        one.rpartition("::")[2].strip() for one in metadata.get_all("Classifier") or [] if one.startswith("License")
    ]
    said = metadata.get("License-Expression") or next((one for one in (metadata.get("License"), *classes) if one), "")
    return NAMES.get(said.lower(), said) if len(said) < 60 else ""


def pinned() -> dict[str, str]:
    """Name and version of each line of `constraints.txt`."""
    lines = CONSTRAINTS.read_text(encoding="utf-8").splitlines()
    return dict(line.split("==") for line in lines if line and not line.startswith("#"))


def listed() -> dict[str, str]:
    """Name and licence of each row of the table."""
    return dict(re.findall(r"^\| ([\w.-]+) \| ([^|]+?) \|$", LICENCES.read_text(encoding="utf-8"), re.M))


def main() -> int:
    CONSTRAINTS.write_text(
        HEAD + "".join(f"{name}=={version}\n" for name, version in sorted(_chosen().items())), "utf-8"
    )
    text = LICENCES.read_text(encoding="utf-8")
    rows = "".join(f"| {name} | {licence(name)} |\n" for name in sorted(runtime()))
    LICENCES.write_text(re.sub(r"(\|---\|---\|\n)(\|.*\n)*", lambda found: found[1] + rows, text), "utf-8")
    return 0


def _chosen() -> dict[str, str]:
    """Asks pip what it would install into an empty environment."""
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder) / ("Scripts" if sys.platform == "win32" else "bin") / "python"
        wanted = [".[" + ",".join(PROJECT["optional-dependencies"]) + "]", *BUILD]
        command = [str(python), "-m", "pip", "install", "-q", "--dry-run", "--report", "-", *wanted]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr)
    chosen = (one["metadata"] for one in json.loads(done.stdout)["install"])
    return {canonicalize_name(one["name"]): one["version"] for one in chosen if one["name"] != "joytui"}


if __name__ == "__main__":
    raise SystemExit(main())
