"""What the gateway, or what is in its place, answers."""

from __future__ import annotations

from typing import Final

from joytui.causes.cause import Cause, Form, GatewaySays, Sign
from joytui.causes.configuration import WORDS_OF_OPENAI
from joytui.causes.credential import OTHER_KEY_FAULTS
from joytui.causes.questions import CONFIG, DOCTOR, END_MISSING, KEY, LOG, POLICY, RETRIES, WHOLE_MESSAGE
from joytui.core.joytoken import (
    AUTO_MODEL,
    INSUFFICIENT_QUOTA,
    INVALID_API_KEY,
    MISSING_API_KEY,
    POLICY_REJECTED,
    ROUTING_ERROR,
    UPSTREAM_ERROR,
)

_UPSELL: Final = (
    "This text is about a ChatGPT plan, but the answer came from the gateway: a ChatGPT plan does not help."
)

_CONTENT: Final = (
    r"\bcontent (?:management |usage )?polic(?:y|ies)\b|\bcontent filter\b|\bflagged (?:for|as|by)\b|\bviolat\w+ (?:our|the|usage|content) (?:\w+ )?polic|\binappropriate content\b"
    r"|\bsafety (?:system|filter|polic\w+)\b|\b(?:prompt|response) was (?:blocked|filtered)\b|内容(?:安全)?(?:审核|审查|违规)|敏感(?:词|内容|信息)|违规内容"
)

