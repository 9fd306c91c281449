"""Draws docs/images/explained-film.png: a bundled film, small enough for a page, with the active model's evidence.

`.venv/bin/python docs/explained_film.py [FILM]`, after a new model was put to work.
"""

from __future__ import annotations

import sys
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from dicom_node.films import read_film
from domain.explanation import Explanation
from hilum import bootstrap, settings
from models.heatmap import heat_map
from models.overlay import legend_of, overlay_png

DOCS = Path(__file__).parent
FILM = DOCS.parent / "hilum/demo/films/COVID19/cxnet_262.jpg"
PICTURE = DOCS / "images" / "explained-film.png"
WIDTH = 480
BITS = 6
"""Of the 8 of each colour: no step is seen, and the file is two thirds as large."""


def main(film: Path) -> None:
    """Explain the film at full size, and draw the result small."""
    classifier = bootstrap.classifier(settings.load(None)[0])
    _, image = read_film(film)
    if image is None:
        sys.exit(f"{film} can't be used")
    (answer,) = classifier.explain([image])
    if not isinstance(answer, Explanation):
        sys.exit(f"{film}: {answer.sentence}")
    rows = round(image.shape[0] * WIDTH / image.shape[1])
    small = np.asarray(Image.fromarray(image).resize((WIDTH, rows), Image.Resampling.LANCZOS))
    png = overlay_png(small, heat_map(answer, (rows, WIDTH)), legend_of(answer.probabilities, classifier.model))
    PICTURE.parent.mkdir(exist_ok=True)
    with Image.open(BytesIO(png)) as picture:
        ImageOps.posterize(picture, BITS).save(PICTURE, optimize=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else FILM)
