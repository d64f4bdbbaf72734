// The page that submits a photograph: what is kept of it is marked by polygon, brush and eraser.
//
// The photograph is opened in the browser alone. What is marked is a list of steps in pixels of the
// photograph, drawn small to be seen and at full size to be sent; to undo is to leave out the last.
//
// Without this script a mask comes from a file.

const VIEW = 1400; // px of the view's longer side
const PREVIEW = 512; // px of what is sent for a proposal; the segmenter sees less
const NEAR = 14; // css px: a tap so near to the first corner closes the polygon
const VEIL = "rgb(12 20 26 / .72)";

const form = document.getElementById("submit");
const board = document.getElementById("board");
const first = document.getElementById("first"); // what is said before there is a photograph
const view = document.getElementById("view");
const marked = document.getElementById("marked");
const problems = document.getElementById("problems");
const file = { photograph: form.elements.photograph, mask: form.elements.mask };
const button = { undo: document.getElementById("undo"), clear: document.getElementById("clear"), propose: document.getElementById("propose") };
const width = document.getElementById("width");
const begin = form.querySelector(".begin");

let photograph = null; // an ImageBitmap
let steps = []; // each {kind: polygon | brush | eraser | image}
let tool = "polygon";
let open = null; // the step that is being drawn

function canvas(wide, high) {
  return Object.assign(document.createElement("canvas"), { width: wide, height: high });
}

function complain(...texts) {
  const list = Object.assign(document.createElement("ul"), { className: "problems" });
  list.append(...texts.map((text) => Object.assign(document.createElement("li"), { textContent: text })));
  problems.replaceChildren(...(texts.length ? [list] : []));
}

// --- drawing -------------------------------------------------------------------------------

// Draws what is kept, white on nothing, onto a context whose unit is a pixel of the photograph.
function paint(context, list) {
  for (const { kind, points, size, bitmap } of list) {
    context.globalCompositeOperation = kind === "eraser" ? "destination-out" : "source-over";
    context.fillStyle = context.strokeStyle = "#fff";
    if (kind === "image") {
      context.clearRect(0, 0, photograph.width, photograph.height);
      context.drawImage(bitmap, 0, 0, photograph.width, photograph.height);
      continue;
    }
    context.beginPath();
    points.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
    if (kind === "polygon") {
      context.fill();
      continue;
    }
    context.lineWidth = size;
    context.lineCap = context.lineJoin = "round";
    if (points.length === 1) context.lineTo(...points[0]);
    context.stroke();
  }
  context.globalCompositeOperation = "source-over";
}

function layer(wide, high) {
  const made = canvas(wide, high);
  const context = made.getContext("2d", { willReadFrequently: true });
  context.setTransform(wide / photograph.width, 0, 0, high / photograph.height, 0, 0);
  paint(context, open ? [...steps, open] : steps);
  return made;
}

function show() {
  if (!photograph) return;
  const [context, scale] = [view.getContext("2d"), view.width / photograph.width];
  context.drawImage(photograph, 0, 0, view.width, view.height);
  const veil = canvas(view.width, view.height);
  const over = veil.getContext("2d");
  over.fillStyle = VEIL;
  over.fillRect(0, 0, veil.width, veil.height);
  over.globalCompositeOperation = "destination-out";
  over.drawImage(layer(view.width, view.height), 0, 0);
  context.drawImage(veil, 0, 0);
  if (open?.kind === "polygon") corners(context, scale);
  button.undo.disabled = !steps.length && !open;
  button.clear.disabled = button.undo.disabled;
}

