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
    problem.textContent = (await answer.text()) + ". Get a new token and try again.";
  } catch {
    problem.textContent = "The token could not be sent; it must be copied whole, without line ends.";
  }
});
