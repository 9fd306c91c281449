"""Writes golden_probabilities.json: what the shipped network says of the drawn films. Run it after a new model.

Usage: python tests/assets/models/make_golden.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parents[2]))

from models.classifier import OnnxClassifier
from models.package import load_package
from tests.drawn import drawn_films


def main() -> None:
    """Classify and write."""
    classifier = OnnxClassifier(load_package(), threads=1)
    results = [list(result.as_dict().values()) for result in classifier.classify(drawn_films())]
    golden = {"sha256": classifier.model.sha256, "probabilities": results}
    (HERE / "golden_probabilities.json").write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
