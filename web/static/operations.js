// @ts-check
/** The page of operations: it brings itself up to date, and asks before it acts. */

const EVERY_MS = 5000;
const KEPT = "operations-paused";

const board = /** @type {HTMLElement} */ (document.getElementById("board"));
const dialog = /** @type {HTMLDialogElement} */ (document.getElementById("act"));
const toggle = /** @type {HTMLButtonElement} */ (document.getElementById("refresh"));
const refreshed = /** @type {HTMLElement} */ (document.getElementById("refreshed"));

let isPaused = sessionStorage.getItem(KEPT) === "yes";
let isBusy = false;

/** @param {string} text */
function tell(text) {
  refreshed.textContent = text;
}

function showPause() {
  toggle.textContent = isPaused ? "Go on refreshing" : "Pause refresh";
  toggle.setAttribute("aria-pressed", String(isPaused));
  if (isPaused) tell("Refresh is paused");
}

/**
 * Put new content into the board; what had the focus has it again, and tables stay where they were scrolled to.
 * @param {Document} fresh
 */
function replace(fresh) {
  const focused = document.activeElement;
  const id = focused instanceof HTMLElement && board.contains(focused) ? focused.id : "";
  const scrolled = [...board.querySelectorAll(".scroll")].map((part) => part.scrollLeft);
  board.replaceChildren(...fresh.body.childNodes);
  board.querySelectorAll(".scroll").forEach((part, index) => {
    part.scrollLeft = scrolled[index] ?? 0;
  });
  if (id) document.getElementById(id)?.focus({ preventScroll: true });
}

/** Whether somebody is in the middle of something. */
function isInHand() {
  return isPaused || isBusy || dialog.open || document.hidden;
}

async function refresh() {
  if (isInHand()) return;
  try {
    const answer = await fetch("/operations/board", { headers: { Accept: "text/html", "Hilum-Automatic": "yes" } });
    if (answer.redirected || answer.status === 403) {
      location.reload();
      return;
    }
    if (!answer.ok) throw new Error(String(answer.status));
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    if (isInHand()) return;
    replace(fresh);
    tell(`As of ${new Date().toLocaleTimeString()}`);
  } catch {
    tell("Can't be refreshed now; trying again");
  }
}

/**
 * Ask, with room for a note, before a form is sent.
 * @param {HTMLButtonElement} button
 */
function ask(button) {
  const own = /** @type {HTMLFormElement} */ (button.form);
  const form = /** @type {HTMLFormElement} */ (dialog.querySelector("form"));
  form.reset();
  form.action = own.action;
  /** @type {[string, string][]} */
  const values = [
    ["act", button.value],
    ["lane", String(new FormData(own).get("lane") ?? "")],
    ["confirmed", "yes"],
  ];
  for (const [name, value] of values) /** @type {HTMLInputElement} */ (form.elements.namedItem(name)).value = value;
  /** @type {HTMLElement} */ (document.getElementById("act-title")).textContent = button.dataset.ask ?? "";
  /** @type {HTMLElement} */ (document.getElementById("act-text")).textContent = button.dataset.text ?? "";
  /** @type {HTMLElement} */ (document.getElementById("act-yes")).textContent = button.dataset.yes ?? button.textContent;
  dialog.showModal();
  dialog.addEventListener("close", () => document.getElementById(button.id)?.focus(), { once: true });
}

/** @param {SubmitEvent} event */
function onSubmit(event) {
  const button = event.submitter;
  const form = event.target;
  if (button instanceof HTMLButtonElement && button.dataset.ask) {
    event.preventDefault();
    ask(button);
  } else if (button instanceof HTMLButtonElement && form instanceof HTMLFormElement && form.dataset.busy) {
    isBusy = true;
    button.textContent = form.dataset.busy;
    button.setAttribute("aria-busy", "true");
  }
}

function turn() {
  isPaused = !isPaused;
  sessionStorage.setItem(KEPT, isPaused ? "yes" : "no");
  showPause();
  if (!isPaused) {
    tell("");
    void refresh();
  }
}

board.addEventListener("submit", onSubmit);
toggle.addEventListener("click", turn);
document.getElementById("act-no")?.addEventListener("click", () => dialog.close());
window.addEventListener("pageshow", () => {
  isBusy = false;
});
document.addEventListener("visibilitychange", () => void refresh());
setInterval(() => void refresh(), EVERY_MS);
toggle.hidden = false;
showPause();
