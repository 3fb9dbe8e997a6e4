// The log of a build: loads what is looked at, searches, follows what is being
// written. Without this script the page shows the log as it was loaded.
"use strict";

const output = document.getElementById("output");
const followed = document.getElementById("follow");

// Blocks that the page did not bring are loaded when they come near.
const soon = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) loadBlock(entry.target);
}, { rootMargin: "1500px" });

function prepareBlock(block) {
  block.style.containIntrinsicSize = "auto " + 1.5 * Number(block.dataset.count) + "rem";
  block.classList.add("sized");
  const gap = block.querySelector(".gap");
  if (!gap) return;
  block.style.minHeight = 1.5 * Number(block.dataset.count) + "rem"; // the page's place does not jump
  gap.addEventListener("click", (event) => { event.preventDefault(); loadBlock(block); });
  soon.observe(block);
}

const loading = new Map();
function loadBlock(block) {
  if (!block.querySelector(".gap")) return Promise.resolve();
  if (!loading.has(block)) loading.set(block, fetchBlock(block).finally(() => loading.delete(block)));
  return loading.get(block);
}

async function fetchBlock(block) {
  const { offset, first, count, style } = block.dataset;
  const query = new URLSearchParams({ offset, first, lines: count, style: style || "" });
  try {
    const answer = await fetch(`${output.dataset.lines}?${query}`);
    if (!answer.ok) return;
    const html = await answer.text();
    soon.unobserve(block);
    const page = new DOMParser().parseFromString(html, "text/html");
    block.replaceChildren(...document.adoptNode(page.body).childNodes);
    block.style.minHeight = "";
    markFound(block);
  } catch {
    // The service is away for a moment; coming near again tries again.
  }
}

function blockOf(number) {
  for (const block of output.querySelectorAll(".block")) {
    const first = Number(block.dataset.first);
    if (number >= first && number < first + Number(block.dataset.count)) return block;
  }
  return null;
}

// goTo shows a line, whatever has to be loaded or opened for it.
async function goTo(number) {
  const block = blockOf(number);
  if (!block) return;
  block.closest("details").open = true;
  await loadBlock(block);
  const line = document.getElementById("L" + number);
  if (!line) return;
  for (const other of output.querySelectorAll(".at")) other.classList.remove("at");
  line.classList.add("at");
  line.scrollIntoView({ block: "center" });
  requestAnimationFrame(() => line.scrollIntoView({ block: "center" })); // heights are known by now
}

function goToHash() {
  const found = /^#L(\d+)$/.exec(location.hash);
  if (found) { unfollow(); goTo(Number(found[1])); }
}
addEventListener("hashchange", goToHash);
output.addEventListener("click", (event) => {
  const link = event.target.closest("a[data-n]");
  if (!link) return;
  event.preventDefault();
  history.replaceState(null, "", "#L" + link.dataset.n);
  goToHash();
});
document.querySelector(".goto").addEventListener("submit", (event) => {
  event.preventDefault();
  const number = Number(document.getElementById("line").value);
  if (number > 0) { history.replaceState(null, "", "#L" + number); goToHash(); }
});

// Search. The server finds the lines, the browser marks the words.
const find = document.getElementById("find");
const told = document.getElementById("found");
const steps = [document.getElementById("found-last"), document.getElementById("found-next")];
let found = { text: "", lines: [], all: 0, at: -1 };

async function search() {
  const text = find.value.trim();
  if (text === found.text) return;
  if (!text) { found = { text, lines: [], all: 0, at: -1 }; showFound(); return; }
  const answer = await fetch(`${find.dataset.lines}?${new URLSearchParams({ q: text })}`);
  if (!answer.ok || find.value.trim() !== text) return;
  found = { text, at: -1, ...await answer.json() };
  if (found.lines.length) step(1);
  else showFound();
}

function step(by) {
  if (!found.lines.length) return;
  found.at = (found.at + by + found.lines.length) % found.lines.length;
  unfollow();
  goTo(found.lines[found.at]).then(() => markFound(output));
  showFound();
}

function showFound() {
  const some = found.lines.length > 0;
  for (const button of steps) button.hidden = !some;
  told.textContent = !found.text ? "" : !some ? told.dataset.none : told.dataset.found.replace("%d", found.at + 1).replace("%d", found.all);
  marks.clear();
  markFound(output);
}

