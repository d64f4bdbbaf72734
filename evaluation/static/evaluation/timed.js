// Timed showing: a countdown, the image for whole frames, and a mask of noise after it.
//
// The protocol is HYPE-time's (Zhou et al. 2019, section 3.1): 3, 2, 1 of half a second each,
// then four masks of 30 ms so that no afterimage lengthens the exposure.

const COUNT = [3, 2, 1];
const COUNT_MS = 500;
const MASKS = 4;
const MASK_MS = 30;
const GRAINS = [4, 8, 16, 32, 64, 128]; // noise of every size that a texture can have

const frame = () => new Promise(requestAnimationFrame);

export async function countdown(place) {
  place.hidden = false;
  for (const number of COUNT) {
    place.textContent = number;
    const begun = await frame();
    while ((await frame()) - begun < COUNT_MS - 8);
  }
  place.hidden = true;
}

// Waits until an image that was inserted in the frame `inserted` has been shown for `ms`, to the
// nearest frame, and returns for how long it was; null if `over` says that it is gone already.
export async function expose(ms, inserted, frameMs, over) {
  for (;;) {
    const now = await frame();
    if (over()) return null;
    if (now - inserted >= ms - frameMs / 2) return now - inserted;
  }
}

// Shows the masks one after the other, each for the whole frames next to its time.
export async function mask(viewer, frameMs, over) {
  const frames = Math.max(1, Math.round(MASK_MS / frameMs));
  for (let k = 0; k < MASKS; k++) {
    viewer.cover(() => noise());
    for (let n = 0; n < frames; n++) await frame();
    if (over()) return;
  }
  viewer.clear();
}

// A canvas of coloured noise that is the same for whatever was shown.
function noise() {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = 256;
  const paint = canvas.getContext("2d");
  for (const [k, grain] of GRAINS.entries()) {
    const dots = document.createElement("canvas");
    dots.width = dots.height = grain;
    const pixels = new ImageData(grain, grain);
    crypto.getRandomValues(pixels.data);
    for (let alpha = 3; alpha < pixels.data.length; alpha += 4) pixels.data[alpha] = 255;
    dots.getContext("2d").putImageData(pixels, 0, 0);
    paint.globalAlpha = 1 / (k + 1);
    paint.drawImage(dots, 0, 0, 256, 256);
  }
  return canvas;
}
