"""Writes the file of a Codex version (joytui/codex/versions/VERSION.json) from what the real binary answers.

python -m tests.record VERSION [--key PATH ...]   installs that Codex from npm, asks it, writes its file, prints what changed against the
                                                  recorded version before it
python -m tests.record VERSION --check            writes nothing; exit code 1 where the binary and the file differ
python -m tests.record latest --check             tells whether npm has a newer version than the newest file; exit code 1 where it has

`--key` names a key of config.toml that no version before knew: no binary lists its keys. That there are new ones is seen by the number of
fields of its tables ("elements"), which is printed with the rest. What a binary does not answer is kept as the file has it: the keys that
a version without --strict-config lacks (for a new file, those that the next newer version lacks), the older versions that a file goes for.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import platformdirs

import joytui.codex.versions
from joytui.codex.schema import base_schema, schema_of
from joytui.codex.versions import parse_version
from tests.record import keys, lists, turn
from tests.record.binary import Binary
from tests.support.hang import HANG_S
from tests.support.real_codex import codex

FOLDER = Path(joytui.codex.versions.__file__).parent
_ELEMENTS = re.compile(rb"struct (\w+) with (\d+) element")


def main(argv: list[str] | None = None) -> int:
    """Gives the exit code: 0, or 1 where --check finds a difference."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.record", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("version", help="a version of @openai/codex, or latest")
    parser.add_argument(
        "--key", action="append", default=[], metavar="PATH", help="a new key of config.toml that is tried"
    )
    parser.add_argument("--check", action="store_true", help="write nothing")
    asked = parser.parse_args(argv)
    if asked.version == "latest":
        newest = newest_published()
        if asked.check:
            return _told_newest(newest)
        asked.version = newest
    files = recorded_files()
    before = older(files, asked.version)
    with tempfile.TemporaryDirectory(dir=_private_folder()) as folder:
        answers = record(Binary(codex(asked.version), Path(folder)), asked.version, files, asked.key)
    against = files.get(asked.version, {}) if asked.check else before
    changes = list(differences(against, answers))
    print("\n".join(changes) or f"{asked.version}: no difference")
    if asked.check:
        return 1 if changes else 0
    (FOLDER / f"{asked.version}.json").write_text(written(answers), encoding="utf-8")
    return 0


def record(binary: Binary, version: str, files: Mapping[str, dict[str, Any]], wanted: list[str]) -> dict[str, Any]:
    """The content of a version's file."""
    old = files.get(version, {})
    models, first = lists.models(binary)
    seen = turn.one_turn(binary)
    known = _keys(binary, old or newer(files, version), older(files, version), wanted)
    return {
        "version": version,
        **({"since": old["since"]} if "since" in old else {}),
        "default_model": seen.model or first,
        "models": models,
        "headers": seen.fixed_headers(),
        "subcommands": lists.subcommands(
            binary, sorted({name for one in files.values() for name in one["subcommands"]})
        ),
        "flags": lists.flags(binary, {name: flag for one in files.values() for name, flag in one["flags"].items()}),
        "features": lists.features(binary),
        "keys": known,
        "elements": _elements(binary, known["new"]["structs"]),
    }


def _keys(binary: Binary, old: Mapping[str, Any], before: Mapping[str, Any], wanted: list[str]) -> dict[str, Any]:
    known: dict[str, Any] = old.get("keys", {"absent": [], "new": {"top": {}, "structs": {}}})
    if not keys.strict(binary):
        return known
    schema = schema_of(before["version"]) if before else base_schema()
    names = wanted or list(known["new"].get("asked", ()))
    told = keys.absent(binary, base_schema())
    kept = [name for name in known["absent"] if name not in told and not keys.refused(binary, name)]
    return {"absent": sorted([*told, *kept]), "new": {**keys.added(binary, names, schema), "asked": names}}


def _elements(binary: Binary, added: Iterable[str]) -> dict[str, int]:
    """How many fields the tables of config.toml have, those that the version added among them, as the binary's own text says."""
    native = Path(binary.command).resolve().parents[2]
    found: dict[str, int] = {}
    for file in native.rglob("codex*"):
        if file.is_file() and file.stat().st_size > 2**24:
            found |= {name.decode(): int(count) for name, count in _ELEMENTS.findall(file.read_bytes())}
    known = {"ConfigToml", *base_schema()["structs"], *added}
    return {name: count for name, count in sorted(found.items()) if name in known}


def recorded_files() -> dict[str, dict[str, Any]]:
    """Version -> the content of its file, the oldest first."""
    found = [json.loads(file.read_text(encoding="utf-8")) for file in FOLDER.glob("*.json")]
    return {one["version"]: one for one in sorted(found, key=lambda one: parse_version(one["version"]) or ())}


def older(files: Mapping[str, dict[str, Any]], version: str) -> dict[str, Any]:
    """The file of the recorded version before this one; {} for the oldest."""
    number = parse_version(version) or (0, 0, 0)
    return next((one for name, one in reversed(files.items()) if (parse_version(name) or (0, 0, 0)) < number), {})


def newer(files: Mapping[str, dict[str, Any]], version: str) -> dict[str, Any]:
    """The file of the recorded version after this one; {} for the newest."""
    number = parse_version(version) or (0, 0, 0)
    return next((one for name, one in files.items() if (parse_version(name) or (0, 0, 0)) > number), {})


def differences(before: Any, after: Any, path: str = "") -> Iterator[str]:
    """One line for each thing that came (+), went (-) or changed."""
    if isinstance(before, dict) and isinstance(after, dict):
        for name in sorted({*before, *after}):
            yield from differences(before.get(name), after.get(name), f"{path} {name}".strip())
    elif isinstance(before, list) and isinstance(after, list):
        yield from (f"- {path}: {one}" for one in before if one not in after)
        yield from (f"+ {path}: {one}" for one in after if one not in before)
    elif before != after:
        sign = "+" if before is None else "-" if after is None else "~"
        values = [json.dumps(one, ensure_ascii=False) for one in (before, after) if one is not None]
        yield f"{sign} {path}: {' -> '.join(values)}"


def written(answers: Mapping[str, Any]) -> str:
    """The file's text: a line for each thing, so that two versions can be compared line by line."""
    return json.dumps(answers, indent=1, ensure_ascii=False) + "\n"


def newest_published() -> str:
    """The newest version on npm."""
    done = subprocess.run(
        ["npm", "view", "@openai/codex", "version"], capture_output=True, text=True, timeout=HANG_S, check=True
    )
    return done.stdout.strip()


def _told_newest(newest: str) -> int:
    known = list(recorded_files())
    print(f"newest on npm: {newest}; newest file: {known[-1]}")
    return 0 if newest in known else 1


def _private_folder() -> Path:
    """Codex makes its helpers in no home below the machine's temporary folder."""
    folder = platformdirs.user_cache_path("joytui-tests") / "record"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


if __name__ == "__main__":
    sys.exit(main())
