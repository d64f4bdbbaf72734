// A submission whose copy is being made: looks again until it is there.

async function watch() {
  for (let shown = document.getElementById("submission"); "running" in shown.dataset; ) {
    await new Promise((done) => setTimeout(done, 1500));
    try {
      const reply = await fetch(location.pathname, { credentials: "same-origin" });
      if (!reply.ok) continue;
      const found = new DOMParser().parseFromString(await reply.text(), "text/html").getElementById("submission");
      if (!found) return location.reload(); // signed out
      shown.replaceWith(found);
      shown = found;
    } catch {
      // the connection is lost: it may come back
    }
  }
}

watch();
