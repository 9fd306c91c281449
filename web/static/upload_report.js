// @ts-check
/** The button that prints. */

document.getElementById("print")?.addEventListener("click", () => window.print());
