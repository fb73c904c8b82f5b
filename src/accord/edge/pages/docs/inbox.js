// The inbox of development: what a mail contains is written as text, and its HTML into a frame without scripts.
"use strict";

const at = (id) => document.getElementById(id);
const WAIT = 15; // seconds that one request waits for the first mail
const PAUSE = 2000; // milliseconds between two looks for newer ones
let shown = null; // the id of the mail that is open
let asked = 0; // only the newest request draws

const filters = () => {
  const given = [...new FormData(at("filter"))].filter(([, value]) => value.trim());
  return new URLSearchParams(given.map(([name, value]) => [name, value.trim()]));
};

async function call(method, query) {
  const response = await fetch("/api/v1/dev/inbox?" + query, { method });
  const content = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(content.title + ". " + content.detail);
  return content;
}

function element(name, text) {
  const made = document.createElement(name);
  made.textContent = text;
  return made;
}

function line(mail) {
  const item = document.createElement("li");
  const button = element("button", mail.subject);
  button.type = "button";
  button.append(element("small", mail.to + " · " + new Date(mail.at).toLocaleString()));
  if (mail.id === shown) button.setAttribute("aria-current", "true");
  button.onclick = () => open(mail, button);
  item.append(button);
  return item;
}

function open(mail, button) {
  shown = mail.id;
  for (const other of document.querySelectorAll("#mails [aria-current]")) other.removeAttribute("aria-current");
  button.setAttribute("aria-current", "true");
  at("subject").textContent = mail.subject;
  at("about").textContent = "To " + mail.to + ", template " + mail.template;
  at("links").replaceChildren(...mail.links.map((link) => {
    const anchor = element("a", link);
    if (/^https?:/.test(link)) anchor.href = link;
    anchor.rel = "noopener noreferrer";
    anchor.target = "_blank";
    const item = document.createElement("li");
    item.append(anchor);
    return item;
  }));
  at("html").srcdoc = mail.html;
  at("text").textContent = mail.text;
  at("mail").hidden = false;
  at("mail").scrollIntoView({ block: "nearest" }); // On a phone the mail is below the list.
}

async function follow() {
  const mine = ++asked;
  let wait = 0;
  while (mine === asked) {
    const query = filters();
    query.set("wait", wait);
    let pause = PAUSE;
    try {
      const { items } = await call("GET", query);
      if (mine !== asked) return;
      at("hint").textContent = items.length ? items.length + (items.length === 1 ? " mail" : " mails") : "No mail fits yet; it appears here by itself.";
      at("mails").replaceChildren(...items.map(line));
      at("mail").hidden ||= !items.some((mail) => mail.id === shown);
      if (!items.length) [wait, pause] = [WAIT, 0];
    } catch (error) {
      if (mine !== asked) return;
      at("hint").textContent = error.message;
    }
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

at("filter").onsubmit = (event) => {
  event.preventDefault();
  follow();
};

at("delete").onclick = async () => {
  try {
    await call("DELETE", filters());
    at("mail").hidden = true;
    follow();
  } catch (error) {
    at("hint").textContent = error.message;
  }
};

const { to, subject } = at("filter");
to.value = new URLSearchParams(location.search).get("to") || "";
subject.value = new URLSearchParams(location.search).get("subject") || "";
follow();
