// @ts-check
/** The film viewer of a study's page: films, window, zoom, and the heat map where it is asked for. */

import { fetchEvidence, fetchFilm } from "./film.js";
import { listenToHands } from "./gestures.js";
import { clamp, coloured, Picture } from "./picture.js";

/** @typedef {import("./film.js").Film} Film */
/** @typedef {import("./picture.js").View} View */

const LEAST_ZOOM = 0.02, MOST_ZOOM = 16, ZOOM_STEP = 1.25;
const MOST_KEPT = 4;
const PRESETS = ["own", "lungs", "wide", "inverted"];
const WINDOW_STEP = 0.05, MOVE_STEP = 40, DRAG_PIXELS = 400;

class Viewer {
  /** @param {HTMLElement} place */
  constructor(place) {
    this.place = place;
    this.canvas = /** @type {HTMLCanvasElement} */ (place.querySelector("canvas"));
    this.picture = new Picture(this.canvas);
    /** @type {Map<number, Film>} */
    this.films = new Map();
    this.number = 0;
    /** @type {Film | null} */
    this.film = null;
    /** @type {View} */
    this.view = { centre: 0, width: 1, inverted: false, zoom: 1, x: 0, y: 0 };
    this.isFitted = true;
    this.isMapped = false;
    /** @type {HTMLCanvasElement | null} */
    this.colours = null;
    this.isAsked = false;
  }

