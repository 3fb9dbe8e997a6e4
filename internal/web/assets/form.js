// The form of a course asks the git host while somebody types: can the origin
// be read, and which branches has it? Without this script there is a button.
"use strict";

const origin = document.getElementById("git_origin");
const state = document.getElementById("origin-state");
const branch = document.getElementById("git_branch");
let asked = 0;
let wait = 0;

async function look() {
  const mine = ++asked;
  const address = origin.value.trim();
  show("", "");
  document.getElementById("branches").replaceChildren();
  if (address.length < 4) return;
  show(state.dataset.looking, "");
  const form = new URLSearchParams({
    git_origin: address, key: document.getElementById("key").defaultValue, remote_id: document.getElementById("remote_id").value,
  });
  let found;
  try {
    const answer = await fetch(state.dataset.check, { method: "POST", body: form });
    if (!answer.ok) { if (mine === asked) show("", ""); return; }
    found = await answer.json();
  } catch {
    if (mine === asked) show("", "");
    return;
  }
  if (mine !== asked) return;
  if (found.problem) { show(found.problem.map(spoken), "bad"); return; }
  const branches = found.branches || [];
  show(branches.length ? state.dataset.good : state.dataset.empty, branches.length ? "good" : "bad");
  offer(branches);
}

function show(text, kind) {
  state.className = "origin-state " + kind;
  state.replaceChildren(...[text].flat());
}

// spoken is a part of a text; what is not in the page's language says so.
function spoken(part) {
  if (!part.foreign) return part.text;
  const span = document.createElement("span");
  span.lang = "en";
  span.textContent = part.text;
  return span;
}

// offer makes the branches choices, and buttons that fill in the field.
function offer(branches) {
  const options = branches.map((name) => Object.assign(document.createElement("option"), { value: name }));
  document.getElementById("branches").replaceChildren(...options);
  for (const name of branches.slice(0, 12)) {
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet small";
    button.textContent = name;
    button.onclick = () => { branch.value = name; branch.focus(); };
    state.append(button);
  }
  if (!branch.value) branch.value = ["main", "master"].find((name) => branches.includes(name)) || branches[0] || "";
}

document.querySelector("[name=check_origin]").parentElement.hidden = true;
origin.addEventListener("input", () => { clearTimeout(wait); wait = setTimeout(look, 600); });
