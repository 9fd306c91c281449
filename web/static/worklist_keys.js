// @ts-check
// Keys of the worklist: the focus is always a study's own link, so that Enter opens it as everywhere.

/**
 * @param {HTMLElement} list
 * @param {HTMLInputElement} search
 * @param {HTMLDialogElement} help
 * @param {() => void} refresh
 */
export function listenToKeys(list, search, help, refresh) {
  /** @type {Record<string, () => void>} */
  const acts = {
    j: () => move(list, 1),
    ArrowDown: () => move(list, 1),
    k: () => move(list, -1),
    ArrowUp: () => move(list, -1),
    "/": () => {
      search.focus();
      search.select();
    },
    r: refresh,
    "?": () => help.showModal(),
  };
  document.addEventListener("keydown", (event) => {
    const act = acts[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey || help.open) return;
    if (isTyping(event.target)) {
      if (event.key === "ArrowDown" && event.target === search) move(list, 1);
      return;
    }
    event.preventDefault();
    act();
  });
  search.addEventListener("keydown", (event) => {
    if (event.key === "Escape") search.blur();
  });
}

/** @param {EventTarget | null} target */
function isTyping(target) {
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]), select, textarea");
}

/** @param {HTMLElement} list @param {number} by */
function move(list, by) {
  const links = /** @type {HTMLElement[]} */ ([...list.querySelectorAll("tbody tr a")]);
  const here = links.findIndex((link) => link === document.activeElement);
  const next = here < 0 ? 0 : Math.min(Math.max(here + by, 0), links.length - 1);
  links[next]?.focus();
  links[next]?.closest("tr")?.scrollIntoView({ block: "nearest" });
}
