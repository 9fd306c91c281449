// @ts-check
/** Waits for the result of an upload, and shows it. */

const SECOND = 1000;
const open = document.getElementById("open");

/** @param {HTMLElement} shown */
async function look(shown) {
  const answer = await fetch(shown.dataset.address ?? "", { headers: { Accept: "application/json", "Hilum-Automatic": "yes" } }).catch(() => null);
  if (answer?.status === 401) {
    location.reload();
    return;
  }
  const state = answer?.ok ? (await answer.json()).state : shown.dataset.state;
  if (state !== shown.dataset.state) location.reload();
  else setTimeout(() => void look(shown), SECOND);
}

if (open !== null) setTimeout(() => void look(open), SECOND);
