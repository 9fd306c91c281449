// @ts-check
// The worklist: asks for its rows anew when the server says that something has changed, without a reload.

import { Alarm } from "./worklist_alarm.js";
import { listenToKeys } from "./worklist_keys.js";
import { news, replaceRows } from "./worklist_rows.js";

const SHORTEST_PAUSE = 400;
const LOOK_AGAIN = 15_000;

/** @template {HTMLElement} T @param {string} id @returns {T} */
const element = (id) => /** @type {T} */ (document.getElementById(id));

/** @type {HTMLFormElement} */
const form = element("filters");
const alarm = new Alarm(element("flash"), element("sound"));
let isAsking = false;
let isAskedAgain = false;
let asked = 0;
/** Whether somebody wants the rows, not the page by itself, which keeps no session from becoming idle. */
let isByHand = false;

/** The filters as they are now, on the page of the list that is shown. */
function wanted() {
  const fields = new FormData(form);
  fields.delete("name");
  fields.set("behind", element("paging").dataset.behind ?? "");
  return fields;
}

/** @param {"on" | "lost" | "off"} state @param {string} text */
function tellState(state, text) {
  const live = element("live");
  live.dataset.state = state;
  if (live.textContent !== text) live.textContent = text;
}

/** Ask for the rows, and put them in place; what is asked for meanwhile is asked for once more, afterwards. */
async function refresh() {
  if (isAsking) {
    isAskedAgain = true;
    return;
  }
  isAsking = true;
  asked = Date.now();
  try {
    await load();
  } catch {
    tellState("lost", "not reached; trying again");
  } finally {
    isAsking = false;
  }
  if (isAskedAgain) {
    isAskedAgain = false;
    window.setTimeout(refresh, SHORTEST_PAUSE);
  }
}

async function load() {
  const before = new URLSearchParams(/** @type {any} */ (wanted())).toString();
  /** @type {Record<string, string>} */
  const headers = isByHand ? { Accept: "text/html" } : { Accept: "text/html", "Hilum-Automatic": "yes" };
  isByHand = false;
  const answer = await fetch("/worklist/rows", { method: "POST", body: wanted(), headers });
  if (answer.redirected || answer.status === 401 || answer.status === 403) {
    window.location.reload();
    return;
  }
  if (!answer.ok) throw new Error(String(answer.status));
  const page = new DOMParser().parseFromString(await answer.text(), "text/html");
  if (before !== new URLSearchParams(/** @type {any} */ (wanted())).toString()) {
    isAskedAgain = true; // somebody has changed the filters meanwhile
    return;
  }
  const changes = replaceRows(element("list"), page);
  if (changes.length && !isNewQuestion) say(changes);
  isNewQuestion = false;
  tellState("on", "live");
}

function refreshByHand() {
  isByHand = true;
  refresh();
}

/** @param {ReturnType<typeof replaceRows>} changes */
function say(changes) {
  element("said").textContent = news(changes);
  alarm.ring(changes.filter((one) => one.isUrgent).length);
}

let isNewQuestion = false;

/**
 * Show another list; the address keeps its filters, without what was searched for.
 * @param {string} behind the last study of the page before; empty for the first page
 */
function askAnew(behind = "") {
  element("paging").dataset.behind = behind;
  isNewQuestion = true;
  element("list").scrollTop = 0;
  const filters = new URLSearchParams();
  for (const [name, value] of wanted()) {
    if (value && !["csrf", "q", "behind"].includes(name)) filters.set(name, String(value));
  }
  window.history.replaceState(null, "", `/worklist?${filters}`);
  refreshByHand();
}

/** @param {SubmitEvent} event */
function submit(event) {
  const button = /** @type {HTMLButtonElement | null} */ (event.submitter);
  if (button?.hasAttribute("formaction")) return;
  event.preventDefault();
  askAnew(button?.name === "behind" ? button.value : "");
}

function follow() {
  const source = new EventSource("/worklist/events?hilum-automatic=yes");
  let wasLost = false;
  source.addEventListener("open", () => {
    tellState("on", "live");
    if (wasLost) refresh();
    wasLost = false;
  });
  source.addEventListener("changed", () => {
    const pause = Math.max(0, SHORTEST_PAUSE - (Date.now() - asked));
    if (pause) window.setTimeout(refresh, pause);
    else refresh();
  });
  source.addEventListener("error", () => {
    wasLost = true;
    if (source.readyState === EventSource.CLOSED) {
      tellState("lost", "not live; trying again");
      window.setTimeout(follow, LOOK_AGAIN);
    }
  });
  window.addEventListener("pagehide", () => source.close(), { once: true });
}

/** Times go on, and jobs begin, without anybody saying so. */
function lookAgain() {
  if (!document.hidden && Date.now() - asked > LOOK_AGAIN) refresh();
}

form.addEventListener("change", (event) => {
  if (/** @type {HTMLInputElement} */ (event.target).name !== "name") askAnew();
});
form.addEventListener("submit", submit);
element("refresh").addEventListener("click", refreshByHand);
listenToKeys(element("list"), /** @type {HTMLInputElement} */ (form.elements.namedItem("q")), element("help"), refreshByHand);
element("show-help").addEventListener("click", () => element("help").showModal());
window.setInterval(lookAgain, 1000);
window.addEventListener("pageshow", (event) => {
  if (!event.persisted) return;
  follow();
  refresh();
});
follow();
