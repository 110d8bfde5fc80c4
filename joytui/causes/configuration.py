"""What is wrong with what Codex reads: its home, config.toml, profiles, flags, versions."""

from __future__ import annotations

from typing import Final

from joytui.causes.cause import Cause, Form, IgnoredKey, Sign
from joytui.causes.network import CONNECTING
from joytui.causes.questions import (
    BASE_URL_LINE,
    CONFIG,
    ENV_KEY_LINE,
    HOW_STARTED,
    KEY,
    NAMED_LINE,
    POLICY,
    PROVIDER_TABLE,
    RETRIES,
    WHOLE_MESSAGE,
)

_TO_OPENAI: Final = "The address in the message is OpenAI's: the gateway was never asked, so its logs stay empty."
WORDS_OF_OPENAI: Final = "The message is OpenAI's: OpenAI refused this key, not the gateway."

CONFIGURATION: Final = (
    Cause(
        id="config-missing",
        row="no-logs",
        step="config.found",
        phase="elsewhere",
        fixed_by=("change",),
        title="There is no config.toml where Codex looks",
        explanation="Codex starts with its defaults and talks to OpenAI. The gateway never sees a request, so its logs stay empty.",
        remedy="Create config.toml in CODEX_HOME (~/.codex unless it is set) with the guide's block.",
        tell="The login screen, or a 401 whose URL is api.openai.com. Ask for `ls -la ~/.codex` and `echo $CODEX_HOME`.",
        otherwise="To use the gateway on this machine instead, run `joytui setup --local`: it needs no JoyToken account.",
        lacks="provider",
        signs=(
            Sign(
                name="a file that Codex does not read",
                whole=(r"\.config[/\\]codex[/\\]config\.toml", r"api\.openai\.com|chatgpt\.com|sign in with chatgpt"),
                explanation="Codex does not read ~/.config/codex. It starts with its defaults and talks to OpenAI, so the gateway never sees a request.",
                remedy="Move the file to ~/.codex/config.toml (or set CODEX_HOME to the folder in which it is).",
            ),
        ),
        details={"provider": str, "origin": str, "wanted": list, "not_read": str},
    ),
    Cause(
        id="codex-home-invalid",
        row="no-logs",
        step="config.found",
        phase="start",
        fixed_by=("commands",),
        title="CODEX_HOME does not name a usable folder",
        explanation="Codex refuses to start if CODEX_HOME names a path that does not exist or is not a folder.",
        remedy="Unset CODEX_HOME, or create the folder that it names.",
        tell="Codex prints `Error finding codex home`. Ask for `echo $CODEX_HOME`.",
        signs=(Sign(codex=r"Error finding codex home|CODEX_HOME points to"),),
        hides=True,
        details={"codex_home": str},
    ),
    Cause(
        id="config-unreadable",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=("change",),
        title="Codex cannot read config.toml",
        explanation="The file is a folder, may not be read by this user, or is not UTF-8 text. Codex stops before any request.",
        remedy="Make it a readable UTF-8 file. Notepad's “Unicode” is UTF-16: save it again as UTF-8.",
        tell="Codex prints `Failed to read config file`. Ask for `ls -la` and `file` of config.toml.",
        signs=(
            Sign(
                codex=r"Failed to read (?:project )?config file|config\.toml.{0,80}(?:invalid utf-8|did not contain valid UTF-8|Permission denied)"
            ),
            Sign(
                codex=r"failed to read model instructions file",
                others=("config-type", "model-catalog-missing"),
                ask="whether the named file exists",
            ),
            Sign(
                codex=r"Is a directory \(os error|Permission denied \(os error|did not contain valid UTF-8",
                others=("model-catalog-missing", "config-type"),
                ask="the output of `ls -la` in the CODEX_HOME folder",
                broad=1,
            ),
        ),
        hides=True,
        details={"path": str},
    ),
    Cause(
        id="config-syntax",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=("change",),
        title="config.toml is not valid TOML",
        explanation="One character is enough: a curly quote, a missing bracket, a duplicate key. Codex stops before any request.",
        remedy="Fix the line that Codex names. Text copied from web pages and chats often contains curly quotes and non-breaking spaces.",
        tell="Codex prints the file with line and column, and a caret under the mistake.",
        signs=(
            Sign(
                codex=(
                    r"(?:config\.toml:\d+:\d+:|TOML parse error at line \d+, column \d+.{0,200}?) ?(?:string values must be quoted|key with no value, expected|duplicate key"
                    r"|invalid (?:basic|multi-line basic|literal|unquoted) (?:string|key)|unclosed |unexpected key or value|missing (?:assignment|escaped value|value)"
                    r"|cannot extend value of type|unquoted keys cannot be empty|expected `\.`, `=`"
                    r"|invalid (?:string|unicode|escape|inline table|array|table header|key|comment)|unterminated|unexpected (?:eof|end of file)|newline in)"
                ),
            ),
            Sign(
                codex=(
                    r"config\.toml:\d+:\d+:(?!.{0,160}(?:invalid type|invalid value|unknown variant|missing field|did not match|invalid transport|unknown field"
                    r"|unknown configuration|reserved|wire_api|legacy|provider)).{0,700}\^"
                ),
                broad=2,
            ),
            Sign(codex=r"expected any valid TOML value", others=("config-type",), ask=NAMED_LINE),
            Sign(
                codex=(
                    r"Error loading config\.toml:.{0,600}?:\d+:\d+:|TOML parse error|cannot extend value of type|duplicate key"
                    r"|string values must|key with no value, expected|invalid unquoted key"
                ),
                others=("config-type",),
                ask="the named line, with the one before it",
                broad=3,
            ),
            Sign(
                codex=r"Error loading config",
                others=(
                    "config-type",
                    "provider-invalid",
                    "requirements-violated",
                    "config-unreadable",
                    "wire-api-removed",
                    "provider-undefined",
                ),
                ask=WHOLE_MESSAGE,
                broad=5,
            ),
            Sign(
                people=r"config(?:uration)?\.toml|toml",
                others=("config-type", "unknown-keys", "config-unreadable", "provider-invalid"),
                ask=f"{WHOLE_MESSAGE}, and {CONFIG}",
                broad=6,
            ),
            Sign(
                name="codex doctor: a line of the configuration",
                others=("config-type",),
                ask="that line of config.toml",
            ),
        ),
        hides=True,
    ),
    Cause(
        id="config-type",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=("change",),
        title="A value in config.toml has the wrong type",
        explanation="Codex expects another type there, for example text in quotes, or a number without them. It stops before any request.",
        remedy="Use the type that Codex names.",
        tell="Codex prints `invalid type` or `invalid value`, and the name of the key without file or line.",
        signs=(
            Sign(
                codex=r"required MCP servers? failed to initialize",
                others=("request-rejected",),
                ask="the named table [mcp_servers.…], and whether its program exists",
            ),
            Sign(
                codex=r"unknown variant `(?![^`]{0,60}`, expected (?:one of )?`[\w-]{1,60}`)",
                others=("wire-api-invalid",),
                ask=WHOLE_MESSAGE,
                broad=1,
            ),
            Sign(
                codex=(
                    r"(?:Error loading config|config\.toml:\d+:\d+:).{0,2000}?"
                    r"(?:unknown variant `|invalid type: |invalid value: |missing field `|did not match any variant|invalid transport)"
                ),
                broad=2,
            ),
            Sign(
                codex=r"in `mcp_servers\.|invalid transport",
                broad=3,
            ),
            Sign(
                codex=r"unknown variant `|invalid type: |invalid value: ",
                others=("stream-invalid",),
                ask=CONFIG,
                broad=4,
            ),
            Sign(
                name="Error: before a run",
                others=(
                    "config-unreadable",
                    "codex-flag-unsupported",
                    "requirements-violated",
                    "request-rejected",
                    "response-failed",
                ),
                ask=f"{WHOLE_MESSAGE}, and {CONFIG}",
            ),
        ),
        details={"path": str, "server": str},
    ),
    Cause(
        id="unknown-keys",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=("change",),
        title="config.toml has keys that Codex does not know",
        explanation="Codex ignores them, so a misspelt key has no effect. With --strict-config it refuses to start.",
        remedy="Correct the spelling, or remove the keys.",
        tell="Codex prints `is ignoring N unrecognized configuration settings` or `unknown configuration field`.",
        signs=(
            Sign(
                codex=r"unknown configuration field `[^`]{0,80}(?:env[-_]?key|envkey)[^`]{0,40}`",
                others=("env-key-missing",),
                ask=NAMED_LINE,
            ),
            Sign(codex=r"unknown configuration field", broad=1),
            Sign(name="ignored keys and nothing else", ask="the named line as ignored"),
        ),
        details={"keys": list},
    ),
    Cause(
        id="wire-api-removed",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=("change",),
        title='wire_api = "chat" stops this Codex',
        explanation="Since version 0.95 Codex speaks the Responses API only and refuses to start if any provider, even an unused one, asks for chat.",
        remedy='Remove the line, or write wire_api = "responses".',
        tell='Codex prints `wire_api = "chat"` is no longer supported.',
        signs=(
            Sign(codex=r'wire_api = "chat"` is no longer supported'),
            Sign(
                name="codex doctor: the configuration",
                others=(
                    "config-type",
                    "provider-undefined",
                    "profile-legacy",
                    "provider-id-reserved",
                    "provider-invalid",
                    "config-unreadable",
                ),
                ask=f"what `codex exec hi` prints, or {CONFIG}",
            ),
        ),
    ),
    Cause(
        id="wire-api-invalid",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=("change",),
        title="wire_api has a value that Codex does not know",
        explanation='The only value is "responses", in lower case.',
        remedy="Remove the line: it is the default.",
        tell="Codex prints `unknown variant`.",
        signs=(Sign(codex=r"unknown variant `[^`]{0,60}`, expected `responses`"),),
    ),
    Cause(
        id="provider-not-selected",
        row="no-logs",
        step="provider.selected",
        phase="elsewhere",
        fixed_by=("change",),
        title="No model_provider is in effect, so Codex talks to OpenAI",
        explanation="The line is absent, misspelt, or is below a table header, where it belongs to that table. Codex then uses its built-in provider.",
        remedy='Put model_provider = "joytoken" at the very top of config.toml, above the first [table].',
        tell="The URL in the message is api.openai.com, or Codex shows its login screen.",
        signs=(
            Sign(
                whole=(
                    r"(?<!base_url = [\"'])https://chatgpt\.com/backend-api/|missing scopes: (?:api|model)\.|api\.responses\.write",
                ),
                explanation=(
                    "The request went to OpenAI with an OpenAI login: no line selects the gateway's provider where this Codex looks. "
                    "The gateway was never asked, so its logs stay empty."
                ),
            ),
            Sign(
                whole=(
                    r"\b(?-i:OPENAI_(?:BASE_URL|API_BASE))\b",
                    r"^(?!.*\burl: ?https?://(?!api\.openai\.com|chatgpt\.com))(?!.*missing environment variable).*"
                    r"(?:https://(?:api\.openai\.com|chatgpt\.com)/|\b(?:ignor\w+|no effect|not used|unused|still (?:goes|talks|connects|uses|asks))\b|不生效|没有?生效|忽略|無視|sin efecto)",
                ),
                explanation=(
                    "The request went to OpenAI: newer versions of Codex do not read OPENAI_BASE_URL. They use what config.toml says, and there no "
                    "line selects the gateway's provider."
                ),
            ),
            Sign(
                name="a provider in a project's file",
                whole=(
                    r"ignored unsupported project-local config keys[^\n]{0,300}\bmodel_provider",
                    r"https://(?:api\.openai\.com|chatgpt\.com)/",
                ),
                explanation=(
                    "The line that selects the gateway's provider is in a project's .codex/config.toml, where Codex ignores it. "
                    "It talks to OpenAI instead."
                ),
                remedy="Put model_provider and the provider's table into your own ~/.codex/config.toml.",
            ),
            Sign(
                whole=(
                    r"\bprovider: ?openai\b(?!-)",
                    r"\b(?:logs?|usage|console|dashboard)\b[^.\n]{0,40}\b(?:empty|nothing|never|not|no)\b|\b(?:nothing|no (?:requests?|entry|entries|traffic)|not)\b[^.\n]{0,30}\b(?:logs?|usage|console|dashboard)\b|日志[^。\n]{0,8}(?:空|没有)",
                ),
                explanation="Codex itself names OpenAI as its provider: no line selects the gateway's where this Codex looks, so the gateway is never asked.",
            ),
            Sign(codex=r"Amazon Bedrock auth|GOOGLE_CLOUD_PROJECT", others=("provider-overridden",), ask=CONFIG),
            Sign(
                codex=r"Sign in with ChatGPT|Welcome to Codex",
                others=("config-missing", "provider-overridden"),
                ask=CONFIG,
                note="The login screen hides the cause: Codex was not told to use the gateway.",
            ),
            Sign(
                people=r"(?:no|not|nothing|empty|never|missing)\b.{0,40}\blogs?\b|logs?\b.{0,40}\b(?:empty|nothing|no)",
                others=("base-url-missing", "config-missing", "provider-overridden", "key-unset", *CONNECTING[:4]),
                ask=CONFIG,
                broad=4,
            ),
            Sign(
                people=r"(?:log|sign) ?in|chatgpt",
                others=("config-missing", "provider-overridden", "base-url-missing"),
                ask=CONFIG,
                broad=4,
            ),
            Sign(
                name="WebSockets given up",
                others=("env-key-missing", "websocket-fallback", "key-rejected", "key-unset"),
                ask=CONFIG,
                passing=True,
            ),
            Sign(
                name="WebSockets of OpenAI",
                others=("provider-overridden", "config-missing", "base-url-missing", "provider-undefined"),
                ask=HOW_STARTED,
                note=_TO_OPENAI,
            ),
            Sign(name="a variable of Google", others=("provider-overridden",), ask=CONFIG),
            Sign(name="turns of provider openai", others=("config-missing", "provider-overridden"), ask=HOW_STARTED),
        ),
        lacks="provider",
        ignored_key=IgnoredKey(r"modelprovide?r?$|^provider$"),
        details={"provider": str, "origin": str, "wanted": list, "misplaced": list, "not_read": str},
    ),
    Cause(
        id="provider-overridden",
        row="no-logs",
        step="provider.selected",
        phase="elsewhere",
        fixed_by=(),
        title="Another layer selects a different provider",
        explanation="config.toml is right, but something with higher precedence wins: a managed file, -c, a profile, or --oss.",
        remedy="Remove the override, or put the gateway's provider there.",
        tell="`joytui codex config` shows each layer and which one won.",
        signs=(
            Sign(codex=r"No default OSS provider|OSS setup failed"),
            Sign(
                whole=(
                    r"/etc/codex/(?:managed_)?config\.toml|\bmanaged_config\.toml|ProgramData\\OpenAI\\Codex",
                    r"\bprovider\b[^.\n]{0,30}(?:\bsays?|\bshows?|\bstays?|\bis\b|:)",
                    r"\bwhatever I\b|\bno matter\b|\bignor\w+|\boverrid\w+|\bno effect\b|\bstill\b|\balways\b",
                ),
                explanation="A file of the machine's administrator beats config.toml and even -c, so Codex uses the provider that it names.",
                remedy="Ask whoever manages this machine to change that file, or to take the provider out of it.",
            ),
            Sign(
                whole=(
                    r"^(?!.*(?:encrypt|\b[45]\d\d\b)).*\b(?:resum\w+|(?:old|older|existing|previous|earlier) (?:sessions?|threads?|conversations?|chats?))\b",
                    r"\bnew (?:sessions?|threads?|conversations?|chats?|ones?)\b[^.\n]{0,30}\b(?:fine|works?|ok|good|right)\b|新(?:的)?(?:会话|对话)[^。\n]{0,10}(?:正常|可以|没问题)",
                    r"\b(?:openai|chatgpt)\b",
                ),
                explanation="A thread keeps the provider that it was made with; a new one uses what config.toml says now.",
                remedy="Start a new thread instead of resuming the old one.",
            ),
            Sign(
                whole=(
                    r"\b(?:resum\w+|continu\w+ (?:a|an|the|my|old|any)|(?:old|older|existing|previous|earlier|saved|yesterday's) (?:\w+ )?(?:sessions?|threads?|conversations?|chats?)"
                    r"|(?:sessions?|threads?|conversations?|chats?) from before|codex resume|alte[nrs]? (?:sitzung|unterhaltung|chat)(?:en|s)?|anciennes? conversations?|conversaciones (?:antiguas|anteriores))\b|(?:旧|之前|历史|以前)的?(?:会话|对话|线程|聊天)|恢复(?:会话|对话)",
                    r"https://(?:api\.openai\.com|chatgpt\.com)/\S{0,80}responses",
                ),
                explanation=(
                    "A thread keeps the provider that it was made with. This one was made before the switch, so it still goes to OpenAI; "
                    "a new thread uses what config.toml says now."
                ),
                remedy="Start a new thread. The old one stays with its provider; its text can be pasted into the new one.",
                details={"thread": True},
            ),
        ),
        details={"provider": str, "origin": str, "wanted": list, "flag": str, "thread": bool},
    ),
    Cause(
        id="provider-undefined",
        row="no-logs",
        step="provider.selected",
        phase="start",
        fixed_by=("change",),
        title="model_provider names a provider that is not defined",
        explanation="There must be a table [model_providers.<the same name>]; names are case-sensitive.",
        remedy="Give both the same name.",
        tell="Codex prints `Model provider … not found`.",
        signs=(Sign(codex=r"Model provider `[^`]{0,200}` not found"),),
        lacks="provider",
        details={
            "provider": str,
            "origin": str,
            "defined": list,
            "suggestion": str | None,
            "misnamed": str,
            "misnamed_at": str,
            "not_read": str,
        },
    ),
    Cause(
        id="provider-id-reserved",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=("change",),
        title="This provider name belongs to Codex",
        explanation="openai, ollama and a few others are built in and cannot be redefined.",
        remedy='Rename the table and model_provider, for example to "joytoken".',
        tell="Codex prints `reserved built-in provider IDs`.",
        signs=(
            Sign(codex=r"reserved built-in provider IDs"),
            Sign(codex=r"model_providers\.\S{1,60}? only supports changing"),
        ),
    ),
    Cause(
        id="provider-invalid",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=("change",),
        title="The provider's table contradicts itself",
        explanation="For example an empty name, or two ways to authenticate at once. Codex stops before any request.",
        remedy="Correct the field that Codex names.",
        tell="Codex prints `model_providers.<id>:` and the rule.",
        signs=(
            Sign(codex=r"choose one gateway credential source", others=("config-type",), ask=PROVIDER_TABLE),
            Sign(
                codex=r"Error loading config[^:]{0,20}: model_providers\.[^:=\]]{1,80}: ",
                broad=3,
            ),
        ),
    ),
    Cause(
        id="profile-legacy",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=("change",),
        title="Profiles inside config.toml are no longer supported",
        explanation="This Codex expects each profile in its own file, <name>.config.toml beside config.toml.",
        remedy="Move [profiles.<name>] into <name>.config.toml, and remove the line profile = …",
        tell="Codex prints `legacy profile`.",
        signs=(
            Sign(codex=r"legacy `profile|contains legacy `|\[profiles?\.[^\]]{0,60}\]` config"),
            Sign(codex=r"`?--profile.{0,80}\[profiles\.[^\]]{0,60}\]", broad=-1),
        ),
        details={"profile": str, "file": str},
    ),
    Cause(
        id="profile-missing",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=(),
        title="The profile does not exist",
        explanation="This version of Codex refuses to start with a profile that it cannot find.",
        remedy="Correct the name after -p, or create the profile.",
        tell="Codex names the profile that it did not find.",
        signs=(Sign(codex=r"config profile `[^`]{0,200}` not found"),),
        details={"profile": str, "defined": list},
    ),
    Cause(
        id="codex-flag-unsupported",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=(),
        title="Codex does not accept one of the arguments",
        explanation="An argument is misspelt, has an invalid value, or belongs to another version of Codex.",
        remedy="Correct or remove the argument; `codex exec --help` lists what this version accepts.",
        tell="Codex prints `unexpected argument` and its usage.",
        signs=(
            Sign(codex=r"Unknown feature flag"),
            Sign(
                codex=r"Error parsing -c overrides",
                others=("config-type", "config-syntax"),
                ask="the whole command line",
            ),
            Sign(
                codex=r"error: (?:unexpected argument|the argument '|a value is required for|equal sign is needed|the following required arguments)|unrecognized subcommand|Error: `?--[\w-]+`? (?:requires `?--|currently supports only|cannot be (?:used|combined))"
            ),
            Sign(
                codex=r"invalid value '[^']{0,200}' for '--profile", others=("profile-missing",), ask="the command line"
            ),
            Sign(codex=r"invalid value '[^']{0,200}' for '-", broad=1),
        ),
        details={"flag": str, "version": str, "feature": str, "path": str},
    ),
    Cause(
        id="daemon-start-failed",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=(),
        title="Codex's background server does not start",
        explanation=(
            "The interactive Codex wants to start its background server first, and that fails. Usually one from an earlier start, often with another "
            "or a deleted CODEX_HOME, still holds the socket, or there is a file where it needs a folder. The configuration and the gateway were not asked yet."
        ),
        remedy="Run the same command with --no-daemon. To fix it, run `codex app-server daemon stop`, move the file out of the way if one is named, and start Codex again.",
        tell="Codex prints `app server did not become ready` and the server's own log. `codex exec` works.",
        signs=(
            Sign(
                whole=(
                    r"app[- ]server did not become ready|managed app-server stderr|app-server control socket is already in use"
                    r"|(?:failed|unable|could not) to (?:start|spawn|launch|connect to) (?:the )?(?:codex )?(?:background server|app[- ]server(?: daemon)?)\b|--no-daemon \(including resume",
                ),
            ),
        ),
        details={"path": str},
    ),
    Cause(
        id="requirements-violated",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=(),
        title="An administrator's requirements.toml forbids a value",
        explanation="The machine's policy file limits what config.toml may say. Codex stops before any request.",
        remedy="Use an allowed value, or ask whoever manages this machine.",
        tell="Codex names the value and the allowed ones.",
        signs=(
            Sign(
                codex=r"failed to parse requirements|field `allowed_\w+` cannot be empty",
                others=("config-syntax", "config-type"),
                ask="/etc/codex/requirements.toml",
            ),
            Sign(
                codex=(
                    r"requirements (?:do|does) not allow|disallowed by requirements|not allowed by requirements|is not in the allowed set"
                    r"|not in the allowed values|allowed values|disallowed"
                )
            ),
        ),
        details={"allowed": list, "mode": str},
    ),
    Cause(
        id="rules-invalid",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=(),
        title="Codex cannot load a file of its command rules",
        explanation="rules/*.rules in CODEX_HOME and in a trusted project say which commands may run without asking. One that does not load stops Codex before any request.",
        remedy="Fix the line that Codex names, or move the file away.",
        tell="Codex prints `Error loading rules:` and the file with its line. `codex exec --ignore-rules` would run.",
        signs=(Sign(codex=r"Error loading rules:"),),
        details={"path": str, "problem": str},
    ),
    Cause(
        id="model-empty",
        row="model-not-found",
        step="model.named",
        phase="start",
        fixed_by=(
            "change",
            "commands",
        ),
        title='model = "" names no model',
        explanation="Codex asks for a model by name; the empty name is refused before any request.",
        remedy='Write model = "auto", or remove the line.',
        tell="Codex prints `No models are available`.",
        signs=(Sign(codex=r"No models are available", others=("model-catalog-missing",), ask=CONFIG),),
    ),
    Cause(
        id="model-catalog-missing",
        row="other",
        step="config.loads",
        phase="start",
        fixed_by=("change",),
        title="model_catalog_json names a file that cannot be read",
        explanation="Codex reads its list of models there, and stops if it cannot.",
        remedy="Correct the path, or remove the line.",
        forms=(
            Form(
                "readable",
                title="The file that model_catalog_json names is not a model catalog",
                explanation="The file exists but is not a catalog that Codex can use: not JSON, a different structure, or empty.",
                remedy="Write it as `codex debug models --bundled` prints one, or remove the line model_catalog_json.",
            ),
            Form(
                "catalog",
                "unset",
                title="Codex does not know this gateway's models",
                explanation=(
                    "The gateway would list them for Codex. Without the line Codex prints “Model metadata for … not found”, assumes "
                    "a context window of 272,000 tokens, and its picker offers OpenAI's models."
                ),
                remedy="Add model_catalog_url to the provider's table.",
            ),
            Form(
                "catalog",
                "address",
                title="model_catalog_url is not a web address",
                explanation="Codex cannot load its list of models: at each start it prints two error lines and carries on without it.",
                remedy="Write the whole URL, or remove the line model_catalog_url.",
            ),
            Form(
                "catalog",
                "elsewhere",
                title="model_catalog_url leads to a different address than base_url",
                explanation="Codex also sends this provider's key there, at each start, and its picker offers what that address lists.",
                remedy="Write the address of this gateway's list, or remove the line model_catalog_url.",
            ),
            Form(
                "catalog",
                "late",
                title="The list of models arrives too late for Codex",
                explanation="Codex waits 5 s, asks again, then carries on without it: each start takes 10 s longer.",
                remedy="Remove the line model_catalog_url, or find out why the gateway takes so long.",
            ),
            Form(
                "catalog",
                "slow",
                title="Codex waits for the list of models at each start",
                explanation="Codex loads model_catalog_url before it shows anything, but the answer is slow.",
                remedy="Remove the line model_catalog_url, or find out why the gateway takes so long.",
            ),
            Form(
                "catalog",
                "unlisted",
                title="This model is not on the gateway's list",
                explanation=(
                    "Codex prints “Model metadata for … not found” and assumes a context window of 272,000 tokens. It still "
                    "works."
                ),
                remedy="Use a model from the list, or leave it as it is.",
            ),
            Form(
                "catalog",
                "twice",
                title="The gateway lists a model twice",
                explanation="Codex rejects a list with a duplicate or empty name: it prints two error lines and carries on without it.",
                remedy="Update the gateway, or remove the line model_catalog_url.",
            ),
            Form(
                "catalog",
                title="model_catalog_url gives Codex no models",
                explanation="At each start Codex asks there, prints two error lines, and carries on without the gateway's models.",
                remedy="Write the address of this gateway's list, or remove the line model_catalog_url.",
            ),
        ),
        tell="Codex prints `No such file or directory` without saying which.",
        signs=(
            Sign(
                codex=r"model_catalog_json path `",
                explanation="The file that model_catalog_json names exists but is not a catalog that Codex can use: not JSON, a different structure, or empty.",
                remedy="Write it as `codex debug models --bundled` prints one, or remove the line model_catalog_json.",
            ),
            Sign(
                codex=r"^(?:Error|ERROR): No such file or directory",
                others=("config-unreadable", "codex-flag-unsupported"),
                ask="whether config.toml sets model_catalog_json, or names another file",
                broad=1,
            ),
        ),
        details={"path": str, "problem": str, "readable": bool, "catalog": str, "use": str},
    ),
    Cause(
        id="base-url-missing",
        row="no-logs",
        step="provider.url",
        phase="elsewhere",
        fixed_by=("change",),
        title="The provider has no base_url: the JoyToken key goes to OpenAI",
        explanation="Without base_url (or with the line misspelt) Codex sends this provider's requests, key included, to api.openai.com.",
        remedy="Add base_url to the provider's table. Consider the key known to a third party, and rotate it.",
        tell="A 401 from api.openai.com although the provider is selected.",
        signs=(
            Sign(
                name="refused by OpenAI",
                others=("provider-not-selected", "provider-overridden"),
                ask=CONFIG,
                note=WORDS_OF_OPENAI,
            ),
            Sign(
                whole=(
                    r"^(?!.*(?:wss://|falling back from websockets)).*https://api\.openai\.com/",
                    r"\bprovided: ?[\"'`]?jt_",
                ),
                explanation=(
                    "OpenAI received a JoyToken key, which it does not know. Codex sends this provider's requests, key included, to api.openai.com "
                    "where the provider's table has no base_url, or has it misspelt."
                ),
            ),
            Sign(
                name="words of OpenAI",
                others=(
                    "provider-not-selected",
                    "provider-overridden",
                    "upstream-key-rejected",
                    "key-rejected",
                    "openai-key-to-gateway",
                ),
                ask=CONFIG,
                note=WORDS_OF_OPENAI,
            ),
            Sign(
                name="the address of OpenAI",
                others=("provider-not-selected", "provider-overridden", "config-missing"),
                ask=CONFIG,
                note=_TO_OPENAI,
            ),
        ),
        lacks="base_url",
        ignored_key=IgnoredKey(r"baseurl|apibase|endpoint|apiurl|^url$|^host$|^uri$", statuses=(401, 404)),
        details={"misspelt": str, "misspelt_at": str | None, "fell_into": str, "base_url": str},
    ),
    Cause(
        id="base-url-invalid",
        row="no-logs",
        step="provider.url",
        phase="send",
        fixed_by=("change",),
        title="base_url is not a web address that Codex can use",
        explanation="It is empty, lacks http:// or https://, or still holds a placeholder. No request leaves this machine.",
        remedy="Write the gateway's full address, for example https://api-dev.joytokens.ai/openai/v1.",
        tell="Codex prints `builder error` after half a minute.",
        signs=(Sign(tail="builder error"),),
        details={"base_url": str, "reason": str},
    ),
    Cause(
        id="base-url-path",
        row="no-logs",
        step="provider.url",
        phase="answer",
        fixed_by=("change",),
        title="base_url points to the wrong path on the right host",
        explanation="Codex appends /responses to base_url. The gateway's routes are below /openai/v1, so it does not know the resulting address.",
        remedy="End base_url with /openai/v1, nothing more and nothing less.",
        forms=(
            Form(
                "refused_at",
                explanation="Codex appends /responses to base_url. The host answers but knows neither that address nor the usual paths.",
                remedy="Ask whoever runs the gateway for its base URL: the usual ones were tried and refused.",
            ),
        ),
        tell="A 404 whose URL does not end in /openai/v1/responses.",
        signs=(
            Sign(
                name="a later retry",
                others=(
                    "responses-unsupported",
                    "key-rejected",
                    "upstream-error",
                    "policy-rejected",
                    "base-url-invalid",
                    "rate-limited",
                    "no-response",
                ),
                ask=RETRIES,
            ),
            Sign(name="a deformed path"),
            Sign(
                name="a deformed path elsewhere",
                explanation="Codex appends /responses to base_url. The resulting address has a part too many or too few, or contains a space.",
                remedy="Write base_url as the gateway's manual has it, without an endpoint at the end (most end in /v1).",
            ),
            Sign(
                name="another path",
                others=("redirected", "not-a-gateway", "base-url-invalid", "chat-unsupported"),
                ask=f"{BASE_URL_LINE} of config.toml",
            ),
            Sign(name="no route at another path", others=("not-a-gateway",), ask=BASE_URL_LINE),
        ),
        details={"right_base_url": str},
    ),
    Cause(
        id="env-key-missing",
        row="401",
        step="key.named",
        phase="answer",
        fixed_by=("change",),
        title="The provider has no env_key, so requests carry no key",
        explanation="Without the line (or with it misspelt) Codex sends no Authorization header at all.",
        remedy='Add env_key = "JOY_TOKEN_API_KEY" to the provider\'s table.',
        tell="A 401 although the variable is set. Look for `env-key is ignored` among the warnings.",
        signs=(
            Sign(
                whole=(
                    r"\b0?\.?1(?:49|5\d)(?:\.\d)?\b",
                    r"\b0?\.?148(?:\.\d)?\b|\b(?:upgrad|updat)\w+|升级|更新|最新",
                    r"\b401\b|unauthori[sz]ed",
                    r"(?:missing|no) (?:api[ _-]?key|authorization|bearer|credentials?|token)|(?:未提供|缺少)[^。\n]{0,6}(?:令牌|密钥|api ?key)|(?:api[ _-]?key|authorization|bearer token)[^\n]{0,20}(?:missing|required|not provided)",
                ),
                explanation=(
                    "Today's Codex no longer sends the key in auth.json to a custom provider, so the request carries no Authorization header."
                ),
                remedy=(
                    'Add env_key = "JOY_TOKEN_API_KEY" to the provider\'s table, and set that variable (or put it into $CODEX_HOME/.env).'
                ),
            ),
            Sign(
                whole=(
                    r"\bauth\.json\b",
                    r"\b401\b|unauthori[sz]ed",
                    r"(?:missing|no) (?:api[ _-]?key|authorization|bearer|credentials?|token)|(?:未提供|缺少)[^。\n]{0,6}(?:令牌|密钥|api ?key)|(?:api[ _-]?key|authorization|bearer token)[^\n]{0,20}(?:missing|required|not provided)",
                ),
                explanation=(
                    "The key is only in auth.json. Newer versions of Codex do not send that file's key to a custom provider, "
                    "so the request carries no Authorization header."
                ),
                remedy='Add env_key = "JOY_TOKEN_API_KEY" to the provider\'s table, and set that variable (or put it into $CODEX_HOME/.env).',
            ),
            Sign(
                codex=r"access token could not be refreshed|Please sign in again|Not logged in",
                others=("openai-key-to-gateway", "provider-not-selected"),
                ask=CONFIG,
            ),
            Sign(name="no key seen", others=("key-header-dropped", "key-missing", "redirected", "key-unset"), ask=KEY),
            Sign(
                error=("missing_api_key",),
                others=("key-header-dropped", "key-missing", "key-unset", "redirected"),
                ask=KEY,
            ),
            Sign(
                name="403 without a key",
                others=("key-header-dropped", "key-missing", "key-rejected", "policy-rejected"),
                ask=KEY,
            ),
            Sign(
                name="403 of an anonymous request",
                others=(
                    "policy-rejected",
                    "key-header-dropped",
                    "insufficient-quota",
                    "model-not-found",
                    "key-missing",
                ),
                ask=POLICY,
            ),
            Sign(
                name="no key sent",
                others=("key-header-dropped", "key-missing", "redirected"),
                ask=f"whether Codex itself fails with the same: {KEY}",
            ),
        ),
        ignored_key=IgnoredKey(r"envkey|apikey|keyenv|envvar|bearer|token", statuses=(401, 403)),
        details={"credential_from": str | None, "misspelt": str, "misspelt_at": str | None, "fell_into": str},
    ),
    Cause(
        id="env-key-invalid",
        row="401",
        step="key.named",
        phase="start",
        fixed_by=("change",),
        title="env_key is not the name of a variable",
        explanation="It takes the bare name: no $, no braces, no spaces.",
        remedy='Write env_key = "JOY_TOKEN_API_KEY".',
        tell="Codex prints `Missing environment variable` with the odd name.",
        signs=(
            Sign(
                name="a variable with a blank in it", others=("key-unset", "key-shadowed-by-dotenv"), ask=ENV_KEY_LINE
            ),
            Sign(
                name="a variable with a sign before its name",
                explanation="env_key takes the bare name of the variable. With a shell's $ or % in it, Codex looks for a variable that cannot exist.",
            ),
            Sign(
                name="a name with a blank in it",
                explanation="env_key takes the name of one variable, and a variable name cannot contain a space.",
            ),
            Sign(name="a variable that cannot be one", others=("env-key-is-secret", "key-unset"), ask=ENV_KEY_LINE),
        ),
    ),
    Cause(
        id="env-key-is-secret",
        row="401",
        step="key.named",
        phase="start",
        fixed_by=(
            "change",
            "commands",
        ),
        title="env_key contains the key itself",
        explanation="env_key names a variable. Codex looks for a variable of that name, fails, prints the key and stores it in its session file.",
        remedy='Write env_key = "JOY_TOKEN_API_KEY", export the key under that name, and rotate it: it has been printed.',
        tell="Codex prints `Missing environment variable` followed by something that looks like a key.",
        signs=(Sign(name="a variable that looks like a key"),),
    ),
)
