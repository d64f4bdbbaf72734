// The page that generates images: the form says what its choices amount to, images appear as they
// are made, and one of them can be seen large.
//
// Without this script the page reloads itself while images are made, and each image is a page.

const form = document.getElementById("wishes");
const standing = document.getElementById("standing");
const dialog = document.getElementById("large-view");
const parse = (text) => new DOMParser().parseFromString(text, "text/html");

async function page(address) {
  const reply = await fetch(address, { credentials: "same-origin" });
  if (!reply.ok) throw new Error(reply.status);
  return parse(await reply.text());
}

// --- the form ------------------------------------------------------------------------------

const typed = new Map(); // whatever was said in any field, for the generators that ask for it
let asking = 0;
let pause;

function remember() {
  for (const [name, value] of new FormData(form)) {
    if (name !== "csrfmiddlewaretoken" && typeof value === "string") typed.set(name, value);
  }
}

const asked = () => document.getElementById("asked");
const changed = () => form.elements.generator.value !== asked().dataset.generator;

// Asks the server what the form amounts to; it has the fields of another generator, too.
async function look() {
  remember();
  const mine = ++asking;
  try {
    const answer = await page(`${form.action}?${new URLSearchParams([...typed])}`);
    if (mine !== asking) return;
    if (changed()) {
      const focused = document.activeElement?.id;
      asked().replaceWith(answer.getElementById("asked"));
      document.getElementById(focused)?.focus();
    }
    const [now, then] = [document.getElementById("amounts"), answer.getElementById("amounts")];
    if (now.innerHTML !== then.innerHTML) now.replaceChildren(...then.childNodes);
  } catch {
    // what it amounts to is a help only: Generate says the same
  }
}

form.addEventListener("input", (event) => {
  clearTimeout(pause);
  pause = setTimeout(look, event.target.name === "generator" ? 0 : 250);
});

form.addEventListener("click", (event) => {
  const example = event.target.closest(".examples a");
  if (!example) return;
  event.preventDefault();
  const prompt = document.getElementById("id_prompt");
  prompt.value = example.textContent;
  prompt.focus();
  look();
});

const begin = form.querySelector(".begin");
form.addEventListener("submit", () => setTimeout(() => (begin.disabled = true)));
addEventListener("pageshow", () => (begin.disabled = false));
form.classList.add("live");
if (changed()) look(); // chosen before this script was there, or kept by the browser on reloading

// --- the images, as they are made ----------------------------------------------------------

const tiles = document.getElementById("tiles");
const shown = [];

function show(index, html) {
  if (shown[index] === html) return;
  const fresh = parse(html).body.firstElementChild;
  const old = tiles.children[index];
  const focused = old?.contains(document.activeElement);
  if (old) old.replaceWith(fresh);
  else tiles.append(fresh);
  if (shown[index] !== undefined || !old?.querySelector("a")) fresh.classList.add("fresh");
  if (focused) fresh.querySelector("a")?.focus();
  shown[index] = html;
}

async function watch() {
  const news = document.getElementById("news");
  for (let running = true; running; ) {
    await new Promise((done) => setTimeout(done, 1000));
    try {
      const reply = await fetch(standing.dataset.progress, { credentials: "same-origin" });
      if (!reply.ok) throw new Error(reply.status);
      const now = await reply.json();
      now.tiles.forEach((html, index) => show(index, html));
      while (tiles.children.length > now.tiles.length) tiles.lastElementChild.remove();
      if (!standing.querySelector("button:focus") || !now.running) standing.innerHTML = now.standing;
      else standing.querySelector(".said").textContent = parse(now.standing).querySelector(".said").textContent;
      if (news.textContent !== now.news) news.textContent = now.news;
      running = now.running;
    } catch {
      standing.querySelector(".said").textContent = form.dataset.lost;
    }
  }
}

if (standing && "running" in standing.dataset) watch();

// --- one image, large ----------------------------------------------------------------------

async function enlarge(address) {
  const found = (await page(address)).getElementById("large");
  const close = document.createElement("button");
  close.type = "button";
  close.className = "close";
  close.setAttribute("aria-label", dialog.dataset.close);
  close.textContent = "×";
  close.addEventListener("click", () => dialog.close());
  dialog.replaceChildren(close, found);
  if (!dialog.open) dialog.showModal();
  document.getElementById("large-title").focus();
}

async function follow(event) {
  const link = event.target.closest(".tile a, .turn a");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  try {
    await enlarge(link.href);
  } catch {
    location.assign(link.href);
  }
}

tiles?.addEventListener("click", follow);
dialog.addEventListener("click", (event) => (event.target === dialog ? dialog.close() : follow(event)));
dialog.addEventListener("keydown", (event) => {
  const way = { ArrowLeft: "prev", ArrowRight: "next" }[event.key];
  if (way) dialog.querySelector(`.turn [rel=${way}]`)?.click();
});
