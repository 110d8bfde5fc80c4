"""From an answer to the one thing to fix: the questions that follow a refusal, and what is known of the key.

A refusal that names its cause stands. These are left open by it: which fault of the key (KEY), whether the path is
wrong or the gateway lacks the route (ROUTE), what of the request is refused, which model was meant.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

from joytui.causes import CAUSES
from joytui.causes.answers import (
    KEY,
    ROUTE,
    ErrorAnswer,
    Refusal,
    classify_inner,
    is_about_model,
    is_edge_page,
    of_fields,
    other_header,
    read_error,
    says_no_key,
)
from joytui.codex.credential import as_bytes, fits_header
from joytui.codex.world import Issue, World
from joytui.core.joytoken import AUTO_MODEL, BASE_PATH, HEADER_ERROR_ORIGIN
from joytui.core.records import Evidence, Finding
from joytui.doctor import questions, shape, small
from joytui.doctor.faults import NetFault
from joytui.doctor.link import Target
from joytui.doctor.probe import Probe, Sent
from joytui.doctor.questions import Asker
from joytui.doctor.refused_line import with_refused_line

_MASKED_KEY = re.compile(r"\b(sk-[\w\-]{0,12}[*•…\.]{2,}[\w\-]*|[\w\-]{2,12}\*{3,}[\w\-]*)")


def resolve(probe: Probe, sent: Sent) -> Finding:
    """The judgement with its open questions answered. Raises Cancelled."""
    judged = _resolved(probe, sent)
    if judged.cause is None or CAUSES[judged.cause].row != "401" or judged.details.get("status") != 403:
        return judged
    return judged.with_evidence(Evidence(WRONG_KEY_IS_403, probe.plan.url))


WRONG_KEY_IS_403 = (
    "for a key that it does not accept, JoyToken answers 403 instead of 401; the guide's row is still 401"
)


def _resolved(probe: Probe, sent: Sent) -> Finding:
    judged = sent.judgement
    if sent.delivery is not None and sent.delivery.damaged and not judged.works:
        return _damaged_by_redirect(probe, sent)
    judged = _by_inner_error(sent, judged)
    if judged.cause in (KEY, "key-rejected", "policy-rejected") and _from_upstream(sent):
        return _renamed(judged, "upstream-key-rejected" if judged.cause != "policy-rejected" else "policy-rejected")
    if _by_proxy(probe, sent, judged):
        told = f"the proxy of {probe.plan.proxy.variable} is in between, and the answer is not a gateway's error"
        return _renamed(judged, "proxy-denied").with_evidence(
            Evidence(told, probe.plan.proxy.variable or "environment")
        )
    if judged.cause == KEY or (judged.cause == "policy-rejected" and not _names_policy(probe, sent)):
        return _key_fault(probe, sent, judged)
    if judged.cause == ROUTE:
        return _route_fault(probe, sent, judged)
    if judged.cause in ("chat-stream-on-responses", "not-an-event-stream") and not _asks_responses(probe):
        found = route_cause(probe)
        told = "base_url hides the endpoint: another one answers"
        return _renamed(judged, found.cause, **found.details()).with_evidence(Evidence(told, probe.plan.url))
    if judged.cause == "not-an-event-stream" and judged.details.get("body") == "html":
        return _page_instead(probe, judged)
    if judged.cause == "model-not-found":
        return _with_models(probe, judged)
    if judged.cause == "policy-rejected" and judged.details.get("policy") == "model":
        return judged.with_details(refused_model=probe.plan.model)
    if judged.cause == "request-rejected":
        return _with_chat(probe, _with_field(probe, sent, judged))
    return _with_chat(probe, judged) if judged.cause in _MADE_GOOD_BY_A_BRIDGE else judged


_MADE_GOOD_BY_A_BRIDGE = ("chat-stream-on-responses", "not-an-event-stream", "stream-invalid", "stream-output-missing")


def _with_chat(probe: Probe, judged: Finding) -> Finding:
    """Where the gateway offers Chat Completions, which a bridge could use; nothing if that is not clear."""
    if probe.plan.wire_api == "chat" or "line" in judged.details:
        return judged
    path = f"{_base(probe.route.target.path)}/chat/completions"
    return judged.with_details(chat_at=f"{probe.route.target.origin}{path}") if probe.asker.offers(path) else judged


def _renamed(judged: Finding, cause: str, **details: Any) -> Finding:
    return replace(judged, cause=cause, details={**judged.details, **details})


def _damaged_by_redirect(probe: Probe, sent: Sent) -> Finding:
    assert sent.delivery is not None, "asked for an answer only"
    judged, told = sent.judgement, sent.delivery.tell()
    if judged.cause == "not-an-event-stream" and judged.details.get("body") == "html":
        return _renamed(judged, "not-a-gateway").with_evidence(Evidence(told, sent.delivery.hops[0].url))
    if judged.cause in ("insufficient-quota", "rate-limited", "gateway-error", "upstream-error"):
        return judged.with_evidence(Evidence(told, sent.delivery.hops[0].url))
    evidence = (Evidence(told, sent.delivery.hops[0].url), *judged.evidence)
    to = sent.delivery.answer.target
    refused = {} if _takes_a_request(probe, to) else {"refused_at": [to.origin + _base(to.path)]}
    details = {**judged.details, "redirected_to": to.url, **refused}
    return Finding(False, "redirected", evidence=evidence, codex_says=judged.codex_says, details=details, summary=told)


def _takes_a_request(probe: Probe, to: Target) -> bool:
    """Whether the address that a redirect leads to has the route; asked without the key, which belongs to its own origin."""
    headers = probe.question_headers() if to.origin == probe.route.target.origin else []
    try:
        return Asker(probe.path.route(to), headers, probe.limit).is_there(to.path) is not False
    except NetFault:
        return False


def _by_inner_error(sent: Sent, judged: Finding) -> Finding:
    """An error inside a 200, or in response.failed, whose type or code is exact, keeps its own cause."""
    if judged.cause not in ("error-in-200", "response-failed") or sent.outcome is None or not sent.outcome.error:
        return judged
    exact = classify_inner(of_fields(sent.outcome.error))
    return _renamed(judged, exact[0], **exact[1], in_answer=judged.cause) if exact else judged


def _from_upstream(sent: Sent) -> bool:
    """The gateway says that the refusal is its upstream's: by the relay's header, or by the type of its error."""
    if sent.refusal is not None and sent.refusal.answer.type == "upstream_error":
        return True
    if sent.delivery is None:
        return False
    return (sent.delivery.answer.header(HEADER_ERROR_ORIGIN) or "").strip().lower() == "upstream"


def _names_policy(probe: Probe, sent: Sent) -> bool:
    """Whether the refusal itself says that it is about policy (or at least is not an answer to an anonymous request)."""
    if sent.refusal is None or "policy" in sent.refusal.details:
        return True
    return sent.refusal.answer.type == "policy_rejected" and not _anonymous(probe)


def _asks_responses(probe: Probe) -> bool:
    """Whether the path that is asked ends with the endpoint: a query or a fragment in base_url swallows it."""
    path = urlsplit(probe.route.target.path).path
    return path.endswith(("/responses", "/chat/completions") if probe.plan.wire_api == "chat" else "/responses")


def _anonymous(probe: Probe) -> bool:
    """Whether the request carries no Authorization: a policy that names no part of itself then refuses just that."""
    credential = probe.world.credential
    return credential is None or credential.header is None


def _by_proxy(probe: Probe, sent: Sent, judged: Finding) -> bool:
    """A 403 without an error object on plain http through a proxy, which answers such requests itself."""
    plain = probe.plan.proxy.url is not None and probe.route.target.scheme == "http"
    return plain and judged.cause == "policy-rejected" and sent.refusal is not None and not sent.refusal.answer.is_error


# --- the key ----------------------------------------------------------------------------------------------------------


def _key_fault(probe: Probe, sent: Sent, judged: Finding) -> Finding:
    credential = probe.world.credential
    is_policy = judged.cause == "policy-rejected"
    nothing_sent = _anonymous(probe)
    for issue in () if is_policy and not nothing_sent else key_suspicions(probe.world):
        if issue.cause == "key-shadowed-by-dotenv" and _shell_key_is_refused(probe):
            continue
        return _suspect_confirmed(judged, issue)
    if is_policy:
        return judged
    if nothing_sent:
        return _renamed(judged, "env-key-missing")
    if credential is not None and credential.kind == "openai_auth" and credential.origin == "auth.json":
        return _renamed(judged, "openai-key-to-gateway")
    error = _error_of(sent)
    if _names_another_key(error.message, credential.value if credential else None):
        return _renamed(judged, "upstream-key-rejected", seen_in_message=True)
    if says_no_key(error) or other_header(error.message):
        return _key_not_seen(probe, judged, other_header(error.message))
    return _renamed(judged, "key-rejected")


def _key_not_seen(probe: Probe, judged: Finding, told: str | None) -> Finding:
    """A gateway that saw no key in Authorization: it may look for it in its own header. `told`: the one that it speaks of."""
    found = _renamed(judged, "key-missing", **({"header": told} if told else {}))
    credential, at = probe.world.credential, probe.route.target.path
    if credential is None or not credential.value or not fits_header(credential.value):
        return found
    others = [(name, value) for name, value in probe.question_headers() if name.lower() != "authorization"]
    refused = (401, 403)
    if (asked := probe.asker.post_empty(at)) is None or asked[0] not in refused:
        return found  # it looks at the key only when the rest is right
    for name in dict.fromkeys(filter(None, (told, *KEY_HEADERS))):
        answer = probe.asker.post_empty(at, [*others, (name, credential.value.strip())])
        if answer is not None and answer[0] not in refused:
            taken = _renamed(found, "key-missing", header=name, header_works=True)
            return taken.with_evidence(Evidence(f"in the header {name} the gateway accepts this key", probe.plan.url))
    return found


KEY_HEADERS = ("api-key", "x-api-key")


def key_suspicions(world: World) -> tuple[Issue, ...]:
    """What looking found about the key that only the gateway's answer confirms, the likeliest first."""
    causes = ((issue, CAUSES[issue.cause]) for issue in world.suspicions)
    return tuple(
        issue for issue, cause in causes if cause.phase == "answer" and cause.step in ("key.named", "key.value")
    )


