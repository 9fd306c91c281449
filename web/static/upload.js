// @ts-check
/** Sends films one by one, each with a bar of its own, and shows what became of those before. */

/**
 * @typedef {{id: number, at: string, kind: string, size_bytes: number, is_to_read: boolean, state: string, state_text: string,
 *   is_open: boolean, verdict: string, result: string}} Row
 * @typedef {{file: File, bar: HTMLProgressElement, told: HTMLElement, wrong: HTMLElement}} Going
 */

const MEGABYTE = 1_000_000;
const SECOND = 1000;
const SNIFFED_BYTES = 132;
const PREAMBLE_BYTES = 128;

const desk = /** @type {HTMLFormElement} */ (find("desk"));
const chooser = /** @type {HTMLInputElement} */ (find("files"));
const drop = find("drop");
const going = find("going");
const history = find("history");
const largest = Number(desk.dataset.megabytes) * MEGABYTE;
/** Names of files by the number of their upload: for this window only. @type {Map<number, string>} */
const names = new Map();
/** @type {Going[]} */
const queue = [];
let isSending = false;
let isWatching = false;

/** @param {string} id */
function find(id) {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`no element ${id}`);
  return found;
}

/** @param {string} tag @param {string} [name] @param {string} [text] */
function made(tag, name = "", text = "") {
  const one = document.createElement(tag);
  if (name) one.className = name;
  one.textContent = text;
  return one;
}

/** @param {string} text */
function say(text) {
  find("said").textContent = text;
}

/** Say why a file would be refused, before it is sent. @param {File} file */
async function problemOf(file) {
  if (file.size === 0) return "The file is empty.";
  if (file.size > largest) return `A file may have ${largest / MEGABYTE} MB; this one has ${Math.ceil(file.size / MEGABYTE)}.`;
  const start = new Uint8Array(await file.slice(0, SNIFFED_BYTES).arrayBuffer());
  return isKnown(start) ? "" : "This is neither DICOM nor JPEG nor PNG, whatever its name says.";
}

/** @param {Uint8Array} start */
function isKnown(start) {
  const begins = (/** @type {number[]} */ bytes, /** @type {number} */ at) => bytes.every((byte, place) => start[at + place] === byte);
  return begins([0xff, 0xd8, 0xff], 0) || begins([0x89, 0x50, 0x4e, 0x47], 0) || begins([0x44, 0x49, 0x43, 0x4d], PREAMBLE_BYTES);
}

/** Put files into the queue. @param {Iterable<File>} files */
async function add(files) {
  for (const file of files) {
    const line = made("li");
    const bar = document.createElement("progress");
    bar.max = 1;
    bar.value = 0;
    bar.setAttribute("aria-label", `Progress of ${file.name}`);
    const told = made("span", "told", "waiting for its turn");
    const wrong = made("span", "wrong");
    line.append(made("span", "name", file.name), told, bar, wrong);
    going.append(line);
    const problem = await problemOf(file);
    if (problem) refuse({ file, bar, told, wrong }, problem);
    else queue.push({ file, bar, told, wrong });
  }
  void sendNext();
}

/** @param {Going} one @param {string} problem */
function refuse(one, problem) {
  one.bar.remove();
  one.told.textContent = "not taken";
  one.wrong.textContent = problem;
  say(`${one.file.name}: ${problem}`);
}

/** Send what waits, one after the other. */
async function sendNext() {
  if (isSending) return;
  isSending = true;
  for (let one = queue.shift(); one; one = queue.shift()) {
    const seconds = await send(one);
    if (seconds > 0) {
      queue.unshift(one);
      await new Promise((done) => setTimeout(done, seconds * SECOND));
    }
  }
  isSending = false;
}

/** Send one file; return the seconds after which to try again, or 0. @param {Going} one @returns {Promise<number>} */
function send(one) {
  return new Promise((done) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/upload/films?${wishes()}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.setRequestHeader("X-CSRF-Token", desk.dataset.csrf ?? "");
    request.setRequestHeader("Accept", "application/json");
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => show(one, event));
    request.addEventListener("load", () => done(settle(one, request)));
    request.addEventListener("error", () => {
      refuse(one, "The server can't be reached, or refused the file while it was sent. Try again.");
      done(0);
    });
    request.send(one.file);
  });
}

