// What all pages have: times in the reader's zone, buttons that copy, parts
// that keep themselves up to date. Without this script the pages work as they
// were loaded.
"use strict";

const say = (text) => { document.getElementById("say").textContent = text; };

// Times. The server writes them in its own zone.
const language = document.documentElement.lang;
const clock = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "medium" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "always" });

function ageOf(seconds) {
  const steps = [["minute", 60], ["hour", 3600], ["day", 86400], ["month", 30 * 86400]];
  let found = null;
  for (const [unit, size] of steps) if (seconds >= size && (unit !== "month" || seconds >= 60 * 86400)) found = [unit, size];
  return found && relative.format(-Math.floor(seconds / found[1]), found[0]);
}

function showTimes(root) {
  for (const time of root.querySelectorAll("time[data-clock], time[data-age]")) {
    const at = new Date(time.dateTime);
    if (isNaN(at)) continue;
    time.title = clock.format(at);
    if ("clock" in time.dataset) { time.textContent = time.title; continue; }
    const age = ageOf((Date.now() - at) / 1000);
    if (age) time.textContent = age;
  }
}

// Durations of what still runs count on. The first look tells how the two
// clocks differ.
function countOn(root) {
  for (const part of root.querySelectorAll("[data-since]")) {
    const seconds = Math.max(0, Math.floor((Date.now() - new Date(part.dataset.since)) / 1000));
    part.textContent = seconds < 60 ? `${seconds} s` : seconds < 3600 ? `${Math.floor(seconds / 60)} min ${seconds % 60} s` : `${Math.floor(seconds / 3600)} h ${Math.floor(seconds / 60) % 60} min`;
  }
}

// Buttons that copy exist only where copying is allowed.
function offerCopies(root) {
  if (!navigator.clipboard) return;
  for (const button of root.querySelectorAll("[data-copy]")) {
    button.hidden = false;
    button.onclick = async () => {
      await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
      say(document.body.dataset.copied);
      button.lastElementChild.textContent = document.body.dataset.copied;
    };
  }
}

function arrange(root) {
  showTimes(root);
  countOn(root);
  offerCopies(root);
}

// refreshPage loads the page again and replaces its live parts that differ. A
// part in which somebody works stays: its buttons must not move away.
let refreshing = null;
let again = false;
let retry = 0;
async function refreshPage() {
  if (refreshing) { again = true; return refreshing; }
  refreshing = (async () => {
    do {
      again = false;
      try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
        if (answer.status >= 500) throw new Error(answer.statusText);
        if (answer.ok) replaceParts(new DOMParser().parseFromString(await answer.text(), "text/html"));
      } catch {
        // The service is away for a moment. Nobody need tell of the change again.
        clearTimeout(retry);
        retry = setTimeout(refreshPage, 2000);
      }
    } while (again);
    refreshing = null;
  })();
  return refreshing;
}

const shownParts = new WeakMap();
function replaceParts(page) {
  for (const part of document.querySelectorAll("[data-live]")) {
    const fresh = page.getElementById(part.id);
    if (!fresh) continue;
    const text = fresh.outerHTML;
    if (shownParts.get(part) === text) continue;
    const active = part.contains(document.activeElement) ? document.activeElement : null;
    if (active && active.matches("input, select, textarea")) continue;
    const opened = [...part.querySelectorAll("details")].map((d) => d.open);
    const buttons = [...part.querySelectorAll("a, button, summary")];
    const focused = active ? buttons.indexOf(active) : -1;
    const put = document.importNode(fresh, true);
    part.replaceWith(put);
    shownParts.set(put, text);
    [...put.querySelectorAll("details")].forEach((d, i) => { if (opened[i]) d.open = true; });
    if (active === part) put.focus();
    else if (focused >= 0) (put.querySelectorAll("a, button, summary")[focused] || document.getElementById("main")).focus();
    if (part.dataset.state && part.dataset.state !== put.dataset.state) say(put.dataset.say);
    arrange(put);
  }
}

// Parts are kept up to date by events where the server sends them, else by
// looking now and then.
function keepFresh() {
  const told = document.querySelector("[data-changes]");
  if (told) return follow(told.dataset.changes);
  const part = document.querySelector("[data-refresh]");
  if (!part) return;
  setTimeout(async () => {
    if (!document.hidden) await refreshPage();
    keepFresh();
  }, 1000 * Number(part.dataset.refresh));
}

function follow(address) {
  const events = new EventSource(address);
  let lost = false;
  events.addEventListener("change", refreshPage);
  events.addEventListener("open", () => { if (lost) refreshPage(); lost = false; });
  events.addEventListener("error", () => {
    lost = true;
    // A refusal, such as a proxy's while the service starts again, ends an
    // EventSource for good.
    if (events.readyState === EventSource.CLOSED) setTimeout(() => { refreshPage(); follow(address); }, 2000);
  });
}

const menu = document.querySelector(".menu");
document.addEventListener("click", (event) => { if (!menu.contains(event.target)) menu.open = false; });
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && menu.open) { menu.open = false; menu.querySelector("summary").focus(); }
});

arrange(document);
setInterval(() => countOn(document), 1000);
setInterval(() => showTimes(document), 20000);
keepFresh();
