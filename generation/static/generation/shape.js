// Where the lesion is and how light the skin: an ellipse to drag or a mask from a file, and a
// slider, over plain fields.
//
// Without this script the fields take the same as characters.

const within = (value, least, most) => Math.min(most, Math.max(least, value));
const LEAST = 0.04; // extent of a lesion, as a share of the side
const STEP = 0.02;
const MASK = "png:"; // before a lesion that is a mask
const OVERLAP = 0.1; // of its rows, which else leave seams
const SVG = "http://www.w3.org/2000/svg";

function drawn(name, attributes) {
  const part = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) part.setAttribute(key, value);
  return part;
}

function tell(input, value) {
  input.value = value;
  input.dispatchEvent(new Event("input", { bubbles: true }));
}

// Returns the bright pixels of a mask as a path in a square of side 1, row by row.
async function silhouette(lesion) {
  const image = new Image();
  image.src = `data:image/png;base64,${lesion.slice(MASK.length)}`;
  await image.decode();
  const { width, height } = image;
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  const bright = (x, y) => x >= 0 && x < width && data[4 * (y * width + x)] > 127;
  let [path, start] = ["", 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x <= width; x++) {
      if (bright(x, y) && !bright(x - 1, y)) start = x / width;
      if (!bright(x, y) && bright(x - 1, y)) path += `M${start},${y / height}H${x / width}v${(1 + OVERLAP) / height}H${start}z`;
    }
  }
  return path;
}

