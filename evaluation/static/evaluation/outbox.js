// The outbox: an answer stays here until the server has acknowledged it.
//
// It carries a key of its own, so that sending it again cannot double it, and it outlives a
// reload, a lost connection and an expired cookie.

const RETRY_MS = [1000, 2000, 4000, 8000, 30000];

export const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
export const backoff = (tries) => wait(RETRY_MS[Math.min(tries, RETRY_MS.length - 1)]);

// crypto.randomUUID exists on secure origins only; a clinic's network may serve plain http.
export function uuid() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export class Outbox {
  constructor({ name, address, csrf, reader, onTrouble }) {
    this.name = `outbox:${name}`;
    Object.assign(this, { address, csrf, reader, onTrouble });
    addEventListener("beforeunload", (event) => {
      if (this.waiting) event.preventDefault();
    });
  }

  // The answer that no server has acknowledged yet, as text; null where there is none.
  get waiting() {
    return localStorage.getItem(this.name);
  }

  put(answer) {
    localStorage.setItem(this.name, JSON.stringify(answer));
  }

  // Posts something that may be lost; returns the reply, or null.
  async ask(address, body) {
    try {
      const response = await this.post(address, JSON.stringify(body));
      return response.ok ? await response.json() : null;
    } catch {
      return null;
    }
  }

  post(address, body) {
    const headers = { "Content-Type": "application/json", "X-CSRFToken": this.csrf };
    return fetch(address, { method: "POST", headers, body });
  }

  // Sends until the server has spoken; returns {status, reply}, with the outbox emptied unless
  // the rater has to sign in again first.
  async send() {
    for (let tries = 0; ; tries++) {
      let response = null;
      try {
        // An answer that outlived a reload is sent by the window that reads now.
        const answer = { ...JSON.parse(this.waiting), window: this.reader };
        response = await this.post(this.address, JSON.stringify(answer));
      } catch {
        // no connection: said below, and tried again
      }
      if (response && response.status < 500) {
        if (response.status !== 401 && response.status !== 403) localStorage.removeItem(this.name);
        return { status: response.status, reply: await response.json().catch(() => null) };
      }
      this.onTrouble();
      await backoff(tries);
    }
  }
}
