// The stage: one image or a pair, the zoom, and the places that a rater marks.
//
// What is shown lies in a canvas that is scaled and moved as a whole, so that marks stay on their
// places; marks are kept in pixels of the stimulus.

const MOST = 8; // times the fitted size
const STEP = 1.25;
const SLOP = 6; // px that a finger may move in a tap

export class Viewer {
  constructor(stage, { zooming, marking, onMarks }) {
    this.stage = stage;
    this.canvas = stage.querySelector(".canvas");
    this.readout = stage.querySelector("#zoom");
    this.zooming = zooming;
    this.marking = marking;
    this.onMarks = onMarks;
    this.images = [];
    this.marks = [];
    this.pointers = new Map();
    this.reset();
    stage.querySelector("#zoom-in")?.addEventListener("click", () => this.zoom(STEP));
    stage.querySelector("#zoom-out")?.addEventListener("click", () => this.zoom(1 / STEP));
    stage.querySelector("#zoom-fit")?.addEventListener("click", () => this.fit());
    stage.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    stage.addEventListener("pointerdown", (event) => this.down(event));
    stage.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) {
      stage.addEventListener(name, (event) => this.up(event));
    }
    stage.addEventListener("dblclick", () => this.marking || this.fit());
    addEventListener("resize", () => this.apply());
  }

  show(images, marks = []) {
    this.images = images;
    this.marks = marks;
    this.canvas.replaceChildren(...images);
    this.stage.classList.toggle("pair", images.length === 2);
    this.reset();
    this.draw();
  }

  // Puts something else where each image is.
  cover(make) {
    this.canvas.replaceChildren(...this.images.map(make));
  }

  clear() {
    this.images = [];
    this.canvas.replaceChildren();
  }

  get image() {
    return this.images[0];
  }

  reset() {
    [this.scale, this.x, this.y] = [1, 0, 0];
    this.zooms = 0;
    this.largest = 1;
    this.apply();
  }

  fit() {
    [this.scale, this.x, this.y] = [1, 0, 0];
    this.apply();
  }

  // Zooms by a factor; the point at (x, y), measured from the middle of the stage, stays in place.
  zoom(factor, x = 0, y = 0) {
    if (!this.zooming) return;
    const scale = Math.min(MOST, Math.max(1, this.scale * factor));
    const ratio = scale / this.scale;
    this.x = x - (x - this.x) * ratio;
    this.y = y - (y - this.y) * ratio;
    this.scale = scale;
    this.zooms += 1;
    this.largest = Math.max(this.largest, scale);
    this.apply();
  }

  pan(dx, dy) {
    this.x += dx;
    this.y += dy;
    this.apply();
  }

  apply() {
    // The image never leaves the stage altogether.
    const room = ((this.scale - 1) * this.canvas.offsetWidth) / 2;
    this.x = Math.min(room, Math.max(-room, this.x));
    this.y = Math.min(room, Math.max(-room, this.y));
    this.canvas.style.transform = `translate(${this.x}px, ${this.y}px) scale(${this.scale})`;
    this.stage.classList.toggle("enlarged", this.scale > 1);
    if (this.image) {
      const pixels = (this.image.offsetWidth * this.scale * devicePixelRatio) / this.image.naturalWidth;
      this.readout.textContent = `${Math.round(100 * pixels)} %`;
    }
  }

  from(event) {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  }

  wheel(event) {
    if (!this.zooming) return;
    event.preventDefault();
    this.zoom(event.deltaY < 0 ? STEP : 1 / STEP, ...this.from(event));
  }

  down(event) {
    if (event.target.closest("button")) return;
    this.pointers.set(event.pointerId, event);
    this.tap = this.pointers.size === 1 && event.isPrimary ? event : null;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const others = [...this.pointers.values()].filter((each) => each.pointerId !== event.pointerId);
    if (this.tap && Math.hypot(event.clientX - this.tap.clientX, event.clientY - this.tap.clientY) > SLOP) {
      this.tap = null;
      this.stage.setPointerCapture(event.pointerId);
    }
    if (others.length === 1) {
      const gap = (each) => Math.hypot(each.clientX - others[0].clientX, each.clientY - others[0].clientY);
      this.zoom(gap(event) / Math.max(gap(before), 1), ...this.from(event));
    } else if (!this.tap) {
      this.pan(event.clientX - before.clientX, event.clientY - before.clientY);
    }
    this.pointers.set(event.pointerId, event);
  }

  up(event) {
    this.pointers.delete(event.pointerId);
    if (this.tap && event.type === "pointerup" && this.marking && this.image) this.mark(event);
    this.tap = null;
  }

  mark(event) {
    const box = this.image.getBoundingClientRect();
    const size = this.image.naturalWidth;
    const place = [event.clientX - box.left, event.clientY - box.top].map((length) =>
      Math.floor((length / box.width) * size),
    );
    if (place.some((each) => each < 0 || each >= size)) return;
    const near = (12 / box.width) * size;
    const hit = this.marks.findIndex(([x, y]) => Math.hypot(x - place[0], y - place[1]) < near);
    if (hit >= 0) this.marks.splice(hit, 1);
    else this.marks.push(place);
    this.draw();
    this.onMarks();
  }

  draw() {
    for (const dot of this.canvas.querySelectorAll(".mark")) dot.remove();
    for (const [x, y] of this.marks) {
      const dot = document.createElement("span");
      dot.className = "mark";
      dot.style.left = `${((x + 0.5) / this.image.naturalWidth) * 100}%`;
      dot.style.top = `${((y + 0.5) / this.image.naturalHeight) * 100}%`;
      this.canvas.append(dot);
    }
  }
}