def _suspect_confirmed(judged: Finding, issue: Issue) -> Finding:
    evidence = (Evidence(issue.summary, issue.where or "environment"), *judged.evidence)
    says = judged.codex_says or issue.message
    details = {**judged.details, **issue.details}
    return Finding(False, issue.cause, evidence=evidence, codex_says=says, details=details, summary=issue.summary)


def _error_of(sent: Sent) -> ErrorAnswer:
    return sent.refusal.answer if sent.refusal is not None else of_fields(sent.outcome.error if sent.outcome else {})


def _shell_key_is_refused(probe: Probe) -> bool:
    """Whether the shell's own key is refused as well, so that .env is not what is to be fixed."""
    credential = probe.world.credential
    value = probe.world.invocation.env.get(credential.variable or "") if credential else None
    if not value:
        return False
    headers = [(n, v) for n, v in probe.question_headers() if n.lower() != "authorization"]
    headers.append(("authorization", b"Bearer " + as_bytes(value).strip()))
    if b"\n" in headers[-1][1] or b"\r" in headers[-1][1]:
        return False
    found = probe.asker.post_empty(probe.route.target.path, headers)
    if found is None:
        return False
    status, body = found
    error = read_error(body)
    about_policy = error.type == "policy_rejected"  # "your key's policy …": the key itself was accepted
    about_key = "key" in f"{error.type} {error.message}".lower()
    return status == 401 or (status == 403 and about_key and not about_policy)


