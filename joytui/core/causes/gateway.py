"""What the gateway, or what stands in its place, answers."""

from __future__ import annotations

from typing import Final

from joytui.core.causes.cause_record import Cause

GATEWAY: Final = (
    Cause(
        id="responses-unsupported",
        row="other",
        title="This gateway has no Responses API, and this Codex speaks nothing else",
        explanation="Codex since 0.95 sends POST /responses only. The gateway offers Chat Completions, so every request gets 404 or 405.",
        remedy="Put joytui's gateway between: `joytui gateway start --upstream <base_url>` translates. Then point base_url at it.",
        tell="A 404 or 405 whose URL ends in /openai/v1/responses.",
    ),
    Cause(
        id="chat-unsupported",
        row="other",
        title="This old Codex speaks Chat Completions, and the gateway does not",
        explanation="Codex 0.94 and older use POST /chat/completions unless told otherwise; the gateway has /responses only.",
        remedy='Update Codex, or write wire_api = "responses" in the provider\'s table.',
        tell="A 404 whose URL ends in /chat/completions.",
    ),
    Cause(
        id="key-missing",
        row="401",
        title="The gateway saw no key, although Codex sends one",
        explanation="Something between this machine and the gateway strips the Authorization header.",
        remedy="Look at proxies and load balancers on the way.",
        tell="A 401 with missing_api_key while the key is set and clean.",
    ),
    Cause(
        id="key-rejected",
        row="401",
        title="The gateway refuses this key",
        explanation="The key is wrong, revoked, disabled or expired, or belongs to another gateway.",
        remedy="Create a key in the gateway's console, and export it where Codex starts.",
        tell="401, or 403 with invalid_api_key. Compare the length of the key with the console's.",
    ),
    Cause(
        id="upstream-key-rejected",
        row="other",
        title="The relay's own key towards its upstream is refused",
        explanation="Your key is fine. The gateway could not log in where it forwards the request to.",
        remedy="Tell whoever runs the gateway: its upstream key must be renewed.",
        tell="A 401 or 403 with the header X-Joytui-Error-Origin: upstream.",
    ),
    Cause(
        id="policy-rejected",
        row="403",
        title="The key's policy does not allow this request",
        explanation="The key is known, and its policy refuses: the IP address, the tier, the model, or the key is blocked.",
        remedy="Change the key's policy, or use a key that allows it.",
        tell="403 with policy_rejected and a reason.",
    ),
    Cause(
        id="insufficient-quota",
        row="402",
        title="The wallet, quota or budget is used up",
        explanation="The gateway knows the key and refuses to spend: a wallet is empty, or a daily or weekly limit is reached.",
        remedy="Top up the wallet, raise the limit, or wait for the reset.",
        tell="402, or insufficient_quota with another status.",
    ),
    Cause(
        id="model-not-found",
        row="model-not-found",
        title="The gateway does not know this model",
        explanation="The name in config.toml is not in the gateway's catalog. Upper and lower case count.",
        remedy='Write model = "auto", or a model key from the catalog.',
        tell="404 or 400 that speaks of a model.",
    ),
    Cause(
        id="rate-limited",
        row="other",
        title="The gateway wants fewer requests just now",
        explanation="A 429. Codex hides the text; with a Retry-After header it sleeps as long as that says, an hour if need be.",
        remedy="Wait, or ask for a higher limit.",
        tell="Codex prints `exceeded retry limit, last status: 429`.",
    ),
    Cause(
        id="duplicate-request",
        row="other",
        title="The gateway takes this for a request that it already had",
        explanation="Its guard against duplicates refuses the same request id, or the same text, within some time.",
        remedy="Wait a moment. Remove a constant X-Request-ID from http_headers.",
        tell="409 with `duplicate request_id`.",
    ),
    Cause(
        id="request-too-large",
        row="other",
        title="The request is too large",
        explanation="The body is over the gateway's limit (8 MiB), or the conversation is longer than the model's context.",
        remedy="Start a new thread, or compact this one.",
        tell="413, or a message about size or context length.",
    ),
    Cause(
        id="request-rejected",
        row="other",
        title="The gateway refuses the shape of Codex's request",
        explanation="It answers, and does not accept something that Codex always sends.",
        remedy="Put joytui's gateway between, or ask the operator to accept the field that is named.",
        tell="400 or 422. Codex prints the raw body of a 400, without status or URL.",
    ),
    Cause(
        id="gateway-error",
        row="other",
        title="The gateway itself fails",
        explanation="HTTP 500. Codex retries thirty times and then shows OpenAI's text about high demand, which is misleading.",
        remedy="Give the operator the request id.",
        tell="Codex prints `We're currently experiencing high demand`.",
    ),
    Cause(
        id="upstream-error",
        row="other",
        title="What stands behind the gateway fails",
        explanation="The gateway answers and could not get an answer from a provider (502, 503, 504 and the like).",
        remedy="Try again in a minute; then give the operator the request id.",
        tell="Codex prints `unexpected status 502` (or 503, 504 …).",
    ),
)