function corners(context, scale) {
  const unit = view.width / view.getBoundingClientRect().width;
  const points = open.points.map(([x, y]) => [x * scale, y * scale]);
  for (const [colour, wide] of [["#1b2b34", 4], ["#fff", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = wide * unit;
    context.beginPath();
    points.forEach(([x, y], k) => (k ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  }
  points.forEach(([x, y], k) => {
    context.fillStyle = k ? "#fff" : "#f2b84b";
    context.strokeStyle = "#1b2b34";
    context.beginPath();
    context.arc(x, y, (k ? 4 : 6) * unit, 0, 7);
    context.fill();
    context.stroke();
  });
}

// Says how much is marked, measured small.
function tell() {
  show();
  const [wide, high] = [256, Math.max(1, Math.round((256 * photograph.height) / photograph.width))];
  const levels = layer(wide, high).getContext("2d").getImageData(0, 0, wide, high).data;
  let kept = 0;
  for (let at = 3; at < levels.length; at += 4) kept += levels[at] > 127;
  const share = (kept / (wide * high)).toLocaleString(document.documentElement.lang, { style: "percent", maximumFractionDigits: 1 });
  marked.textContent = kept ? marked.dataset.some.replace("[share]", share) : marked.dataset.none;
}

// --- steps ---------------------------------------------------------------------------------

function finish() {
  if (open && (open.kind !== "polygon" || open.points.length > 2)) steps.push(open);
  open = null;
}

function undo() {
  if (open?.points.length > 1) open.points.pop();
  else if (open) open = null;
  else steps.pop();
  tell();
}

function choose(name) {
  finish();
  tool = name;
  for (const each of document.querySelectorAll("[data-tool]")) each.setAttribute("aria-pressed", String(each.dataset.tool === name));
  tell();
}

function at(event) {
  const box = view.getBoundingClientRect();
  const [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  return [x * photograph.width, y * photograph.height];
}

function unit() {
  return photograph.width / view.getBoundingClientRect().width; // photograph's pixels a css px
}

// Corners are set when the pointer is lifted, so that two fingers that zoom the page set none.
let held = null;

view.addEventListener("pointerdown", (event) => {
  if (held !== null || !photograph || event.button) return;
  held = event.pointerId;
  view.setPointerCapture(held);
  if (tool === "polygon") return;
  const size = (Number(width.value) / 100) * Math.min(photograph.width, photograph.height);
  open = { kind: tool, size, points: [at(event)] };
  show();
});

view.addEventListener("pointermove", (event) => {
  if (event.pointerId !== held || tool === "polygon" || !open) return;
  open.points.push(...(event.getCoalescedEvents?.() ?? [event]).map(at));
  show();
});

view.addEventListener("pointerup", (event) => {
  if (event.pointerId !== held) return;
  held = null;
  if (tool === "polygon") corner(at(event));
  else finish();
  tell();
});

view.addEventListener("pointercancel", () => {
  held = null;
  if (tool !== "polygon") open = null;
  show();
});

function corner([x, y]) {
  open ??= { kind: "polygon", points: [] };
  const [first] = open.points;
  if (open.points.length > 2 && Math.hypot(x - first[0], y - first[1]) < NEAR * unit()) finish();
  else open.points.push([x, y]);
}

for (const each of document.querySelectorAll("[data-tool]")) each.addEventListener("click", () => choose(each.dataset.tool));
button.undo.addEventListener("click", undo);
button.clear.addEventListener("click", () => {
  steps = [];
  open = null;
  tell();
});
addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && !button.undo.disabled && !event.target.matches("input:not([type=range])")) {
    event.preventDefault();
    undo();
  }
});

// --- files ---------------------------------------------------------------------------------

async function opened(input) {
  try {
    return await createImageBitmap(input.files[0]);
  } catch {
    complain(form.dataset.unread);
    input.value = "";
    return null;
  }
}

file.photograph.addEventListener("change", async () => {
  complain();
  photograph = file.photograph.files.length ? await opened(file.photograph) : null;
  steps = [];
  open = null;
  board.hidden = !photograph;
  first.hidden = !board.hidden;
  if (!photograph) return;
  const scale = VIEW / Math.max(photograph.width, photograph.height);
  view.width = Math.round(photograph.width * scale);
  view.height = Math.round(photograph.height * scale);
  tell();
});

first.hidden = false;

// A mask from elsewhere is white and black; what is kept becomes white on nothing.
function cut(bitmap) {
  const made = canvas(bitmap.width, bitmap.height);
  const context = made.getContext("2d");
  context.drawImage(bitmap, 0, 0);
  const pixels = context.getImageData(0, 0, made.width, made.height);
  for (let k = 0; k < pixels.data.length; k += 4) {
    pixels.data[k + 3] = pixels.data[k] > 127 ? 255 : 0;
    pixels.data[k] = pixels.data[k + 1] = pixels.data[k + 2] = 255;
  }
  context.putImageData(pixels, 0, 0);
  return made;
}

file.mask.addEventListener("change", async () => {
  if (!photograph || !file.mask.files.length) return;
  complain();
  const bitmap = await opened(file.mask);
  if (!bitmap) return;
  if (bitmap.width !== photograph.width || bitmap.height !== photograph.height) {
    complain(form.dataset.other);
    file.mask.value = "";
    return;
  }
  finish();
  steps.push({ kind: "image", bitmap: cut(bitmap) });
  tell();
});

function encoded(made) {
  return new Promise((done) => made.toBlob(done, "image/png"));
}

button.propose.addEventListener("click", async () => {
  complain();
  button.propose.disabled = true;
  marked.textContent = marked.dataset.busy;
  const scale = Math.min(1, PREVIEW / Math.max(photograph.width, photograph.height));
  const small = canvas(Math.round(photograph.width * scale), Math.round(photograph.height * scale));
  small.getContext("2d").drawImage(photograph, 0, 0, small.width, small.height);
  const asked = new FormData();
  asked.append("csrfmiddlewaretoken", form.elements.csrfmiddlewaretoken.value);
  asked.append("photograph", await encoded(small), "preview.png");
  let news = "";
  try {
    const reply = await fetch(form.dataset.propose, { method: "POST", body: asked, credentials: "same-origin" });
    if (!reply.ok) complain(reply.status === 422 ? await reply.text() : form.dataset.lost);
    else {
      finish();
      steps.push({ kind: "image", bitmap: cut(await createImageBitmap(await reply.blob())) });
      news = ` ${marked.dataset.more}`;
      choose("brush");
    }
  } catch {
    complain(form.dataset.lost);
  }
  button.propose.disabled = false;
  tell();
  marked.textContent += news;
});

// --- sending -------------------------------------------------------------------------------

async function whole() {
  const made = canvas(photograph.width, photograph.height);
  const context = made.getContext("2d");
  context.fillStyle = "#000";
  context.fillRect(0, 0, made.width, made.height);
  context.drawImage(layer(made.width, made.height), 0, 0);
  return encoded(made);
}

form.addEventListener("submit", async (event) => {
  if (!photograph) return;
  event.preventDefault();
  complain();
  finish();
  tell();
  if (!steps.length) {
    complain(form.dataset.unmarked);
    return;
  }
  begin.disabled = true;
  const sent = new FormData(form);
  sent.set("mask", await whole(), "mask.png");
  try {
    const reply = await fetch(form.action, { method: "POST", body: sent, credentials: "same-origin" });
    if (reply.redirected) return location.assign(reply.url);
    const answer = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("problems");
    if (answer) problems.replaceChildren(...answer.childNodes);
    else complain(form.dataset.lost);
  } catch {
    complain(form.dataset.lost);
  }
  begin.disabled = false;
});
