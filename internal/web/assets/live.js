// Keeps a page up to date: parts marked with data-refresh are loaded again from
// the same address, and the log of a running build follows its events. Without
// this script the pages work as they were loaded.
"use strict";

async function refresh(id) {
  const part = document.getElementById(id);
  // A part that somebody works in stays: its buttons must not move away.
  if (!part || document.hidden || part.contains(document.activeElement)) return;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById(id);
    if (fresh && !part.contains(document.activeElement)) part.replaceWith(document.importNode(fresh, true));
  } catch {
    // The service is away for a moment; the next round tries again.
  }
}

function keepFresh() {
  const part = document.getElementById("live");
  if (!part || !part.dataset.refresh) return;
  setTimeout(async () => {
    await refresh("live");
    keepFresh();
  }, 1000 * Number(part.dataset.refresh));
}

// Colours of terminals, as the server renders them; see ansi.go.
const escapes = /\x1b\[([0-9;:?]*)[ -\/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?|\x1b.?/g;
const flags = { 1: "a-b", 2: "a-f", 3: "a-i", 4: "a-u" };

function styled(classes, parameters) {
  const codes = parameters.split(/[;:]/).filter((code) => code !== "").map(Number);
  if (codes.length === 0) return [];
  let now = classes;
  const without = (pattern) => now.filter((name) => !pattern.test(name));
  for (let i = 0; i < codes.length; i++) {
    const n = codes[i];
    if (n === 0) now = [];
    else if (flags[n]) now = [...without(new RegExp("^" + flags[n] + "$")), flags[n]];
    else if (n === 22) now = without(/^a-[bf]$/);
    else if (n === 23) now = without(/^a-i$/);
    else if (n === 24) now = without(/^a-u$/);
    else if (n === 39) now = without(/^f\d/);
    else if (n === 49) now = without(/^b\d/);
    else if (n >= 30 && n <= 37) now = [...without(/^f\d/), "f" + (n - 30)];
    else if (n >= 90 && n <= 97) now = [...without(/^f\d/), "f" + (n - 82)];
    else if (n >= 40 && n <= 47) now = [...without(/^b\d/), "b" + (n - 40)];
    else if (n >= 100 && n <= 107) now = [...without(/^b\d/), "b" + (n - 92)];
    else if (n === 38 || n === 48) {
      const kind = n === 38 ? "f" : "b";
      now = without(new RegExp("^" + kind + "\\d"));
      if (codes[i + 1] === 5 && codes[i + 2] < 16) now = [...now, kind + codes[i + 2]];
      i += codes[i + 1] === 5 ? 2 : codes[i + 1] === 2 ? 4 : 0;
    }
  }
  return now;
}

function follow(output) {
  let classes = (output.dataset.style || "").split(" ").filter(Boolean);
  const box = document.getElementById("follow");
  box.parentElement.hidden = false;
  const down = () => { if (box.checked) output.scrollTop = output.scrollHeight; };
  const put = (text) => {
    text = text.replace(/\r\n?/g, "\n").replace(/[\x00-\x08\x0b-\x1f\x7f\u202a\u202b\u202d\u202e\u2066-\u2068]/g, "");
    if (!text) return;
    const part = document.createElement("span");
    part.textContent = text;
    if (classes.length) part.className = classes.join(" ");
    output.append(part);
  };
  const events = new EventSource(output.dataset.events);
  let refreshing = false;
  let held = ""; // the beginning of an escape whose end is in the next piece
  events.addEventListener("log", (event) => {
    let text = held + JSON.parse(event.data).text;
    held = (/\x1b(\[[0-9;:?]*)?$/.exec(text) || [""])[0];
    text = text.slice(0, text.length - held.length);
    let rest = 0;
    for (const found of text.matchAll(escapes)) {
      put(text.slice(rest, found.index));
      rest = found.index + found[0].length;
      if (found[2] === "m") classes = styled(classes, found[1]);
    }
    put(text.slice(rest));
    down();
  });
  events.addEventListener("status", async () => {
    if (refreshing) return;
    refreshing = true;
    await refresh("live");
    refreshing = false;
  });
  events.addEventListener("end", async () => {
    events.close();
    if (document.activeElement) document.activeElement.blur();
    await refresh("live");
  });
  down();
}

const output = document.getElementById("output");
if (output && output.dataset.events) follow(output);
else keepFresh();
