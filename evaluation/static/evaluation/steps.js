// The form of a study as steps: one group of fields at a time, the last a review of all.
//
// Without this script it is one long form. Beside the images stands what there is of them, beside
// the raters what so many of them can show; the server says both.

const form = document.getElementById("study_form");
const words = JSON.parse(document.getElementById("steps-words").textContent);
const groups = [];
for (const fieldset of form.querySelectorAll("fieldset.module")) {
  if (fieldset.classList.contains("begins-step")) groups.push([]);
  groups.at(-1).push(fieldset);
}
const titles = [...groups.map(([first]) => first.querySelector(".fieldset-heading").textContent), words.review];
const review = make("section", "module aligned review");
groups.at(-1).at(-1).after(review);
groups.push([review]);

function make(tag, className = "", text = "") {
  const element = document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

// --- the steps -----------------------------------------------------------------------------

const nav = make("ol", "steps");
nav.setAttribute("aria-label", words.steps);
const tabs = titles.map((title, k) => {
  const button = make("button", "", title);
  button.type = "button";
  button.addEventListener("click", () => open(k));
  const item = make("li");
  item.append(button);
  nav.append(item);
  return button;
});
groups[0][0].before(nav);

const onward = make("button", "onward", words.next);
onward.type = "button";
onward.addEventListener("click", () => open(current + 1));
const send = form.querySelector(".submit-row");
send.before(onward);

let current = 0;

// The first field of a group that the browser finds wrong.
const wrong = (group) =>
  group.flatMap((each) => [...each.querySelectorAll("input, select, textarea")]).find((field) => !field.checkValidity());

function open(wanted) {
  const held = groups.findIndex((group, k) => k < wanted && wrong(group));
  current = held < 0 ? wanted : held;
  groups.forEach((group, k) => group.forEach((each) => (each.hidden = k !== current)));
  tabs.forEach((tab, k) => (k === current ? tab.setAttribute("aria-current", "step") : tab.removeAttribute("aria-current")));
  onward.hidden = current === groups.length - 1;
  send.hidden = current !== groups.length - 1;
  if (!send.hidden) summarise();
  if (held >= 0) wrong(groups[held]).reportValidity();
}

// --- the review ----------------------------------------------------------------------------

function summarise() {
  review.replaceChildren(...groups.slice(0, -1).flat().flatMap(summary));
}

function summary(fieldset) {
  const list = make("dl");
  for (const label of fieldset.querySelectorAll(".flex-container > label")) {
    list.append(make("dt", "", label.textContent.trim().replace(/:$/, "")), make("dd", "", value(label)));
  }
  return [make("h3", "", fieldset.querySelector(".fieldset-heading").textContent), list];
}

// What is chosen in the fields beside a label.
function value(label) {
  const single = label.htmlFor && label.parentElement.querySelector(`[id="${label.htmlFor}"]`);
  if (single?.type === "checkbox") return single.checked ? words.yes : words.no;
  if (single?.tagName === "SELECT") return single.selectedOptions[0]?.textContent ?? "–";
  const fields = single ? [single] : [...label.parentElement.querySelectorAll("input")];
  const said = fields.map((field) => {
    if (field.type !== "checkbox") return field.value.trim();
    return field.checked ? field.closest("label").textContent.trim() : "";
  });
  return said.filter(Boolean).join(", ") || "–";
}

// --- what the server says meanwhile --------------------------------------------------------

function besides(fieldset, address, query) {
  const place = make("div", "beside");
  place.setAttribute("aria-live", "polite");
  fieldset.append(place);
  let asked = "";
  const ask = async () => {
    const now = `${address}?${query()}`;
    if (now === asked) return;
    asked = now;
    const reply = await fetch(now);
    if (reply.ok && now === asked) place.innerHTML = await reply.text();
  };
  form.addEventListener("change", ask);
  ask();
}

const all = (name) => new FormData(form).getAll(name);

besides(form.querySelector(".shows-stock"), words.stock, () => {
  const query = new URLSearchParams({ study: words.study });
  for (const name of ["dataset", "generators", "entities", "images_per_cell"])
    for (const each of all(name)) query.append(name, each);
  return query;
});

besides(form.querySelector(".shows-reach"), words.reach, () => {
  const raters = Number(all("raters_at_most")[0]);
  const share = Number(all("readings_per_image")[0] || raters) / raters;
  const images = all("generators").length * all("entities").length * Number(all("images_per_cell")[0]);
  return new URLSearchParams({ raters, images: Math.round(images * share) });
});

open(Math.max(0, groups.findIndex((group) => group.some((each) => each.querySelector(".errors, .errorlist")))));
