"""Sends Codex's request in small, reads the answer as Codex does, and asks what must be asked to know the cause."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass, field, replace
from typing import Any

from joytui.causes import CAUSES
from joytui.causes.answers import Refusal, classify, read_answer
from joytui.codex.stream import End, StreamOutcome, StreamReader
from joytui.codex.world import RequestPlan, World
from joytui.core.joytoken import DOCTOR_REQUEST_ID
from joytui.core.records import Evidence, Finding
from joytui.doctor import encodings, small
from joytui.doctor.chat_stream import ChatReader
from joytui.doctor.codex_words import Behaviour, Patience, of_status, per_turn, retry_after
from joytui.doctor.delivery import Delivery, Path, deliver
from joytui.doctor.exchange import BodyBroken, LimitHolder, Request
from joytui.doctor.faults import NetFault
from joytui.doctor.limits import Limit, OutOfTime
from joytui.doctor.link import Proxy, Route, target_of
from joytui.doctor.questions import MARK, Asker
from joytui.doctor.steps import StepBook
from joytui.doctor.tls import Trust
from joytui.doctor.transport import of_fault

SHORT_WAIT = 2.0
SLOW = 5.0
SHORT_IDLE_MS = 1000
"""An idle limit below this is asked again as Codex does (stream_max_retries): with 0 ms Codex 0.169.0 works in one try of
a few, as the events come in the same moment as the head or a little later (observed)."""
PATIENT_IDLE_MS = 3000
"""Up to here one more try tells a slow answer from a passing one, within the doctor's own time."""
GRAIN = 0.02
"""Seconds: a silence shorter than this is not told apart from this process having to wait for its own turn."""
_OWN_HEADERS = ("accept", "accept-encoding", "content-type", "x-request-id")


@dataclass(slots=True)
class Sent:
    """One test request and what came of it."""

    judgement: Finding
    refusal: Refusal | None = None
    delivery: Delivery | None = None
    outcome: StreamOutcome | None = None
    body: bytes = b""
    request_id: str = ""


