// @ts-check
// Puts new rows in the place of old ones: what is the same stays, and so do the focus and what is in sight.

/**
 * @typedef {object} Change
 * @property {string} name of the patient
 * @property {boolean} isNew whether the study was not in the list before
 * @property {boolean} isUrgent whether it is suggested HIGH and was not before
 * @property {string} state of the network's work
 */

/**
 * @param {HTMLElement} list the part of the page that scrolls
 * @param {Document} page what the server answered
 * @returns {Change[]} what is new
 */
export function replaceRows(list, page) {
  const body = /** @type {HTMLElement} */ (list.querySelector("tbody"));
  const rows = /** @type {HTMLElement[]} */ ([...page.querySelectorAll("tbody tr")]);
  const known = new Map([.../** @type {NodeListOf<HTMLElement>} */ (body.querySelectorAll("tr"))].map((row) => [row.id, row]));
  const held = hold(list);
  const changes = rows.map((row) => changeOf(row, known.get(row.id))).filter((one) => one !== null);
  const kept = rows.map((row) => keep(row, known.get(row.id)));
  putInOrder(body, kept);
  for (const id of ["empty", "paging"]) {
    const old = /** @type {HTMLElement} */ (list.querySelector(`#${id}`));
    old.replaceWith(document.importNode(/** @type {HTMLElement} */ (page.getElementById(id)), true));
  }
  held();
  return changes;
}

/** @param {HTMLElement} row @param {HTMLElement | undefined} old */
function keep(row, old) {
  if (old?.innerHTML === row.innerHTML && old.dataset.priority === row.dataset.priority) return old;
  const made = document.importNode(row, true);
  if (!old) {
    made.classList.add("is-new");
    made.addEventListener("animationend", () => made.classList.remove("is-new"), { once: true });
  }
  return made;
}

/** @param {HTMLElement} body @param {HTMLElement[]} rows */
function putInOrder(body, rows) {
  const wanted = new Set(rows);
  for (const row of [...body.children]) if (!wanted.has(/** @type {HTMLElement} */ (row))) row.remove();
  rows.forEach((row, place) => {
    if (body.children[place] !== row) body.insertBefore(row, body.children[place] ?? null);
  });
}

/**
 * Remember which study has the focus, or else is the first in sight, and where it stands.
 * @param {HTMLElement} list
 * @returns {() => void} what brings both back
 */
function hold(list) {
  const focused = document.activeElement?.closest("tr[data-study]");
  const head = list.querySelector("thead")?.getBoundingClientRect().bottom ?? 0;
  const isAtTop = list.scrollTop === 0;
  const rows = [...list.querySelectorAll("tbody tr")];
  const anchor = focused ?? (isAtTop ? null : rows.find((row) => row.getBoundingClientRect().bottom > head));
  const top = anchor?.getBoundingClientRect().top ?? 0;
  return () => {
    const row = anchor && document.getElementById(anchor.id);
    if (!row) return;
    if (!isAtTop) list.scrollTop += row.getBoundingClientRect().top - top;
    if (focused && !row.contains(document.activeElement)) row.querySelector("a")?.focus({ preventScroll: !isAtTop });
  };
}

/** @param {HTMLElement} row @param {HTMLElement | undefined} old @returns {Change | null} */
function changeOf(row, old) {
  const isUrgent = row.dataset.priority === "HIGH" && old?.dataset.priority !== "HIGH";
  if (old && !isUrgent && old.dataset.state === row.dataset.state) return null;
  const name = row.querySelector("a")?.textContent ?? "";
  return { name, isNew: !old, isUrgent, state: row.dataset.state ?? "" };
}

/** @param {Change[]} changes @returns {string} a sentence for who does not see it */
export function news(changes) {
  const urgent = changes.filter((one) => one.isUrgent);
  if (urgent.length) {
    const more = changes.length > urgent.length ? ` ${changes.length - urgent.length} more changed.` : "";
    return `Suggested HIGH: ${urgent.map((one) => `${one.name}, ${one.state}`).join("; ")}.${more}`;
  }
  const added = changes.filter((one) => one.isNew).length;
  if (added) return added === 1 ? `New study: ${changes.find((one) => one.isNew)?.name}.` : `${added} new studies.`;
  return changes.length === 1 ? `${changes[0].name}: ${changes[0].state}.` : `${changes.length} studies changed.`;
}
