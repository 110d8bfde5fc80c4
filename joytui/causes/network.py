"""What is between Codex and the gateway: names, connections, proxies, certificates."""

from __future__ import annotations

from typing import Final

from joytui.causes.cause import Cause, Form, GatewaySays, Sign
from joytui.causes.questions import DOCTOR, LOG, PROXY, PROXY_VARIABLES

CONNECTING: Final = (
    "connection-refused",
    "proxy-unreachable",
    "tls-untrusted",
    "dns-failure",
    "proxy-invalid",
    "tls-hostname-mismatch",
    "tls-expired",
    "tls-protocol-mismatch",
    "proxy-denied",
    "connection-timeout",
    "base-url-missing",
    "base-url-invalid",
    "provider-not-selected",
    "provider-overridden",
    "connection-reset",
)
"""What keeps a request from getting out, the likeliest first."""

NETWORK: Final = (
    Cause(
        id="remote-server-failed",
        row="other",
        step="net.answer",
        phase="connect",
        fixed_by=(),
        title="The app server of --remote does not accept this client",
        explanation="With --remote, Codex ignores this machine's configuration: a Codex app server elsewhere runs the turn. "
        "That server could not be reached, or it refused the token.",
        remedy="Start it there with `codex app-server --listen ws://IP:PORT`, check the address, and name the token's variable with "
        "--remote-auth-token-env.",
        tell="Codex prints `failed to connect to remote app server at …`.",
        details={"server": str},
        signs=(
            Sign(codex=r"failed to connect to remote app server", broad=-4),
            Sign(codex=r"remote-auth-token-env"),
        ),
    ),
    Cause(
        id="dns-failure",
        row="no-logs",
        step="net.dns",
        phase="connect",
        fixed_by=(),
        title="The gateway's host name cannot be resolved",
        explanation="The name is misspelt, or this network's resolver does not know it (VPN?). Codex keeps retrying and never gives up.",
        remedy="Check the host in base_url, and whether the VPN is on.",
        tell="Codex shows `waiting for network` and nothing else.",
        signs=(
            Sign(curl=r"curl: \(6\)|Could not resolve host"),
            Sign(
                codex=(
                    r"dns error|error: ?failed to lookup address|Name or service not known|nodename nor servname|Temporary failure in name resolution"
                    r"|no such host|os error 1100[14]|getaddrinfo (?:ENOTFOUND|EAI_AGAIN)|NXDOMAIN|server can't find|不知道这样的主机"
                ),
                broad=-2,
            ),
        ),
        details={"resolver": str},
    ),
    Cause(
        id="connection-refused",
        row="no-logs",
        step="net.tcp",
        phase="connect",
        fixed_by=(
            "change",
            "commands",
        ),
        title="Nothing listens at the gateway's address",
        explanation="The machine answers but refuses the connection: the gateway is not running, or the port is wrong. Codex keeps retrying and never gives up.",
        remedy="Start the gateway, or correct host and port in base_url.",
        tell="Codex shows `waiting for network` and nothing else.",
        signs=(
            Sign(
                codex=r"waiting for network",
                others=CONNECTING,
                ask=PROXY,
                note="“Waiting for network” does not mean that the network is down: Codex shows it for every fault before a request is out.",
            ),
            Sign(
                codex=r"error sending request for url ?\(https?://(?:localhost|127\.\d|0\.0\.0\.0|\[::1\])",
                others=("proxy-unreachable", "tls-protocol-mismatch", "connection-reset", "not-a-gateway", *CONNECTING),
                ask=DOCTOR,
                broad=-1,
            ),
            Sign(
                codex=r"^(?!.*(?:proxy|tunnel error)).*(?:\(os error (?:111|61|10061)\)|ECONNREFUSED|actively refused)",
                broad=-2,
            ),
            Sign(
                whole=(
                    r"error sending request for url \(https?://(?:localhost|127\.\d|0\.0\.0\.0|\[::1\])",
                    r"\b(?:netstat|lsof|ss|findstr|get-nettcpconnection)\b[^\n]{0,60}\b(?:nothing|empty|no output|shows no)|\bnothing (?:is )?listen",
                ),
            ),
            Sign(begins="Reconnecting... waiting for network", others=CONNECTING, ask=DOCTOR),
            Sign(begins="Connection failed: error sending request", others=CONNECTING, ask=DOCTOR),
            Sign(
                curl=r"curl: \(7\).{0,20}?(?:connect to|to) (?:localhost|127\.\d+\.\d+\.\d+|::1|host\.docker\.internal) port \d+",
                others=("proxy-unreachable",),
                ask=PROXY_VARIABLES,
                broad=-1,
            ),
            Sign(
                curl=r"curl: \(7\).{0,80}(?:refused|port \d+ after)|Connection refused",
                others=("proxy-unreachable",),
                ask=PROXY_VARIABLES,
            ),
            Sign(
                people=r"verbindung[^.\n]{0,20}(?:verweigert|abgelehnt)|connexion refusée|conexión rechazada|拒绝连接|连接被?拒绝|接続[^。\n]{0,6}拒否",
                others=("proxy-unreachable",),
                ask=PROXY_VARIABLES,
                broad=1,
            ),
            Sign(
                people=r"reconnect|hang(?:s|ing)?\b|stuck|time(?:d)? ?out|network|connect|refused|resolve|dns|lookup|verbindung|连接|网络|超时|接続",
                others=(*CONNECTING, "no-response", "rate-limited"),
                ask=PROXY,
                broad=5,
            ),
            Sign(
                name="codex doctor: not reachable",
                others=(*CONNECTING[:4], "base-url-path", "responses-unsupported", *CONNECTING[4:]),
                ask=DOCTOR,
            ),
        ),
        details={"tried": list, "errno": str},
    ),
    Cause(
        id="connection-timeout",
        row="no-logs",
        step="net.tcp",
        phase="connect",
        fixed_by=(),
        title="The gateway's address does not answer",
        explanation="Packets get lost, usually in a firewall or because a VPN is missing. Codex prints nothing and waits.",
        remedy="Connect the VPN, ask for access to the address, or check host and port.",
        tell="Codex prints nothing at all.",
        signs=(
            Sign(
                whole=(
                    r"reconnecting|times? out|timed out|hangs?\b|waiting for network|超时|卡住",
                    r"\b(?:https?|all)_proxy\b|\bproxy\b[^\n]{0,80}\b(?:bashrc|zshrc|profile|export)",
                    r"\b(?:bashrc|zshrc|\.profile|export(?:ed)?|terminal|shell)\b",
                    r"\bwsl\b|\bdesktop\b|\b(?:codex|mac|windows) app\b|\bvs ?code\b|extension|\bcron\b|\bsystemd\b|\bssh\b|插件|扩展",
                ),
                others=("proxy-unreachable", "dns-failure"),
                ask="whether it works when that Codex is started from the terminal in which HTTPS_PROXY is set",
                note="A program that no shell starts has none of the variables of ~/.bashrc or ~/.zshrc, the proxy's among them.",
                remedy="Set the proxy's variable where that program gets its environment, or in $CODEX_HOME/.env, which Codex reads wherever it is started.",
            ),
            Sign(
                curl=r"curl: \(28\)",
                others=("no-response",),
                ask="the output of `curl -v` for base_url (does it say Connected?)",
            ),
            Sign(curl=r"curl: \(28\) (?:Failed to connect|Connection time)", broad=-1),
            Sign(
                codex=r"^(?!.*(?:proxy|tunnel error)).*(?:\(os error (?:110|60|10060)\)|ETIMEDOUT|client error \(Connect\).{0,60}deadline has elapsed)",
                broad=-2,
            ),
        ),
        details={"tried": list},
    ),
    Cause(
        id="connection-reset",
        row="no-logs",
        step="net.answer",
        phase="send",
        fixed_by=(),
        title="The connection is closed before an answer",
        explanation="Something accepts the connection and closes it: a gateway that crashes, a load balancer without a backend, a filter in between.",
        remedy="Check the gateway's own logs, then whatever is in between.",
        tell="Codex prints `error sending request` after half a minute.",
        signs=(
            Sign(
                codex=r"^(?!.*proxy).*(?:\(os error (?:104|54|10054)\)|ECONNRESET|connection closed before message completed)",
                broad=-2,
            ),
            Sign(
                tail="error sending request",
                others=("tls-protocol-mismatch", "not-a-gateway", "proxy-unreachable", "proxy-invalid", *CONNECTING),
                ask=DOCTOR,
                broad=1,
            ),
            Sign(
                curl=r"curl: \(52\)|Empty reply from server|curl: \(56\)",
                others=("tls-protocol-mismatch", "not-a-gateway"),
                ask=DOCTOR,
                broad=1,
            ),
        ),
        passes=True,
    ),
    Cause(
        id="tls-untrusted",
        row="no-logs",
        step="net.tls",
        phase="connect",
        fixed_by=("commands",),
        title="The gateway's certificate is not trusted here",
        explanation="It is signed by an authority that this machine does not know: a company's own, or that of an inspecting proxy. Codex keeps retrying and never gives up.",
        remedy="export SSL_CERT_FILE=<the company's CA in PEM form> where Codex starts.",
        tell="Codex shows `waiting for network`; curl reports a certificate problem.",
        signs=(
            Sign(
                curl=(
                    r"unable to (?:get local issuer|verify the first) certificate|self.signed certificate|unable_to_(?:get_issuer_cert|verify_leaf_signature)|depth_zero_self_signed"
                    r"|self_signed_cert_in_chain|unknown ?issuer|signed by unknown authority|certificate chain .{0,60}not trusted|PKIX path building failed"
                ),
                broad=1,
            ),
            Sign(
                curl=r"curl: \(60\)",
                others=("tls-expired", "tls-hostname-mismatch"),
                ask="the whole output of `curl -v`",
                broad=2,
            ),
            Sign(
                people=r"certificate|\btls\b|\bssl\b",
                others=("tls-hostname-mismatch", "tls-expired", "tls-protocol-mismatch"),
                ask=PROXY,
                broad=3,
            ),
        ),
        details={"reason": str, "ca_file": str, "ca_variable": str, "ca_problem": str},
    ),
    Cause(
        id="tls-hostname-mismatch",
        row="no-logs",
        step="net.tls",
        phase="connect",
        fixed_by=(),
        title="The certificate is for another host name",
        explanation="The server at this address identifies itself as another host. Codex keeps retrying and never gives up.",
        remedy="Use the name in the certificate.",
        tell="Codex shows `waiting for network`.",
        signs=(
            Sign(
                curl=r"curl: \(60\).{0,200}(?:subject name|does not match)|no alternative certificate subject name matches|curl: \(51\)",
                broad=1,
            ),
            Sign(
                codex=(
                    r"not valid for name|NotValidForName|ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate's altnames|SEC_E_WRONG_PRINCIPAL"
                    r"|certificate is valid for .{1,200}, not "
                ),
                broad=-2,
            ),
        ),
        details={"names": list},
    ),
    Cause(
        id="tls-expired",
        row="no-logs",
        step="net.tls",
        phase="connect",
        fixed_by=(),
        title="The certificate is not valid today",
        explanation="It has expired or is not valid yet, or this machine's clock is wrong. Codex keeps retrying and never gives up.",
        remedy="Check the clock; otherwise the gateway's operator must renew the certificate.",
        tell="Codex shows `waiting for network`.",
        signs=(
            Sign(curl=r"curl: \(60\).{0,200}expired|certificate has expired"),
            Sign(
                codex=r"invalid peer certificate: ?(?:Expired|NotValidYet|certificate (?:expired|not valid yet))|CERT_(?:HAS_EXPIRED|NOT_YET_VALID)|SEC_E_CERT_EXPIRED",
                broad=-2,
            ),
        ),
    ),
    Cause(
        id="tls-protocol-mismatch",
        row="no-logs",
        step="net.tls",
        phase="send",
        fixed_by=("change",),
        title="http and https are mixed up",
        explanation="base_url says https but the port speaks plain http, or the other way round.",
        remedy="Change the scheme in base_url, or the port.",
        tell="With https on a plain port Codex never gives up; http on a TLS port ends in `error sending request`.",
        signs=(
            Sign(
                whole=(
                    r"invalid http request received|first record does not look like a tls handshake|\\x16\\x03|http request was sent to https port|http request to an https server"
                    r"|wrong[_ ]version[_ ]number|invalidcontenttype|ssl_error_rx_record_too_long|packet length too long|hpe_invalid_(?:method|constant)|invalid http method: ?b?'?\\x16"
                    r"|bad (?:http/0\.9 )?request (?:version|syntax|type) \('?\\x|unsupported protocol scheme.{0,20}tls|tlsv1 alert.{0,40}http request",
                ),
                explanation=(
                    "One side speaks TLS and the other plain HTTP: base_url says https where the port is plain, or http where it is TLS. "
                    "The server's log shows it, Codex only says that sending failed."
                ),
            ),
            Sign(curl=r"curl: \(35\).{0,120}wrong version number|wrong version number"),
        ),
        gateway=GatewaySays(words=r"plain HTTP request was sent to HTTPS port|sent an HTTP request to an HTTPS server"),
        details={"use": str, "reason": str},
    ),
    Cause(
        id="proxy-unreachable",
        row="no-logs",
        step="net.proxy",
        phase="connect",
        fixed_by=(
            "change",
            "commands",
        ),
        title="The proxy that Codex uses cannot be reached",
        explanation="A proxy variable is set, so Codex connects to this host through that proxy. Nothing answers there.",
        remedy="Unset the variable, correct it, or add the gateway's host to NO_PROXY.",
        tell="Codex shows `waiting for network`. Ask for `env | grep -i proxy`.",
        signs=(
            Sign(
                codex=r"socks connect error|tunnel error:.{0,160}(?:connect error|failed to create underlying|refused|timed out|dns error)|proxyconnect tcp:",
                broad=-3,
            ),
            Sign(
                codex=r"Connection failed: error sending request",
                others=("tls-untrusted", "dns-failure", *CONNECTING),
                ask=PROXY,
            ),
            Sign(
                curl=r"Could not resolve proxy: ?[\w-]{1,63}(?:\.[\w-]{1,63})+",
                explanation="A proxy variable is set, and no proxy has that name here (any more): it may be that of another network.",
            ),
            Sign(curl=r"curl: \(5\)|Could not resolve proxy", others=("proxy-invalid",), ask=PROXY_VARIABLES, broad=1),
            Sign(people=r"\bproxy\b", others=("proxy-denied", "proxy-invalid", "tls-untrusted"), ask=PROXY, broad=3),
        ),
        details={"proxy": str},
    ),
    Cause(
        id="proxy-denied",
        row="no-logs",
        step="net.proxy",
        phase="connect",
        fixed_by=(
            "change",
            "commands",
        ),
        title="The proxy refuses to connect to the gateway",
        explanation="It requires a login, or does not allow this host.",
        remedy="Ask for the host to be allowed, log in, or add it to NO_PROXY.",
        tell="Codex shows `waiting for network`. Ask for `env | grep -i proxy`.",
        signs=(
            Sign(curl=r"curl: \(56\).{0,120}(?:(?-i:CONNECT)|proxy)|CONNECT tunnel failed"),
            Sign(
                codex=(
                    r"proxy authorization required|tunnel error: ?unsuccessful|unsuccessful tunnel|407 Proxy Authentication|ERR_TUNNEL_CONNECTION_FAILED"
                    r"|TCP_DENIED/\d{3}.{0,80}CONNECT|proxy (?:responded|returned|answered).{0,30}40[37](?!\d)"
                ),
                broad=-3,
            ),
            Sign(name="refused", others=("request-rejected",), ask=LOG),
        ),
        details={"policy": str},
    ),
    Cause(
        id="proxy-invalid",
        row="no-logs",
        step="net.proxy",
        phase="connect",
        fixed_by=(
            "change",
            "commands",
        ),
        title="The proxy variable is not a usable address",
        explanation="Codex tries to use it, keeps retrying and never gives up.",
        remedy="Write http://host:port, or unset the variable.",
        tell="Codex shows `waiting for network`. Ask for `env | grep -i proxy`.",
        details={"kind": str},
    ),
    Cause(
        id="redirected",
        row="401",
        step="net.answer",
        phase="send",
        fixed_by=("change",),
        title="base_url is redirected, which breaks the request",
        explanation="Codex follows redirects: 301 and 302 turn its POST into a GET, and a redirect to another origin loses the key.",
        remedy="Write the final address into base_url.",
        forms=(
            Form(
                "refused_at",
                remedy="Ask whoever runs the gateway for its base URL: the address that the redirect leads to has no such route.",
            ),
        ),
        tell="A 404 or 405 at an address that looks right, or a 401 although the key is.",
        signs=(
            Sign(codex=r"redirect target uses unsupported URL scheme"),
            Sign(
                tail="too many redirects",
                others=("not-a-gateway",),
                ask="the output of `curl -sI` for base_url (where does it lead?)",
            ),
            Sign(name="401 away from the path", ask="the output of `curl -sI` for base_url (does it redirect?)"),
            Sign(
                name="POST turned into GET",
                others=("base-url-path", "not-a-gateway"),
                ask="the output of `curl -si -X POST` for that address (does it redirect?)",
            ),
            Sign(
                name="a GET of /responses",
                others=("responses-unsupported", "base-url-path"),
                ask="the same with `curl -X POST`: Codex sends POST",
            ),
        ),
        details={"redirected_to": str},
    ),
    Cause(
        id="no-response",
        row="other",
        step="net.answer",
        phase="send",
        fixed_by=(),
        title="The gateway accepted the request but did not answer",
        explanation="The connection is open, but no answer comes within the limit. Codex itself waits silently for minutes.",
        remedy="Try once more with a longer --timeout; then look at the gateway's logs for the request id.",
        tell="Codex prints nothing at all.",
        signs=(
            Sign(
                name="silence",
                others=(
                    "stream-output-missing",
                    "connection-timeout",
                    "tls-protocol-mismatch",
                    "codex-flag-unsupported",
                    "provider-not-selected",
                    "base-url-missing",
                ),
                ask=f"whether Codex ended by itself, and {DOCTOR}",
            ),
            Sign(
                name="neither an answer nor an error",
                others=("connection-timeout", "dns-failure", "proxy-unreachable"),
                ask=f"how long it waited, and {DOCTOR}",
            ),
            Sign(name="refused", others=("upstream-error",), ask=LOG),
        ),
        gateway=GatewaySays(statuses=(408,)),
    ),
    Cause(
        id="not-a-gateway",
        row="no-logs",
        step="net.answer",
        phase="answer",
        fixed_by=(),
        title="What answers there is not the gateway",
        explanation="Another web server, a login portal or a parked page answers at this address.",
        remedy="Check the host in base_url; open it in a browser to see what it is.",
        tell="An answer in HTML.",
        signs=(Sign(name="no status of an answer", others=("connection-reset", "request-rejected"), ask=DOCTOR),),
        details={"garbage": bool},
    ),
    Cause(
        id="edge-blocked",
        row="403",
        step="net.answer",
        phase="answer",
        fixed_by=(),
        title="Something in front of the gateway blocks this machine",
        explanation="A firewall service (such as Cloudflare) or a filter refuses the request before the gateway sees it, so its logs are empty.",
        remedy="Try another network or the VPN, and give the operator the ray or incident id.",
        tell="Codex prints `Access blocked by Cloudflare`, or a 403 with HTML.",
        signs=(
            Sign(codex=r"Access blocked by Cloudflare"),
            Sign(
                whole=(
                    r"sorry, you have been blocked|attention required!? \| cloudflare|enable javascript and cookies to continue",
                    r"\b[45]03\b|forbidden",
                ),
            ),
            Sign(
                name="403 with a page",
                explanation="The 403 came as a web page. A gateway answers in JSON, so something in front of it refused: a load balancer, a firewall or a web filter.",
            ),
            Sign(
                name="403 of an edge",
                others=("policy-rejected",),
                ask="from which network it was sent; the ray or reference id",
            ),
            Sign(name="refused", others=("policy-rejected",), ask=LOG),
        ),
        gateway=GatewaySays(
            anywhere=(
                r"\berror (?:code: ?10(?:0[3-9]|1[0-4]|20)\b|10\d\d: access denied)|cf-error-details|cf_chl_|cf-chl-|challenge-platform|attention required!? \| cloudflare|sorry, you have been blocked"
                r"|<title>just a moment|enable javascript and cookies to continue|checking your browser before|ddos protection by|vercel security checkpoint"
                r"|incapsula incident|the requested url was rejected\. please consult|access blocked by cloudflare|\bblocked by (?:the )?(?:aws )?(?:waf|web application firewall|cloudflare)\b|\byour organi[sz]ation has selected\b|<title>[^<]{0,40}(?:zscaler|fortiguard|forcepoint|netskope|web ?filter|internet security)"
                r"|errors\.edgesuite\.net|\breference (?:&#35;|#)\d{1,3}\.[0-9a-f]{6,}|cloudflare\.com/\S{0,40}1xxx|<(?:center|p|div)[^>]{0,40}>cloudflare(?:-nginx)?<|(?:请求|访问)[^。\n]{0,8}(?:被|已被)(?:防火墙|WAF|安全策略)?(?:拦截|阻断)"
            ),
            words=(
                r"cloudflare|akamai|incapsula|imperva|sucuri|perimeterx|datadome|captcha|attention required|just a moment|access denied"
                r"|request blocked|web application firewall|\bwaf\b|been blocked|reference #\d|zscaler|fortiguard|forcepoint|netskope"
            ),
        ),
        details={"page": str},
    ),
)
