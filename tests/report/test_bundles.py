"""`joytui report`: no secret of any of sixty kinds is in a bundle, --check finds each that is put back, same bytes twice."""

from __future__ import annotations

import gzip
import io
import json
import os
import stat
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from joytui.cli.main import main
from joytui.codex.look import look
from joytui.codex.world import Invocation
from joytui.core.redaction import MASK
from joytui.doctor.bundle import Bundle, check, compose, gather, pack
from joytui.doctor.bundle.gather import Material
from joytui.doctor.failures import last_failures, told
from joytui.doctor.scrub import Scrubber, bare, known_secrets
from joytui.doctor.triage import triage
from tests.report.planted import ROLLOUTS, PlantedMachine, all_planted, core, plant, spellings
from tests.support.examples import examples, sample

AT = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PLANTED = all_planted()


def invocation(machine: PlantedMachine, *args: str) -> Invocation:
    return Invocation(args, dict(machine.env), machine.home, None, machine.home / "no-etc")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> PlantedMachine:
    return plant(tmp_path_factory.mktemp("planted"))


@pytest.fixture(scope="module")
def material(machine: PlantedMachine) -> Material:
    """With a gateway's record whose error body holds secrets of two more kinds."""
    records = [
        {"time": "2026-11-23T11:30:00.000Z", "model": "auto", "status": 403, "request_id": "req-06e1a2b3c4d5e6f7",
         "error_message": "no: " + " ".join(ROLLOUTS.values())}
    ]  # fmt: skip
    gateway = {
        "running": True,
        "version": "1",
        "key": "known",
        "records": records,
        "upstream": "http://gw.corp/openai/v1",
    }
    return gather(invocation(machine, "exec", "my very private prompt"), AT, gateway=gateway)


@pytest.fixture(scope="module")
def bundle(material: Material) -> Bundle:
    return compose(material)


@pytest.fixture(scope="module")
def known(machine: PlantedMachine) -> tuple[str, ...]:
    """What --check knows on this machine."""
    return known_secrets(look(invocation(machine)))


@pytest.fixture(scope="module")
def text(bundle: Bundle) -> str:
    return everything(bundle)


def everything(bundle: Bundle) -> str:
    data = pack(bundle)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        files = [name + "\n" + archive.read(name).decode() for name in archive.namelist()]
    return "\n".join([*files, *(entry.text for entry in bundle.entries)])


def test_there_are_more_than_fifty_kinds() -> None:
    cores = [core(name, text) for name, text in PLANTED.items()]
    assert len(set(cores)) == len(cores) >= 60


@pytest.mark.parametrize("name", PLANTED)
def test_no_planted_secret_is_in_a_bundle(name: str, text: str) -> None:
    for form in spellings(core(name, PLANTED[name])):
        assert form not in text


def test_neither_the_prompt_nor_the_home_is_in_it(bundle: Bundle, machine: PlantedMachine) -> None:
    text = everything(bundle)
    assert "private prompt" not in text
    assert str(machine.home) not in text


def test_what_support_needs_is_in_it(bundle: Bundle) -> None:
    report = json.loads(next(entry.text for entry in bundle.entries if entry.name == "report.json"))
    assert report["kind"] == "joytui-report"
    effective = report["config"]["effective"]
    assert effective["model_provider"]["value"] == "joytoken"
    assert effective["model_provider"]["origin"].endswith("config.toml:2")
    assert report["environment"]["values"]["SHELL"] == "/bin/zsh"
    assert {"JOY_TOKEN_API_KEY", "DB_PASSWORD", "HTTPS_PROXY"} <= set(report["environment"]["names"])
    assert report["environment"]["proxies"]["HTTPS_PROXY"] == "http://proxy.corp:3128"
    assert report["last_failures"]["failed"] == len(ROLLOUTS)
    assert report["last_failures"]["failures"][0]["http_status"] is None
    assert report["gateway"]["records"][0]["request_id"] == "req-06e1a2b3c4d5e6f7"
    assert MASK in report["gateway"]["records"][0]["error_message"]
    assert "req_12" in json.dumps(report["last_failures"])


def test_the_preview_says_what_was_removed(bundle: Bundle) -> None:
    removed = {entry.name.split(": ")[-1]: dict(entry.removed) for entry in bundle.entries if ":" in entry.name}
    assert removed["last_failures"]["known secrets and their formats"] >= 3
    assert removed["gateway"]
    assert removed["versions"] == {}


def test_a_clean_bundle_is_clean(bundle: Bundle, machine: PlantedMachine) -> None:
    assert check(pack(bundle), known_secrets(look(invocation(machine)))) == []


