"""Looks at one invocation of Codex: `look(Invocation) -> World`."""

from __future__ import annotations

from joytui.codex.advice import warn
from joytui.codex.key_check import misspelt, resolve_credential
from joytui.codex.named_files import check_named
from joytui.codex.outcome import finished, remote_world
from joytui.codex.providers import OPENAI_BASE_URL, OPENAI_HOSTS
from joytui.codex.remote import in_console, remote_server
from joytui.codex.request import request_plan
from joytui.codex.routing import resolve_model, resolve_provider, resolve_wire_api
from joytui.codex.survey import Survey, survey
from joytui.codex.urls import host_of, origin_of
from joytui.codex.world import Credential, Invocation, Provider, RequestPlan, Stage, World


def look(invocation: Invocation) -> World:
    """What this Codex invocation will do, by the rules of its version. Reads files, sends nothing, raises nothing.

    Runs `codex --version` (at most 5 s) only where no version is given and no package file tells it.
    """
    state = survey(invocation)
    server = remote_server(state)
    if state.command.remote is not None:
        if in_console(state):
            resolve_provider(state)
            check_named(state)
        return remote_world(state, server)
    provider = resolve_provider(state)
    model = resolve_model(state)
    wire = resolve_wire_api(state, provider)
    credential: Credential | None = None
    plan: RequestPlan | None = None
    if provider is not None:
        credential, own = resolve_credential(state, provider)
        _base_url(state, provider)
        if isinstance(provider.get("base_url"), str):
            plan = request_plan(provider, str(model.value), wire, own, credential.header, state.env, state.rules)
            _url(state, provider, plan)
    warn(state, provider, credential, plan, model)
    return finished(state, provider, model, wire, credential, plan)


def _base_url(state: Survey, provider: Provider) -> None:
    if provider.builtin or isinstance(provider.get("base_url"), str):
        return
    near = misspelt(state, provider, "base_url")
    state.add(
        "base-url-missing", "misroutes", Stage.MISROUTED, "the provider has no base_url: Codex sends the key to api.openai.com",
        where=near.get("misspelt_at") or state.where(("model_providers", provider.id)),
        key=f"model_providers.{provider.id}.base_url", details=near,
    )  # fmt: skip


def _url(state: Survey, provider: Provider, plan: RequestPlan) -> None:
    if provider.builtin and origin_of(plan.base_url) == origin_of(OPENAI_BASE_URL):
        return
    where = provider.fields["base_url"].origin
    key = "openai_base_url" if provider.builtin else f"model_providers.{provider.id}.base_url"
    if plan.builder_error:
        state.add(
            "base-url-invalid", "refuses", Stage.URL, f"base_url is not a URL that Codex can use: {plan.builder_error}",
            message="ERROR: stream disconnected before completion: builder error", where=where, key=key,
            details={"base_url": plan.base_url, "reason": plan.builder_error},
        )  # fmt: skip
    elif host_of(plan.wire_url) in OPENAI_HOSTS and not provider.builtin:
        state.add(
            "base-url-missing", "misroutes", Stage.MISROUTED, "base_url is OpenAI's own address: the key would go there", where=where,
            key=key, details={"base_url": plan.base_url},
        )  # fmt: skip
