"""What a ticket's own config.toml decides: by the doctor's own look at it, as if it were this machine's.

It decides where the words leave several causes of which it shows one, and where there are no words of a failure. What it lacks counts
only where that would be there; it never overrides what Codex or a gateway said.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from urllib.parse import urlsplit

from joytui.causes import CAUSES, Cause
from joytui.causes.questions import DOCTOR
from joytui.codex.look import look
from joytui.codex.urls import origin_of
from joytui.codex.versions import recorded_versions
from joytui.codex.world import Invocation, Issue, Stage, World
from joytui.core.joytoken import KEY_VARIABLE, PROVIDER_ID
from joytui.core.redaction import MASK
from joytui.doctor.triage.answer import Guess, guess
from joytui.doctor.triage.clean import plain
from joytui.doctor.triage.config_of_ticket import HOME, PROJECT, UNREAD, Configuration, configuration_in
from joytui.doctor.triage.facts import facts_of
from joytui.doctor.triage.signs import sign
from joytui.doctor.triage.status import Refused, is_twice, on_route

_CURLY = re.compile(r"\b[A-Z][A-Z0-9_]*_(?:KEY|TOKEN)\s*=\s*(?:[“”„‘]|([\"'])(?:\s[^\"'\n]*|[^\"'\n]*\s)\1)")
"""A key that was set with blanks around it, or between the quotes of a word processor, which belong to its value."""
_KEY_SHOWN = re.compile(rf"(?i)^(?:jt|sk|pk|ghp|gsk|xai)[-_]|{re.escape(MASK)}|\*\*\*|…|^<|^[A-Z_]+=(?:\S{{6,}}|<)")
_HIDDEN = re.compile(r"<|\*\*|…|\.\.\.|\[(?!::)")
"""A part of an address that the writer does not want to show."""
_TRUSTED = f'[projects."{PROJECT}"]\ntrust_level = "trusted"\n'
_ON_THAT_MACHINE = (Stage.NAMED_FILES, Stage.CATALOG, Stage.MCP)
"""Where Codex meets what else its machine has, or has not: files and programs that a ticket does not hold."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a configuration shows. `sure`: the guesses that need no words beside it; `hints`: those that words must have left open;
    `whole`: whether what it does not show is not there; `unselected`: no line in it selects the provider; `quoted`: sentences quote single lines of it."""

    sure: tuple[Guess, ...]
    hints: tuple[Guess, ...]
    whole: bool
    unselected: bool = False
    quoted: bool = False
    names: Mapping[str, str] = field(default_factory=dict)

    def among(self, causes: tuple[str, ...]) -> Guess | None:
        """The first of its guesses that is one of these causes."""
        return next((one for one in (*self.sure, *self.hints) if one.causes[0] in causes), None)


def shown_by_config(text: str) -> Shown | None:
    """What the configuration in a ticket shows; None if it holds none."""
    pasted = configuration_in(text)
    if pasted is None:
        return None
    world = _world(pasted, text)
    if world.problems and world.problems[0].cause == "config-syntax" and (other := configuration_in(plain(text))):
        straight = _world(other, text)
        if not any(issue.cause == "config-syntax" for issue in straight.problems):
            found = _shown(straight, other, text)
            return replace(found, sure=(_of_issue(world.problems[0], pasted), *found.sure))
    return _shown(world, pasted, text)


def decided_by_config(found: Guess | None, shown: Shown | None, text: str, *, by_people: bool) -> Guess | None:
    """The guess with what the pasted configuration shows. `by_people`: the words are nobody's but the writer's own."""
    if found and found.causes[:1] == ("key-rejected",) and _CURLY.search(text):
        return replace(found, causes=("key-malformed",), ask="", note="", explanation="", remedy="", details={})
    if shown is None or (shown.quoted and not by_people):
        return found
    decided = _decided(found, shown, by_people=by_people)
    return _in_its_names(decided, shown) if decided and decided is not found else decided


def _in_its_names(found: Guess, shown: Shown) -> Guess:
    """The advice with the names that this configuration gives to its provider and its key."""
    if len(found.causes) != 1 or found.remedy:
        return found
    remedy = CAUSES[found.causes[0]].as_met(found.details).remedy
    for usual, name in shown.names.items():
        remedy = remedy.replace(usual, name)
    return replace(found, remedy=remedy)


def _decided(found: Guess | None, shown: Shown, *, by_people: bool) -> Guess | None:
    causes = found.causes if found else ()
    fitting = (*causes, "openai-key-to-gateway") if causes == ("key-rejected",) else causes
    if shown.sure and (not causes or (by_people and len(causes) > 1)):
        return shown.sure[0]
    if found and len(fitting) > 1 and (one := shown.among(fitting)):
        return replace(one, words=found.words, said=found.said)
    if shown.unselected and causes[:1] in (("provider-not-selected",), ("config-missing",)):
        return guess("provider-not-selected").heard(found.words if found else "")
    if by_people and shown.whole:
        return _without_faults_of_files(found)
    return found


def _without_faults_of_files(found: Guess | None) -> Guess:
    """The guess without the causes that a whole configuration would show."""
    left = tuple(one for one in (found.causes if found else ()) if not _in_the_file(CAUSES[one]))
    if found and left:
        return replace(found, causes=left) if len(left) > 1 else found
    return Guess((), FAILED_RUN, note=NO_FAULT)


def _in_the_file(cause: Cause) -> bool:
    """Whether a configuration itself shows this cause, not where it stands or what else Codex reads."""
    local = cause.phase in ("start", "elsewhere") and cause.step not in ("config.found", "key.value")
    return local and cause.id != "provider-overridden"


NO_FAULT = "The configuration in it has no fault that can be seen from here."
FAILED_RUN = f"what Codex prints when it fails, or {DOCTOR}"


class _Files(dict[str, bytes | None]):
    """The files of a ticket. No other is there, whatever this machine has at that path."""

    def __contains__(self, path: object) -> bool:
        return True

    def __missing__(self, path: str) -> None:
        return None


def _world(pasted: Configuration, text: str) -> World:
    files = _Files({path: content.encode("utf-8", "replace") for path, content in pasted.files.items()})
    if str(PROJECT / ".codex/config.toml") in pasted.files:
        files[str(HOME / ".codex/config.toml")] = _TRUSTED.encode()
    named = {name for name in pasted.exported if any(name in content for content in pasted.files.values())}
    env = {"HOME": str(HOME), "CODEX_API_KEY": "stored", **dict.fromkeys(named, "exported-value")}
    version = pasted.version or facts_of(text).codex_version or recorded_versions()[-1].version
    return look(Invocation(pasted.args, env, PROJECT, version, HOME / "etc", HOME, files))


def _shown(world: World, pasted: Configuration, text: str) -> Shown:
    sure = list(_sure(world, pasted))
    named = (one for one in world.warnings if one.cause == "provider-named-openai")
    absent = (one for one in world.problems if one.stage in _ON_THAT_MACHINE)
    hinted = (*world.suspicions, *named, *absent)
    hints = [_of_issue(issue, pasted) for issue in hinted if not _in_headers(issue, world)]
    if base := _other_base(world, text):
        hints.append(base)
    elif route := _route(world):
        if _plainly_wrong(world):
            sure.append(route)  # what stops Codex before its request comes first
        else:
            hints.insert(0, route)
    if pasted.only:
        return Shown(tuple(sure), (), whole=False, quoted=True)
    whole = pasted.provider and not pasted.partly
    return Shown(tuple(sure), tuple(hints), whole, pasted.partly, names=dict(_names(pasted)))


def _names(pasted: Configuration) -> Iterator[tuple[str, str]]:
    """The guide's names, and what stands for them in this configuration."""
    content = "\n".join(pasted.files.values())
    if provider := re.search(r"^\[model_providers\.([\w-]+)\]", content, re.M):
        yield f'"{PROVIDER_ID}"', f'"{provider[1]}"'
    named = re.search(r"^(?:env_?key|api_?key)\w*\s*=\s*[\"']\$?([A-Z][A-Z0-9_]+)[\"']", content, re.M | re.I)
    if named and named[1].isupper():
        yield KEY_VARIABLE, named[1]