@pytest.mark.parametrize(
    ("name", "place"), sample([(name, place) for name in PLANTED for place in ("text", "json", "name")])
)
def test_check_finds_each_that_is_put_back(name: str, place: str, bundle: Bundle, known: tuple[str, ...]) -> None:
    secret = PLANTED[name]
    entries = {entry.name: entry.text for entry in bundle.entries if ":" not in entry.name}
    if place == "text":
        entries["report.md"] += f"\n{secret}\n"
    elif place == "json":
        entries["report.json"] = json.dumps({**json.loads(entries["report.json"]), "more": [{"deep": secret}]})
    else:
        entries[f"logs/{secret}.txt"] = "x"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for entry, text in entries.items():
            archive.writestr(entry, text)
    leaks = check(buffer.getvalue(), known)
    assert leaks
    assert core(name, secret) not in str(leaks)
    assert (leaks[0].line == 0) == (place == "name")


@pytest.mark.parametrize("form", ["backwards", "base64"])
def test_check_knows_other_spellings(form: str, machine: PlantedMachine) -> None:
    secret = PLANTED["DB_PASSWORD"]
    hidden = secret[::-1] if form == "backwards" else sorted(spellings(secret) - {secret}, key=len)[-1]
    assert check(f"note: {hidden}".encode(), known_secrets(look(invocation(machine))))


def test_same_input_same_bytes(material: Material, machine: PlantedMachine) -> None:
    again = gather(invocation(machine, "exec", "my very private prompt"), AT, gateway=material.gateway)
    assert pack(compose(again)) == pack(compose(material))
    later = replace(material, generated_at="2027-01-01T00:00:00.000Z")
    assert pack(compose(later)) != pack(compose(material))


def test_triage_reads_a_bundle(bundle: Bundle, material: Material) -> None:
    answer = triage(pack(bundle))
    assert answer.kind == "bundle"
    expected = material.doctor.verdict.cause
    assert expected is None or [cause.id for cause in answer.candidates] == [expected]


def test_the_last_failures_are_told(machine: PlantedMachine) -> None:
    history = last_failures(machine.codex_home)
    assert (history.turns, history.failed, history.last_good) == (len(ROLLOUTS), len(ROLLOUTS), None)
    assert history.failures[0].last == "2026-11-23T09:12:00.000Z"
    assert all("policy-rejected" in one.causes for one in history.failures if one.provider == "joytoken")
    assert told(history)[0].startswith(f"Your last {len(ROLLOUTS)} turns: ")


@pytest.mark.parametrize(
    ("value", "shown"),
    [("http://u:p@h:1/x?k=v#f", "http://h:1/x"), ("proxy:3128", "proxy:3128"), ("u:p@proxy:3128", "proxy:3128"), ("", "(empty)"), ("http://[::1", "(unreadable)"), ("a b", "(unreadable)")],
)  # fmt: skip
def test_bare_addresses(value: str, shown: str) -> None:
    assert bare(value) == shown


def test_counts_of_tokens_are_no_secrets() -> None:
    counts = '"input_tokens": 11550, "output_tokens": 4096, max_tokens=16000'
    scrubber = Scrubber()
    assert (scrubber.text(counts), scrubber.removed.total()) == (counts, 0)
    for secret in ("access_token: 48211937", '"tokens": "tk-99x", api_token=55119', "input_tokens=a8f2kk"):
        assert MASK in Scrubber().text(secret), secret


@settings(max_examples=examples(150), deadline=None)
@given(st.text(max_size=200), st.sampled_from(sorted(PLANTED.values())))
def test_scrubbed_text_scrubs_to_itself(text: str, secret: str) -> None:
    scrubber = Scrubber([secret])
    once = scrubber.text(f"{text} {secret} {text}")
    assert secret not in once
    assert Scrubber([secret]).text(once) == once


# --- the command ------------------------------------------------------------------------------------------------------


@pytest.fixture
def shell(machine: PlantedMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.chdir(tmp_path)
    with mock.patch.dict("os.environ", {**machine.env, "SOURCE_DATE_EPOCH": "1795426872"}, clear=True):
        yield tmp_path


def test_the_command_writes_previews_and_checks(shell: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "--preview"]) == 0
    preview = capsys.readouterr().out
    assert not list(shell.iterdir())
    assert "removed" in preview
    assert main(["report", "-o", "one.zip"]) == 0
    assert main(["report", "-o", "two.zip"]) == 0
    assert (shell / "one.zip").read_bytes() == (shell / "two.zip").read_bytes()
    assert (shell / "one.zip").stat().st_mode & 0o777 == 0o600
    assert main(["report", "--check", "one.zip"]) == 0
    assert main(["report", "--markdown"]) == 0
    shown = capsys.readouterr().out + preview
    assert "## joytui report" in shown
    assert not [name for name, text in PLANTED.items() if core(name, text) in shown]
    (shell / "leak.txt").write_text(f"key {PLANTED['MYSQL_PWD']}\n")
    assert main(["report", "--check", "leak.txt", "--json"]) == 1
    out = capsys.readouterr().out
    assert json.loads(out)["clean"] is False
    assert PLANTED["MYSQL_PWD"] not in out


