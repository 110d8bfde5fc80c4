"""Lets a real Codex live through the situations of `differences`, and writes down what it did: tests/situations/codex-VERSION.json.

python -m tests.situations.record VERSION           plays them, writes the file
python -m tests.situations.record VERSION --check   writes nothing; exit code 1 where Codex did otherwise than the file says
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from tests.situations.differences import situations
from tests.support.playground import Job, Result, play
from tests.support.real_codex import codex
from tests.support.situation import Situation, load

HERE = Path(__file__).parent
LIMIT_S = 20.0


def main(argv: list[str] | None = None) -> int:
    """Gives the exit code: 0, or 1 where --check finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m tests.situations.record", description=__doc__)
    parser.add_argument("version", help="a version of @openai/codex")
    parser.add_argument("--check", action="store_true", help="write nothing")
    asked = parser.parse_args(argv)
    today = lived_through(asked.version)
    if asked.check:
        changed = [
            one.name for one, known in zip(today, load(file_of(asked.version)), strict=True) if differs(one, known)
        ]
        print("\n".join(changed) or f"{asked.version}: no difference")
        return 1 if changed else 0
    file_of(asked.version).write_text(written(today), encoding="utf-8")
    return 0


def file_of(version: str) -> Path:
    return HERE / f"codex-{version}.json"


def lived_through(version: str) -> list[Situation]:
    """Every situation with what this Codex did in it."""
    jobs = [Job(replace(one, codex=version), "codex", codex(version), "outcome", LIMIT_S) for one in situations()]
    return [_with_outcome(job.situation, result) for job, result in zip(jobs, play(jobs), strict=True)]


def _with_outcome(situation: Situation, result: Result) -> Situation:
    if result.skipped:
        raise SystemExit(f"{situation.name}: {result.skipped}")
    return replace(
        situation,
        works=result.works,
        says=result.words,
        stdout=result.stdout.strip(),
        requests=result.requests or {},
        exit_code="TIMEOUT" if result.exit_code is None else result.exit_code,
    )


def differs(one: Situation, other: Situation) -> bool:
    """Whether Codex did otherwise: it worked or not, in other words."""
    return (one.works, one.says) != (other.works, other.says)


def written(some: Iterable[Situation]) -> str:
    """The file's text: a situation a line."""
    lines = [json.dumps(one.to_json(), ensure_ascii=False) for one in some]
    return "[\n" + ",\n".join(lines) + "\n]\n"


if __name__ == "__main__":
    sys.exit(main())