def _sure(world: World, pasted: Configuration) -> Iterator[Guess]:
    for warning in world.warnings:
        if warning.cause == "project-keys-ignored":
            yield sign("a provider in a project's file")
    if UNREAD in pasted.files:
        yield sign("a file that Codex does not read")
    for issue in world.problems:
        if issue.stage in _ON_THAT_MACHINE:
            continue
        if issue.cause == "key-unset" and not _sets_another(issue, pasted):
            continue
        if issue.cause in ("provider-not-selected", "provider-undefined") and not pasted.provider:
            continue
        if _HIDDEN.search(str(issue.details.get("base_url", ""))):
            continue
        if not pasted.only or (issue.key or "").rpartition(".")[2] in pasted.only:
            yield _of_issue(issue, pasted)
    for issue in world.suspicions:
        if issue.cause in _meant(world):
            yield _of_issue(issue, pasted)


def _meant(world: World) -> set[str]:
    """The causes whose key a misspelt one was meant as."""
    unknown = [key for issue in world.warnings if issue.cause == "unknown-keys" for key in issue.details["keys"]]
    folded = [re.sub(r"[^a-z]", "", key["key"].rsplit(".", 1)[-1].lower()) for key in unknown]
    keys = {cause.id: cause.ignored_key.pattern for cause in CAUSES.values() if cause.ignored_key}
    return {cause for cause, pattern in keys.items() if any(re.search(pattern, name) for name in folded)}