class LesionSquare extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("[name=lesion]");
    this.file = this.querySelector("[type=file]");
    this.said = this.querySelector(".said");
    this.square = drawn("svg", { viewBox: "0 0 1 1", tabindex: 0, role: "group", "aria-label": this.dataset.label });
    this.shape = drawn("ellipse", { class: "lesion" });
    this.handle = drawn("circle", { class: "handle", r: 0.03 });
    this.mask = drawn("path", { class: "mask" });
    this.square.append(this.shape, this.handle, this.mask);
    this.clear = Object.assign(document.createElement("button"), { type: "button", className: "minor", textContent: this.dataset.clear });
    this.prepend(this.square);
    this.input.after(this.clear);
    this.clear.addEventListener("click", () => this.remove());
    this.input.addEventListener("input", () => {
      this.file.value = ""; // what was said last counts
      this.show();
    });
    this.file.addEventListener("change", () => this.take());
    this.square.addEventListener("pointerdown", (event) => this.grasp(event));
    this.square.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) this.square.addEventListener(end, () => (this.held = null));
    this.square.addEventListener("keydown", (event) => this.press(event));
    this.show();
    this.take(); // what was chosen before this script was there
  }

  get lesion() {
    const parts = this.input.value.split(",").map(Number);
    if (parts.length !== 4 || parts.some(Number.isNaN)) return null;
    const [x, y, width, height] = parts;
    return { x, y, width, height };
  }

  set lesion({ x, y, width, height }) {
    const [right, below] = [x, y].map((value) => within(value, 0, 1));
    const [wide, high] = [width, height].map((value) => within(value, LEAST, 1.2));
    tell(this.input, [right, below, wide, high].map((value) => Number(value.toFixed(2))).join(","));
  }

  get masked() {
    return this.input.value.startsWith(MASK);
  }

  // Lets the server read the file, so that what it refuses is said at once and the form, which
  // forgets files, keeps the mask. Where it cannot be reached, the file goes with the form.
  async take() {
    const [file] = this.file.files;
    if (!file) return;
    const sent = new FormData();
    sent.set("csrfmiddlewaretoken", this.input.form.elements.csrfmiddlewaretoken.value);
    sent.set("mask", file);
    let answer;
    try {
      answer = await (await fetch(this.dataset.mask, { method: "POST", body: sent, credentials: "same-origin" })).json();
    } catch {
      return;
    }
    if (this.file.files[0] !== file) return; // another one was chosen meanwhile
    this.file.value = "";
    if (answer.lesion) tell(this.input, answer.lesion);
    this.say(answer.words ?? answer.problem, !answer.lesion);
  }

  say(words, wrong = false) {
    this.said.textContent = words;
    this.said.classList.toggle("wrong", wrong);
  }

  remove() {
    tell(this.input, "");
    this.square.focus();
  }

  async show() {
    const { lesion, masked } = this;
    this.classList.toggle("masked", masked);
    this.square.classList.toggle("none", !lesion);
    this.clear.disabled = !this.input.value;
    if (!masked) {
      this.mask.removeAttribute("d");
      this.say("");
    } else {
      const value = this.input.value;
      const path = await silhouette(value).catch(() => "");
      if (this.input.value === value) this.mask.setAttribute("d", path);
    }
    if (!lesion) return;
    const { x, y, width, height } = lesion;
    for (const [key, value] of Object.entries({ cx: x, cy: y, rx: width / 2, ry: height / 2 })) this.shape.setAttribute(key, value);
    this.handle.setAttribute("cx", within(x + width / Math.SQRT2 / 2, 0.03, 0.97));
    this.handle.setAttribute("cy", within(y + height / Math.SQRT2 / 2, 0.03, 0.97));
  }

  at(event) {
    const box = this.square.getBoundingClientRect();
    return { x: (event.clientX - box.left) / box.width, y: (event.clientY - box.top) / box.height };
  }

  // What is held: the handle resizes, the inside moves, and anywhere else a new lesion begins.
  grasp(event) {
    event.preventDefault();
    this.square.focus();
    this.square.setPointerCapture(event.pointerId);
    const [at, lesion] = [this.at(event), this.lesion];
    if (event.target === this.handle) this.held = { how: "resize" };
    else if (event.target === this.shape) this.held = { how: "move", from: { x: lesion.x - at.x, y: lesion.y - at.y } };
    else this.held = { how: "draw", from: at };
  }

  drag(event) {
    if (!this.held) return;
    const [at, lesion] = [this.at(event), this.lesion];
    const { how, from } = this.held;
    if (how === "move") this.lesion = { ...lesion, x: at.x + from.x, y: at.y + from.y };
    else if (how === "resize") {
      const [wide, high] = [Math.abs(at.x - lesion.x), Math.abs(at.y - lesion.y)];
      this.lesion = { ...lesion, width: wide * 2 * Math.SQRT2, height: high * 2 * Math.SQRT2 };
    } else {
      const [wide, high] = [Math.abs(at.x - from.x), Math.abs(at.y - from.y)];
      if (Math.max(wide, high) < LEAST) return;
      this.lesion = { x: (at.x + from.x) / 2, y: (at.y + from.y) / 2, width: wide, height: high };
    }
  }

  press(event) {
    const [right, below] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (event.key === "Delete" || event.key === "Backspace") this.remove();
    else if ((!right && !below) || this.masked) return;
    else {
      const lesion = this.lesion ?? { x: 0.5, y: 0.5, width: 0.5, height: 0.5 };
      if (event.shiftKey) this.lesion = { ...lesion, width: lesion.width + 2 * STEP * right, height: lesion.height + 2 * STEP * below };
      else this.lesion = { ...lesion, x: lesion.x + STEP * right, y: lesion.y + STEP * below };
    }
    event.preventDefault();
  }
}

class ToneSlider extends HTMLElement {
  connectedCallback() {
    this.input = this.querySelector("input");
    this.classes = [...this.querySelectorAll("option")];
    this.slider = Object.assign(document.createElement("input"), { type: "range", min: -60, max: 100, step: 1 });
    this.slider.setAttribute("aria-label", this.dataset.label);
    this.said = document.createElement("output");
    this.append(this.slider, this.said);
    this.slider.style.background = `linear-gradient(to right, ${this.classes.map((each) => each.dataset.colour).join(", ")})`;
    this.slider.addEventListener("input", (event) => {
      event.stopPropagation();
      tell(this.input, this.slider.value);
    });
    this.input.addEventListener("input", () => this.show());
    this.show();
  }

  show() {
    const tone = this.input.value === "" ? NaN : Number(this.input.value);
    const of = this.classes.filter((each) => Number(each.value) <= tone).at(-1);
    const name = of?.textContent ?? this.dataset.none;
    this.closest("form").style.setProperty("--skin", of?.dataset.colour ?? "");
    if (!Number.isNaN(tone)) this.slider.value = tone;
    this.slider.setAttribute("aria-valuetext", name);
    this.said.textContent = name;
  }
}

customElements.define("lesion-square", LesionSquare);
customElements.define("tone-slider", ToneSlider);
