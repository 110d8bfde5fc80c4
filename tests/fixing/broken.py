"""Configurations with one fault that a change of a file mends: what stands in CODEX_HOME, what the doctor calls it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tests.support.fault_gateway import GOOD_KEY

GOOD = """\
# our team's Codex
model_provider = "joytoken"   # the gateway
model = "auto"

[model_providers.joytoken]
name = "joytoken"
base_url = "{ORIGIN}/openai/v1"
env_key = "JOY_TOKEN_API_KEY"  # in ~/.zshrc

[mcp_servers.docs]   # not to be touched
command = 'docs-server'
args = [ "--quiet",
         "--port=1" ]
"""


@dataclass(frozen=True, slots=True)
class Broken:
    """`config`: the text with {ORIGIN} for the gateway's; bytes where the encoding is the fault; None: no file.

    `cause`: the doctor's first word. `healthy`: whether the mend alone makes Codex work.
    """

    name: str
    cause: str
    config: str | bytes | None
    args: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    env: Mapping[str, str] = field(default_factory=dict)
    plays: str = "healthy"
    healthy: bool = True


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new)


PROVIDER_LINE = 'model_provider = "joytoken"   # the gateway\n'
ENV_LINE = 'env_key = "JOY_TOKEN_API_KEY"  # in ~/.zshrc\n'
NAME_LINE = 'name = "joytoken"\n'

BROKEN = (
    Broken("wire_chat", "wire-api-removed", changed(NAME_LINE, NAME_LINE + 'wire_api = "chat" # old\n')),
    Broken("wire_case", "wire-api-invalid", changed(NAME_LINE, NAME_LINE + 'wire_api = "Responses"\n')),
    Broken("smart_quotes", "config-syntax", changed('"auto"', "“auto”")),
    Broken("nbsp", "config-syntax", changed("model = ", "model\u00a0= ")),
    Broken("no_quotes", "config-syntax", changed('"auto"', "auto")),
    Broken("unclosed_quote", "config-syntax", changed('model = "auto"', 'model = "auto')),
    Broken("unclosed_header", "config-syntax", changed("[model_providers.joytoken]", "[model_providers.joytoken")),
    Broken("colon", "config-syntax", changed('model = "auto"', 'model: "auto"')),
    Broken("trailing_comma", "config-syntax", changed('model = "auto"', 'model = "auto",')),
    Broken("twice", "config-syntax", changed('model = "auto"\n', 'model = "auto"\nmodel  = "auto"\n')),
    Broken("carriage_returns", "config-syntax", GOOD.replace("\n", "\r")),
    Broken("utf16", "config-unreadable", b"\xff\xfe" + GOOD.encode("utf-16-le")),
    Broken("latin1", "config-unreadable", GOOD.replace("our", "für").encode("latin-1")),
    Broken("number_in_quotes", "config-type", changed(NAME_LINE, NAME_LINE + 'stream_max_retries = "4" # four\n')),
    Broken("negative", "config-type", changed(NAME_LINE, NAME_LINE + "request_max_retries = -1\n")),
    Broken("truth_in_quotes", "config-type", changed(NAME_LINE, NAME_LINE + 'supports_websockets = "false"\n')),
    Broken("name_number", "config-type", changed('name = "joytoken"', "name = 5")),
    Broken(
        "strict_typo", "unknown-keys", changed("model = ", 'modle_verbosity = "low"\nmodel = '), ("--strict-config",)
    ),
    Broken("not_selected", "provider-not-selected", changed(PROVIDER_LINE, "")),
    Broken(
        "below_header", "provider-not-selected", changed(PROVIDER_LINE, "").replace(ENV_LINE, ENV_LINE + PROVIDER_LINE)
    ),
    Broken("misspelt_provider", "provider-not-selected", changed("model_provider =", "model_providr =")),
    Broken(
        "selects_openai", "provider-not-selected", changed('model_provider = "joytoken"', 'model_provider = "openai"')
    ),
    Broken("undefined", "provider-undefined", changed('model_provider = "joytoken"', 'model_provider = "joytokens"')),
    Broken("case", "provider-undefined", changed('model_provider = "joytoken"', 'model_provider = "JoyToken"')),
    Broken(
        "reserved",
        "provider-id-reserved",
        changed('model_provider = "joytoken"', 'model_provider = "openai"').replace(
            "providers.joytoken", "providers.openai"
        ),
    ),
    Broken("no_name", "provider-invalid", changed(NAME_LINE, "")),
    Broken("empty_name", "provider-invalid", changed(NAME_LINE, 'name = "" # later\n')),
    Broken(
        "no_catalog", "model-catalog-missing", changed("model = ", 'model_catalog_json = "/nonexistent.json"\nmodel = ')
    ),
    Broken("no_model", "model-empty", changed('model = "auto"', 'model = ""')),
    Broken("path_v1", "base-url-path", changed("/openai/v1", "/v1")),
    Broken("path_twice", "base-url-path", changed("/openai/v1", "/openai/v1/v1")),
    Broken("endpoint", "base-url-path", changed("/openai/v1", "/openai/v1/responses")),
    Broken("no_scheme", "base-url-invalid", changed("{ORIGIN}/openai/v1", "<127.0.0.1:{PORT}/openai/v1>")),
    Broken(
        "fell_into_headers",
        "base-url-missing",
        changed('base_url = "{ORIGIN}/openai/v1"\n', "").replace(
            ENV_LINE, ENV_LINE + '[model_providers.joytoken.http_headers]\nbase_url = "{ORIGIN}/openai/v1" # here\n'
        ),
    ),
    Broken("table_camel", "provider-undefined", changed("[model_providers.", "[modelProviders.")),
    Broken("variable_near", "key-unset", changed('"JOY_TOKEN_API_KEY"', '"JOYTOKEN_API_KEY"')),
    Broken("fenced", "config-syntax", "```toml\n" + GOOD + "```\n"),
    Broken("heredoc", "config-syntax", "cat > ~/.codex/config.toml <<'EOF'\n" + GOOD + "EOF\n"),
    Broken("table_singular", "config-syntax", changed("[model_providers.", "[model_provider.")),
    Broken("env_key_dash", "env-key-missing", changed("env_key =", "env-key =")),
    Broken("no_env_key", "env-key-missing", changed(ENV_LINE, "")),
    Broken("env_key_dollar", "env-key-invalid", changed('"JOY_TOKEN_API_KEY"', '"$JOY_TOKEN_API_KEY"')),
    Broken("env_key_secret", "env-key-is-secret", changed('"JOY_TOKEN_API_KEY"', '"jt_live_planted0123456789ab"')),
    Broken(
        "dotenv",
        "key-shadowed-by-dotenv",
        GOOD,
        files={".env": "A=1\nexport JOY_TOKEN_API_KEY='jt_old_000000000'\nB=2\n"},
    ),
    Broken(
        "dotenv_over_lines",
        "key-shadowed-by-dotenv",
        GOOD,
        files={".env": 'A="1\f"\nJOY_TOKEN_API_KEY="jt_old_0000\n00000"\nB=2'},
    ),
    Broken(
        "openai_auth",
        "openai-key-to-gateway",
        changed(ENV_LINE, "requires_openai_auth = true\n"),
        files={"auth.json": '{"auth_mode": "apikey", "OPENAI_API_KEY": "sk-planted0123456789"}'},
    ),
    Broken("https_on_plain", "tls-protocol-mismatch", changed("{ORIGIN}", "https://127.0.0.1:{PORT}")),
    Broken(
        "legacy_flag",
        "profile-legacy",
        GOOD + '\n[profiles.work] # mine\nmodel = "auto"  # kept\n',
        ("-p", "work"),
    ),
    Broken("legacy_selector", "profile-legacy", 'profile = "work"\n' + GOOD + '\n[profiles.work]\nmodel = "auto"\n'),
)
KEY = {"JOY_TOKEN_API_KEY": GOOD_KEY}