def _in_headers(issue: Issue, world: World) -> bool:
    """Whether the key may be in a header of the provider's own."""
    own = world.provider and (world.provider.get("http_headers") or world.provider.get("env_http_headers"))
    return issue.cause == "env-key-missing" and bool(own)


def _sets_another(issue: Issue, pasted: Configuration) -> bool:
    """Whether the ticket sets a variable for the key, and not the one that env_key names."""
    return issue.details.get("variable") not in pasted.exported and _set_for_another(pasted) is not None


def _set_for_another(pasted: Configuration) -> str | None:
    """A variable for a key that the ticket sets."""
    return next((name for name in sorted(pasted.exported) if name.endswith(("KEY", "TOKEN"))), None)


def _of_issue(issue: Issue, pasted: Configuration) -> Guess:
    line = pasted.line(issue.where)
    cause, details = issue.cause, dict(issue.details)
    if cause == "env-key-invalid" and _KEY_SHOWN.search(str(details.get("variable"))):
        cause, details = "env-key-is-secret", {}
    shown = line and not line.startswith("[") and cause != "env-key-is-secret"
    elsewhere = details.get("misplaced") or [{}]
    misplaced = elsewhere[0].get("kind")
    note = f"{f'This line is {misplaced}' if misplaced else 'It is this line'}: {line}" if shown else ""
    told = {name: value for name, value in details.items() if str(HOME) not in str(value)}
    found = replace(guess(cause, note=note).heard(issue.summary), details=told)
    return replace(found, remedy=_remedy(issue, pasted))


def _remedy(issue: Issue, pasted: Configuration) -> str:
    """What to do where the ticket shows more than the cause's own words know; empty where it does not."""
    field = (issue.key or "").rpartition(".")[2]
    if written := issue.details.get("misspelt"):
        leaked = " The key went to OpenAI: replace it." if issue.cause == "base-url-missing" else ""
        return f"Codex does not know {written}. Write {field} instead, {_VALUE[field]}.{leaked}"
    if issue.cause == "key-unset" and (other := _set_for_another(pasted)):
        named = issue.details.get("variable")
        return f'env_key names {named}, and you set {other}. Write env_key = "{other}", or export {named} instead.'
    return ""


_VALUE = {"base_url": "with the same address", "env_key": "with the name of the variable that holds the key"}


def _route(world: World) -> Guess | None:
    """The fault of an address that no gateway has, by what Codex makes of it."""
    plan = world.plan
    if plan is None or plan.builder_error or world.provider is None or world.provider.builtin:
        return None
    if re.search(r"[?#]", plan.base_url):
        return sign("a deformed path elsewhere")
    found = on_route(Refused(404, "", plan.wire_url))
    if found.causes != ("base-url-path",):
        return None
    whole = _WITH_ENDPOINT.fullmatch(plan.base_url)
    return replace(found, remedy=f'Write base_url = "{whole[1]}": Codex adds the rest.') if whole else found


_WITH_ENDPOINT = re.compile(r"(https?://\S+?)/(?:chat/completions|completions|responses|models)/?")


_ENDPOINT = re.compile(
    r"\bhttps?://[\w.:\[\]-]{1,200}(?:/[\w.-]{1,60}){0,6}?(?=/(?:models|chat/completions|responses)\b)"
)


def _other_base(world: World, text: str) -> Guess | None:
    """Another base URL of the same host, which the ticket names with an endpoint of it."""
    base = world.plan.base_url.rstrip("/") if world.plan and world.provider and not world.provider.builtin else ""
    for other in _ENDPOINT.findall(text):
        if base and not f"{base}/".startswith(f"{other}/") and origin_of(other) == origin_of(base):
            remedy = f'Write base_url = "{other}": that is the one with which your message reaches the same server.'
            return replace(sign("a deformed path elsewhere"), remedy=remedy)
    return None


def _plainly_wrong(world: World) -> bool:
    """Whether nobody needs to ask the host: JoyToken's paths are known, and an endpoint belongs to no base_url."""
    assert world.plan is not None
    wire = urlsplit(world.plan.wire_url)
    host = wire.hostname or ""
    return host.endswith("joytokens.ai") or is_twice(world.plan.url) or not wire.path.endswith("/responses")
