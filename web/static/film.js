// @ts-check
/** Films before their window, as the server sends them: fetched, and halved again and again for small views. */

/** @typedef {{rows: number, columns: number, levels: Uint16Array}} Layer One size of a film. */
/**
 * @typedef {object} Film
 * @property {Layer[]} layers from the full size to the smallest; each is half of the one before
 * @property {number} black the film's value at level 0
 * @property {number} white the film's value at level 65535
 * @property {number} centre of the film's own window, in its values
 * @property {number} width of that window
 * @property {number} filmRows rows of the film in the store
 * @property {number} filmColumns
 */
/** @typedef {{rows: number, columns: number, label: string, levels: Uint8Array}} Evidence */

const SMALLEST = 500;

/**
 * @param {string} address
 * @returns {Promise<Film>}
 */
export async function fetchFilm(address) {
  const { number, bytes } = await fetched(address);
  const levels = new Uint16Array(bytes); // little endian, as every browser's machine is
  return {
    layers: layersOf({ rows: number("X-Rows"), columns: number("X-Columns"), levels }),
    black: number("X-Black"),
    white: number("X-White"),
    centre: number("X-Window-Center"),
    width: number("X-Window-Width"),
    filmRows: number("X-Film-Rows"),
    filmColumns: number("X-Film-Columns"),
  };
}

/**
 * @param {string} address
 * @returns {Promise<Evidence>}
 */
export async function fetchEvidence(address) {
  const { number, text, bytes } = await fetched(address);
  return { rows: number("X-Rows"), columns: number("X-Columns"), label: text("X-Label"), levels: new Uint8Array(bytes) };
}

/** @param {string} address */
async function fetched(address) {
  const answer = await fetch(address, { headers: { Accept: "application/octet-stream" } });
  if (!answer.ok) throw new Error(await sentenceOf(answer));
  const text = (/** @type {string} */ name) => answer.headers.get(name) ?? "";
  return { text, number: (/** @type {string} */ name) => Number(text(name)), bytes: await answer.arrayBuffer() };
}

/** @param {Response} answer */
async function sentenceOf(answer) {
  try {
    return String((await answer.json()).detail);
  } catch {
    return `The server answers ${answer.status}.`;
  }
}

/**
 * @param {Layer} full
 * @returns {Layer[]}
 */
function layersOf(full) {
  const layers = [full];
  while (Math.max(layers[layers.length - 1].rows, layers[layers.length - 1].columns) > 2 * SMALLEST) {
    layers.push(half(layers[layers.length - 1]));
  }
  return layers;
}

/**
 * @param {Layer} layer
 * @returns {Layer} each of its pixels is the mean of four
 */
function half(layer) {
  const rows = layer.rows >> 1, columns = layer.columns >> 1;
  const levels = new Uint16Array(rows * columns);
  for (let row = 0; row < rows; row++) {
    let from = 2 * row * layer.columns, to = row * columns;
    const below = layer.columns;
    for (let column = 0; column < columns; column++, from += 2) {
      const sum = layer.levels[from] + layer.levels[from + 1] + layer.levels[from + below] + layer.levels[from + below + 1];
      levels[to++] = (sum + 2) >> 2;
    }
  }
  return { rows, columns, levels };
}
