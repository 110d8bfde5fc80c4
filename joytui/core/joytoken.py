"""The names of the JoyToken contract: error types, headers, tiers, and the guide's setup that joytui exists for.

Sources: docs-dev.joytokens.ai (errors, routing, rate limits, the Codex CLI cookbook page), the first-party SDKs.
"""

from __future__ import annotations

from typing import Final

DEV_BASE_URL: Final = "https://api-dev.joytokens.ai/openai/v1"
PROD_BASE_URL: Final = "https://api.joytokens.ai/openai/v1"
BASE_PATH: Final = "/openai/v1"
OWN_KEY_PATH: Final = "/api/v1/key/check"
"""Where a key asks whether a request would be let in. joytui's gateway has it; no document of JoyToken's names it."""
CODEX_MODELS_PATH: Final = "/codex/models"
"""Behind a base URL of joytui's gateway: the models of a key, as Codex's `model_catalog_url` takes them."""
PROVIDER_ID: Final = "joytoken"
KEY_VARIABLE: Final = "JOY_TOKEN_API_KEY"
KEY_PLACEHOLDER: Final = "jt_xxx"
LOCAL_KEY_PREFIX: Final = "jt_local_"
TELEMETRY_TOKEN_PREFIX = "jtt_"  # noqa: S105 (a prefix)
TELEMETRY_PATH = "/otlp/v1"
"""Where a gateway takes Codex's telemetry: OTLP/HTTP."""
LOCAL_PORT: Final = 8791
LOCAL_URL: Final = f"http://127.0.0.1:{LOCAL_PORT}"
LOCAL_BASE_URL: Final = LOCAL_URL + BASE_PATH
AUTO_MODEL: Final = "auto"

TIERS: Final = ("economy", "standard", "premium")
FALLBACK_ORDER: Final = {
    "premium": ("premium", "standard", "economy"),
    "standard": ("standard", "premium", "economy"),
    "economy": ("economy", "standard", "premium"),
}

INVALID_REQUEST: Final = "invalid_request_error"
MISSING_API_KEY: Final = "missing_api_key"
INVALID_API_KEY: Final = "invalid_api_key"
POLICY_REJECTED: Final = "policy_rejected"
INSUFFICIENT_QUOTA: Final = "insufficient_quota"
ROUTING_ERROR: Final = "routing_error"
UPSTREAM_ERROR: Final = "upstream_error"

HEADER_USED_MODEL: Final = "X-DAOE-Used-Model"
HEADER_USED_PROVIDER: Final = "X-DAOE-Used-Provider"
HEADER_FAILOVER: Final = "X-DAOE-Failover"
HEADER_REQUEST_ID: Final = "X-Request-ID"
HEADER_DAOE_REQUEST_ID: Final = "X-DAOE-Request-ID"
HEADER_ERROR_ORIGIN: Final = "X-Joytui-Error-Origin"

CONFIG_BLOCK: Final = f"""\
model_provider = "{PROVIDER_ID}"
model = "{AUTO_MODEL}"

[model_providers.{PROVIDER_ID}]
name = "{PROVIDER_ID}"
base_url = "{{base_url}}"
env_key = "{KEY_VARIABLE}"
"""


DOCTOR_REQUEST_ID: Final = "joytui-doctor-"
"""How the X-Request-ID of each request of the doctor's begins, so that any gateway's logs tell it from Codex's."""
HEADER_DOCTOR: Final = "X-Joytui-Doctor"
"""On each request of the doctor's, beside the X-Request-ID, which a configuration may set itself: joytui's gateway leaves such
requests out of what it counts."""

DOCTOR_BODY: Final = 8_000
"""Bytes: more than any body of the doctor's, and less than a quarter of the smallest first turn of a Codex (31,872, observed)."""
DOCTOR_OUTPUT = 4_000
"""Tokens: more than an answer to "say hi" has, thoughts and all."""


def config_block(base_url: str = DEV_BASE_URL) -> str:
    """The guide's config.toml for a base URL."""
    return CONFIG_BLOCK.format(base_url=base_url)


def try_overrides(base_url: str = LOCAL_BASE_URL, env_key: str = KEY_VARIABLE) -> tuple[str, str]:
    """The two `-c` values that send a Codex to a gateway, config.toml untouched (works with Codex 0.169)."""
    table = f'model_providers.joytui={{name="joytui",base_url="{base_url}",env_key="{env_key}"}}'
    return "model_provider=joytui", table


def try_command(base_url: str = LOCAL_BASE_URL, prompt: str = "say hi") -> str:
    """One Codex turn through a gateway by `-c` overrides, as a line for a shell."""
    provider, table = try_overrides(base_url)
    return f"codex exec -c {provider} -c '{table}' \"{prompt}\""
