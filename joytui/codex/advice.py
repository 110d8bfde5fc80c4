"""The warnings of a look: what does not stop Codex but will bite."""

from __future__ import annotations

from difflib import get_close_matches

from joytui.codex.daemon import asks_the_daemon, last_words, start_fault
from joytui.codex.exec_rules import check_rules
from joytui.codex.model_lists import CATALOG_FIELD, FAILED, asked_for_models, is_web_address, same_origin
from joytui.codex.models import shape_of
from joytui.codex.named_files import check_named
from joytui.codex.schema import known_fields, unknown_keys
from joytui.codex.survey import Survey
from joytui.codex.urls import origin_of
from joytui.codex.world import Credential, Provider, RequestPlan, Stage
from joytui.core.joytoken import KEY_PLACEHOLDER
from joytui.core.loopback import is_loopback
from joytui.core.records import EffectiveValue


def warn(
    state: Survey,
    provider: Provider | None,
    credential: Credential | None,
    plan: RequestPlan | None,
    model: EffectiveValue,
) -> None:
    """Adds the warnings to the survey, and the faults in files that keys name."""
    if state.binary is None and not state.invocation.codex_version:
        state.add("codex-not-found", "warns", Stage.WARNED, "no codex on PATH")
    check_named(state)
    check_rules(state)
    _daemon_start(state)
    _layers(state)
    _environment(state)
    _model(state, provider, model)
    if provider is not None and not provider.builtin:
        _provider(state, provider, plan)
        if credential is not None:
            _key(state, credential)


def _layers(state: Survey) -> None:
    unknown: list[dict[str, str | None]] = []
    told = state.asked.loader.unknown if state.asked else None
    for layer in state.used():
        if layer.removed:
            state.add(
                "project-keys-ignored", "warns", Stage.WARNED, f"Codex ignores {', '.join(layer.removed)} in a project's file",
                message=(
                    f"Ignored unsupported project-local config keys in {layer.path}: {', '.join(layer.removed)}. If you want "
                    "these settings to apply, manually set them in your user-level config.toml."
                ),
                where=layer.path, details={"keys": list(layer.removed)},
            )  # fmt: skip
        for path in unknown_keys(layer.data, state.rules):
            if len(unknown) >= 100:
                break
            parent, name = path[:-1], str(path[-1])
            near = get_close_matches(name.lower().replace("-", "_"), known_fields(parent, state.rules), n=1, cutoff=0.6)
            shown = ".".join(str(part) for part in path)
            if told == ():
                continue  # Codex itself knows every key
            unknown.append(
                {"key": shown, "where": layer.origin(path), "near": near[0] if near else None, "layer": layer.name}
            )
    if unknown and not state.command.strict_config:
        _unknown(state, unknown)
    _profile_file(state)


def _unknown(state: Survey, unknown: list[dict[str, str | None]]) -> None:
    count = len(unknown)
    text = None
    if state.rules.warns_unknown_keys:
        noun = "setting" if count == 1 else "settings"
        text = f"Codex is ignoring {count} unrecognized configuration {noun}. Check for typos or deprecated settings."
    names = ", ".join(str(item["key"]) for item in unknown[:3])
    state.add(
        "unknown-keys", "warns", Stage.WARNED, f"Codex does not know {names}", message=text, where=unknown[0]["where"],
        key=unknown[0]["key"], details={"keys": unknown},
    )  # fmt: skip


def _profile_file(state: Survey) -> None:
    name = state.command.profile
    if (
        not name
        or state.rules.legacy_profiles
        or any(issue.details.get("flag") == "--profile" for issue in state.issues)
    ):
        return
    layer = next((layer for layer in state.layers if layer.name == "profile"), None)
    if layer is not None and layer.state == "missing":
        state.add(
            "profile-file-missing", "warns", Stage.WARNED, f"-p {name} is ignored: there is no {layer.path}", where="flag",
            details={"profile": name, "file": layer.path},
        )  # fmt: skip


def _environment(state: Survey) -> None:
    if state.env.get("OPENAI_BASE_URL", "").strip() and not state.rules.honours_openai_base_url_variable:
        state.add(
            "openai-base-url-ignored", "warns", Stage.WARNED, f"Codex {state.rules.version} does not read OPENAI_BASE_URL",
            where=state.env_origins.get("OPENAI_BASE_URL", "environment"), details={"use": "openai_base_url"},
        )  # fmt: skip
    if "openai_base_url" in state.config and not state.rules.has_openai_base_url_key:
        state.add(
            "openai-base-url-ignored", "warns", Stage.WARNED, f"Codex {state.rules.version} does not know openai_base_url",
            where=state.where(("openai_base_url",)), key="openai_base_url",
        )  # fmt: skip


def _model(state: Survey, provider: Provider | None, model: EffectiveValue) -> None:
    if not isinstance(model.value, str) or not model.value or (provider is not None and provider.builtin):
        return
    if model.layer == "default":
        state.add(
            "model-defaulted", "warns", Stage.WARNED, f"nothing names a model: Codex asks for {model.value}", key="model",
            where=str(state.codex_home / "config.toml"), details={"model": model.value},
        )  # fmt: skip
    elif model.layer in ("project", "flags", "profile", "managed"):
        lower = [layer for layer in state.used() if "model" in layer.data and layer.name != model.layer]
        if lower and lower[-1].data["model"] != model.value:
            state.add(
                "model-overridden", "warns", Stage.WARNED, f"{model.origin} asks for {model.value} instead of {lower[-1].data['model']}",
                where=model.origin, key="model", details={"model": model.value, "instead_of": lower[-1].data["model"]},
            )  # fmt: skip
    shape = shape_of(model.value, state.rules)
    if shape != "classic":
        state.add(
            "model-changes-wire-shape", "warns", Stage.WARNED, f"the slug {model.value} makes Codex send the {shape} request shape",
            where=model.origin, key="model", details={"model": model.value, "shape": shape},
        )  # fmt: skip


