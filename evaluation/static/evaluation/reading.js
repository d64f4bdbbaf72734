// The reading page: show an image, time the answer, send it once, show the next.
//
// The clock starts when the image is painted: it is decoded beforehand and inserted inside a
// frame. While the page is hidden the clock stands still.

import { Outbox, backoff, uuid } from "./outbox.js";
import { signIn } from "./signin.js";
import { countdown, expose, mask } from "./timed.js";
import { Viewer } from "./viewer.js";

const byId = (id) => document.getElementById(id);
const form = byId("answer");
const stage = byId("stage");
const next = byId("next");
const back = byId("back");
const notice = byId("notice");
const later = byId("later");
const keyList = byId("key-list");
const pause = byId("pause");
const again = byId("again");
const questions = [...form.querySelectorAll("fieldset")];
const SHORTEST_VIEW_MS = 300; // a key pressed sooner was meant for the image before
const IDLE_MS = 5 * 60 * 1000;
const PAN_PX = 40;

let turn = JSON.parse(byId("turn").textContent);
let shown = null; // what is on the stage: {token, images, exposure, correction, values}
let ahead = null; // what comes next, fetched and decoded: {addresses, images}
let onset = null; // {at, method, images} once the images are painted
let opened = null; // when keys began to count
let exposed = null; // for how many ms the image was shown, where its time is limited
let chosen = []; // names of the questions in the order in which they were answered
let sending = false;
let hiddenMs = 0;
let hiddenSince = null;
let frameMs = 16.7;
let idle = null;

const frame = () => new Promise(requestAnimationFrame);
const draftName = () => `draft:${shown.token}`;
const marked = byId("marked");

const viewer = new Viewer(stage, {
  zooming: "zooming" in stage.dataset,
  marking: Boolean(marked),
  onMarks: () => {
    chosen = [...chosen.filter((name) => name !== "marks"), "marks"];
    keepDraft();
    refresh();
  },
});
const outbox = new Outbox({
  name: form.dataset.reading,
  address: form.dataset.answers,
  csrf: document.querySelector("[name=csrfmiddlewaretoken]").value,
  reader: form.dataset.window,
  onTrouble: () => say("unsaved"),
});

function say(reason) {
  notice.hidden = !reason;
  notice.textContent = reason ? notice.dataset[reason] : "";
}

// --- showing -------------------------------------------------------------------------------

async function decoded(address) {
  for (let tries = 0; ; tries++) {
    const image = new Image();
    image.draggable = false;
    image.setAttribute("elementtiming", "stimulus");
    image.src = address;
    try {
      await image.decode();
      return image;
    } catch {
      const wanted = shown?.images.includes(address);
      if (!wanted && !turn.ahead.includes(address)) return image; // it was put off meanwhile
      if (wanted) {
        say("unseen");
        later.hidden = tries < 2 || shown.correction || !turn.ahead.length;
      }
      await backoff(tries);
    }
  }
}

const allDecoded = (addresses) => Promise.all(addresses.map(decoded));

async function measureFrame() {
  const gaps = [];
  let last = await frame();
  while (gaps.length < 30) {
    const now = await frame();
    gaps.push(now - last);
    last = now;
  }
  frameMs = gaps.sort((a, b) => a - b)[15];
}

// Shows the current turn, after a break where one is due.
async function proceed() {
  if (!turn.token) return location.reload();
  if (turn.pause) await rest("standing");
  const { token, images, exposure } = turn;
  await show({ token, images, exposure, correction: false, values: null });
}

// Shows the page between two images, as a break or where the study begins after the practice;
// returns the button by which the rater goes on.
function rest(reason) {
  byId("pause-title").textContent = pause.dataset[`${reason}Title`];
  byId("pause-text").textContent = pause.dataset[reason].replace(/\[(\w+)\]/g, (_, name) => turn[name]);
  close();
  viewer.clear();
  byId("desk").hidden = true;
  pause.hidden = false;
  countUp(turn.answered, turn.answered);
  again.hidden = reason !== "begin";
  byId("go-on").focus();
  return new Promise((resolve) => {
    pause.onclick = ({ target }) => target.closest("button") && resolve(target.closest("button"));
  }).then((button) => {
    pause.hidden = true;
    byId("desk").hidden = false;
    return button;
  });
}

// Says how far the reading is; where it teaches, by the cases that are learnt.
function countUp(number, done) {
  const { practice, learnt, total } = turn;
  const words = learnt === null ? [practice && form.dataset.practice, number, "/", total] : [learnt, "/", total, form.dataset.learnt];
  byId("count").textContent = words.filter((word) => word !== false).join(" ");
  byId("progress").max = total;
  byId("progress").value = learnt ?? done;
}

