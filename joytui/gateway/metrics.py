"""Counters for Prometheus, with the OpenTelemetry GenAI names where they exist. No key, address or prompt is a label."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Mapping

from joytui.causes import BY_CODE
from joytui.core.money import format_credits
from joytui.core.redaction import Clean

DURATION_EDGES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)
MOST_SERIES = 500
"""Model names come from clients: beyond this many series, the rest is counted as "other"."""
ERROR_TYPES = frozenset(BY_CODE) | {
    "api_error", "bad_gateway", "client_disconnected", "duplicate_request", "failed", "gateway_interrupted", "invalid_prompt",
    "invalid_request", "invalid_request_error", "not_found", "not_found_error", "overloaded_error", "permission_error",
    "routing_error", "server_error", "server_is_overloaded", "service_unavailable", "slow_down", "store_unavailable", "stream_truncated", "timeout",
    "timeout_error", "upstream_error",
}  # fmt: skip
"""Those that a label may have; an upstream may send anything."""

HELP = {
    "joytui_requests_total": ("counter", "Model requests that ended, by endpoint, status and error type."),
    "gen_ai_client_token_usage_total": ("counter", "Tokens, by model and kind."),
    "joytui_cost_credits_total": ("counter", "Credits, by model."),
    "gen_ai_server_request_duration_seconds": ("histogram", "Time from the request to its end."),
    "gen_ai_server_time_to_first_token_seconds": ("histogram", "Time from the request to its first token."),
}


class Histogram:
    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(DURATION_EDGES) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(DURATION_EDGES, seconds)] += 1
        self.sum += seconds


class Metrics:
    """What a gateway counted since it started. `gateway`: the label that distinguishes its series from another gateway's."""

    def __init__(self, gateway: str = "") -> None:
        self._own = {"gateway": gateway} if gateway else {}
        self.requests: Counter[tuple[str, int, str]] = Counter()
        self.tokens: Counter[tuple[str, str]] = Counter()
        self.cost_nano: Counter[str] = Counter()
        self.duration = Histogram()
        self.first_token = Histogram()

    def ended(
        self,
        endpoint: str,
        model: Clean | None,
        status: int,
        error_type: Clean | None,
        tokens: tuple[int, int, int, int],
        cost_nano: int,
        ttft_ms: float | None,
        latency_ms: float,
    ) -> None:
        """`tokens`: input, cached input, output, reasoning."""
        name: str = model or ""
        if len(self.tokens) >= MOST_SERIES and (name, "input") not in self.tokens:
            name = "other"
        kind: str = (error_type or "").lower()
        if kind and kind not in ERROR_TYPES:
            kind = "other"
        self.requests[endpoint, status, kind] += 1
        for token, count in zip(("input", "cached_input", "output", "reasoning"), tokens, strict=True):
            if count:
                self.tokens[name, token] += count
        if cost_nano:
            self.cost_nano[name] += cost_nano
        self.duration.add(latency_ms / 1000)
        if ttft_ms is not None:
            self.first_token.add(ttft_ms / 1000)

    def text(self, gauges: Mapping[str, float]) -> str:
        """The exposition format, version 0.0.4."""
        lines: list[str] = []
        for name, value in gauges.items():
            lines += [f"# TYPE {name} gauge", _line(name, self._own, repr(value))]
        lines += _head("joytui_requests_total")
        lines += [
            _line("joytui_requests_total", {**self._own, "endpoint": e, "status": str(s), "error_type": t}, n)
            for (e, s, t), n in self.requests.items()
        ]
        lines += _head("gen_ai_client_token_usage_total")
        lines += [
            _line(
                "gen_ai_client_token_usage_total", {**self._own, "gen_ai_request_model": m, "gen_ai_token_type": t}, n
            )
            for (m, t), n in self.tokens.items()
        ]
        lines += _head("joytui_cost_credits_total")
        lines += [
            _line("joytui_cost_credits_total", {**self._own, "gen_ai_request_model": m}, format_credits(n))
            for m, n in self.cost_nano.items()
        ]
        lines += _histogram("gen_ai_server_request_duration_seconds", self.duration, self._own)
        lines += _histogram("gen_ai_server_time_to_first_token_seconds", self.first_token, self._own)
        return "\n".join(lines) + "\n"


def _head(name: str) -> list[str]:
    kind, text = HELP[name]
    return [f"# HELP {name} {text}", f"# TYPE {name} {kind}"]


def _line(name: str, labels: Mapping[str, str], value: int | str) -> str:
    """`value` with all its digits: a counter that is rounded does not show what was added."""
    inner = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{inner}}} {value}" if inner else f"{name} {value}"


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _histogram(name: str, histogram: Histogram, own: Mapping[str, str]) -> Iterable[str]:
    lines = _head(name)
    total = 0
    for edge, count in zip(DURATION_EDGES, histogram.counts, strict=False):
        total += count
        lines.append(_line(f"{name}_bucket", {**own, "le": f"{edge:g}"}, total))
    total += histogram.counts[-1]
    return [
        *lines,
        _line(f"{name}_bucket", {**own, "le": "+Inf"}, total),
        _line(f"{name}_sum", own, f"{histogram.sum:.6f}"),
        _line(f"{name}_count", own, total),
    ]