  start() {
    listenToHands(this.canvas, {
      window: (across, down) => this.turn(across / DRAG_PIXELS, -down / DRAG_PIXELS),
      move: (across, down) => this.move(across, down),
      zoom: (factor, x, y) => this.zoom(factor, x, y),
    });
    this.canvas.addEventListener("keydown", (event) => this.#key(event));
    this.place.addEventListener("click", (event) => this.#click(event));
    this.select("preset")?.addEventListener("change", () => this.preset(this.select("preset")?.value ?? "own"));
    this.input("opacity")?.addEventListener("input", () => this.redraw());
    new ResizeObserver(() => this.#resized()).observe(this.canvas);
    this.show(1);
    if (!location.hash && !document.querySelector("main [role=alert]")) this.canvas.focus({ preventScroll: true });
  }

  /** @param {number} number */
  async show(number) {
    if (number === this.number) return;
    this.number = number;
    this.film = null;
    this.#press();
    this.redraw();
    this.say(`Film ${number} is on its way …`);
    try {
      const film = this.films.get(number) ?? await fetchFilm(`${this.#address(number)}/pixels`);
      this.#keep(number, film);
      if (this.number !== number) return; // another one was chosen meanwhile
      this.film = film;
      this.say("");
      this.reset();
      this.#tellSize(film);
    } catch (error) {
      if (this.number === number) this.say(error instanceof Error ? error.message : String(error), true);
    }
  }

  reset() {
    this.preset("own");
    this.fit();
  }

  /** @param {string} name */
  preset(name) {
    if (!this.film) return;
    const { centre, width, black, white } = this.film;
    const towardsDark = white < black ? 1 : -1;
    Object.assign(this.view, { centre, width, inverted: name === "inverted" });
    if (name === "lungs") Object.assign(this.view, { centre: centre + towardsDark * 0.2 * width, width: 0.6 * width });
    if (name === "wide") this.view.width = 1.6 * width;
    this.#tellPreset(name);
  }

  invert() {
    this.view.inverted = !this.view.inverted;
    this.#tellPreset("other");
  }

  /**
   * Widens the window by one share of itself, and makes the film brighter by another.
   * @param {number} wider
   * @param {number} brighter
   */
  turn(wider, brighter) {
    if (!this.film) return;
    const { view, film } = this;
    view.width = clamp(view.width * Math.exp(2 * wider), Math.abs(film.white - film.black) / 1000, 20 * film.width);
    const isBrightLow = (film.white < film.black) !== view.inverted;
    view.centre += (isBrightLow ? 1 : -1) * brighter * film.width;
    this.#tellPreset("other");
  }

  /**
   * @param {number} across
   * @param {number} down
   */
  move(across, down) {
    const ratio = this.#ratio();
    const full = this.film?.layers[0];
    if (!full) return;
    this.isFitted = false;
    this.view.x = clamp(this.view.x - (across * ratio) / this.view.zoom, 0, full.columns);
    this.view.y = clamp(this.view.y - (down * ratio) / this.view.zoom, 0, full.rows);
    this.redraw();
  }

  /**
   * Zooms about a place of the canvas; about its middle where none is given.
   * @param {number} factor
   * @param {number} [x]
   * @param {number} [y]
   */
  zoom(factor, x, y) {
    const { view, canvas } = this, ratio = this.#ratio();
    const zoom = clamp(view.zoom * factor, LEAST_ZOOM, MOST_ZOOM);
    const across = x === undefined ? 0 : x * ratio - canvas.width / 2;
    const down = y === undefined ? 0 : y * ratio - canvas.height / 2;
    view.x += across / view.zoom - across / zoom;
    view.y += down / view.zoom - down / zoom;
    view.zoom = zoom;
    this.isFitted = false;
    this.redraw();
  }

  fit() {
    const full = this.film?.layers[0];
    if (!full) return;
    this.picture.resize();
    this.isFitted = true;
    this.view.zoom = Math.min(this.canvas.width / full.columns, this.canvas.height / full.rows);
    this.view.x = full.columns / 2;
    this.view.y = full.rows / 2;
    this.redraw();
  }

  async map() {
    if (!this.place.dataset.mapped) return;
    this.isMapped = !this.isMapped;
    this.#press();
    this.redraw();
    if (this.isMapped && !this.colours) await this.#fetchMap();
  }

  /**
   * @param {string} text
   * @param {boolean} [isBad]
   */
  say(text, isBad = false) {
    const word = /** @type {HTMLElement} */ (this.place.querySelector(".viewer-word"));
    word.textContent = text;
    word.classList.toggle("is-bad", isBad);
  }

  redraw() {
    if (this.isAsked) return;
    this.isAsked = true;
    requestAnimationFrame(() => {
      this.isAsked = false;
      this.#draw();
    });
  }

  /** @param {string} name */
  button(name) {
    return /** @type {HTMLButtonElement | null} */ (this.place.querySelector(`button[data-do="${name}"]`));
  }

  /** @param {string} name */
  input(name) {
    return /** @type {HTMLInputElement | null} */ (this.place.querySelector(`input[data-do="${name}"]`));
  }

  /** @param {string} name */
  select(name) {
    return /** @type {HTMLSelectElement | null} */ (this.place.querySelector(`select[data-do="${name}"]`));
  }

  async #fetchMap() {
    this.say("The heat map is being made …");
    try {
      const evidence = await fetchEvidence(`${this.#address(Number(this.place.dataset.mapped))}/map`);
      this.colours = coloured(evidence);
      const label = this.place.querySelector(".map-label");
      if (label) label.textContent = `Colours: evidence for ${evidence.label}.`;
      this.say("");
    } catch (error) {
      this.isMapped = false;
      this.#press();
      this.say(error instanceof Error ? error.message : String(error), true);
    }
    this.redraw();
  }

  #draw() {
    this.picture.resize();
    const { film, view } = this;
    const state = /** @type {HTMLElement} */ (this.place.querySelector(".viewer-state"));
    if (!film) {
      this.picture.context.fillRect(0, 0, this.canvas.width, this.canvas.height);
      state.textContent = "";
      return;
    }
    const isOver = this.isMapped && this.colours && this.number === Number(this.place.dataset.mapped);
    const opacity = Number(this.input("opacity")?.value ?? 0) / 100;
    this.picture.draw(film, view, isOver && this.colours ? { colours: this.colours, opacity } : null);
    state.textContent = `C ${short(view.centre)} W ${short(view.width)} · ${Math.round(100 * view.zoom)} %`;
  }

  /** @param {KeyboardEvent} event */
  #key(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    const act = event.shiftKey && MOVES[event.key] ? MOVES[event.key] : KEYS[event.key];
    if (act) act(this);
    else if (/^[1-9]$/.test(event.key) && this.#has(Number(event.key))) this.show(Number(event.key));
    else return;
    event.preventDefault();
  }

  /** @param {Event} event */
  #click(event) {
    const button = event.target instanceof Element ? event.target.closest("button") : null;
    if (!button) return;
    if (button.dataset.film) this.show(Number(button.dataset.film));
    BUTTONS[button.dataset.do ?? ""]?.(this);
  }

