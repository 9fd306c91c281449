// @ts-check
/** What hands do on a film: mouse, pen, one finger or two, wheel and keys, as a few plain wishes. */

/**
 * @typedef {object} Wishes What a hand can want; distances are pixels of the page.
 * @property {(across: number, down: number) => void} window
 * @property {(across: number, down: number) => void} move
 * @property {(factor: number, x: number, y: number) => void} zoom about a place of the canvas
 */

const WHEEL_STEP = 0.0015;
const LINE_PIXELS = 30;

/**
 * @param {HTMLCanvasElement} canvas
 * @param {Wishes} wishes
 */
export function listenToHands(canvas, wishes) {
  /** @type {Map<number, {x: number, y: number}>} */
  const held = new Map();
  let moves = false, space = false;

  const show = () => canvas.classList.toggle("moves", space || (moves && held.size > 0));

  canvas.addEventListener("pointerdown", (event) => {
    canvas.setPointerCapture(event.pointerId);
    held.set(event.pointerId, { x: event.clientX, y: event.clientY });
    moves = event.button !== 0 || space;
    canvas.focus({ preventScroll: true });
    event.preventDefault(); // no scrolling by the middle button
    show();
  });
  canvas.addEventListener("pointermove", (event) => {
    const before = held.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    if (held.size > 1) twoFingers(canvas, held, event.pointerId, now, wishes);
    else if (moves) wishes.move(now.x - before.x, now.y - before.y);
    else wishes.window(now.x - before.x, now.y - before.y);
    held.set(event.pointerId, now);
  });
  for (const end of ["pointerup", "pointercancel", "lostpointercapture"]) {
    canvas.addEventListener(end, (event) => {
      held.delete(/** @type {PointerEvent} */ (event).pointerId);
      show();
    });
  }
  canvas.addEventListener("contextmenu", (event) => event.preventDefault());
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? event.deltaY : event.deltaY * LINE_PIXELS;
    wishes.zoom(Math.exp(-pixels * WHEEL_STEP), event.offsetX, event.offsetY);
  }, { passive: false });
  canvas.addEventListener("keydown", (event) => {
    if (event.key !== " ") return;
    space = true;
    event.preventDefault();
    show();
  });
  for (const end of ["keyup", "blur"]) {
    canvas.addEventListener(end, (event) => {
      if (end === "keyup" && /** @type {KeyboardEvent} */ (event).key !== " ") return;
      space = false;
      show();
    });
  }
}

/**
 * Two fingers move the film by their middle and zoom by their distance.
 * @param {HTMLCanvasElement} canvas
 * @param {Map<number, {x: number, y: number}>} held
 * @param {number} moved
 * @param {{x: number, y: number}} now
 * @param {Wishes} wishes
 */
function twoFingers(canvas, held, moved, now, wishes) {
  const before = /** @type {{x: number, y: number}} */ (held.get(moved));
  const other = [...held].find(([pointer]) => pointer !== moved)?.[1] ?? now;
  const place = canvas.getBoundingClientRect();
  const distance = Math.hypot(before.x - other.x, before.y - other.y) || 1;
  wishes.move((now.x - before.x) / 2, (now.y - before.y) / 2);
  const middle = { x: (now.x + other.x) / 2 - place.left, y: (now.y + other.y) / 2 - place.top };
  wishes.zoom(Math.hypot(now.x - other.x, now.y - other.y) / distance, middle.x, middle.y);
}
