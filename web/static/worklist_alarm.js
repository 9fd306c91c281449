// @ts-check
// Says that a study is newly suggested HIGH: by the title of the window, and by a short sound where somebody wants one.

const FLASHES = 8;
const FLASH_MS = 700;

/** Two switches, remembered by this browser, and what they switch. */
export class Alarm {
  /** @param {HTMLInputElement} flash @param {HTMLInputElement} sound */
  constructor(flash, sound) {
    this.flash = remembered(flash, "worklist.flash", true);
    this.sound = remembered(sound, "worklist.sound", false);
    this.title = document.title;
    /** @type {number | undefined} */
    this.timer = undefined;
    /** @type {AudioContext | undefined} */
    this.context = undefined;
    this.sound.addEventListener("change", () => this.sound.checked && this.beep()); // browsers allow it to who clicked
    window.addEventListener("focus", () => this.quiet());
  }

  /** @param {number} count of studies that are newly HIGH */
  ring(count) {
    if (!count) return;
    if (this.flash.checked) this.flashTitle(count);
    if (this.sound.checked) this.beep();
  }

  /** @param {number} count */
  flashTitle(count) {
    this.quiet();
    let left = FLASHES;
    const turn = () => {
      document.title = left % 2 ? this.title : `(${count}) suggested HIGH`;
      left -= 1;
      if (left < 0) this.quiet();
    };
    turn();
    this.timer = window.setInterval(turn, FLASH_MS);
  }

  quiet() {
    window.clearInterval(this.timer);
    document.title = this.title;
  }

  beep() {
    this.context ??= new AudioContext();
    const { currentTime } = this.context;
    const tone = this.context.createOscillator();
    const volume = this.context.createGain();
    tone.frequency.value = 660;
    volume.gain.setValueAtTime(0.15, currentTime);
    volume.gain.exponentialRampToValueAtTime(0.001, currentTime + 0.35);
    tone.connect(volume).connect(this.context.destination);
    tone.start(currentTime);
    tone.stop(currentTime + 0.4);
  }
}

/** @param {HTMLInputElement} box @param {string} key @param {boolean} first what it is when nobody has chosen yet */
function remembered(box, key, first) {
  box.checked = (window.localStorage.getItem(key) ?? String(first)) === "true";
  box.addEventListener("change", () => window.localStorage.setItem(key, String(box.checked)));
  return box;
}