  #resized() {
    if (this.isFitted) this.fit();
    else this.redraw();
  }

  /** @param {number} number */
  #has(number) {
    return number === 1 || this.place.querySelector(`[data-film="${number}"]`) !== null;
  }

  /** @param {number} step */
  turnOver(step) {
    if (this.#has(this.number + step) && this.number + step > 0) this.show(this.number + step);
  }

  help() {
    const help = /** @type {HTMLElement} */ (this.place.querySelector(".viewer-help"));
    help.hidden = !help.hidden;
    this.button("help")?.setAttribute("aria-expanded", String(!help.hidden));
  }

  /** @param {string} name */
  #tellPreset(name) {
    const select = this.select("preset");
    if (select) select.value = name;
    this.#press();
    this.redraw();
  }

  #press() {
    this.button("invert")?.setAttribute("aria-pressed", String(this.view.inverted));
    this.button("map")?.setAttribute("aria-pressed", String(this.isMapped));
    const opacity = this.input("opacity"), notice = /** @type {HTMLElement | null} */ (this.place.querySelector(".map-notice"));
    if (opacity) opacity.disabled = !this.isMapped;
    if (notice) notice.hidden = !this.isMapped;
    for (const button of this.place.querySelectorAll("[data-film]")) {
      button.setAttribute("aria-pressed", String(Number(/** @type {HTMLElement} */ (button).dataset.film) === this.number));
    }
  }

  /** @param {Film} film */
  #tellSize(film) {
    const full = film.layers[0], place = /** @type {HTMLElement} */ (this.place.querySelector(".viewer-size"));
    const isSmaller = full.columns < film.filmColumns;
    const own = `${film.filmColumns} × ${film.filmRows} pixels`;
    place.textContent = isSmaller ? `Shown at ${full.columns} × ${full.rows}; the film has ${own}.` : own;
    place.classList.toggle("is-smaller", isSmaller);
  }

  /**
   * @param {number} number
   * @param {Film} film
   */
  #keep(number, film) {
    this.films.set(number, film);
    if (this.films.size > MOST_KEPT) this.films.delete([...this.films.keys()].find((one) => one !== number) ?? 0);
  }

  /** @param {number} number */
  #address(number) {
    return `/studies/${this.place.dataset.study}/films/${number}`;
  }

  #ratio() {
    return this.canvas.width / Math.max(this.canvas.clientWidth, 1);
  }
}

/** @type {Record<string, (viewer: Viewer) => unknown>} */
const BUTTONS = {
  invert: (viewer) => viewer.invert(),
  in: (viewer) => viewer.zoom(ZOOM_STEP),
  out: (viewer) => viewer.zoom(1 / ZOOM_STEP),
  fit: (viewer) => viewer.fit(),
  whole: (viewer) => viewer.zoom(1 / viewer.view.zoom),
  reset: (viewer) => viewer.reset(),
  map: (viewer) => viewer.map(),
  help: (viewer) => viewer.help(),
  brighter: (viewer) => viewer.turn(0, WINDOW_STEP),
  darker: (viewer) => viewer.turn(0, -WINDOW_STEP),
  narrower: (viewer) => viewer.turn(-WINDOW_STEP, 0),
  wider: (viewer) => viewer.turn(WINDOW_STEP, 0),
  left: (viewer) => viewer.move(-MOVE_STEP, 0),
  right: (viewer) => viewer.move(MOVE_STEP, 0),
  up: (viewer) => viewer.move(0, -MOVE_STEP),
  down: (viewer) => viewer.move(0, MOVE_STEP),
};
/** @type {Record<string, (viewer: Viewer) => unknown>} */
const KEYS = {
  i: BUTTONS.invert, f: BUTTONS.fit, o: BUTTONS.whole, h: BUTTONS.map, "0": BUTTONS.reset, "?": BUTTONS.help,
  "+": BUTTONS.in, "=": BUTTONS.in, "-": BUTTONS.out,
  p: (viewer) => viewer.preset(PRESETS[(PRESETS.indexOf(viewer.select("preset")?.value ?? "") + 1) % PRESETS.length]),
  ArrowUp: BUTTONS.brighter, ArrowDown: BUTTONS.darker, ArrowLeft: BUTTONS.narrower, ArrowRight: BUTTONS.wider,
  PageUp: (viewer) => viewer.turnOver(-1),
  PageDown: (viewer) => viewer.turnOver(1),
};
/** @type {Record<string, (viewer: Viewer) => unknown>} */
const MOVES = {
  ArrowUp: BUTTONS.up, ArrowDown: BUTTONS.down, ArrowLeft: BUTTONS.left, ArrowRight: BUTTONS.right,
};

/** @param {number} value */
function short(value) {
  return Math.abs(value) < 10 ? value.toFixed(2) : String(Math.round(value));
}

const place = document.getElementById("viewer");
if (place) new Viewer(place).start();