def _provider(state: Survey, provider: Provider, plan: RequestPlan | None) -> None:
    prefix = f"model_providers.{provider.id}"
    if provider.get("name") == "OpenAI":
        state.add(
            "provider-named-openai", "warns", Stage.WARNED, 'name = "OpenAI" makes Codex treat this gateway as OpenAI',
            where=provider.fields["name"].origin, key=f"{prefix}.name",
        )  # fmt: skip
    if provider.get("supports_websockets") is True:
        state.add(
            "websocket-fallback", "warns", Stage.WARNED, "supports_websockets makes Codex try a websocket 7 times before each first POST",
            where=provider.fields["supports_websockets"].origin, key=f"{prefix}.supports_websockets",
            details={"attempts": 7, "seconds": 6},
        )  # fmt: skip
    _catalog_address(state, provider, plan)
    if plan is not None and plan.wire_url.startswith("http://") and not is_loopback(plan.wire_url):
        state.add(
            "plain-http", "warns", Stage.WARNED, "the key travels in clear text over http", where=provider.fields["base_url"].origin,
            key=f"{prefix}.base_url",
        )  # fmt: skip


def _catalog_address(state: Survey, provider: Provider, plan: RequestPlan | None) -> None:
    """A model_catalog_url that Codex cannot ask, or that takes the key elsewhere; whether it gives models only a question tells."""
    url = asked_for_models(provider, state.rules, state.config)
    if url is None:
        return
    if not is_web_address(url):
        fault, told = "address", f"{url or 'an empty text'} is not an http(s) URL"
        why = (
            "stream disconnected before completion: builder error"
            if "://" in url
            else f"{CATALOG_FIELD} must be an absolute URL"
        )
        says = f"{FAILED}{why}"
    elif plan is not None and not same_origin(url, plan.base_url):
        fault, told, says = "elsewhere", f"it leads to {origin_of(url)}, base_url to {origin_of(plan.base_url)}", None
    else:
        return
    state.add(
        "model-catalog-missing", "warns", Stage.WARNED, told, message=says, where=provider.fields[CATALOG_FIELD].origin,
        key=f"model_providers.{provider.id}.{CATALOG_FIELD}", details={"catalog": fault},
    )  # fmt: skip


def _key(state: Survey, credential: Credential) -> None:
    value = (credential.value or b"").strip()
    if not value:
        return
    if value.decode("latin-1") == KEY_PLACEHOLDER or value.lower() in (b"your-key", b"your_api_key", b"xxx", b"<key>"):
        state.add(
            "key-placeholder", "warns", Stage.WARNED, "the key is the guide's placeholder", where=credential.origin
        )
    elif value.startswith((b"sk-", b"AIza", b"ghp_", b"xai-", b"gsk_")):
        state.add(
            "key-other-vendor", "warns", Stage.WARNED, "the key looks like another vendor's", where=credential.origin
        )
    daemon = credential.daemon
    if daemon is not None and daemon.key_state in ("different", "unset"):
        _daemon(state, credential)


def _daemon_start(state: Survey) -> None:
    """A background server that cannot start stops the interactive Codex; one that did not start the last time may do so now."""
    features = state.config.get("features")
    off = isinstance(features, dict) and features.get("daemon_auto_start") is False
    if (
        off
        or not state.rules.has_daemon
        or not asks_the_daemon(state.command)
        or "daemon_auto_start" in state.command.disable
    ):
        return
    if fault := start_fault(state.codex_home):
        path, says = fault
        state.add(
            "daemon-start-failed", "refuses", Stage.DAEMON, f"{path} is a file, and Codex's background server needs a folder there",
            message=says, where=str(path), details={"path": str(path)},
        )  # fmt: skip
    elif last := last_words(state.codex_home):
        log, said = last
        state.add(
            "daemon-start-failed", "warns", Stage.WARNED, f"Codex's background server ended with: {said}", where=str(log),
            details={"path": str(log)},
        )  # fmt: skip


def _daemon(state: Survey, credential: Credential) -> None:
    daemon = credential.daemon
    assert daemon is not None
    through = asks_the_daemon(state.command)
    effect = "warns" if not through else ("refuses" if daemon.key_state == "unset" else "suspect")
    what = "has no" if daemon.key_state == "unset" else "has another"
    state.add(
        "key-stale-daemon", effect, Stage.DAEMON if through else Stage.WARNED,  # type: ignore[arg-type]
        f"Codex's background server (pid {daemon.pid}) {what} value for {credential.variable}",
        message=f"Missing environment variable: `{credential.variable}`." if daemon.key_state == "unset" else None,
        where=f"pid {daemon.pid}", details={"pid": daemon.pid, "command": "codex app-server daemon stop", "started": daemon.started},
    )  # fmt: skip
