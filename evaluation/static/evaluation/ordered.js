// Boxes whose order matters: a button beside each moves it up, and the form sends them so.

for (const box of document.querySelectorAll("input[data-ordered]")) {
  const row = box.closest("label").parentElement;
  const up = document.createElement("button");
  up.type = "button";
  up.className = "up";
  up.textContent = "↑";
  up.setAttribute("aria-label", `${box.closest("label").textContent.trim()}: ${box.dataset.ordered}`);
  up.addEventListener("click", () => {
    const before = row.previousElementSibling;
    if (before) before.before(row);
    up.focus();
  });
  row.append(up);
}