@dataclass(slots=True)
class Probe:
    """Everything that a test needs: the world, its plan, time, and the book of steps. `sent` counts test requests."""

    world: World
    plan: RequestPlan
    limit: Limit
    book: StepBook
    route: Route = field(init=False)
    path: Path = field(init=False)
    patience: Patience = field(init=False)
    asker: Asker = field(init=False)
    warnings: list[Finding] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)
    usage: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Raises ValueError for a URL that cannot be sent to, NetFault for a proxy that cannot be used."""
        plan = self.plan
        proxy = Proxy(plan.proxy.url, plan.proxy.variable or "a proxy variable") if plan.proxy.url else None
        if proxy is not None and not plan.proxy.valid:
            raise NetFault(
                "proxy-invalid",
                f"{proxy.variable} is not a usable proxy address",
                proxy.variable,
                {"variable": proxy.variable},
            )
        self.path = Path(proxy, Trust(plan.ca_file, plan.ca_variable, self.world.invocation.env.get("SSL_CERT_FILE")))
        self.route = self.path.route(target_of(plan.wire_url))
        self.patience = patience_of(self.world, plan)
        self.asker = Asker(self.route, self.question_headers(), self.limit)

    def question_headers(self) -> list[tuple[str, bytes]]:
        return [(name, value) for name, value in self.plan.headers if name.lower() not in _OWN_HEADERS]

    def test(self) -> Sent:
        """The test request, repeated as Codex itself would repeat it after a passing fault (but less often)."""
        sent = self.send(self.codex_body())
        tries = 0
        while (wait := self._wait_before_retry(sent, tries)) is not None:
            try:
                self.limit.pause(wait)
            except OutOfTime:
                return sent
            first = sent
            sent = self.send(self.codex_body())
            tries += 1
            if sent.judgement.works:
                self.warnings.append(first.judgement)
        return sent

    def _wait_before_retry(self, sent: Sent, tries: int) -> float | None:
        cause = sent.judgement.cause
        if cause is None or sent.judgement.works is None:
            return None
        if cause == "rate-limited" and tries == 0 and sent.delivery is not None:
            wait = retry_after(sent.delivery.answer.headers)
            enough = wait is not None and wait <= SHORT_WAIT and self.limit.left() > wait + 2
            return wait if enough and self.patience.stream_retries else None
        if tries >= self._retries(sent.judgement) or self.limit.left() < self._time_of_a_try(sent.judgement):
            return None
        return 0.2 if cause == "stream-idle" else float(0.2 * 2**tries)

    def _retries(self, judged: Finding) -> int:
        """How often to ask again: not at all where Codex would not, else once, and twice for faults of the transport."""
        patience, repeats = self.patience, int(judged.details.get("codex_requests") or 0) - 1
        if judged.cause in ("rate-limited", "no-response"):
            return 0
        if judged.cause == "stream-idle":
            idle = self.plan.stream_idle_timeout_ms
            return min(5, repeats) if idle < SHORT_IDLE_MS else min(1, repeats) if idle <= PATIENT_IDLE_MS else 0
        bound = 2 if judged.cause in CAUSES and CAUSES[judged.cause].passes else 1
        return min(bound, repeats, patience.request_retries + patience.stream_retries)

    def _time_of_a_try(self, judged: Finding) -> float:
        """Seconds that another request may need: one that had to end early would decide nothing."""
        return 1.0 + (self.plan.stream_idle_timeout_ms / 1000 if judged.cause == "stream-idle" else 0.0)

    def codex_body(self, settings: small.Settings | None = None) -> dict[str, Any]:
        """What Codex would send in small; `settings`: instead of the configuration's."""
        settings = settings or settings_of(self.world, self.plan)
        if self.plan.wire_api == "chat":
            return small.chat_body(settings)
        return small.responses_body(self.plan.shape, settings)

    def send(self, body: dict[str, Any]) -> Sent:
        """One request with this body, judged. Raises Cancelled."""
        request_id = f"{DOCTOR_REQUEST_ID}{uuid.uuid4().hex}"
        request = Request("POST", self._headers(request_id), small.encode(body))
        holder = LimitHolder(self.limit)
        started = time.monotonic()
        try:
            delivery = deliver(
                self.path,
                self.route,
                request,
                self.limit,
                watch=self.book.watch,
                holder=holder,
                secret_headers=self._secrets(),
            )
        except NetFault as fault:
            return Sent(of_fault(fault, self.patience), request_id=request_id)
        self.request_ids.append(request_id)
        if self.plan.unpacks:
            delivery.answer = encodings.unpacking(delivery.answer)
        if 200 <= delivery.answer.status < 300:
            return self._read(delivery, holder, request_id, started)
        holder.limit = self.limit.within(3.0)
        data = delivery.answer.read()
        refusal = classify(read_answer(delivery.answer.status, delivery.answer.headers, data))
        return Sent(self._refused(delivery, refusal, data), refusal, delivery, body=data, request_id=request_id)

    def _headers(self, request_id: str) -> list[tuple[str, bytes]]:
        headers = list(self.plan.headers)
        if not any(name.lower() == "x-request-id" for name, _ in headers):
            headers.append(("x-request-id", request_id.encode()))
        return [*headers, MARK]

    def _secrets(self) -> tuple[str, ...]:
        """Headers that the configuration sets may carry secrets: they do not cross origins, either."""
        table = self.world.provider.get("http_headers") if self.world.provider else None
        from_env = self.world.provider.get("env_http_headers") if self.world.provider else None
        return tuple(str(name) for source in (table, from_env) if isinstance(source, dict) for name in source)

    def _refused(self, delivery: Delivery, refusal: Refusal, data: bytes) -> Finding:
        answer = delivery.answer
        theirs = {name: value for name, value in answer.headers.items() if not value.startswith(DOCTOR_REQUEST_ID)}
        read = refusal.answer
        behaviour = of_status(replace(read, headers=theirs), data, self.plan.url, self.patience)
        said = f": {read.message[:300]}" if read.message else " without a word"
        details = {**refusal.details, **behaviour.details()}
        if (wait := retry_after(answer.headers)) is not None:
            details["retry_after_s"] = wait
        if their_id := answer.header("x-request-id") or answer.header("x-daoe-request-id"):
            details["gateway_request_id"] = their_id
        summary = f"HTTP {read.status}{said}"
        return Finding(
            False,
            refusal.cause,
            evidence=(Evidence(summary, answer.target.url),),
            codex_says=behaviour.says,
            details=details,
            summary=summary,
        )

    # --- a 200 ----------------------------------------------------------------------------------------------------------

    def _read(self, delivery: Delivery, holder: LimitHolder, request_id: str, started: float) -> Sent:
        reader: StreamReader | ChatReader = ChatReader() if self.plan.wire_api == "chat" else StreamReader()
        idle = max(self.plan.stream_idle_timeout_ms / 1000, GRAIN)
        end: End = "closed"
        first_event, last, cut_short = None, time.monotonic(), False
        holder.limit = self.limit.within(idle)
        try:
            for piece in delivery.answer.pieces():
                if reader.feed(piece):
                    last = time.monotonic()
                    first_event = first_event or last
                    holder.limit = self.limit.within(idle)
                if reader.done:
                    break
        except OutOfTime:
            silence = time.monotonic() - last
            cut_short = silence < idle - 0.05
            end = "idle" if not cut_short or silence > 3.0 else "open"
        except BodyBroken:
            end = "broken"
        finally:
            delivery.answer.close()
        outcome = reader.outcome(end)
        if first_event and first_event - started > SLOW:
            waited = round(first_event - started, 1)
            summary = f"{waited} s until the first event"
            self.warnings.append(Finding(True, "slow-answer", details={"first_event_s": waited}, summary=summary))
        self._count(outcome)
        judgement = self._judge_stream(delivery, outcome, cut_short)
        return Sent(judgement, None, delivery, outcome, bytes(reader.head), request_id)

    def _judge_stream(self, delivery: Delivery, outcome: StreamOutcome, cut_short: bool) -> Finding:
        where = delivery.answer.target.url
        if outcome.end == "open":
            return Finding(
                None, None, evidence=(Evidence("events keep coming", where),), summary="the answer is still streaming"
            )
        if outcome.cause is None:
            what = "a complete answer" if outcome.text else "a complete answer with a tool call"
            evidence = (Evidence(f"HTTP 200, {what}", where),)
            return Finding(True, None, evidence=evidence, details=dict(outcome.details), summary=what)
        waits_on = outcome.cause == "stream-idle" and cut_short
        behaviour = (
            Behaviour(outcome.codex_says, 1, 0.0)
            if outcome.retried == "once"
            else per_turn(outcome.codex_says, self.patience)
        )
        details: dict[str, Any] = {**outcome.details, **behaviour.details()}
        for name in ("type", "code"):
            if outcome.error.get(name) is not None:
                details[f"error_{name}"] = outcome.error[name]
        said = str(outcome.error.get("message") or outcome.details.get("why") or outcome.details.get("reason") or "")[
            :300
        ]
        summary = f"HTTP 200, then: {said}" if said else "HTTP 200, but not a stream that Codex can read"
        if outcome.cause == "stream-idle":
            summary = f"HTTP 200, then no event for {_seconds(self.plan.stream_idle_timeout_ms)}"
            if waits_on:
                summary = "HTTP 200, then no event within the doctor's time"
        return Finding(
            None if waits_on else False,
            outcome.cause,
            evidence=(Evidence(summary, where),),
            codex_says=behaviour.says,
            details=details,
            summary=summary,
        )

    def _count(self, outcome: StreamOutcome) -> None:
        for name in ("input_tokens", "output_tokens"):
            value = (outcome.usage or {}).get(name)
            if isinstance(value, int):
                self.usage[name] = self.usage.get(name, 0) + value


def patience_of(world: World, plan: RequestPlan) -> Patience:
    """The retry settings in effect; connection retries are unbounded from 0.153 on, unless the feature is off."""
    from joytui.codex.versions import rules_for

    unbounded = rules_for(world.version).endless_connection_retries
    wishes = world.wanted.get("features.unbounded_connection_retries")
    if wishes and isinstance(wishes[0].value, bool):
        unbounded = unbounded and wishes[0].value
    if "unbounded_connection_retries" in world.command.disable:
        unbounded = False
    return Patience(min(plan.request_max_retries, 100), min(plan.stream_max_retries, 100), unbounded)


def settings_of(world: World, plan: RequestPlan) -> small.Settings:
    """What shapes a request of Codex beside its model: reasoning effort, verbosity, web search."""

    def text(key: str) -> str | None:
        found = world.effective.get(key)
        return found.value if found and isinstance(found.value, str) else None

    return small.Settings(
        plan.model,
        text("model_reasoning_effort"),
        text("model_verbosity"),
        text("web_search") != "disabled",
    )


def _seconds(milliseconds: int) -> str:
    return f"{milliseconds / 1000:g} s"