/** What the form asks for, as a query. */
function wishes() {
  const isOn = (/** @type {string} */ id) => /** @type {HTMLInputElement} */ (find(id)).checked;
  const view = /** @type {HTMLSelectElement} */ (find("view")).value;
  return new URLSearchParams({ names: isOn("names") ? "out" : "kept", read: isOn("read") ? "please" : "no", view }).toString();
}

/** @param {Going} one @param {ProgressEvent} event */
function show(one, event) {
  if (!event.lengthComputable) return;
  one.bar.value = event.loaded / event.total;
  one.told.textContent = event.loaded < event.total ? `${Math.floor((100 * event.loaded) / event.total)} %` : "being checked";
}

/** @param {Going} one @param {XMLHttpRequest} request @returns {number} */
function settle(one, request) {
  if (request.status === 429) {
    one.told.textContent = "waits: too many at once";
    return Number(request.getResponseHeader("Retry-After")) || 10;
  }
  if (request.status !== 201) {
    refuse(one, request.response?.detail ?? `The server answered ${request.status}.`);
    return 0;
  }
  one.bar.value = 1;
  one.told.textContent = "taken";
  names.set(request.response.id, one.file.name);
  say(`${one.file.name} is taken`);
  setTimeout(() => one.bar.closest("li")?.remove(), 3 * SECOND);
  void watch();
  return 0;
}

/** Show the history, and go on while something is open. */
async function watch() {
  if (isWatching) return;
  isWatching = true;
  for (let isOpen = true; isOpen; ) {
    isOpen = await refresh();
    if (isOpen) await new Promise((done) => setTimeout(done, SECOND));
  }
  isWatching = false;
}

/** Load the history once; say whether something in it is open. */
async function refresh() {
  const answer = await fetch("/upload/history", { headers: { Accept: "application/json", "Hilum-Automatic": "yes" } }).catch(() => null);
  if (answer === null || answer.status === 503) return true;
  if (!answer.ok) return false;
  const rows = /** @type {Row[]} */ (await answer.json());
  fill(rows);
  return rows.some((row) => row.is_open) || isSending;
}

/** @param {Row[]} rows */
function fill(rows) {
  const focused = document.activeElement instanceof HTMLAnchorElement ? document.activeElement.getAttribute("href") : null;
  history.replaceChildren(...rows.map(lineOf));
  find("none").hidden = rows.length > 0;
  if (focused) /** @type {HTMLElement | null} */ (history.querySelector(`a[href="${CSS.escape(focused)}"]`))?.focus();
}

/** @param {Row} row */
function lineOf(row) {
  const line = made("tr");
  const when = made("td");
  const time = document.createElement("time");
  time.dateTime = row.at;
  time.textContent = new Date(row.at).toLocaleString("en-GB", { dateStyle: "short", timeStyle: "short" });
  when.append(time);
  const file = made("td");
  const name = names.get(row.id);
  const shown = made("span", "name", name ?? row.kind);
  if (name) shown.title = name;
  file.append(shown);
  if (row.is_to_read) file.append(" ", made("span", "tag low", "please read"));
  const state = made("td");
  state.append(made("span", `tag ${row.is_open ? "medium" : row.state === "done" ? "good" : "bad"}`, row.state_text));
  line.append(when, file, made("td", "number", sizeOf(row.size_bytes)), state, resultOf(row));
  return line;
}

/** @param {Row} row */
function resultOf(row) {
  const cell = made("td");
  const link = document.createElement("a");
  link.href = `/uploads/${row.id}`;
  link.className = row.verdict;
  link.textContent = row.result || "open";
  link.setAttribute("aria-label", `${link.textContent}: upload ${row.id}`);
  cell.append(link);
  return cell;
}

/** @param {number} bytes */
function sizeOf(bytes) {
  return bytes < MEGABYTE ? `${Math.ceil(bytes / 1000)} kB` : `${(bytes / MEGABYTE).toFixed(1)} MB`;
}

/** @param {KeyboardEvent} event */
function onKey(event) {
  const isTyping = event.target instanceof HTMLInputElement && event.target.type !== "checkbox";
  if (event.key === "u" && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping) chooser.click();
}

chooser.addEventListener("change", () => {
  const files = [...(chooser.files ?? [])];
  chooser.value = "";
  void add(files);
});
desk.addEventListener("submit", (event) => event.preventDefault());
document.addEventListener("keydown", onKey);
for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  void add([...(event.dataTransfer?.files ?? [])]);
});
void watch();
