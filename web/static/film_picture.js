// @ts-check
/** Says in words where a film can't be shown. */

/** @param {HTMLImageElement} picture */
function tell(picture) {
  const said = document.createElement("p");
  said.className = "notice";
  said.textContent = "The film can't be shown.";
  picture.replaceWith(said);
}

for (const picture of /** @type {NodeListOf<HTMLImageElement>} */ (document.querySelectorAll("main img"))) {
  if (picture.complete && picture.naturalWidth === 0) tell(picture);
  else picture.addEventListener("error", () => tell(picture));
}
