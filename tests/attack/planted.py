"""What no output may show: secrets of other programs, each where such a one stands, and an upstream's key in every form."""

from __future__ import annotations

import base64
from pathlib import Path
from urllib.parse import quote

SECRETS = {
    "mcp argument": "Zq8mcpArg7Lk2Vn5",
    "mcp argument on a line of its own": "correct-horse-battery-staple",
    "mcp environment": "ntn_Ab3Cd4Ef5Gh6Ij7Kl8",
    "stripe": "sk_live_" + "51HqLz8kXv3TbNm6Rw",
    "gitlab": "glpat-Hn5gBf8vDc2xSz6aQw3e",
    "hugging face": "hf_KjHgFdSaPoIuYtReWq12",
    "brave": "BSAbrave7Yx2Kp9Wm4",
    "mcp path": "P4thT0kenQx7Zr2Lm9Vb",
    "mcp header": "Hd5mcpHead3Rt8Yu2",
    "header": "Hd9provHead6Gf4Ds1",
    "query key": "Qk4subscr8Nm3Bv7",
    "query sig": "Qs2signat5Lp9Oi1",
    "bearer": "Be7bearer3Xc6Vb2",
    "shell": "Sh6shellset9Qw4Er8",
    "github": "ghp_Zx4cVb7nMq1wEr5tYu8iOp2aSd6f",
    "slack": "xoxb-" + "918273645500-Yt7rEw3qAs6d",
    "jwt": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI0MiJ9.c2lnbmF0dXJlWFla",
    "dotenv": "Dv8dotenvFile2Jk5",
}
PROMPT = "merge ACME before the layoffs are announced"
CONFIG = """model_provider = "joytoken"
model = "auto"

[mcp_servers.notion]
command = "npx"
args = ["-y", "mcp-server-notion", "--token", "{mcp argument}"]
env = {{ NOTION_TOKEN = "{mcp environment}", LOG_LEVEL = "debug" }}

[mcp_servers.web]
url = "https://mcp.example.test/sse/{mcp path}"
http_headers = {{ X-Trace = "{mcp header}" }}

[mcp_servers.pay]
command = "pay"
args = [
  "--password",
  "{mcp argument on a line of its own}",
]
env = {{ STRIPE_KEY = "{stripe}", GITLAB_TOKEN = "{gitlab}", HF_TOKEN = "{hugging face}", BRAVE_KEY = "{brave}" }}

[model_providers.other]
name = "other"
base_url = "https://other.example.test/v1"
experimental_bearer_token = "{bearer}"

[shell_environment_policy]
set = {{ DEPLOY = "{shell}", NOTE = "{github}", HOOK = "{slack}", WHO = "{jwt}" }}

[model_providers.joytoken]
name = "joytoken"
base_url = "http://127.0.0.1:9/openai/v1"
env_key = "JOY_TOKEN_API_KEY"
wire_api = "chat"
http_headers = {{ X-Team = "{header}" }}
query_params = {{ subscription-key = "{query key}", sig = "{query sig}" }}

[mcp_servers.last]
command = "last"
args = ["--token={mcp argument}"]
"""


def plant(codex_home: Path) -> Path:
    """A config.toml and a `.env` with all of them; the config needs mending (wire_api)."""
    config = codex_home / "config.toml"
    config.write_text(CONFIG.format_map(SECRETS), encoding="utf-8")
    (codex_home / ".env").write_text(f"OTHER_TOKEN={SECRETS['dotenv']}\n", encoding="utf-8")
    return config


# --- an upstream's key ------------------------------------------------------------------------------------------------

RUN = 8
"""Letters and digits in a row that are a part of the key."""
KEY = "upk-G7m5Qa9ZtR2xW8-LpN4vB6cEZYd"
RAW = KEY.encode()

FORMS = {
    "whole": KEY,
    "its first 20 characters": KEY[:20],
    "its last 12 characters": KEY[-12:],
    "from its midst": KEY[6:18],
    "an ESC in it": KEY[:9] + "\x1b" + KEY[9:],
    "a newline in it": KEY[:14] + "\n" + KEY[14:],
    "a newline as JSON has it": KEY[:14] + "\\n" + KEY[14:],
    "an ESC as JSON has it": KEY[:14] + "\\u001b" + KEY[14:],
    "spaced out": " ".join(KEY),
    "in JSON's own escapes": "".join(f"\\u{code:04x}" for code in RAW),
    "base64": base64.b64encode(RAW).decode(),
    "base64 for URLs": base64.urlsafe_b64encode(RAW).decode().rstrip("="),
    "base64 of a header": base64.b64encode(b"Bearer " + RAW).decode(),
    "base64 of user and password": base64.b64encode(b"me:" + RAW).decode(),
    "hex": RAW.hex(),
    "HEX": RAW.hex().upper(),
    "hex with colons": RAW.hex(":"),
    "URL coding": quote(KEY + "/", safe=""),
    "URL coding of all": "".join(f"%{code:02X}" for code in RAW),
    "backwards": KEY[::-1],
    "shortened with stars": f"{KEY[:8]}***{KEY[-4:]}",
    "shortened with dots": f"{KEY[:4]}...{KEY[-4:]}",
    "shortened to its beginning": f"{KEY[:8]}…",
    "shortened to its end": f"****{KEY[-4:]}",
}


def left_of(text: str) -> list[str]:
    """Runs of the key, in any of its codings, that are still there."""
    plain = "".join(c for c in text if c.isascii() and c.isalnum())
    forms = [KEY, KEY[::-1], RAW.hex(), RAW.hex().upper(), base64.b64encode(RAW).decode()]
    bare = ["".join(c for c in form if c.isalnum()) for form in forms]
    return [form[at : at + RUN] for form in bare for at in range(len(form) - RUN + 1) if form[at : at + RUN] in plain]
