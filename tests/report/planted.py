"""More than fifty kinds of secrets, and the places of a machine that `joytui report` reads, with one of them in each."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

# By kind: where it stands, and the secret. No two are alike in ten characters.
ENVIRONMENT = {
    "JOY_TOKEN_API_KEY": "jt_live_Qw8zXc5vBn2mKj4h",
    "OPENAI_API_KEY": "sk-proj-Lk3jHg6fDs9aPo1iUy4t",
    "ANTHROPIC_API_KEY": "sk-ant-api03-Rt6yUi8oPa2sDf4g",
    "AWS_ACCESS_KEY_ID": "AKIAVZ7QWE4RTY9UIOP2",
    "AWS_SECRET_ACCESS_KEY": "wJ9lrX/Ut2nFE+MI7K8bPxRf5CYEX3MPLE6KEYqz",
    "AWS_SESSION_TOKEN": "FwoGZX9ivYXdzEBc2DHk4mT7pQ",
    "GITHUB_TOKEN": "ghp_Zx4cVb7nMq1wEr5tYu8iOp2aSd6f",
    "GITLAB_PAT": "glpat-Hn5gBf8vDc2xSz6aQw3e",
    "SLACK_BOT_TOKEN": "xoxb-" + "918273645500-Yt7rEw3qAs6d",  # in two parts: hosts of code refuse whole ones
    "GOOGLE_API_KEY": "AIzaSyD4fG7hJ2kL5zX8cV1bN3mQ6wE9rT0yU",
    "NPM_TOKEN": "npm_Po9iUy6tRe3wQa5sDf8gHj2kLz",
    "PYPI_PASSWORD": "pypi-AgEIcHlwaS5vcmcCJDk4Zm",
    "DATABASE_URL": "postgres://svc:Xk2mVb6nQw9e@db.internal:5432/app",
    "REDIS_URL": "redis://:Jh7gTf4rEd1sWq8a@cache:6379/0",
    "SENTRY_DSN": "https://7f3e9a1c5b2d4e6f@o1.ingest.sentry.io/42",
    "DB_PASSWORD": "correct horse battery staple",
    "MYSQL_PWD": "hunter2hunter2",
    "SSH_PASSPHRASE": "purple-monkey-dishwasher",
    "SESSION_COOKIE": "s%3AaBcDeF.gHiJkL",
    "SIGNING_SALT": "peppermint-tea-99",
    "HF_TOKEN": "hf_KjHgFdSaPoIuYtReWq12",
    "STRIPE_SECRET": "sk_live_" + "51HqLz8kXv3TbNm6Rw",
    "TWILIO_AUTH": "4c1f8b2e7d9a3c5f6b0e8d7a1c2f4b9e",
    "AZURE_CONN_STR": "AccountKey=Yh6Tg5Rf4Ed3Ws2Qa1Zx0Cv==;EndpointSuffix=core",
    "GPG_PRIVATE": "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBg\n-----END PRIVATE KEY-----",
    "MY_OPAQUE_THING": "n8Bv5Cx2Za9Sd6Fg3Hj0Kl7Qw",
    "HTTPS_PROXY": "http://ann:Prx7pass-one@proxy.corp:3128",
    "HTTP_PROXY": "http://ann%40corp:Prx8%21two%2Fx@proxy.corp:3128",
    "ALL_PROXY": "socks5://robot:Prx9pass3three@socks.corp:1080",
    "NO_PROXY_TOKEN": "opaque-no-proxy-token-77",
    "BASIC_CREDENTIAL": "dXNlcjpTM2NyM3RQYXNzd29yZA==",
    "JWT_OF_CI": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJlWFla",
}
CONFIG = {
    "bearer": "Cf1bearerVn4Bm7Xz2",
    "header": "Cf2headerLk9Jh5Gf1",
    "x-api-key": "Cf3xapiQa8Ws4Ed6",
    "query": "Cf4queryRt2Yu7Io5",
    "userinfo": "Cf5userPa3Sd9Fg6",
    "auth-arg": "Cf6argsHj1Kl8Zx4",
    "mcp-env": "Cf7mcpVb5Nm2Qw7",
    "mcp-header": "Cf8mcphEr9Ty4Ui1",
    "otel-header": "Cf9otelOp6As3Df8",
    "notify": "Cf10notifyGh2Jk7Lz5",
    "unknown-key": "Cf11unknownXc9Vb4Nm1",
    "profile": "Cf12profileQw6Er3Ty8",
    "comment": "jt_live_Cf13commentUi5Op",
    "dotenv": "Cf14dotenvAs7Df2Gh9",
    "dotenv-quoted": "Cf15 with spaces inside",
    "auth.json": "sk-Cf16authjsonJk4Lz8Xc",
    "auth-refresh": "Cf17refreshVb1Nm6Qw3",
}
ROLLOUTS = {
    "bearer in an error": "Authorization: Bearer Rl1aVb5Nm9Qw2Er6Ty",
    "key in an error": "jt_live_Rl2bUi4Op8As1Df5",
    "openai key in an error": "sk-Rl3cGh7Jk2Lz6Xc9Vb",
    "userinfo in an error's URL": "http://joe:Rl4dNm3Qw8Er@gw.corp/openai/v1/responses",
    "token in an error's query": "https://gw.corp/v1/responses?sig=Rl5eTy1Ui6&sv=2",
    "json body in an error": '{"error":{"message":"bad","api_key":"Rl6fOp9As4Df"}}',
    "password in an error": "password=Rl7gGh2Jk7",
    "random text in an error": "Zq8xWv3mTn7fLc1eYd2bRa9kHs5u",
    "cookie in an error": "Set-Cookie: sid=Rl8hLz5Xc1; Path=/",
    "mail in an error": "ann.secret@example.com",
    "key as the provider": "jt_live_Rl9iVb6Nm3Qw9",
    "key as the model": "sk-Rl10jEr8Ty5Ui2Op7As",
    "key in a folder's name": "ghp_Rl11kDf4Gh1Jk8Lz5Xc2Vb9Nm6",
}
# Of a longer text, the part that is the secret.
CORES = {
    "DATABASE_URL": "Xk2mVb6nQw9e",
    "REDIS_URL": "Jh7gTf4rEd1sWq8a",
    "SENTRY_DSN": "7f3e9a1c5b2d4e6f",
    "HTTPS_PROXY": "Prx7pass-one",
    "HTTP_PROXY": "Prx8%21two%2Fx",
    "ALL_PROXY": "Prx9pass3three",
    "AZURE_CONN_STR": "Yh6Tg5Rf4Ed3Ws2Qa1Zx0Cv",
    "GPG_PRIVATE": "MIIEvQIBADANBg",
    "bearer in an error": "Rl1aVb5Nm9Qw2Er6Ty",
    "userinfo in an error's URL": "Rl4dNm3Qw8Er",
    "token in an error's query": "Rl5eTy1Ui6",
    "json body in an error": "Rl6fOp9As4Df",
    "password in an error": "Rl7gGh2Jk7",
    "cookie in an error": "Rl8hLz5Xc1",
}


def all_planted() -> dict[str, str]:
    """By name, the text as it stands in its place."""
    return {**ENVIRONMENT, **{f"config {k}": v for k, v in CONFIG.items()}, **ROLLOUTS}


def core(name: str, text: str) -> str:
    return CORES.get(name, text)


@dataclass(frozen=True, slots=True)
class PlantedMachine:
    """A home with a secret in every place. `env` is what the command runs with."""

    home: Path
    env: Mapping[str, str]

    @property
    def codex_home(self) -> Path:
        return self.home / ".codex"


def plant(folder: Path) -> PlantedMachine:
    """Makes the machine below a folder."""
    home = folder / "home"
    codex_home = home / ".codex"
    codex_home.mkdir(parents=True)
    (codex_home / "config.toml").write_text(_config())
    (codex_home / "work.config.toml").write_text(
        f'[mcp_servers.w]\ncommand = "x"\nenv = {{ W = "{CONFIG["profile"]}" }}\n'
    )
    (codex_home / ".env").write_text(f'EXTRA_SETTING={CONFIG["dotenv"]}\nexport OTHER="{CONFIG["dotenv-quoted"]}"\n')
    (codex_home / "auth.json").write_text(
        json.dumps({"OPENAI_API_KEY": CONFIG["auth.json"], "tokens": {"refresh": [CONFIG["auth-refresh"]]}})
    )
    _rollouts(codex_home / "sessions" / "2026" / "11" / "23")
    env = {
        "HOME": str(home),
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "SHELL": "/bin/zsh",
        "TERM": "xterm",
        **ENVIRONMENT,
    }
    return PlantedMachine(home, {**env, "JOYTUI_DATA_DIR": str(folder / "data")})


def _config() -> str:
    c = CONFIG
    return f'''# my key was {c["comment"]}
model_provider = "joytoken"
model = "auto"
notify = ["say", "{c["notify"]}"]
[model_providers.joytoken]
name = "joytoken"
base_url = "http://me:{c["userinfo"]}@127.0.0.1:9/openai/v1"
env_key = "JOY_TOKEN_API_KEY"
api_hint = "{c["unknown-key"]}"
http_headers = {{ Authorization = "Bearer {c["header"]}", "X-Api-Key" = "{c["x-api-key"]}" }}
query_params = {{ sig = "{c["query"]}" }}
[model_providers.second]
name = "second"
base_url = "http://127.0.0.1:9/v1"
experimental_bearer_token = "{c["bearer"]}"
[model_providers.third]
name = "third"
auth = {{ command = "echo", args = ["{c["auth-arg"]}"] }}
[mcp_servers.one]
command = "npx"
env = {{ ANYTHING = "{c["mcp-env"]}" }}
[mcp_servers.two]
url = "https://mcp.corp/sse"
http_headers = {{ "X-Thing" = "{c["mcp-header"]}" }}
[otel.exporter.otlp-http]
endpoint = "https://otel.corp"
protocol = "json"
headers = {{ "x-otlp" = "{c["otel-header"]}" }}
'''


def _rollouts(folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, (name, text) in enumerate(ROLLOUTS.items()):
        provider = text if name == "key as the provider" else "joytoken"
        model = text if name == "key as the model" else "auto"
        cwd = f"/home/ann/{text}/work" if name == "key in a folder's name" else "/home/ann/work"
        said = f"unexpected status 403 Forbidden: no; {text}, url: http://gw.corp/openai/v1/responses, request id: req_{number}"
        stamp = f"2026-11-23T09:{number:02}:00.000Z"
        thread = f"01a207cd-b973-7603-8c55-9c9ba1c6{number:04}"
        rows = [
            (
                "session_meta",
                {"id": thread, "timestamp": stamp, "cwd": cwd, "cli_version": "0.169.0", "model_provider": provider},
            ),
            ("event_msg", {"type": "task_started", "turn_id": f"turn-{number}"}),
            ("turn_context", {"turn_id": f"turn-{number}", "cwd": cwd, "model": model}),
            (
                "event_msg",
                {
                    "type": "task_complete",
                    "turn_id": f"turn-{number}",
                    "last_agent_message": None,
                    "error": {"message": said},
                },
            ),
        ]
        lines = [
            json.dumps({"timestamp": stamp, "ordinal": n, "type": kind, "payload": body})
            for n, (kind, body) in enumerate(rows)
        ]
        (folder / f"rollout-2026-11-23T09-{number:02}-00-{thread}.jsonl").write_text("\n".join(lines) + "\n")


def spellings(secret: str) -> set[str]:
    """A secret as it could stand somewhere else: in JSON, in an address, in base64."""
    encoded = base64.b64encode(secret.encode()).decode().rstrip("=")
    return {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), encoded}