async function show(what) {
  shown = what;
  close();
  say(what.correction ? "correcting" : null);
  stage.setAttribute("aria-busy", "true");
  const number = turn.answered + (what.correction ? 0 : 1);
  countUp(number, number - 1);
  if (back) back.hidden = what.correction || !turn.previous;
  const marks = restore();
  const fetched = ahead?.addresses.join() === what.images.join();
  const images = fetched ? ahead.images : await allDecoded(what.images);
  form.inert = Boolean(what.exposure);
  if (what.exposure) await countdown(byId("countdown"));
  if (what !== shown) return;
  const sides = images.length === 2 ? [`, ${form.dataset.left}`, `, ${form.dataset.right}`] : [""];
  images.forEach((image, k) => (image.alt = `${form.dataset.alt} ${number}${sides[k]}`));
  const inserted = await frame();
  viewer.show(images, marks);
  stage.setAttribute("aria-busy", "false");
  if (notice.textContent === notice.dataset.unseen) say(null);
  later.hidden = true;
  hiddenMs = 0;
  hiddenSince = document.hidden ? inserted : null;
  // Where Element Timing is missing, the image is on the screen one frame after its insertion.
  onset = { at: inserted + frameMs, method: "frame", images };
  awake();
  if (what.exposure) {
    const over = () => what !== shown;
    exposed = await expose(what.exposure, inserted, frameMs, over);
    if (exposed === null) return;
    await mask(viewer, frameMs, over);
    form.inert = false;
  }
  open(what);
  ahead = null;
  const coming = turn.ahead;
  if (coming.length) {
    allDecoded(coming).then((pictures) => {
      if (coming === turn.ahead) ahead = { addresses: coming, images: pictures };
    });
  }
}

function close() {
  onset = null;
  opened = null;
  exposed = null;
  delete form.dataset.open;
}

// Lets keys count once the image has been on the screen for the shortest view.
async function open(what) {
  for (let left = SHORTEST_VIEW_MS; left > 0; left = onset.at + SHORTEST_VIEW_MS - performance.now()) {
    await new Promise((resolve) => setTimeout(resolve, left));
    if (what !== shown || !onset) return;
  }
  opened = performance.now();
  form.dataset.open = "";
}

if (PerformanceObserver.supportedEntryTypes?.includes("element")) {
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      if (onset && entry.renderTime && onset.images.includes(entry.element)) {
        // Of a pair, the image that is painted last counts.
        const before = onset.method === "element" ? onset.at : 0;
        onset = { ...onset, at: Math.max(before, entry.renderTime), method: "element" };
      }
    }
  }).observe({ type: "element", buffered: true });
}

document.addEventListener("visibilitychange", () => {
  const now = performance.now();
  if (document.hidden) hiddenSince = now;
  else if (hiddenSince !== null) {
    hiddenMs += now - hiddenSince;
    hiddenSince = null;
  }
});

function awake() {
  clearTimeout(idle);
  if (notice.textContent === notice.dataset.idle) say(null);
  idle = setTimeout(() => notice.hidden && say("idle"), IDLE_MS);
}
for (const name of ["pointerdown", "keydown"]) document.addEventListener(name, awake);

// --- choices -------------------------------------------------------------------------------

const inputs = (name) => [...form.querySelectorAll(`input[name="${name}"]`)];
const answered = (name) => inputs(name).some((input) => input.checked);
const asked = () => questions.find((each) => "required" in each.dataset && !answered(each.dataset.name));
const over = () => questions.some((each) => each.disabled);

function refresh() {
  const current = asked();
  for (const question of questions) question.classList.toggle("asked", question === current);
  next.disabled = Boolean(current) || sending || over();
  if (marked) marked.textContent = viewer.marks.length;
}

function choose(input) {
  input.checked = true;
  chosen = [...chosen.filter((name) => name !== input.name), input.name];
  keepDraft();
  refresh();
}

function takeBack() {
  const name = chosen.pop();
  if (!name) return;
  if (name === "marks") {
    viewer.marks.pop();
    viewer.draw();
  }
  for (const input of inputs(name)) input.checked = false;
  keepDraft();
  refresh();
}

function keepDraft() {
  const values = Object.fromEntries(new FormData(form));
  localStorage.setItem(draftName(), JSON.stringify({ values, chosen, marks: viewer.marks }));
}

// Fills the form from the draft, or from the answer that is corrected; returns the marks.
function restore() {
  form.reset();
  chosen = [];
  const draft = JSON.parse(localStorage.getItem(draftName()) ?? "null");
  const values = draft?.values ?? shown.values ?? {};
  for (const [name, value] of Object.entries(values)) {
    const input = inputs(name).find((each) => each.value === String(value));
    if (input) input.checked = true;
    else if (form.elements[name]?.tagName === "TEXTAREA") form.elements[name].value = value;
  }
  chosen = draft?.chosen ?? Object.keys(values).filter(answered);
  viewer.marks = draft?.marks ?? shown.values?.marks ?? [];
  refresh();
  return viewer.marks;
}

form.addEventListener("change", (event) => {
  if (event.target.type === "radio") choose(event.target);
});
form.addEventListener("input", (event) => {
  if (event.target.type !== "radio") keepDraft();
});
later.addEventListener("click", async () => {
  later.hidden = true;
  const asked = turn;
  const reply = await outbox.ask(form.dataset.postpone, { token: asked.token });
  if (!reply || asked !== turn) return;
  turn = reply;
  proceed();
});
back?.addEventListener("click", () => show({ ...turn.previous, correction: true }));
byId("keys").addEventListener("click", () => keyList.showModal());

