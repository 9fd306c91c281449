// @ts-check
/** Draws a film through a window: only what is in view, at about the resolution of the screen. */

/** @typedef {import("./film.js").Film} Film */
/** @typedef {import("./film.js").Evidence} Evidence */
/**
 * @typedef {object} View
 * @property {number} centre of the window, in the film's values
 * @property {number} width of the window
 * @property {boolean} inverted
 * @property {number} zoom pixels of the screen for one of the film
 * @property {number} x the film's column in the middle of the screen
 * @property {number} y the film's row there
 */

const LEVELS = 65536;
const OPAQUE = 0xff000000; // four bytes of a pixel, as little endian machines keep them
/** From no evidence to the strongest: even steps to the eye, and in order for those who see fewer colours. */
const COLOURS = [
  [74, 43, 131], [114, 54, 136], [153, 67, 132], [188, 84, 123], [217, 105, 108], [238, 133, 93], [250, 166, 83],
  [253, 201, 90], [246, 237, 119],
];

export class Picture {
  /** @param {HTMLCanvasElement} canvas */
  constructor(canvas) {
    this.canvas = canvas;
    this.context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d", { alpha: false }));
    this.scratch = document.createElement("canvas");
    this.table = new Uint32Array(LEVELS);
    this.tableKey = "";
    /** @type {ImageData | null} */
    this.image = null;
  }

  /** Gives the canvas as many pixels as the screen has in its place; says whether that changed something. */
  resize() {
    const ratio = window.devicePixelRatio || 1;
    const columns = Math.max(1, Math.round(this.canvas.clientWidth * ratio));
    const rows = Math.max(1, Math.round(this.canvas.clientHeight * ratio));
    if (this.canvas.width === columns && this.canvas.height === rows) return false;
    this.canvas.width = columns;
    this.canvas.height = rows;
    return true;
  }

  /**
   * @param {Film} film
   * @param {View} view
   * @param {{colours: HTMLCanvasElement, opacity: number} | null} overlay
   */
  draw(film, view, overlay) {
    const { canvas, context } = this;
    this.#fillTable(film, view);
    context.fillStyle = "#000";
    context.fillRect(0, 0, canvas.width, canvas.height);
    const full = film.layers[0];
    const left = canvas.width / 2 - view.x * view.zoom, top = canvas.height / 2 - view.y * view.zoom;
    const layer = layerFor(film, view.zoom);
    const across = (full.columns / layer.columns) * view.zoom, down = (full.rows / layer.rows) * view.zoom;
    const from = { x: clamp(Math.floor(-left / across), 0, layer.columns), y: clamp(Math.floor(-top / down), 0, layer.rows) };
    const to = {
      x: clamp(Math.ceil((canvas.width - left) / across), 0, layer.columns),
      y: clamp(Math.ceil((canvas.height - top) / down), 0, layer.rows),
    };
    const columns = to.x - from.x, rows = to.y - from.y;
    if (columns <= 0 || rows <= 0) return;
    this.#develop(layer, from.x, from.y, columns, rows);
    const place = [left + from.x * across, top + from.y * down, columns * across, rows * down];
    context.drawImage(this.scratch, 0, 0, columns, rows, place[0], place[1], place[2], place[3]);
    if (overlay) {
      context.globalAlpha = overlay.opacity;
      context.drawImage(overlay.colours, left, top, full.columns * view.zoom, full.rows * view.zoom);
      context.globalAlpha = 1;
    }
  }

  /**
   * Puts a part of a layer, through the window, onto the scratch canvas.
   * @param {import("./film.js").Layer} layer
   * @param {number} x
   * @param {number} y
   * @param {number} columns
   * @param {number} rows
   */
  #develop(layer, x, y, columns, rows) {
    const context = /** @type {CanvasRenderingContext2D} */ (this.scratch.getContext("2d", { alpha: false }));
    if (!this.image || this.image.width !== columns || this.image.height !== rows) {
      this.scratch.width = columns;
      this.scratch.height = rows;
      this.image = context.createImageData(columns, rows);
    }
    const pixels = new Uint32Array(this.image.data.buffer), { levels } = layer, table = this.table;
    let to = 0;
    for (let row = y; row < y + rows; row++) {
      const end = row * layer.columns + x + columns;
      for (let place = end - columns; place < end; place++) pixels[to++] = table[levels[place]];
    }
    context.putImageData(this.image, 0, 0);
  }

  /**
   * @param {Film} film
   * @param {View} view
   */
  #fillTable(film, view) {
    const key = [film.black, film.white, view.centre, view.width, view.inverted].join();
    if (key === this.tableKey) return;
    this.tableKey = key;
    const step = (film.white - film.black) / (LEVELS - 1);
    const isBrightLow = film.white < film.black; // small values are bright: MONOCHROME1
    for (let level = 0; level < LEVELS; level++) {
      let shown = (film.black + level * step - view.centre) / view.width + 0.5;
      shown = shown < 0 ? 0 : shown > 1 ? 1 : shown;
      const grey = Math.round(255 * (isBrightLow !== view.inverted ? 1 - shown : shown));
      this.table[level] = OPAQUE | (grey << 16) | (grey << 8) | grey;
    }
  }
}

/**
 * @param {Evidence} evidence
 * @returns {HTMLCanvasElement} its colours, the more opaque the stronger
 */
export function coloured(evidence) {
  const canvas = document.createElement("canvas");
  canvas.width = evidence.columns;
  canvas.height = evidence.rows;
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const image = context.createImageData(evidence.columns, evidence.rows);
  const pixels = new Uint32Array(image.data.buffer), table = Uint32Array.from({ length: 256 }, (_, level) => colourOf(level));
  for (let place = 0; place < pixels.length; place++) pixels[place] = table[evidence.levels[place]];
  context.putImageData(image, 0, 0);
  return canvas;
}

/**
 * @param {number} level 0 to 255
 * @returns {number} red, green, blue and opacity, as a canvas keeps them
 */
function colourOf(level) {
  const place = (level / 255) * (COLOURS.length - 1), first = Math.min(Math.floor(place), COLOURS.length - 2);
  const [red, green, blue] = COLOURS[first].map((value, channel) =>
    Math.round(value + (COLOURS[first + 1][channel] - value) * (place - first)));
  return ((level << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

/**
 * @param {Film} film
 * @param {number} zoom
 * @returns {import("./film.js").Layer} the smallest that has all that the screen can show
 */
function layerFor(film, zoom) {
  const halvings = zoom >= 1 ? 0 : Math.floor(Math.log2(1 / zoom) + 1e-9);
  return film.layers[Math.min(halvings, film.layers.length - 1)];
}

/**
 * @param {number} value
 * @param {number} least
 * @param {number} most
 */
export function clamp(value, least, most) {
  return Math.min(Math.max(value, least), most);
}