const marks = "highlights" in CSS ? new Highlight() : new Set();
if ("highlights" in CSS) CSS.highlights.set("found", marks);
function markFound(root) {
  if (!found.text || !("highlights" in CSS)) return;
  const text = found.text.toLowerCase();
  const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode;
    if (!node.parentElement.closest(".block")) continue;
    const lower = node.data.toLowerCase();
    if (lower.length !== node.data.length) continue;
    for (let at = lower.indexOf(text); at >= 0; at = lower.indexOf(text, at + text.length)) {
      const range = new Range();
      range.setStart(node, at);
      range.setEnd(node, at + text.length);
      marks.add(range);
    }
  }
}

let typed = 0;
find.addEventListener("input", () => { clearTimeout(typed); typed = setTimeout(search, 250); });
find.form.addEventListener("submit", async (event) => {
  event.preventDefault();
  clearTimeout(typed);
  if (find.value.trim() === found.text) step(1);
  else await search();
});
steps[0].addEventListener("click", () => step(-1));
steps[1].addEventListener("click", () => step(1));
document.addEventListener("keydown", (event) => {
  if (event.key === "/" && !event.target.matches("input, select, textarea")) { event.preventDefault(); find.focus(); }
});

const wrap = document.getElementById("wrap");
document.getElementById("wrap-box").hidden = false;
wrap.addEventListener("change", () => output.classList.toggle("nowrap", !wrap.checked));

// Follow: the end stays in sight until somebody scrolls up.
function unfollow() { followed.checked = false; }
function toEnd() { if (followed.checked) scrollTo(0, document.documentElement.scrollHeight); }
let place = scrollY;
addEventListener("scroll", () => { if (scrollY < place - 40) unfollow(); place = scrollY; }, { passive: true });
addEventListener("wheel", (event) => { if (event.deltaY < 0) unfollow(); }, { passive: true });
followed.addEventListener("change", toEnd);

// Colours of terminals, as the server renders them; see package logview.
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

// live appends what the build writes, line by line.
const utf8 = new TextEncoder();
const live = {
  next: Number(output.dataset.next), // offset of the first byte that is not shown
  number: Number(output.dataset.all),
  classes: (output.dataset.style || "").split(" ").filter(Boolean),
  begun: [], // classes with which the open line began
  open: null, // the line without an end, if there is one
  text: "", // of it, escapes included
  part: null, // where lines go

  take({ offset, text, dropped }, end) {
    if (offset < this.next && !dropped) { // told twice, after a lost connection
      const bytes = utf8.encode(text);
      if (offset + bytes.length <= this.next) return;
      text = new TextDecoder().decode(bytes.subarray(this.next - offset));
      offset = this.next;
    }
    if (dropped) { this.open = null; text = text.endsWith("\n") ? text : text + "\n"; }
    let at = offset;
    for (let rest = text; rest !== "";) {
      const i = rest.indexOf("\n");
      const piece = i < 0 ? rest : rest.slice(0, i);
      this.grow(piece, at);
      at += dropped ? 0 : utf8.encode(piece).length + 1;
      if (i < 0) break;
      this.open = null;
      rest = rest.slice(i + 1);
    }
    this.next = end;
    toEnd();
  },

  grow(piece, at) {
    if (!this.open) {
      this.open = this.line(++this.number, at);
      this.text = "";
      this.begun = this.classes;
    }
    this.text += piece;
    const link = this.open.firstElementChild;
    this.open.replaceChildren(link);
    let text = this.text.replace(/\r+$/, "");
    text = text.slice(text.lastIndexOf("\r") + 1);
    this.classes = this.begun;
    let from = 0;
    for (const escape of text.matchAll(escapes)) {
      this.put(text.slice(from, escape.index));
      from = escape.index + escape[0].length;
      if (escape[2] === "m") this.classes = styled(this.classes, escape[1]);
    }
    this.put(text.slice(from));
  },

  put(text) {
    text = text.replace(/[\x00-\x08\x0a-\x1f\x7f\u202a\u202b\u202d\u202e\u2066-\u2068]/g, "");
    if (!text) return;
    if (!this.classes.length) { this.open.append(text); return; }
    const part = document.createElement("span");
    part.className = this.classes.join(" ");
    part.textContent = text;
    this.open.append(part);
  },

  // line makes a line in the last block of the part that is written to.
  line(number, at) {
    const part = this.part || output.querySelector(".part:last-of-type") || newPart(0, "");
    const lines = part.querySelector(".lines");
    let block = lines.querySelector(".block:last-of-type");
    if (!block || block.querySelector(".gap") || Number(block.dataset.count) >= 250) {
      block = document.createElement("div");
      block.className = "block";
      Object.assign(block.dataset, { first: number, count: 0, offset: at });
      lines.append(block);
    }
    block.dataset.count = Number(block.dataset.count) + 1;
    const line = document.createElement("div");
    line.id = "L" + number;
    line.offset = at;
    const link = document.createElement("a");
    link.href = "#L" + number;
    link.dataset.n = number;
    link.tabIndex = -1;
    link.ariaHidden = "true";
    line.append(link);
    block.append(line);
    return line;
  },
};

