// Signing in again over the page: nothing that the rater has chosen is left behind.

// Fetches the page at `address`; returns what this rater's reading needs to go on, or null where
// the address leads elsewhere.
async function renewed(address, reading) {
  const response = await fetch(address).catch(() => null);
  if (!response?.ok) return null;
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const form = page.getElementById("answer");
  if (form?.dataset.reading !== reading) return null;
  const csrf = page.querySelector("[name=csrfmiddlewaretoken]").value;
  return { csrf, reader: form.dataset.window };
}

// Asks for the rater's link unless the cookie still holds; returns {csrf, reader}, or null if the
// rater closes the dialog.
export async function signIn(dialog, reading) {
  const still = await renewed(location.pathname, reading);
  if (still) return still;
  const form = dialog.querySelector("form");
  const problem = dialog.querySelector("[role=alert]");
  form.reset();
  problem.hidden = true;
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.onclose = () => resolve(null);
    form.onsubmit = async (event) => {
      event.preventDefault();
      // Whatever server's name stands in the link, this page speaks to its own.
      const [way] = form.elements.link.value.match(/\/r\/[\w-]+/) ?? [null];
      const found = way && (await renewed(way, reading));
      problem.hidden = Boolean(found);
      if (!found) return;
      resolve(found);
      dialog.close();
    };
  });
}