def _names_another_key(message: str, value: bytes | None) -> bool:
    """Whether the message shows the masked beginning of a key that is not the one that was sent."""
    found = _MASKED_KEY.search(message)
    if not found or not value:
        return False
    start = re.split(r"[*•…]|\.{2,}", found.group(1))[0]
    return len(start) >= 3 and not value.decode("utf-8", "replace").strip().startswith(start)


# --- the route --------------------------------------------------------------------------------------------------------


def _base(path: str) -> str:
    return re.sub(r"/(?:responses|chat/completions)$", "", urlsplit(path).path)


def _route_fault(probe: Probe, sent: Sent, judged: Finding) -> Finding:
    """404 or 405: the model, the path, or a gateway that lacks what this Codex speaks."""
    if sent.refusal is not None and sent.refusal.answer.status == 404 and _answers_other_questions(probe, sent):
        found = _with_models(probe, _renamed(judged, "model-not-found"))
        if "listed" not in found.details:
            return found
        return _with_chat(probe, _with_field(probe, sent, _renamed(judged, "request-rejected")))
    route = route_cause(probe)
    if route.right is not None:
        told = Evidence("the gateway answers below this address", route.right)
    elif route.other is not None:
        told = Evidence("the other protocol is available", route.other)
    else:
        route = replace(route, cause=_without_any_route(probe, sent, route.cause))
        return _renamed(judged, route.cause, **route.details())
    return _renamed(judged, route.cause, **route.details()).with_evidence(told)