GATEWAY: Final = (
    Cause(
        id="responses-unsupported",
        row="other",
        step="gateway.route",
        phase="answer",
        fixed_by=("commands",),
        title="This gateway has no Responses API, and this Codex speaks nothing else",
        explanation="Codex since 0.95 sends POST /responses only. The gateway has no such route, so every request gets 404 or 405.",
        remedy=(
            "If it offers Chat Completions, put joytui's gateway in between (`joytui gateway start --upstream <base_url>` translates), "
            "and point base_url at that. Otherwise ask whoever runs it for one with /responses."
        ),
        forms=(
            Form(
                "chat_at",
                explanation="Codex sends POST /responses only. The gateway offers Chat Completions, so every request gets 404 or 405.",
                remedy="Put joytui's gateway in between: `joytui gateway start --upstream <base_url>` translates. Then point base_url at it.",
            ),
            Form(
                "neither_route",
                explanation=(
                    "POST /responses and POST /chat/completions are both refused at this address: the gateway, or the upstream that it passes "
                    "requests to, has neither."
                ),
                remedy="Ask whoever runs the gateway for the base URL, or for the model or upstream behind it, that has the Responses API.",
            ),
        ),
        tell="A 404 or 405 whose URL ends in /openai/v1/responses.",
        signs=(
            Sign(
                whole=(
                    r"\bchat[ /_]?completions?\b[^\n]{0,160}?(?:\b200\b|\bworks?\b|\bok\b|\bfine\b|可以|正常|funktioniert)|\bonly (?:has |supports? |offers? |speaks? )?chat\b",
                    r"\b40[45]\b|not found|invalid url|no route",
                    r"/responses\b",
                ),
                explanation="The gateway, or the upstream behind it, offers Chat Completions and no /responses. Codex sends POST /responses only.",
            ),
            Sign(
                people=r"\b40[45]\b|not found|no route",
                others=("base-url-path", "model-not-found", "redirected", "not-a-gateway"),
                ask=f"the whole message with its address, or {DOCTOR}",
                broad=2,
            ),
            Sign(
                name="an upstream without the route",
                explanation="The gateway, or the upstream behind it, says that it has no /responses. Codex sends POST /responses only.",
            ),
            Sign(
                name="no route at a usual path",
                others=("base-url-path", "model-not-found"),
                ask="what the gateway's manual gives as base URL, and whether it lists /responses",
            ),
            Sign(
                name="404",
                others=("base-url-path", "model-not-found", "not-a-gateway", "request-rejected", "redirected"),
                ask=f"{DOCTOR} (it tries both routes)",
            ),
            Sign(
                name="405",
                others=("redirected", "base-url-path", "not-a-gateway", "request-rejected"),
                ask=f"{DOCTOR} (it tries both routes)",
            ),
            Sign(
                name="a body about the route",
                others=("base-url-path", "model-not-found", "redirected"),
                ask=f"the address and the status: {DOCTOR}",
            ),
        ),
        gateway=GatewaySays(
            codes=frozenset(
                {
                    "route_not_found",
                    "unknown_url",
                    "unknown_route",
                    "endpoint_not_found",
                    "no_route",
                    "method_not_allowed",
                }
            ),
            words=(
                r"\bno (?:such )?(?:route|handler|endpoint)\b|\bunknown (?:route|endpoint|path|url)\b|\bcannot (?:post|get)\b"
                r"|\b(?:route|endpoint|path|page|url|resource|handler)\b[^.\n]{0,80}\bnot (?:found|exist|supported|allowed)\b"
                r"|\binvalid url\b|\bpage not found\b|\bunrecogni[sz]ed request url\b|\bno route matched\b"
            ),
            anywhere=(
                r"\bresponses api\b[^.\n]{0,40}\b(?:not (?:supported|implemented|available|enabled)|unsupported)|(?<!\w)/(?:v1/)?responses\b[^.\n]{0,40}"
                r"\b(?:not (?:supported|implemented|available)|unsupported)|\b(?:not|n't) (?:support|implement)\w*[^.\n]{0,30}(?:\bresponses api\b|(?<!\w)/(?:v1/)?responses\b)"
                r"|\bresponses (?:endpoint|route) is not (?:implemented|supported|available|enabled)|\bunsupported (?:endpoint|api|route)\b[^.\n]{0,30}\bresponses\b|(?:不支持|暂不支持)[^。\n]{0,12}responses|^not implemented\b"
            ),
        ),
        details={"right_base_url": str, "neither_route": bool},
    ),
    Cause(
        id="chat-unsupported",
        row="other",
        step="gateway.route",
        phase="answer",
        fixed_by=("commands",),
        title="This old Codex speaks Chat Completions, but the gateway does not",
        explanation="Codex 0.94 and older use POST /chat/completions unless told otherwise; the gateway has /responses only.",
        remedy='Update Codex, or write wire_api = "responses" in the provider\'s table.',
        tell="A 404 whose URL ends in /chat/completions.",
        signs=(
            Sign(
                name="404 of an old Codex", others=("base-url-path",), ask=f"the output of `codex --version`, {CONFIG}"
            ),
        ),
    ),
    Cause(
        id="key-missing",
        row="401",
        step="gateway.key",
        phase="answer",
        fixed_by=("change",),
        title="The gateway saw no key, although Codex sends one",
        explanation="Something between this machine and the gateway strips the Authorization header.",
        remedy="Check the proxies and load balancers in between.",
        forms=(
            Form(
                "header",
                explanation="This gateway expects the key in its own header. Codex sends it as Authorization: Bearer, which this gateway ignores.",
                remedy=(
                    'In the provider\'s table, replace the line env_key with env_http_headers = { "api-key" = "NAME" }, with the '
                    "variable's name for NAME, and the header as in the gateway's manual or in a request that works."
                ),
            ),
        ),
        tell="A 401 with missing_api_key while the key is set and clean.",
        signs=(
            Sign(name="a key in another header"),
            Sign(
                whole=(
                    r"\b40[13]\b|unauthori[sz]ed|forbidden",
                    r"-H ?[\"'“]?(?!authorization)[\w-]{0,30}(?:api-?key|subscription-key)\b[^\n]{0,80}(?:works?|ok|200|fine|可以|正常)",
                ),
                details={"header": "api-key"},
            ),
        ),
        gateway=GatewaySays(
            codes=frozenset({MISSING_API_KEY}),
            words=(
                r"\b(?:missing|no)\b[^.\n]{0,20}\b(?:api[ _-]?key|authorization|bearer|credentials?|token)\b"
                r"|\b(?:api[ _-]?key|authorization header|bearer token|credentials?)\b[^.\n]{0,20}\b(?:is |are )?"
                r"(?:missing|required|not provided)\b|\bdidn't provide an api key\b"
                r"|(?:未提供|缺少|没有提供)[^。\n]{0,6}(?:令牌|密钥|凭证|api ?key)"
            ),
        ),
        details={"header": str, "header_works": bool},
    ),
    Cause(
        id="key-rejected",
        row="401",
        step="gateway.key",
        phase="answer",
        fixed_by=("commands",),
        title="The gateway refuses this key",
        explanation="The key is wrong, revoked, disabled or expired, or belongs to another gateway.",
        remedy="Create a key in the gateway's console, and export it where Codex starts.",
        tell="401, or 403 with invalid_api_key. Compare the length of the key with the console's.",
        signs=(
            Sign(
                people=r"\b401\b|unauthori[sz]ed|api key (?:is )?(?:invalid|not valid|wrong)|\b(?:invalid|wrong|incorrect) (?:api[ _-]?)?key\b|invalid_api_key|missing_api_key",
                others=("key-malformed", "key-unset", "key-header-dropped", *OTHER_KEY_FAULTS),
                ask=KEY,
            ),
            Sign(
                error=(INVALID_API_KEY,),
                others=("key-malformed", "key-shadowed-by-dotenv", *OTHER_KEY_FAULTS),
                ask=KEY,
            ),
            Sign(
                name="key refused",
                others=("key-malformed", "upstream-key-rejected", "key-shadowed-by-dotenv", *OTHER_KEY_FAULTS),
                ask=KEY,
            ),
            Sign(
                name="a key that is plainly refused",
                note="The gateway received a key that it does not know. If the key looks right in the console, compare its length with the one"
                " that Codex has: that also shows quotes, blanks, or an old value in $CODEX_HOME/.env.",
            ),
            Sign(
                name="key refused or missing",
                others=("key-malformed", "env-key-missing", "key-header-dropped", *OTHER_KEY_FAULTS),
                ask=KEY,
            ),
            Sign(name="a key that is not shown"),
            Sign(name="a body about the key", others=("key-malformed", *OTHER_KEY_FAULTS), ask=KEY),
            Sign(
                name="403 about the key",
                note="JoyToken answers 403, not 401, to a key that it does not know.",
            ),
            Sign(name="404 about the key", others=("responses-unsupported", "base-url-path"), ask=DOCTOR),
            Sign(
                begins="unexpected status",
                others=(
                    "responses-unsupported",
                    "policy-rejected",
                    "insufficient-quota",
                    "base-url-path",
                    "model-not-found",
                    "upstream-error",
                    "key-malformed",
                    "key-header-dropped",
                    "env-key-missing",
                    "edge-blocked",
                ),
                ask=END_MISSING,
            ),
        ),
        gateway=GatewaySays(
            statuses=(401,),
            codes=frozenset(
                {
                    INVALID_API_KEY,
                    "authentication_error",
                    "invalid_authentication",
                    "incorrect_api_key",
                    "expired_api_key",
                }
            ),
            words=(
                r"\b(?:invalid|incorrect|unknown|wrong|bad|revoked|expired|inactive|malformed)(?: or missing)? (?:api[ _-]?)?(?:key|token)\b"
                r"|\b(?:api[ _-]?)?key\b[^.\n]{0,30}\b(?:is |was |has )?(?:invalid|incorrect|revoked|expired|not active|inactive|not valid)\b"
                r"|无效的?(?:令牌|密钥|api ?key)|(?:令牌|密钥|api ?key|\btoken)[^。\n]{0,4}(?:无效|错误|已过期|过期|已被?禁用|被禁用|不正确|不存在|状态不可用)|(?:身份|令牌|密钥|key) ?(?:验证|认证|鉴权|校验)(?:失败|未通过|不通过)"
                r"|\bx-api-key\b[^.\n]{0,12}\binvalid\b|\binvalid (?:x-api-key|proxy server token|bearer token)\b|\bunable to find token\b|\b(?:virtual )?key expected\b|\bexpected to start with\b|ungültiger? (?:api-)?(?:schlüssel|key)|clave (?:de )?(?:la )?api (?:es )?(?:inválida|no válida|incorrecta)|chave (?:de )?api inválida|clé api (?:est )?(?:invalide|incorrecte)|неверный (?:api[ -]?)?ключ|キーが(?:無効|正しく)"
            ),
        ),
    ),
    Cause(
        id="upstream-key-rejected",
        row="other",
        step="gateway.service",
        phase="answer",
        fixed_by=(),
        title="The upstream refuses the gateway's own key",
        explanation="Your key is fine. The upstream that the gateway forwards the request to refused the gateway's key.",
        remedy="Tell whoever runs the gateway: its upstream key must be renewed.",
        tell="A 401 or 403 with the header X-Joytui-Error-Origin: upstream.",
        signs=(
            Sign(
                name="words of OpenAI at the gateway's address",
                others=(
                    "key-rejected",
                    "openai-key-to-gateway",
                    "base-url-missing",
                    "provider-not-selected",
                    "provider-overridden",
                ),
                ask=CONFIG,
                note=WORDS_OF_OPENAI,
            ),
            Sign(
                name="key refused by an upstream",
                others=("key-rejected",),
                ask=LOG,
            ),
            Sign(
                name="an upstream's error about a key",
                others=("upstream-error",),
                ask=LOG,
            ),
        ),
        details={"seen_in_message": bool},
    ),
    Cause(
        id="policy-rejected",
        row="403",
        step="gateway.policy",
        phase="answer",
        fixed_by=("change", "commands"),
        title="The key's policy does not allow this request",
        explanation="The gateway knows the key, but its policy refuses the IP address, the tier or the model, or the key is blocked.",
        remedy="Change the key's policy, or use a key that allows it.",
        tell="403 with policy_rejected and a reason.",
        signs=(
            Sign(
                people=r"\b403\b|forbidden|policy_rejected|is not allowed|not in the allow",
                others=("edge-blocked", "key-rejected", "insufficient-quota"),
                ask=WHOLE_MESSAGE,
                broad=1,
            ),
            Sign(
                name="403",
                others=(
                    "edge-blocked",
                    "key-rejected",
                    "insufficient-quota",
                    "model-not-found",
                    "env-key-missing",
                    "key-missing",
                ),
                ask=POLICY,
            ),
            Sign(name="refused without an error object", others=("edge-blocked",), ask=DOCTOR),
        ),
        gateway=GatewaySays(
            statuses=(403,),
            codes=frozenset(
                {
                    POLICY_REJECTED,
                    "key_model_access_denied",
                    "team_model_access_denied",
                    "user_model_access_denied",
                    "org_model_access_denied",
                    "project_model_access_denied",
                    "model_access_denied",
                    "model_not_allowed",
                    "ip_not_allowed",
                    "ip_not_authorized",
                    "unsupported_country_region_territory",
                }
            ),
            anywhere=(
                r"\bnot (?:authori[sz]ed|allowed|permitted|entitled|enabled) (?:to|for) (?:access|use|call|invoke)?(?:ing)? ?(?:this |the |that )?models?\b"
                r"|\b(?:key|token|user|team|account|project|group|organi[sz]ation)\b[^.\n]{0,40}\b(?:not (?:allowed|authori[sz]ed|permitted)|no (?:access|permission)"
                r"|(?:does not|doesn't) have (?:access|permission)|cannot access)\b[^.\n]{0,40}\bmodels?\b(?!.{0,80}not exist)"
                r"|\b(?:do|does)(?:n't| not) have (?:access|permission) to (?:the|this) (?:model|foundation model|deployment)|\bcan only access (?:the )?models?\b|\b(?:key|token)'s policy\b|\bblocked by (?:its|the key's|your) policy\b"
                r"|\bmodels? \S{1,80} is (?:not allowed|blacklisted|blocked|denied)\b|\brequested tier is not allowed\b|\b(?:country|region|territory|location)\b[^.\n]{0,30}\bnot supported\b|\binvalid tier\b|\bno endpoints found matching your (?:data|privacy) policy\b|\bguardrail restrictions and data policy\b"
                r"|\bIP\b[^\n]{0,60}?\bnot (?:allowed|whitelisted|permitted|in (?:the |your )?(?:ip )?(?:white|allow))"
                r"|\bnot enabled for (?:this|your|the) (?:group|plan|account|organi[sz]ation|project|key|token|user|team)\b|\bin the (?:ip )?(?:block|deny|black)-?list\b"
                r"|无权(?:访问|使用|调用)|没有(?:访问|使用|调用)?[^。\n]{0,12}权限|令牌[^。\n]{0,12}(?:不允许|不可用于|无权)|不在(?:IP)?(?:允许|白名单)"
                r"|nicht berechtigt|no (?:está )?autorizado|нет доступа|アクセス権(?:限)?が(?:あり|無)"
            ),
            part="policy",
            parts=(
                ("ip", r"\bips?\b|\bip[ _-]?address|\bcidr\b|\ballow-?list|\bnetwork\b"),
                ("tier", r"\btiers?\b"),
                ("model", r"\bmodels?\b|\bfixed[ _]model\b"),
                ("blocked", r"\bblock(?:ed)?\b|\bdisabled\b|\bsuspended\b|\bbanned\b|\bfrozen\b"),
            ),
        ),
        forms=(
            Form(
                "policy",
                "ip",
                explanation="The key is known, but it may only be used from certain addresses, and the request came from another one.",
                remedy="Connect from an allowed network (check the VPN), or ask an administrator to allow the address in the message.",
            ),
            Form(
                "policy",
                "tier",
                explanation="The key is known, but it may not use the requested tier.",
                remedy="Use a model of a tier that the key allows, or ask an administrator to allow this tier.",
            ),
            Form(
                "policy",
                "model",
                explanation="The key is known, but it may not use this model.",
                remedy=(
                    "Set model = … to a model that the key allows (if the key is fixed to one, the message names it), or ask an "
                    "administrator to allow this one."
                ),
            ),
            Form(
                "policy",
                "blocked",
                explanation="The key is known, but it is blocked.",
                remedy="Ask whoever gave you the key why, or use another one.",
            ),
        ),
        details={"policy": str, "allowed": list},
    ),
    Cause(
        id="insufficient-quota",
        row="402",
        step="gateway.budget",
        phase="answer",
        fixed_by=(),
        title="The wallet, quota or budget is used up",
        explanation="The gateway knows the key but refuses to spend: a wallet is empty, or a daily or weekly limit is reached.",
        remedy="Top up the wallet, raise the limit, or wait for the reset.",
        tell="402, or insufficient_quota with another status.",
        signs=(
            Sign(codex=r"Quota exceeded\. Check your plan", note=_UPSELL),
            Sign(
                people=r"\b(?:daily|weekly|total) limit of \S+ credits exceeded\b|\binsufficient wallet balance: the",
                note="These are joytui's own words: which limit, what is left of it, and when it resets. An answer that was"
                " running is ended there, too; Codex then says “Quota exceeded. Check your plan and billing details.”",
            ),
            Sign(people=r"\b402 ?payment ?required\b"),
            Sign(
                people=r"\b402\b|payment required|insufficient[ _]quota|wallet|quota exceeded|budget exceeded|out of credits",
                others=("rate-limited",),
                ask=f"{WHOLE_MESSAGE}, and {LOG}",
                broad=1,
            ),
            Sign(name="401 about a budget", others=("key-rejected", "key-malformed"), ask=LOG),
            Sign(name="403 about a budget", others=("policy-rejected",), ask=WHOLE_MESSAGE),
        ),
        gateway=GatewaySays(
            statuses=(402,),
            codes=frozenset(
                {
                    INSUFFICIENT_QUOTA,
                    "quota_exceeded",
                    "insufficient_balance",
                    "insufficient_funds",
                    "insufficient_credits",
                    "budget_exceeded",
                    "billing_hard_limit_reached",
                    "billing_not_active",
                    "insufficient_user_quota",
                    "pre_consume_token_quota_failed",
                    "insufficient_balance_error",
                    "exceeded_current_quota_error",
                    "arrearage",
                    "usage_limit_reached",
                    "usage_limit_exceeded",
                    "subscription_expired",
                    "plan_expired",
                    "accountoverdueerror",
                    "setlimitexceeded",
                    "account_suspended",
                    "allocationquota.freetieronly",
                    "1113",
                }
            ),
            anywhere=(
                r"\b(?:insufficient|not enough) (?:account |user |wallet )?(?:quota|balance|credits?|funds)\b|\b(?:balance|quota) (?:is )?(?:too low|insufficient|not enough|not sufficient|exhausted|negative)\b"
                r"|\bexceeded your current quota\b|\bquota (?:is |has been )?(?:exceeded|exhausted|used up|depleted)\b|\bout of (?:credits?|quota|funds)\b"
                r"|\bcredits? (?:balance )?(?:is |are |has been |have been )?(?:too low|exhausted|depleted|used up)\b|\bbudget (?:is |has been )?(?:exceeded|exhausted|used up)\b"
                r"|\bexceeded\s?(?:\w+ ?){0,2}budget\b|\bmax(?:imum)? budget\b|\bover budget\b|\bplease (?:recharge|top[ -]?up)\b|\bno resource package\b|\bbilling hard limit\b|\bpayment required\b|\bin arrears\b|\boverdue (?:balance|payment|bill)|\b(?:account|payment) (?:is )?overdue\b"
                r"|\binsufficient wallet\b|\bkey limit exceeded\b|\b(?:daily|weekly|monthly|total) limit of\b"
                r"|\b(?:requires?|need|purchase|buy|add) (?:more |additional )?credits\b|\bcan only afford\b|\b(?:do|does)(?:n't| not) have (?:any |enough |sufficient )?credits?\b|\bno credits\b|\bno (?:remaining|more) (?:quota|balance|credits?)\b"
                r"|\b(?:spending|spend) (?:limit|cap)\b|\b(?:unpaid|past(?: due)?) invoices?\b|\bfree (?:tier|trial|quota)\b[^.\n]{0,40}\b(?:exhausted|ended|expired|used up)|\baccount is in good standing\b|\b(?:subscription|plan|trial)\b[^.\n]{0,20}\b(?:has |is )?(?:expired|ended|inactive)\b"
                r"|(?:余额|额度|配额|资源包|点数)[^。\n]{0,6}(?:不足|用完|用尽|耗尽|超限|已用)|欠费|请充值|请续费|续费后|套餐[^。\n]{0,6}(?:到期|过期|用完)|残高(?:が)?不足|クレジット(?:が)?不足|잔액[^.\n]{0,4}부족"
                r"|\bsaldo insuficiente\b|\bsolde insuffisant\b|\bGuthaben\b[^.\n]{0,30}\b(?:aufgebraucht|reicht|erschöpft)\b|недостаточно (?:средств|кредитов)"
            ),
            words=(
                r"\binsufficient (?:quota|balance|credits?|funds)\b|\bquota (?:is )?(?:exceeded|exhausted|used up)\b|\bwallet\b"
                r"|\b(?:daily|weekly|monthly|total) (?:quota|limit|budget)\b|\bbudget (?:is )?(?:exceeded|exhausted|used up)\b"
                r"|\bbalance (?:is )?(?:too low|insufficient)\b|\bout of credits\b"
            ),
            part="quota",
            parts=(
                ("daily", r"\bdaily\b|\bper day\b|\btoday\b|\bday limit\b"),
                ("weekly", r"\bweekly\b|\bper week\b|\bthis week\b"),
                ("monthly", r"\bmonthly\b|\bper month\b"),
                ("total", r"\btotal (?:quota|limit|budget)\b|\blifetime\b"),
                ("wallet", r"\bwallet\b|\bbalance\b|\bcredits?\b|\bfunds?\b"),
            ),
        ),
        forms=(
            *(
                Form(
                    "quota",
                    period,
                    explanation=f"The rest of the {period} limit does not cover this request. Your configuration and your key are fine.",
                    remedy="Try again after the reset, or ask for a higher limit.",
                )
                for period in ("daily", "weekly", "monthly", "total")
            ),
            Form(
                "quota",
                "wallet",
                explanation="The remaining balance does not cover this request. Your configuration and your key are fine.",
                remedy="Ask for a top-up. If a relay passed this message on, its own balance with the provider is used up.",
            ),
        ),
        details={"quota": str, "turn_bytes": int},
    ),
    Cause(
        id="model-not-found",
        row="model-not-found",
        step="gateway.model",
        phase="answer",
        fixed_by=(
            "change",
            "commands",
        ),
        title="The gateway does not know this model",
        explanation="Codex asks for a model that the gateway does not have, or not for this key. Names are case-sensitive.",
        remedy='Write model = "auto", or a model key from the catalog.',
        forms=(
            Form(
                "listed",
                title="The gateway refuses a model that it lists",
                explanation=(
                    "The catalog lists this model, and yet the gateway does not serve it: nothing behind it takes this model for this "
                    "key just now."
                ),
                remedy="Ask whoever runs the gateway which model this key may use, and write that one as model = …",
            ),
            Form(
                "refused_model",
                AUTO_MODEL,
                explanation="The gateway does not know auto: its router is off, or it is not a JoyToken gateway.",
                remedy="Write a model key from the gateway's catalog: auto is what was refused.",
            ),
        ),
        tell="404 or 400 that mentions a model.",
        signs=(
            Sign(people=r"model not found: ?\S{1,80} ?\(use auto or a model"),
            Sign(
                people=r"model not found|unknown model|model .{0,60}(?:does not exist|not found)",
                others=("responses-unsupported", "base-url-path"),
                ask=f"the line model = …, and {WHOLE_MESSAGE}",
                broad=1,
            ),
            Sign(name="refused", others=("responses-unsupported", "policy-rejected"), ask=LOG),
            Sign(name="a body of status 400", others=("request-rejected",), ask=LOG),
            Sign(
                name="403 about a model",
                others=("policy-rejected", "key-rejected", "insufficient-quota", "env-key-missing", "key-missing"),
                ask=POLICY,
            ),
            Sign(
                name="404 about a model",
                others=("responses-unsupported", "base-url-path"),
                ask="the line model = …, and the output of `joytui models`",
            ),
        ),
        gateway=GatewaySays(
            statuses=(404,),
            codes=frozenset(
                {
                    "model_not_found",
                    "unknown_model",
                    "invalid_model",
                    "model_not_available",
                    "deploymentnotfound",
                    "get_channel_failed",
                }
            ),
            anywhere=(
                r"\bno (?!usable)[\w /-]{0,40}?(?:channels?|providers?|deployments?|accounts?|endpoints?|upstreams?|backends?|instances?|routes?)\b"
                r"[^.\n]{0,40}\b(?:for|that supports?|supporting|serving) (?:this |the )?(?:requested )?models?\b|\bno (?:\w+ ){0,3}(?:channels?|providers?|deployments?|accounts?) (?:\w+ )?(?:serves?|supports?|has|offers) (?:this |the )?model\b"
                r"|\bno endpoints found for \S+/\S|\bno endpoints found that support\b|\bnot found the model\b|\b(?:unsupported|unknown|invalid) model: ?\S"
                r"|\bunknown provider for model\b|\binvalid model name\b|\bno such model\b|\bdeployment for this resource does not exist\b|\bmodel \S{1,80} (?:does not exist|is not (?:served|deployed|registered|configured))\b|\bmodels?[ /:]\S{1,80} (?:is |was )?not found\b"
                r"|\bmodels?\b[^.\n]{0,60}\bdoes not exist or you\b|无可用(?:的)?渠道|没有可用(?:的)?渠道|模型[^。\n]{0,20}(?:不存在|未找到|找不到)"
            ),
            words=(
                r"\b(?:unknown|invalid|unsupported|unrecogni[sz]ed|no such) model\b"
                r"|\bmodels?\b(?:[^.\n]|\.(?=\w)){0,120}?\b(?:not found|could not be found|not exist|doesn't exist|unknown|not available|unavailable"
                r"|not supported|unsupported|not recogni[sz]ed|not in the catalog|not a valid)\b"
                r"|\bmodel_not_found\b|\bno (?:such )?(?:deployment|endpoints?) (?:found )?for (?:this )?model\b"
                r"|\b(?:is )?(?:not a valid|an? (?:invalid|unknown)) model\b|\bno endpoints found for\b|^\s*model: ?\S+\s*$"
                r"|模型[^。\n]{0,20}(?:不存在|未找到|找不到|不支持)|(?:未知|无效|不存在)的?模型|\bmodelo\b.{0,80}\b(?:no existe|no encontrado|não existe|não encontrado)"
                r"|\bmodèle\b.{0,80}(?:introuvable|n'existe pas|inconnu)|\bModell\b.{0,80}\b(?:nicht gefunden|existiert nicht|unbekannt)|モデル[^。\n]{0,40}(?:存在しません|見つかりません)|модель.{0,80}не (?:найдена|существует)"
            ),
        ),
        details={"suggestions": list, "offered": int, "listed": bool},
    ),
    Cause(
        id="rate-limited",
        row="other",
        step="gateway.service",
        phase="answer",
        fixed_by=(),
        title="The gateway limits the rate of requests",
        explanation="A 429. Codex hides the text. With a Retry-After header it waits as long as that says, even an hour.",
        remedy="Wait, or ask for a higher limit.",
        tell="Codex prints `exceeded retry limit, last status: 429`.",
        signs=(
            Sign(
                codex=r"hit your usage limit|upgrade to Plus|Upgrade to Pro|usage limit reached",
                others=("insufficient-quota", "policy-rejected"),
                ask=f"the gateway's own answer: {DOCTOR}",
                note=_UPSELL,
            ),
            Sign(
                whole=(
                    r"\b429\b",
                    r"\b(?:enough|plenty of|still have) (?:\w+ )?(?:quota|balance|credits?|budget)\b|\b(?:quota|balance|credits?|budget)\b[^\n.]{0,20}\b(?:is |are |looks? )?(?:fine|ok|okay|normal|enough|sufficient|left)\b|(?:额度|余额|配额)[^。\n]{0,4}(?:正常|充足|足够|没问题|还有)",
                ),
                note="“exceeded retry limit” hides the gateway's own words, and mostly nothing was retried.",
            ),
            Sign(
                codex=r"exceeded retry limit, last status: 429",
                others=("insufficient-quota",),
                ask=LOG,
                note="“exceeded retry limit” hides the gateway's own words, and mostly nothing was retried.",
            ),
            Sign(
                codex=r"rate limit exceeded: |Rate limit reached", others=("response-failed", "upstream-error"), ask=LOG
            ),
            Sign(
                begins="exceeded retry limit, last status:",
                others=("insufficient-quota", "key-rejected", "policy-rejected"),
                ask=END_MISSING,
            ),
            Sign(
                people=r"\b429\b|too many requests|rate.?limit",
                others=("insufficient-quota", "upstream-error"),
                ask=LOG,
                broad=2,
            ),
            Sign(
                name="the first retry",
                others=(
                    "no-response",
                    "upstream-error",
                    "base-url-path",
                    "responses-unsupported",
                    "key-rejected",
                    "policy-rejected",
                    "base-url-invalid",
                ),
                ask=RETRIES,
            ),
            Sign(name="refused", others=("insufficient-quota",), ask=LOG),
        ),
        gateway=GatewaySays(
            statuses=(429,),
            anywhere=r"\berror code: ?1015\b|\brate.?limit(?:s|ed)? (?:is |was )?(?:exceeded|reached|hit)\b|\bexceeded\b[^.\n]{0,30}\brate.?limit|\btoo many (?:concurrent )?requests\b"
            r"|\bconcurren(?:cy|t)(?: requests?)? limit|\b(?:requests|tokens) per (?:min|minute|second)\b[^\n]{0,60}\blimit|\blimit\b[^\n]{0,60}\b(?:requests|tokens) per (?:min|minute|second)\b|\b(?:is|are) (?:being |currently |all )?rate.?limited\b"
            r"|(?:速率|频率|频次|并发|请求数)[^。\n]{0,6}(?:限制|超|过高)|(?:请求|访问)(?:过于|太|量过)(?:频繁|快|大)|レート制限",
            codes=frozenset(
                {
                    "rate_limit_exceeded",
                    "rate_limited",
                    "rate_limit_error",
                    "too_many_requests",
                    "toomanyrequests",
                    "throttling_error",
                    "throttlingexception",
                    "concurrency_limit_exceeded",
                }
            ),
        ),
    ),
    Cause(
        id="duplicate-request",
        row="other",
        step="gateway.request",
        phase="answer",
        fixed_by=(),
        title="The gateway takes this for a duplicate request",
        explanation="Its duplicate check refuses the same request id, or the same text, for some time.",
        remedy="Wait a moment. Remove a constant X-Request-ID from http_headers.",
        tell="409 with `duplicate request_id`.",
        signs=(
            Sign(people=r"\bduplicate request[_ ]id\b"),
            Sign(name="refused", others=("request-rejected",), ask=LOG),
        ),
        gateway=GatewaySays(statuses=(409,), words=r"\bduplicate[ _]request(?:\b|[ _]id\b)"),
    ),
    Cause(
        id="task-stopped",
        row="other",
        step="gateway.policy",
        phase="answer",
        fixed_by=(),
        title="Somebody stopped this task at the gateway",
        explanation="A lead or an administrator stopped this thread of Codex, with all of its sub-agents. None of its requests is answered.",
        remedy="Ask whoever runs the gateway. `joytui tasks resume ID` lets the task go on; a new thread (`codex`, `codex exec`) is not stopped.",
        tell="400 with task_stopped, or “this task was stopped at …” from a turn that was running.",
        signs=(Sign(people=r"\btask_stopped\b|\bthis task was stopped at \d{4}-\d\d-\d\dT"),),
        gateway=GatewaySays(codes=frozenset({"task_stopped"}), anywhere=r"\bthis task was stopped at \d{4}-\d\d-\d\dT"),
    ),
    Cause(
        id="runaway-stopped",
        row="other",
        step="gateway.policy",
        phase="answer",
        fixed_by=(),
        title="The gateway stopped this task: it ran away",
        explanation="The key's policy limits how many requests a task may send in a minute, and how often it may repeat the same turn.",
        remedy=(
            "Look at what it did (`joytui logs --filter task:ID`). `joytui tasks resume ID` lets it go on, `joytui keys edit KEY "
            "--max-requests-per-minute N` or `--max-identical-turns N` (or `off`) changes the limit."
        ),
        tell="400 with runaway_stopped, and the limit that the task has passed.",
        signs=(Sign(people=r"\brunaway_stopped\b|\bthis task was stopped as a runaway\b"),),
        gateway=GatewaySays(codes=frozenset({"runaway_stopped"}), anywhere=r"\bthis task was stopped as a runaway\b"),
    ),
    Cause(
        id="request-too-large",
        row="other",
        step="gateway.request",
        phase="answer",
        fixed_by=(),
        title="The request is too large",
        explanation="The body is over the gateway's limit (8 MiB), or the conversation is longer than the model's context.",
        remedy="Start a new thread, or compact this one.",
        tell="413, or a message about size or context length.",
        signs=(
            Sign(codex=r"ran out of room in the model's context"),
            Sign(name="refused", others=("request-rejected",), ask=LOG),
        ),
        gateway=GatewaySays(
            statuses=(413,),
            codes=frozenset(
                {
                    "context_length_exceeded",
                    "context_window_exceeded",
                    "contextwindowexceedederror",
                    "exceed_context_size_error",
                    "max_context_length_exceeded",
                    "model_max_prompt_tokens_exceeded",
                    "prompt_too_long",
                    "input_too_long",
                    "request_too_large",
                    "string_above_max_length",
                    "payload_too_large",
                    "1261",
                }
            ),
            anywhere=(
                r"\bexceed(?:s|ed|ing)?\b[^.\n]{0,80}\bcontext (?:length|window|size|limit)\b|\bcontext (?:length|window|size|limit)\b[^.\n]{0,40}\b(?:exceeded|exceeds|overflow|too (?:small|long))"
                r"|\bmaximum context\b|\bprompt (?:is )?too long\b|\b(?:input|prompt)\b[^.\n]{0,20}\b(?:length )?(?:is )?too long\b|\btoo many (?:input |prompt )?tokens\b"
                r"|\b(?:input|prompt)\b[^.\n]{0,30}\btokens?\b[^.\n]{0,40}\bexceeds?\b|\bexceeds? the (?:maximum|max)\b[^.\n]{0,40}\b(?:tokens|context|input length)\b"
                r"|\bmaximum (?:prompt|input) (?:length|tokens)\b|\brange of (?:input|prompt) length\b|\breduce the length of\b|\bran out of room in the model's context\b"
                r"|上下文(?:长度|窗口)?[^。\n]{0,12}(?:超|过长)|超(?:过|出)[^。\n]{0,16}(?:上下文|最大(?:长度|token)|长度限制)|输入(?:内容)?过长|(?:prompt|输入|请求|内容)[^。\n]{0,4}超长|longer than the model's context|コンテキスト[^。\n]{0,12}超|Kontext(?:länge|fenster)[^.\n]{0,40}überschr"
            ),
            words=(
                r"\b(?:body|request|payload|input|prompt)\b[^.\n]{0,40}\b(?:too large|too long|too big|exceeds?)\b|\b8 ?mib\b"
                r"|\bcontext (?:length|window)\b|\bmaximum context\b|\bcontext_length_exceeded\b"
            ),
        ),
    ),
    Cause(
        id="request-rejected",
        row="other",
        step="gateway.request",
        phase="answer",
        fixed_by=("change", "commands"),
        title="The gateway does not accept Codex's request",
        explanation="It answers, but refuses something that Codex always sends.",
        remedy="Ask whoever runs the gateway to accept what Codex sends.",
        forms=(
            Form(
                "line",
                explanation="It answers but refuses a value that your configuration sets.",
                remedy="Change or remove that line.",
            ),
            Form(
                "field",
                remedy="Put joytui's gateway in between, or ask the operator to accept the named field.",
            ),
            Form(
                "refused",
                "content",
                title="The model's provider refuses what the request says",
                explanation="Its content filter blocked the text. Your configuration and your key are fine.",
                remedy="Rephrase the request, or start a new thread: the refused text stays in the old one.",
            ),
        ),
        tell="400 or 422. Codex prints the raw body of a 400, without status or URL.",
        signs=(
            Sign(
                whole=(
                    r"invalid_encrypted_content|encrypted content\b.{0,200}?\b(?:could not|cannot|can't) be (?:verified|decrypted|parsed)|(?:decrypt|verify)\w* (?:the )?encrypted (?:content|reasoning)",
                ),
                explanation=(
                    "The thread holds reasoning that another provider or account encrypted, and this one cannot read it. "
                    "A thread keeps its history when the provider changes."
                ),
                remedy="Start a new thread (not codex resume). Your configuration and your key are fine.",
            ),
            Sign(
                whole=(
                    r"\bitems are not persisted when\b|provided without its required following item|no tool (?:output|call) found for function call",
                ),
                explanation=(
                    "The thread's history, as it reaches the model's provider, is not what that provider wrote: something on the way dropped or "
                    "renamed items, or the thread was made with another provider."
                ),
                remedy="Start a new thread. If that one fails as well, the relay must pass the items of `input` on as Codex sends them.",
            ),
            Sign(
                whole=(
                    r"\bapi[- ]version\b[^\n]{0,40}\b(?:not (?:supported|allowed|valid|recogni[sz]ed)|unsupported|invalid)\b|\b(?:unknown|unsupported|unexpected|unrecogni[sz]ed|invalid) query\b|\bquery (?:string|param(?:eter)?s?)\b[^\n]{0,40}\bnot (?:allowed|supported|recogni[sz]ed)\b",
                ),
                explanation="The gateway refuses the query parameters that the provider's table adds to every address.",
                remedy="Remove the line query_params from the provider's table, or write the value that this gateway documents for this address.",
                details={"field": "query_params"},
            ),
            Sign(codex=r"Invalid image in your last message"),
            Sign(
                people=r"\b(?:unsupported|unknown|unrecogni[sz]ed|unexpected) (?:parameter|argument|field|tool type|request argument)s?\b(?! '-)",
                broad=1,
            ),
            Sign(name="refused", others=("model-not-found", "response-failed"), ask=LOG),
            Sign(name="refused in an exchange", others=("model-not-found",), ask=DOCTOR),
            Sign(name="a body of status 400", others=("response-failed", "model-not-found"), ask=LOG),
            Sign(name="an error without words", others=("response-failed", "model-not-found"), ask=DOCTOR),
            Sign(
                name="an error in words of its own",
                others=("response-failed", "model-not-found", "error-in-200"),
                ask=DOCTOR,
            ),
        ),
        gateway=GatewaySays(
            codes=frozenset(
                {"content_filter", "content_policy_violation", "data_inspection_failed", "invalid_prompt_policy"}
            ),
            anywhere=_CONTENT,
            part="refused",
            parts=(("content", _CONTENT),),
        ),
        details={"plain_request": str, "field": str, "line": str, "refused": str},
    ),
    Cause(
        id="provider-named-openai",
        row="other",
        step="config.loads",
        phase="answer",
        fixed_by=("change",),
        title='The provider\'s name is "OpenAI"',
        explanation="Codex then treats it as OpenAI; compacting a long thread can fail.",
        remedy="Give it another name.",
        tell="Turns work until the context fills up or /compact is typed; then `Error running remote compact task`.",
        signs=(
            Sign(
                whole=(
                    r"remote compact(?:ion)?\b|/responses/compact\b|compaction output item",
                    r"\berror\b|\bfail|\b[45]\d\d\b|not found|\bunexpected\b|\bexpected exactly\b|\btime(?:d )?out|失败|错误|报错",
                ),
                explanation=(
                    "Codex then has long threads compacted by the server, at /responses/compact, and this gateway does not do that. "
                    "Normal turns are not affected, whatever the message says about load or a missing page."
                ),
                remedy=(
                    'Give the provider another name, for example name = "joytoken" in its table: Codex then compacts by itself. '
                    "base_url stays as it is, and normal turns need no change. Until then, start a new thread when the context is full."
                ),
            ),
        ),
    ),
    Cause(
        id="gateway-error",
        row="other",
        step="gateway.service",
        phase="answer",
        fixed_by=(),
        title="The gateway itself fails",
        explanation="HTTP 500. Codex retries thirty times and then shows OpenAI's text about high demand, which is misleading.",
        remedy="Give the operator the request id.",
        tell="Codex prints `We're currently experiencing high demand`.",
        signs=(
            Sign(
                codex=r"experiencing high demand",
                note="“High demand” is OpenAI's text: Codex shows it for any HTTP 500, here one of the gateway.",
            ),
            Sign(
                begins="We're currently experiencing high demand",
                others=("upstream-error", "insufficient-quota"),
                ask=DOCTOR,
            ),
            Sign(error=("stream_error",)),
            Sign(name="refused", others=("upstream-error", "insufficient-quota"), ask=LOG),
        ),
        passes=True,
    ),
    Cause(
        id="upstream-error",
        row="other",
        step="gateway.service",
        phase="answer",
        fixed_by=(),
        title="The gateway's upstream fails",
        explanation="The gateway could not get an answer from a provider (502, 503, 504 and the like).",
        remedy="Try again in a minute; then give the operator the request id.",
        tell="Codex prints `unexpected status 502` (or 503, 504 …).",
        signs=(
            Sign(
                codex=r"Selected model is at capacity",
                note="“At capacity” is Codex's text for a gateway that answers that it is overloaded.",
            ),
            Sign(
                people=r"\b50[0234]\b|bad gateway|service unavailable|internal server error",
                others=("gateway-error", "connection-reset"),
                ask=DOCTOR,
                broad=2,
            ),
            Sign(error=(ROUTING_ERROR, UPSTREAM_ERROR, "store_unavailable")),
            Sign(name="refused", others=("gateway-error",), ask=LOG),
            Sign(
                name="an upstream's error in a body of status 400",
                others=("upstream-key-rejected", "request-rejected"),
                ask=LOG,
            ),
            Sign(name="an error of the catalog", others=("gateway-error",), ask=DOCTOR),
        ),
        gateway=GatewaySays(
            anywhere=(
                r"\bno (?:available|active|healthy|usable) (?:\w+ )?(?:accounts?|channels?|upstreams?|backends?|credentials?|keys?)\b|\bno auth available\b|\bauth_unavailable\b"
                r"|\ball (?:\w+ )?(?:channels?|accounts?|providers?|upstreams?|keys)\b[^.\n]{0,30}\b(?:unavailable|failed|down|exhausted|cooling)"
                r"|\b(?:servers?|models?|engine|provider|upstream|service)\b[^.\n]{0,20}\b(?:is|are) (?:currently |temporarily )?(?:overloaded|at capacity|busy)\b|\bservice (?:is )?temporarily (?:unavailable|overloaded)\b"
                r"|无可用(?:的)?账号|没有可用(?:的)?账号|(?:上游|负载|服务器?|系统)[^。\n]{0,8}(?:饱和|过载|超载|繁忙|过高)"
            ),
            codes=frozenset({"overloaded_error", "engine_overloaded_error", "service_unavailable_error"}),
        ),
        passes=True,
    ),
)
