"use strict";
const form = document.getElementById("login");
const problem = document.getElementById("problem");
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  problem.textContent = "";
  try {
    const answer = await fetch("/login", {
      method: "POST",
      headers: { Authorization: "Bearer " + form.elements.token.value.trim() },
    });
    if (answer.ok) {
      location.assign(form.dataset.next);
      return;
    }
    const said = document.createElement("span");
    said.lang = "en";
    said.textContent = (await answer.text()) + ".";
    problem.replaceChildren(said, " " + form.dataset.again);
  } catch {
    problem.textContent = form.dataset.broken;
  }
});
