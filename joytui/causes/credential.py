"""What is wrong with the key, and with how it reaches the request."""

from __future__ import annotations

from typing import Final

from joytui.causes.cause import Cause, Sign
from joytui.causes.questions import KEY

OTHER_KEY_FAULTS: Final = (
    "env-key-missing",
    "key-shadowed-by-dotenv",
    "openai-key-to-gateway",
    "key-stale-daemon",
    "redirected",
    "key-unset",
    "auth-command-failed",
    "upstream-key-rejected",
)
"""What else brings a 401, the likeliest first."""

CREDENTIAL: Final = (
    Cause(
        id="key-unset",
        row="401",
        step="key.value",
        phase="start",
        fixed_by=(
            "change",
            "commands",
        ),
        title="The key's variable is not set where Codex starts",
        explanation="It is unset, empty or blank. Codex stops before any request, so the gateway logs nothing.",
        remedy="Set and export the variable in the shell that starts Codex. A line in ~/.zshrc takes effect after `source ~/.zshrc` or in a new terminal. Editors, apps, cron and ssh do not read that file: for them, put the line into .env in CODEX_HOME.",
        tell="Codex prints `Missing environment variable`.",
        signs=(
            Sign(
                begins="Missing environment variable:",
                name="a variable that is cut",
                others=("env-key-invalid", "key-shadowed-by-dotenv", "env-key-is-secret", "key-stale-daemon"),
                ask=KEY,
            ),
            Sign(
                name="a variable",
                others=("key-shadowed-by-dotenv", "key-stale-daemon", "env-key-invalid"),
                ask="whether `echo ${{#{variable}}}` in that terminal prints more than 0, and whether ~/.codex/.env exists",
            ),
            Sign(
                name="a variable where no shell starts Codex",
                explanation=(
                    "An editor, an app, cron, ssh or a service starts this Codex, not the shell in which the variable is set: it does not "
                    "read ~/.zshrc or ~/.bashrc, and the variables of another terminal do not reach it."
                ),
                remedy=(
                    "Put the line VARIABLE=<your key>, with the name from the message, into the file .env in CODEX_HOME (~/.codex unless it "
                    "is set; inside WSL that of WSL), readable by you alone, and restart the program. Codex reads that file wherever it is "
                    "started; from then on it overrides every shell."
                ),
            ),
            Sign(
                name="a variable that is not exported",
                explanation="The variable is set in the shell, but not exported: the programs that this shell starts, Codex among them, do not get it.",
                remedy="Export it, with the name from the message: export NAME='<your key>'",
            ),
            Sign(
                name="a variable that sudo drops",
                explanation="sudo starts Codex as another user, without the variables of your shell.",
                remedy="Start Codex without sudo. If it must be another user: sudo --preserve-env=NAME codex, with the name from the message.",
            ),
            Sign(
                name="codex doctor: no credentials",
                others=("key-shadowed-by-dotenv", "openai-key-to-gateway", "provider-not-selected"),
                ask=KEY,
            ),
        ),
        details={"set_in": list, "similar": str | None, "env_key_at": str},
    ),
    Cause(
        id="key-malformed",
        row="401",
        step="key.value",
        phase="answer",
        fixed_by=("commands",),
        title="The key was not copied cleanly",
        explanation="Quotes, a space, a Bearer prefix or an invisible character was copied with it. Codex sends the value as it is, and the gateway does not know it.",
        remedy="Copy the key again and set it without anything around it.",
        tell="A 401 although the key looks right. The doctor names the character and its place.",
        signs=(
            Sign(
                whole=(r"\bbearer\s+bearer\b",),
                explanation="The request carried “Bearer” twice: the variable holds it, and Codex adds it as well.",
                remedy="Set the variable to the key alone, without Bearer: export JOY_TOKEN_API_KEY=<your key>.",
            ),
            Sign(
                name="something else than a key",
                explanation="The gateway quotes what it received, and that is not a key: the variable holds an address, a whole export line, a prefix or a placeholder.",
                remedy="Set the variable to the key alone, nothing before or after it: export JOY_TOKEN_API_KEY=<your key>.",
            ),
            Sign(
                whole=(
                    r"\b40[13]\b|unauthori[sz]ed|forbidden",
                    r"\b[A-Z0-9_]{0,40}(?:KEY|TOKEN)(?:\s*=\s*|\s+)[\"'“‘]?(?:Bearer\s+\S|[“‘”]\S|\\[\"'])"
                    r"|\b(?:key|secret|token|value|variable|it)\b(?:(?!\bnot?\b|n't|\bwithout\b)[^.\n]){0,20}?\b(?:has|have|contains?|includes?) (?!no\b|any\b)(?:\w+ ){0,2}quotes?\b"
                    r"|(?<!no )(?<!any )(?<!without )\bquotes? around (?:it|the key|the value)\b",
                ),
                explanation="The variable holds more than the key: a Bearer prefix, or quotes. Codex sends the value as it is, and adds Bearer itself.",
                remedy="Set the variable to the key alone, nothing before or after it: export JOY_TOKEN_API_KEY=<your key>.",
            ),
        ),
        details={"oddities": list},
    ),
    Cause(
        id="key-header-dropped",
        row="401",
        step="key.value",
        phase="answer",
        fixed_by=("commands",),
        title="A line break in the key makes Codex send no key at all",
        explanation="A header cannot hold control characters. Codex silently leaves it out, and the gateway sees an anonymous request.",
        remedy="Set the key again without the line break, for example export KEY=\"$(tr -d '\\r\\n' < keyfile)\".",
        tell="A 401 about a missing key although the variable is set, often after reading the key from a file.",
        signs=(
            Sign(
                whole=(
                    r"(?<!no )(?<!not )(?<!not a )(?<!without )(?<!without a )\b(?:trailing (?:new ?line|line ?break)|(?:new ?line|line ?break) (?:in|behind|at the end of) (?:it|the key|the value))\b"
                    r"|\b(?:key|secret|token|value|variable|it)\b(?:(?!\bnot?\b|n't|\bwithout\b)[^.\n]){0,20}?\b(?:has|contains|ends? (?:with|in)) an? (?:new ?line|line ?break)\b"
                    r"|(?<!kein )(?<!keinen )(?<!ohne )\bZeilenumbruch\b|(?<!没有)(?<!无)换行|改行(?!.{0,2}(?:ない|なし|ありません))|(?<!sin )(?<!ningún )\bsalto de línea",
                    r"(?:missing|no) (?:api[ _-]?key|authorization|bearer|credentials?|token)|\b401\b",
                ),
            ),
        ),
        details={"other_authorization": bool},
    ),
    Cause(
        id="key-shadowed-by-dotenv",
        row="401",
        step="key.value",
        phase="answer",
        fixed_by=(
            "change",
            "commands",
        ),
        title=".env in CODEX_HOME overrides the shell's key",
        explanation="Codex loads that file first, and its values override the environment, even an old or empty one.",
        remedy="Remove the line from $CODEX_HOME/.env, or put the right key there.",
        tell="The same key works elsewhere. Ask whether ~/.codex/.env exists.",
        signs=(
            Sign(
                whole=(
                    r"\b40[13]\b|missing environment variable|invalid api key|\b(?:sees?|gets?|uses?|sends?|takes?|has)\b[^.\n]{0,30}\b(?:old|previous|other|wrong|another)\b",
                    r"\b(?:old|stale|outdated|another|different|previous|wrong|alte[rns]?|antigu[oa]|ancien)\b[^.\n]{0,60}\.codex[/\\]\.env\b|\.codex[/\\]\.env\b[^.\n]{0,60}"
                    r"\b(?:old|stale|outdated|another|different|previous|wrong|helped|fixed|alte[rns]?|antigu[oa]|ancien)\b|旧[^。\n]{0,20}\.codex[/\\]\.env|\.codex[/\\]\.env[^。\n]{0,20}旧",
                ),
            ),
        ),
        details={"shell": str, "dotenv": str},
    ),
    Cause(
        id="key-stale-daemon",
        row="401",
        step="key.value",
        phase="start",
        fixed_by=("commands",),
        title="Codex's background server still has an older key",
        explanation="The interactive Codex uses a server that keeps the environment it was started with. A key set or changed since then does not reach it.",
        remedy="codex app-server daemon stop, then start Codex again.",
        tell="`codex exec` works and the interactive `codex` does not.",
        signs=(
            Sign(
                whole=(
                    r"missing environment variable|\b401\b|\b403\b[^\n]{0,60}api[ _-]?key",
                    r"\bcodex (?:exec|--no-daemon)\b[^\n.]{0,40}\b(?:works|is fine|ok|succeeds|funktioniert)\b|codex exec[^\n。]{0,12}(?:可以|正常|没问题)",
                ),
            ),
        ),
        details={"pid": int, "command": str, "started": str | None},
    ),
    Cause(
        id="openai-key-to-gateway",
        row="401",
        step="key.named",
        phase="answer",
        fixed_by=("change",),
        title="Codex sends an OpenAI credential to the gateway",
        explanation="requires_openai_auth makes Codex use its OpenAI login for this provider. The gateway does not know that key, and should not see it.",
        remedy="Remove requires_openai_auth and set env_key.",
        tell="A 401 although JOY_TOKEN_API_KEY is right.",
        signs=(
            Sign(
                whole=(
                    r"^(?!.*\b(?:missing|no) (?:api[ _-]?key|authorization|bearer)\b).*\brequires_openai_auth\s?= ?true",
                    r"\beyJ|\b(?:openai|chatgpt)(?:'s)? (?:access )?(?:token|key|credential)",
                )
            ),
        ),
        details={"credential_from": str | None, "misspelt": str, "misspelt_at": str | None, "fell_into": str},
    ),
    Cause(
        id="auth-command-failed",
        row="401",
        step="key.value",
        phase="answer",
        fixed_by=(),
        title="The provider's auth.command fails",
        explanation="Codex runs that command to get the key. It failed, so requests go out without one.",
        remedy="Run the command by hand and fix it.",
        tell="A 401, and an error about the auth command in Codex's log.",
        signs=(Sign(codex=r"provider auth command `"),),
    ),
)
