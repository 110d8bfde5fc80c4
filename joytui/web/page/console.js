"use strict";
// Before textual.js: gives it the address of the websocket, says why a console has ended, and opens a new one where
// the console did not end by the user's own wish.
(() => {
  const RETRY_S = 5;
  const FRAME = 512; // bytes: more than what sets the terminal up, less than any first frame
  const terminal = document.getElementById("terminal");
  const asked = new URLSearchParams(location.search);
  const passedOn = ["screen", "theme", "view"];

  const size = Number.parseInt(asked.get("fontsize"), 10);
  terminal.dataset.fontSize = String(size >= 6 && size <= 60 ? size : 16);

  // textual.js also knows `ping` (an address that it fetches) and `delay`: neither belongs into a link to a console.
  const clean = new URL(location.href);
  for (const name of ["ping", "delay"]) clean.searchParams.delete(name);
  if (clean.href !== location.href) history.replaceState(null, "", clean.href);

  const socket = new URL("ws", location.href);
  socket.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  socket.search = "";
  terminal.dataset.sessionWebsocketUrl = socket.href;

  class ConsoleSocket extends WebSocket {
    constructor(address) {
      const full = new URL(address);
      for (const name of passedOn) if (asked.has(name)) full.searchParams.set(name, asked.get(name));
      if (matchMedia("(prefers-color-scheme: light)").matches) full.searchParams.set("light", "1");
      super(full.href);
      this.addEventListener("close", (event) => over(event.code, event.reason));
      this.addEventListener("message", (event) => (event.data.byteLength ?? event.data.size ?? 0) > FRAME && drawn());
    }
    send(data) {
      if (this.readyState === WebSocket.OPEN) super.send(data);
    }
  }
  window.WebSocket = ConsoleSocket;

  // The cover goes when there is something to see, so nobody sees an empty terminal with its cursor. What the terminal's cells
  // leave free at the edges has the ground that the console's theme gave it.
  let shown = false;
  function drawn() {
    if (shown) return;
    shown = true;
    requestAnimationFrame(() => requestAnimationFrame(() => document.body.classList.add("-drawn")));
    const viewport = document.querySelector(".xterm-viewport");
    const ground = () => document.documentElement.style.setProperty("--ground", viewport.style.backgroundColor);
    new MutationObserver(ground).observe(viewport, { attributeFilter: ["style"] });
    ground();
  }

  // The keys are the terminal's from the first moment, and again after every click beside it.
  const focus = () => document.querySelector(".xterm-helper-textarea")?.focus();
  addEventListener("load", () => setTimeout(focus));
  document.addEventListener("click", () => document.body.classList.contains("-over") || focus());

  const open = () => location.reload();
  document.getElementById("again").addEventListener("click", open);

  function over(code, reason) {
    const [words, again] = {
      1000: ["The console has ended.", false],
      4001: [`The console has ended by an error (${reason}). The terminal of joytui serve says more.`, false],
      1013: [`${reason}. Close one of them.`, true],
      1001: ["joytui serve was stopped.", true],
    }[code] ?? ["The connection to joytui serve is lost.", true];
    document.body.classList.add("-over");
    document.getElementById("why").textContent = again ? `${words} Trying again…` : words;
    document.getElementById("again").focus();
    if (again) setTimeout(look, RETRY_S * 1000);
  }

  // The page is loaded again only when somebody answers: a browser's own error page would never come back.
  function look() {
    fetch(location.href, { cache: "no-store" }).then((answer) => (answer.ok ? open() : later()), later);
  }
  const later = () => setTimeout(look, RETRY_S * 1000);
})();
