// A client of the live socket, as small as one can be: sign in, subscribe, keep the last cursor of each key, and
// after a cut subscribe again from there.
"use strict";

const at = (id) => document.getElementById(id);
const SHOWN = 300;
const SESSION = "accord.docs.session"; // what this tab is signed in with, here and on the page of the API
const keys = new Map(); // key → {outcome, version, position, cursor, changes, missedUpTo}
let session = null; // {accessToken, refreshToken, user}
let socket = null;
let wanted = false; // whether the connection is to be there
let delay = 500;

async function call(method, path, body) {
  const headers = { "Content-Type": "application/json" };
  if (session) headers.Authorization = "Bearer " + session.accessToken;
  const response = await fetch("/api/v1" + path, { method, headers, body: body && JSON.stringify(body) });
  const content = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(content.title + ". " + content.detail);
  return content;
}

function note(direction, kind, text, more) {
  const line = document.createElement("li");
  line.className = [direction, kind, more].filter(Boolean).join(" ");
  const parts = { arrow: { sent: "↑", got: "↓" }[direction] || "•", kind, text };
  for (const [name, content] of Object.entries(parts)) {
    const part = document.createElement("span");
    part.className = name;
    part.textContent = content;
    line.append(part);
  }
  at("log").prepend(line);
  while (at("log").children.length > SHOWN) at("log").lastChild.remove();
}

function send(kind, fields) {
  const { token, ...shown } = fields;
  note("sent", kind, JSON.stringify(token ? { ...shown, token: "…" } : shown));
  socket.send(JSON.stringify({ type: kind, ...fields }));
}

function subscribe(key) {
  const known = keys.get(key);
  send("subscribe", known && known.cursor !== null ? { key, after: known.cursor } : { key });
}

const got = {
  welcome() {
    send("authenticate", { token: session.accessToken });
  },
  authenticated(frame) {
    delay = 500;
    show("open", "connected as " + session.user.email);
    if (!socket.resumed) for (const key of keys.keys()) subscribe(key);
    socket.resumed = true;
    const left = new Date(frame.expiresAt) - Date.now();
    setTimeout(stay, Math.max(1000, left - 60000), socket);
  },
  subscribed(frame) {
    const known = keys.get(frame.key);
    if (!known) return;
    const replayed = frame.outcome === "replayed";
    // What is replayed is told one by one; until then the cursor is the last one seen.
    Object.assign(known, { outcome: frame.outcome, missedUpTo: replayed ? frame.position : 0 });
    const isFurther = frame.outcome === "resync_required" || frame.position >= (known.position || 0);
    if (!replayed && isFurther) Object.assign(known, { position: frame.position, cursor: frame.cursor });
    if (frame.version) known.version = frame.version;
  },
  change(frame) {
    const known = keys.get(frame.key);
    if (!known || (known.position !== null && frame.position <= known.position)) return;
    Object.assign(known, { position: frame.position, cursor: frame.cursor, version: frame.version });
    known.changes += 1;
  },
  revoked(frame) {
    keys.delete(frame.key);
  },
  error(frame) {
    if (frame.key) keys.delete(frame.key);
  },
};

function receive(event) {
  const { type, ...fields } = JSON.parse(event.data);
  const known = keys.get(fields.key);
  const missed = type === "change" && known && fields.position <= known.missedUpTo;
  note("got", type, JSON.stringify(fields), missed && "missed");
  if (got[type]) got[type](fields);
  draw();
}

function keep(tokens) {
  session = tokens;
  sessionStorage.setItem(SESSION, JSON.stringify(tokens));
}

async function stay(of) {
  if (of !== socket || !wanted) return;
  keep(await call("POST", "/auth/refresh", { refreshToken: session.refreshToken }));
  if (of === socket && wanted) send("authenticate", { token: session.accessToken });
}

function connect() {
  wanted = true;
  show("", "connecting");
  const opened = new WebSocket(location.origin.replace(/^http/, "ws") + "/api/v1/ws");
  socket = opened;
  opened.onmessage = receive;
  opened.onclose = (event) => {
    if (socket !== opened) return;
    note("", "cut", "closed with " + event.code + (event.reason ? ": " + event.reason : ""));
    if (!wanted) return show("cut", "cut");
    if (event.code === 4401) return signedOut(event.reason);
    show("cut", "connection lost; trying again");
    setTimeout(() => wanted && socket === opened && connect(), delay);
    delay = Math.min(delay * 2, 10000);
  };
}

function signedOut(reason) {
  wanted = false;
  show("cut", "signed out. " + reason);
  at("cut").disabled = true;
}

function show(kind, text) {
  at("dot").className = kind;
  at("state").textContent = text;
  at("cut").disabled = !session;
  at("cut").textContent = wanted ? "Cut the connection" : "Connect again";
  at("cut").classList.toggle("is-cut", !wanted);
  at("follow").querySelector("button").disabled = kind !== "open";
}

function draw() {
  at("keys").replaceChildren(...[...keys].map(([key, known]) => {
    const row = document.createElement("tr");
    row.dataset.key = key;
    for (const content of [key, known.outcome, known.version, known.position, known.changes]) {
      row.insertCell().textContent = content === null ? "–" : content;
    }
    const stop = document.createElement("button");
    stop.textContent = "×";
    stop.title = "Unsubscribe";
    stop.onclick = () => {
      keys.delete(key);
      if (socket.readyState === WebSocket.OPEN) send("unsubscribe", { key });
      draw();
    };
    row.insertCell().append(stop);
    return row;
  }));
}

at("sign-in").onsubmit = async (event) => {
  event.preventDefault();
  const { email, password } = Object.fromEntries(new FormData(event.target));
  try {
    session = null;
    keep(await call("POST", "/auth/login", { email, password }));
  } catch (error) {
    at("who-hint").textContent = error.message;
    return;
  }
  event.target.password.value = "";
  begin();
};

function begin() {
  at("who-hint").textContent = "Signed in as " + session.user.email + ", until this tab is closed.";
  at("follow").key.value = "getRecord:users:" + session.user.id;
  at("change").firstName.value = session.user.firstName;
  at("change").querySelector("button").disabled = false;
  keys.clear();
  draw();
  const before = socket;
  connect();
  if (before) before.close();
}

at("cut").onclick = () => {
  if (!wanted) return connect();
  wanted = false;
  show("cut", "cutting");
  socket.close(1000, "cut by hand");
};

at("follow").onsubmit = (event) => {
  event.preventDefault();
  const key = event.target.key.value.trim();
  if (!keys.has(key)) keys.set(key, { outcome: null, version: null, position: null, cursor: null, changes: 0, missedUpTo: 0 });
  subscribe(key);
  draw();
};

at("change").onsubmit = async (event) => {
  event.preventDefault();
  const firstName = event.target.firstName.value;
  try {
    const { version } = await call("GET", "/me");
    const saved = await call("PATCH", "/me", { expectedVersion: version, firstName });
    note("", "saved", "over HTTP, version " + saved.version);
  } catch (error) {
    note("", "error", error.message);
  }
};

// Whoever signed in on the page of the API is signed in here, too. The access token may be over by now.
async function resume() {
  const found = JSON.parse(sessionStorage.getItem(SESSION));
  if (!found) return;
  const tokens = await call("POST", "/auth/refresh", { refreshToken: found.refreshToken }).catch(() => null);
  if (session) return; // The form was quicker.
  if (!tokens) {
    sessionStorage.removeItem(SESSION);
    at("who-hint").textContent = "The session is over. Sign in again.";
    return;
  }
  keep(tokens);
  begin();
}

resume();