def _without_any_route(probe: Probe, sent: Sent, cause: str) -> str:
    """Neither route is there: a page instead of an error object comes from another kind of server."""
    refusal = sent.refusal
    if refusal is None:
        return cause
    if refusal.answer.kind == "html" and cause != "base-url-path":
        return "not-a-gateway"
    if refusal.answer.status == 501:
        return "gateway-error"
    if cause == "base-url-path" and _is_of_gateway(probe, refusal):
        return "chat-unsupported" if probe.plan.wire_api == "chat" else "responses-unsupported"
    return cause


def _is_of_gateway(probe: Probe, refusal: Refusal) -> bool:
    """Whether base_url was right all the same: a relay tells what its upstream answered, a gateway with the usual base names the
    very address as unknown, or the models are listed there."""
    base, answer = _base(probe.route.target.path), refusal.answer
    usual = base.endswith("/v1") and re.search(r"\binvalid url\b", answer.message, re.I)
    return bool(answer.inner_status or usual or questions.listed(probe.asker, base))


@dataclass(frozen=True, slots=True)
class RouteFound:
    """Why a route is not there. `right`: the base URL where it is; `other`: where the other protocol answers; `chat_at`: where
    Chat Completions surely is; `refused_at`: base URLs at which the route was asked for in vain; `neither`: at the base URL, the
    other protocol is refused as well."""

    cause: str
    right: str | None = None
    other: str | None = None
    chat_at: str | None = None
    refused_at: tuple[str, ...] = ()
    neither: bool = False

    def details(self) -> dict[str, Any]:
        """What of it a finding holds. Where the right address is known, those that were tried before it do not matter."""
        known = {
            "right_base_url": self.right,
            "chat_at": self.chat_at,
            "refused_at": list(self.refused_at) if self.right is None else [],
            "neither_route": self.neither and self.cause == "responses-unsupported",
        }
        return {name: value for name, value in known.items() if value}