// Keys that need no image, and those that move it; true if the key was one of them.
function steer(event) {
  const way = { ArrowLeft: [PAN_PX, 0], ArrowRight: [-PAN_PX, 0], ArrowUp: [0, PAN_PX], ArrowDown: [0, -PAN_PX] };
  const acts = {
    "?": () => keyList.showModal(),
    "+": () => viewer.zoom(1.25),
    "-": () => viewer.zoom(0.8),
    f: () => viewer.fit(),
  };
  const act = acts[event.key.toLowerCase()];
  if (act) act();
  else if (way[event.key] && viewer.scale > 1 && event.target.type !== "radio") viewer.pan(...way[event.key]);
  else return false;
  event.preventDefault();
  return true;
}

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || sending || keyList.open || !pause.hidden) return;
  if (event.target.tagName === "TEXTAREA") {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  if (steer(event) || event.repeat) return;
  if (event.key === "Enter") {
    if (event.target.tagName === "BUTTON" && event.target !== next) return;
    event.preventDefault();
    if (!byId("feedback").hidden) byId("understood").click();
    else if (!next.disabled) submit(event.timeStamp);
    return;
  }
  if (opened === null || event.timeStamp < opened) return;
  if (event.key === "Backspace") {
    event.preventDefault();
    return takeBack();
  }
  const key = event.key.toLowerCase();
  // A number answers the question that is asked; letters and arrows always mean their own.
  const wanted = `[data-key="${CSS.escape(key)}"]`;
  const input = form.querySelector(`[data-form="pair"] ${wanted}`) ?? asked()?.querySelector(wanted);
  if (input) {
    event.preventDefault();
    choose(input);
  }
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!next.disabled) submit(event.timeStamp);
});

// --- sending -------------------------------------------------------------------------------

async function submit(at) {
  if (sending || !onset) return;
  const away = hiddenMs + (hiddenSince === null ? 0 : at - hiddenSince);
  const values = Object.fromEntries(new FormData(form));
  if (marked) values.marks = viewer.marks;
  outbox.put({
    ...values,
    token: shown.token,
    key: uuid(),
    correction: shown.correction,
    response_ms: Math.max(1, Math.round(at - onset.at - away)),
    timing: {
      method: onset.method,
      hidden_ms: Math.round(away),
      frame_ms: Math.round(frameMs * 10) / 10,
      exposed_ms: exposed === null ? null : Math.round(exposed * 10) / 10,
      pixel_ratio: devicePixelRatio,
      viewport: [innerWidth, innerHeight],
      zooms: viewer.zooms,
      largest_zoom: Math.round(viewer.largest * 100) / 100,
    },
  });
  await deliver();
}

// Tells what an image was, beside it, until the rater goes on; in a lesson in place of the questions.
function tell(text, lesson) {
  close();
  byId("feedback-text").textContent = text;
  if (lesson) {
    const verdict = byId("verdict");
    verdict.textContent = lesson.right ? `✓ ${verdict.dataset.right}` : `✗ ${verdict.dataset.wrong}`;
    byId("answered").textContent = lesson.answered;
    byId("features").textContent = lesson.features || "–";
    form.dataset.told = "";
    form.scrollTop = 0;
  }
  byId("feedback").hidden = false;
  byId("understood").focus();
  return new Promise((resolve) => {
    byId("understood").addEventListener("click", resolve, { once: true });
  }).then(() => {
    byId("feedback").hidden = true;
    delete form.dataset.told;
  });
}

// Sends what is in the outbox and shows what the server says comes next.
async function deliver() {
  const draft = `draft:${JSON.parse(outbox.waiting).token}`;
  sending = true;
  refresh();
  let { status, reply } = await outbox.send();
  if (status === 401 || status === 403) {
    const renewed = await signIn(byId("sign-in"), form.dataset.reading);
    if (renewed) ({ status, reply } = await Object.assign(outbox, renewed).send());
  }
  sending = false;
  const problems = { 401: "lost", 403: "lost", 410: "closed" };
  if (status === 410) for (const question of questions) question.disabled = true;
  refresh();
  if (status !== 201 && status !== 409) return say(problems[status] ?? "refused");
  if (status === 409 && !reply.turn) {
    await rest("elsewhere"); // going on takes the reading back to this window
    return location.reload();
  }
  if (reply.window) outbox.reader = reply.window;
  localStorage.removeItem(draft);
  const practised = turn.practice;
  turn = status === 409 ? reply.turn : reply;
  if (reply.feedback) await tell(reply.feedback, reply.lesson);
  if (practised && turn.token && !turn.practice) {
    const chosen = await rest("begin");
    if (chosen === again) turn = (await outbox.ask(form.dataset.practise, {})) ?? turn;
  }
  await proceed();
  if (status === 409) say("elsewhere");
}

// A page that Back brings out of the browser's cache would show an image that is answered.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

measureFrame();
if (outbox.waiting) deliver();
else proceed();
