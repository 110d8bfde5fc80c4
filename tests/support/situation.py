"""A recorded or made-up situation of a Codex user, and the folders in which it can be lived through.

`Situation` is data: config.toml, environment, arguments, files, and what the gateway does. `stage()` writes it into its own folder;
`play_around()` opens its gateways. Placeholders in all texts:

| text | becomes |
|---|---|
| {D} | the situation's folder: {D}/ch is CODEX_HOME, {D}/home HOME, {D}/work the working directory |
| {PORT} | the gateway's port |
| {SECOND} | the port of the second gateway (`second`) |
| {PROXY} | the proxy's port |
| {CA} {OTHER_CA} | the PEM file of the trusted authority, of another one |
| <KEY> | the key that the gateway accepts |
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from tests.support import certificates
from tests.support.fault_gateway import GOOD_KEY, FaultGateway
from tests.support.fault_proxy import FaultProxy


@dataclass(frozen=True, slots=True)
class Situation:
    """One situation. `causes`: the right cause ids ("healthy" where Codex answers), None if none was assigned; `works`: None if it
    could not be decided. `files`: path -> text (None: a folder). `etc`: name -> text in /etc/codex. `world`: needs the guide's exact host
    names, port 443 and /etc/codex, hence a private network. `says`, `requests`, `exit_code`, `seconds`: what the real Codex did.
    """

    name: str
    plays: str = "healthy"
    config: str | None = None
    encoding: str = "utf-8"
    env: Mapping[str, str] = field(default_factory=dict)
    args: tuple[str, ...] = ()
    files: Mapping[str, str | None] = field(default_factory=dict)
    etc: Mapping[str, str] = field(default_factory=dict)
    proxy: str | None = None
    second: str | None = None
    world: bool = False
    codex: str = "0.169.0"
    causes: tuple[str, ...] | None = None
    works: bool | None = None
    says: str = ""
    stdout: str = ""
    requests: Mapping[str, int] = field(default_factory=dict)
    exit_code: int | str | None = None
    seconds: float | None = None

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Situation:
        known = {one.name for one in fields(cls)}
        if extra := set(value) - known:
            raise ValueError(f"unknown fields in a situation: {sorted(extra)}")
        for name in ("args", "causes"):
            if value.get(name) is not None:
                value[name] = tuple(value[name])
        return cls(**value)

    def to_json(self) -> dict[str, Any]:
        """Without what stands at its default."""
        empty = Situation(self.name)
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if name == "name" or value != getattr(empty, name)}

    @property
    def leaves_loopback(self) -> bool:
        """Whether Codex would speak to hosts of the Internet here: such a one is only played in a private network."""
        return self.world or (self.works is False and any(cause in _TO_OPENAI for cause in self.causes or ()))


_TO_OPENAI = {"provider-not-selected", "provider-overridden", "config-missing", "base-url-missing"}


def load(path: Path) -> tuple[Situation, ...]:
    """The situations of a fixture file."""
    return tuple(Situation.from_json(value) for value in json.loads(path.read_text()))


@dataclass(frozen=True, slots=True)
class Stage:
    """A situation written out: where to start what, and with which environment. `places`: what each placeholder of this machine became."""

    situation: Situation
    folder: Path
    env: dict[str, str]
    args: tuple[str, ...]
    gateway: FaultGateway
    second: FaultGateway | None
    proxy: FaultProxy | None
    places: Mapping[str, str]

    @property
    def cwd(self) -> Path:
        return self.folder / "work"

    @property
    def words(self) -> tuple[str, ...]:
        """What the doctor is asked about. The situations are lives of `codex exec`, which is what it takes `codex` for; but with
        `--remote` the two are different programs."""
        return ("exec", *self.args) if any(one.startswith("--remote") for one in self.args) else self.args


@contextlib.contextmanager
def stage(situation: Situation, folder: Path, *, base_env: Mapping[str, str]) -> Iterator[Stage]:
    """Open the gateways and write everything into `folder` (made if absent); closed again at the end.

    `base_env` (PATH and the like) lies under the situation's own environment; HOME and CODEX_HOME are the folder's.
    """
    with contextlib.ExitStack() as stack:
        second = stack.enter_context(_second(situation)) if situation.second else None
        origins = {"other": "http://localhost:0", "tls": second.origin if second else "https://localhost:0"}
        gateway = stack.enter_context(_first(situation, origins))
        origins["other"] = f"http://localhost:{gateway.port}"
        proxy = stack.enter_context(FaultProxy(situation.proxy)) if situation.proxy else None
        fill = _Filler(situation, folder, gateway, second, proxy)
        for name in ("ch", "home", "work"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        if situation.config is not None:
            (folder / "ch" / "config.toml").write_bytes(_bytes(fill(situation.config), situation.encoding))
        for place, text in situation.files.items():
            _write(Path(fill(place)), None if text is None else fill(text))
        env = {**base_env, "HOME": str(folder / "home"), "CODEX_HOME": str(folder / "ch")}
        env |= {name: fill(value) for name, value in situation.env.items()}
        args = tuple(fill(one) for one in situation.args)
        yield Stage(situation, folder, env, args, gateway, second, proxy, fill.places)


def etc_files(situation: Situation) -> dict[str, str]:
    """/etc/codex of the situation. Only worlds have one, and their ports are fixed: nothing but the key is to be filled in."""
    return {name: text.replace("<KEY>", GOOD_KEY) for name, text in situation.etc.items()}


def _first(situation: Situation, origins: dict[str, str]) -> FaultGateway:
    return FaultGateway(situation.plays, port=443 if situation.world else 0, origins=origins)


def _second(situation: Situation) -> FaultGateway:
    assert situation.second is not None
    return FaultGateway(situation.second, port=80 if situation.world else 0)


class _Filler:
    """Fills the placeholders in."""

    def __init__(
        self,
        situation: Situation,
        folder: Path,
        gateway: FaultGateway,
        second: FaultGateway | None,
        proxy: FaultProxy | None,
    ) -> None:
        self.places = {
            "{D}": str(folder),
            "{PORT}": str(gateway.port),
            "{SECOND}": str(second.port) if second else "{SECOND}",
            "{PROXY}": str(proxy.port) if proxy else "{PROXY}",
            "{CA}": str(certificates.authority_file()),
            "{OTHER_CA}": str(certificates.stranger_file()),
        }
        self._values = {
            **self.places,
            "<KEY>": GOOD_KEY,
            "{PROVIDERS}": _many_providers() if "{PROVIDERS}" in (situation.config or "") else "",
        }

    def __call__(self, text: str) -> str:
        for placeholder, value in self._values.items():
            text = text.replace(placeholder, value)
        return text


def _many_providers(count: int = 20_000) -> str:
    """A config.toml of megabytes, as a script that went wrong writes it."""
    table = '[model_providers.p{0}]\nname = "p{0}"\nbase_url = "http://127.0.0.1:9/{0}/{1}"\nenv_key = "JOY_TOKEN_API_KEY"\n\n'
    return "".join(table.format(number, "x" * 180) for number in range(count))


def _write(path: Path, text: str | None) -> None:
    if text is None:
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_bytes(text, "utf-8"))


def _bytes(text: str, encoding: str) -> bytes:
    return text.encode(encoding, "surrogateescape" if encoding == "utf-8" else "strict")