def route_cause(probe: Probe) -> RouteFound:
    """Asks for the other protocol at the same base, then for both below /openai/v1, then below /v1."""
    chat = probe.plan.wire_api == "chat"
    own, other = ("/chat/completions", "/responses") if chat else ("/responses", "/chat/completions")
    unsupported = "chat-unsupported" if chat else "responses-unsupported"
    base, at = _base(probe.route.target.path), probe.asker
    origin = probe.route.target.origin

    def chat_at(path: str) -> str | None:
        return f"{origin}{path}{other}" if not chat and at.offers(path + other) else None

    swallowed = not urlsplit(probe.route.target.path).path.endswith(own)  # by a query or a fragment in base_url
    there = None if swallowed else at.is_there(base + other)
    if there:
        return RouteFound(unsupported, other=f"{origin}{base}{other}", chat_at=chat_at(base))
    refused = [] if swallowed else [origin + base]
    for right in (BASE_PATH,) if swallowed else (BASE_PATH, "/v1"):
        if base == right and not swallowed:
            continue
        if at.is_there(right + own):
            return RouteFound("base-url-path", right=origin + right)
        refused.append(origin + right)
        if right == BASE_PATH and at.is_there(right + other):
            where = f"{origin}{right}{other}"
            return RouteFound(unsupported, other=where, chat_at=chat_at(right), refused_at=tuple(refused))
    if base.endswith(BASE_PATH) and not swallowed:
        return RouteFound(unsupported, neither=there is False)
    return RouteFound("base-url-path", refused_at=tuple(refused), neither=there is False)


def _answers_other_questions(probe: Probe, sent: Sent) -> bool:
    """Whether the same address takes `{}` differently: then the 404 was about what was asked for, the model."""
    refusal = sent.refusal
    assert refusal is not None, "asked for a refusal only"
    found = probe.asker.post_empty(probe.route.target.path)
    if found is None:
        return False
    status, body = found
    about_model = is_about_model(read_error(body))
    return about_model or (status not in (404, 405) and 400 <= status < 500 and status not in (401, 403, 407, 429))


def _page_instead(probe: Probe, judged: Finding) -> Finding:
    """HTML with status 200: another site, or the gateway's own site beside the API's path."""
    base = _base(probe.route.target.path)
    if base != BASE_PATH and probe.asker.is_there(BASE_PATH + "/responses"):
        return _renamed(judged, "base-url-path", right_base_url=f"{probe.route.target.origin}{BASE_PATH}")
    return _renamed(judged, "not-a-gateway")


# --- model and shape --------------------------------------------------------------------------------------------------


def _with_models(probe: Probe, judged: Finding) -> Finding:
    model = probe.plan.model
    judged = judged.with_details(refused_model=model)
    offered = questions.catalog(probe.asker, _base(probe.route.target.path))
    if not offered:
        return judged
    if model in offered:
        judged = judged.with_details(listed=True)
    others = [name for name in offered if name != model]  # not the one that was refused
    near = difflib.get_close_matches(model.lower(), [name.lower() for name in others], n=3, cutoff=0.5)
    suggestions = [name for name in others if name.lower() in near]
    if AUTO_MODEL in others and AUTO_MODEL not in suggestions:
        suggestions.append(AUTO_MODEL)
    listed = ", ".join(offered[:12]) + ("…" if len(offered) > 12 else "")
    found = judged.with_details(suggestions=suggestions, offered=len(offered))
    return found.with_evidence(Evidence(f"the catalog offers {listed}", probe.route.target.origin))


def _with_field(probe: Probe, sent: Sent, judged: Finding) -> Finding:
    """Names the refused field, if a plain request passes. At most four requests beyond the plain one."""
    if sent.refusal is None or probe.plan.wire_api == "chat" or probe.limit.left() < 1.0:
        return judged
    if is_edge_page(sent.refusal.answer):
        return judged
    judged = with_refused_line(probe, sent.refusal.answer, judged)
    if "line" in judged.details:
        return judged
    if not _passes(probe, small.plain_body(probe.plan.model)):
        return judged.with_details(plain_request="refused too")
    body = probe.codex_body()
    answer = sent.refusal.answer
    param = answer.param if isinstance(answer.param, str) else None
    field = shape.refused_field(body, answer.message, param, lambda changed: _passes(probe, changed))
    found = judged.with_details(plain_request="accepted", **({"field": field} if field else {}))
    told = f"without {field} the gateway accepts the request" if field else "a plain request is accepted"
    return found.with_evidence(Evidence(told, probe.plan.url))


def _passes(probe: Probe, body: dict[str, Any]) -> bool:
    sent = probe.send(body)
    return sent.delivery is not None and 200 <= sent.delivery.answer.status < 300
