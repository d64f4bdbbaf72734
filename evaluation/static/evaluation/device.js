// What the rater's screen is: kept with the session, never used to judge them.

const measured = document.querySelector("[name=measured]");
const frame = () => new Promise(requestAnimationFrame);
const SMALLEST = 320; // CSS px that an image needs beside or above its questions

async function frameMs() {
  const gaps = [];
  let last = await frame();
  while (gaps.length < 30) {
    const now = await frame();
    gaps.push(now - last);
    last = now;
  }
  return gaps.sort((a, b) => a - b)[15];
}

async function measure() {
  const zoom = outerWidth && innerWidth ? outerWidth / innerWidth : 1;
  document.getElementById("small").hidden = Math.min(innerWidth, innerHeight) >= SMALLEST;
  document.getElementById("zoomed").hidden = Math.abs(zoom - 1) < 0.3 || matchMedia("(pointer: coarse)").matches;
  const facts = {
    viewport: [innerWidth, innerHeight],
    screen: [screen.width, screen.height],
    pixel_ratio: devicePixelRatio,
    colour_depth: screen.colorDepth,
    wide_gamut: matchMedia("(color-gamut: p3)").matches,
    touch: matchMedia("(pointer: coarse)").matches,
    dark_mode: matchMedia("(prefers-color-scheme: dark)").matches,
  };
  measured.value = JSON.stringify(facts);
  measured.value = JSON.stringify({ ...facts, frame_ms: Math.round((await frameMs()) * 10) / 10 });
}

addEventListener("resize", measure);
measure();