@pytest.mark.parametrize("words", [["--check", "/nowhere"], ["-o", "/nowhere/x.zip"], ["--bogus"]])
def test_wrong_usage(shell: Path, words: list[str]) -> None:
    assert main(["report", *words]) == 2


def test_a_damaged_zip_is_refused(shell: Path) -> None:
    (shell / "x.zip").write_bytes(b"PK\x03\x04" + b"\0" * 50)
    assert main(["report", "--check", "x.zip"]) == 2


@pytest.mark.parametrize("name", ["picture.png", "log.gz", "inner.zip"])
def test_what_hides_its_words_proves_nothing(shell: Path, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A packed file holds a key as well as any: whatever is not searched is not called clean."""
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w") as archive:
        archive.writestr("a.txt", "nothing")
    hidden = {
        "picture.png": b"\x89PNG\r\n\x1a\n" + bytes(50),
        "log.gz": gzip.compress(b"JOY_TOKEN_API_KEY=jt_live_0123456789abcdef"),
        "inner.zip": inner.getvalue(),
    }[name]
    with zipfile.ZipFile(shell / "x.zip", "w") as archive:
        archive.writestr(name, hidden)
    assert main(["report", "--check", "x.zip"]) == 2
    assert name in capsys.readouterr().err
    if name != "inner.zip":
        (shell / name).write_bytes(hidden)
        assert main(["report", "--check", name]) == 2


def test_triage_takes_the_bundle_by_its_name(shell: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "-o", "one.zip"]) == 0
    assert main(["triage", "one.zip", "--json"]) in (0, 1)
    out = capsys.readouterr().out
    assert '"kind": "bundle"' in out
    assert main(["triage", "/nowhere"]) == 2


def test_what_is_no_file_is_written_into_and_never_replaced(shell: Path) -> None:
    """/dev/null and /dev/stdout are such; replaced by a file (as root) they would be lost to the whole machine."""
    pipe = shell / "pipe"
    os.mkfifo(pipe)
    (shell / "link").symlink_to(pipe)
    for name in ("pipe", "link"):
        reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
        assert main(["report", "-o", str(shell / name)]) == 0
        assert os.read(reader, 4) == b"PK\x03\x04"
        os.close(reader)
    assert stat.S_ISFIFO(pipe.lstat().st_mode)
    assert (shell / "link").is_symlink()


def test_a_link_to_a_file_stays_a_link(shell: Path) -> None:
    (shell / "there.zip").write_bytes(b"old")
    (shell / "here.zip").symlink_to("there.zip")
    assert main(["report", "-o", str(shell / "here.zip")]) == 0
    assert (shell / "here.zip").is_symlink()
    assert (shell / "there.zip").read_bytes().startswith(b"PK")


def test_a_file_is_no_folder(shell: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (shell / "file").write_text("x")
    assert main(["report", "-o", str(shell / "file" / "x.zip")]) == 2
    assert "Not a directory" in capsys.readouterr().err


def test_a_bundle_says_where_else_codex_starts_and_no_key_of_a_start_file(tmp_path: Path) -> None:
    (tmp_path / ".codex").mkdir()
    (tmp_path / ".codex/config.toml").write_text(
        'model_provider = "j"\n[model_providers.j]\nname = "j"\nbase_url = "http://127.0.0.1:9/openai/v1"\nenv_key = "J_KEY"\n'
    )
    (tmp_path / ".bashrc").write_text("export J_KEY=geheim-und-lang-0815 HTTPS_PROXY=http://me:geheimer@proxy:1\n")
    asked = Invocation(
        (), {"HOME": str(tmp_path), "SHELL": "/bin/bash", "PATH": "/nowhere"}, tmp_path, "0.171.0", tmp_path / "etc"
    )
    bundle = compose(gather(asked, AT))
    report = json.loads(next(entry.text for entry in bundle.entries if entry.name == "report.json"))
    cells = {cell["surface"]: cell for cell in report["surfaces"]}
    found = everything(bundle)
    assert (cells["terminal"]["verdict"], cells["cron"]["verdict"]) == ("works", "key-missing")
    assert "### Where Codex may start" in found
    assert "geheim" not in found