// newPart adds the part of a step that has begun since the page was loaded.
function newPart(start, name) {
  const part = document.importNode(document.getElementById("new-part").content, true).firstElementChild;
  const index = output.querySelectorAll(".part").length + 1;
  part.id = "part-" + index;
  part.dataset.start = start;
  const summary = part.firstElementChild;
  summary.id = "sum-" + index;
  summary.dataset.live = "";
  summary.querySelector(".name").textContent = name;
  output.append(part);
  return part;
}

// place puts steps that have begun into the log. A step's lines may have come
// before the news of the step: they move.
function placeSteps(build) {
  const placed = build.steps.filter((s) => s.log_start >= 0);
  const have = [...output.querySelectorAll(".part")].filter((p) => p.querySelector(".gantt") || p.dataset.step);
  for (const step of placed.slice(have.length)) {
    const last = output.querySelector(".part:last-of-type");
    const moved = last ? [...last.querySelectorAll(".block > div")].filter((l) => l.offset >= step.log_start) : [];
    // What stands before the first step has a part only if it is something.
    if (last && !last.dataset.step && !last.querySelector(".gantt") && moved.length === last.querySelectorAll(".block > div").length) last.remove();
    const part = newPart(step.log_start, step.name);
    part.dataset.step = step.name;
    if (moved.length) moveLines(moved, part);
    live.part = part;
  }
}

function moveLines(moved, part) {
  const block = document.createElement("div");
  block.className = "block";
  Object.assign(block.dataset, { first: moved[0].id.slice(1), count: moved.length, offset: moved[0].offset });
  const from = moved[0].closest(".block");
  from.dataset.count = Number(from.dataset.count) - moved.length;
  block.append(...moved);
  part.querySelector(".lines").append(block);
}

function followBuild(address) {
  document.getElementById("follow-box").hidden = false;
  const events = new EventSource(address);
  let seen = ""; // which steps there were
  events.addEventListener("log", (event) => live.take(JSON.parse(event.data), Number(event.lastEventId)));
  events.addEventListener("status", async (event) => {
    const build = JSON.parse(event.data);
    placeSteps(build);
    const now = build.status + build.commit + build.steps.map((s) => s.name + s.outcome).join();
    if (now !== seen) await refreshPage();
    seen = now;
  });
  events.addEventListener("end", async () => {
    events.close();
    await refreshPage();
    document.getElementById("follow-box").hidden = true;
    // Why it failed is on top.
    if (followed.checked && document.querySelector(".cause")) scrollTo(0, 0);
    unfollow();
  });
  events.addEventListener("error", () => {
    say(document.body.dataset.lost);
    // The browser itself connects again, from the last event on, unless it was
    // refused.
    if (events.readyState !== EventSource.CLOSED) return;
    setTimeout(() => followBuild(address.replace(/offset=\d+/, "offset=" + live.next)), 1500);
  });
}

for (const block of output.querySelectorAll(".block")) prepareBlock(block);
if ("midLine" in output.dataset) {
  // The last line goes on; its escapes are not known any more.
  live.open = output.querySelector(".part:last-of-type .block:last-of-type > div:last-of-type");
  live.text = live.open ? live.open.textContent : "";
}
goToHash();
if (find.value) search();
if (output.dataset.events) { followBuild(output.dataset.events); toEnd(); }
