"""What the lung network reaches on films it never saw: Dice, films kept, pictures refused, and a sheet to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from models.drawn.not_chest import DRAWN, FILMS_NEEDED, SPOILED, draw, spoil
from models.eligibility import Limits, verdict
from models.evaluation.figures import Bootstrap, Ratio, measure_ratios, share
from models.lungs.batches import prepared
from models.networks.lung_network import FRONTAL, MASK
from models.preprocess import LUNG_SIZE

if TYPE_CHECKING:
    import keras

    from models.evaluation.figures import Report
    from models.evaluation.metrics import Array
    from models.lungs.films import Bytes, LungFilms

Masks = npt.NDArray[np.float32]

_BATCH = 64
_GREYS = 255.0
_HALF = 0.5
_WATCHED = 256
"""Films that are looked at after each epoch, at most."""
_EACH_KIND = 20
"""Made-up pictures of each kind that must be refused."""
_THRESHOLDS = (0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
_MADE_UP_SEED = 2**32
"""Added to the seed: pictures that were not drawn in training."""
_TILES = 24
_WORST = 8
"""Films of the contact sheet that are the worst; the others are spread over all."""
_ACROSS = 6
_TILE = 224
_CAPTION = 18
_TRUE, _FOUND = (86, 180, 233), (230, 159, 0)
"""Colours that colour-blind people can tell apart (M. Okabe, K. Ito, Color Universal Design, 2008)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The network's answers to pictures, one entry a picture."""

    masks: Masks
    """(pictures, 112, 112), probability of lung."""
    frontal: npt.NDArray[np.float32]
    """(pictures,), probability of an upright frontal chest film."""

    def accepted(self, limits: Limits) -> npt.NDArray[np.bool_]:
        """Say which pictures the eligibility check would let through, exposure apart: (pictures,)."""
        pairs = zip(self.masks, self.frontal.tolist(), strict=True)
        return np.array([verdict(mask, frontal, 0.0, limits) is None for mask, frontal in pairs], dtype=bool)


def predict(network: keras.Model, squares: Sequence[Bytes] | Bytes) -> Found:
    """Return the network's answers to square pictures, uint8 (224, 224) each."""
    masks = [np.zeros((0, LUNG_SIZE, LUNG_SIZE), dtype=np.float32)]
    frontal = [np.zeros(0, dtype=np.float32)]
    for start in range(0, len(squares), _BATCH):
        part = np.asarray(squares[start : start + _BATCH])
        factor = part.shape[1] // LUNG_SIZE
        coarse = part.reshape(-1, LUNG_SIZE, factor, LUNG_SIZE, factor).mean(axis=(2, 4), dtype=np.float32)
        answer = network(coarse[..., None] / np.float32(_GREYS), training=False)
        masks.append(answer[MASK].numpy()[..., 0])
        frontal.append(answer[FRONTAL].numpy()[:, 0])
    return Found(masks=np.concatenate(masks), frontal=np.concatenate(frontal))


def dice(truth: npt.NDArray[np.bool_], found: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return the Dice coefficient of each pair of masks, 0 to 1: (films,); both are (films, rows, columns)."""
    both = np.count_nonzero(truth & found, axis=(1, 2))
    either = np.count_nonzero(truth, axis=(1, 2)) + np.count_nonzero(found, axis=(1, 2))
    return np.asarray(2.0 * both / np.maximum(either, 1), dtype=np.float64)


def epoch_figures(network: keras.Model, held_out: LungFilms) -> dict[str, float]:
    """Return what is watched after each epoch: mean Dice, shares of films kept and of other pictures refused."""
    rows = _spread(len(held_out.masked), _WATCHED)
    answers = predict(network, held_out.squares[held_out.masked[rows]])
    figures = {
        "val_dice": float(dice(held_out.masks[rows] > _GREYS / 2, answers.masks > _HALF).mean()),
        "val_kept": float((answers.frontal >= _HALF).mean()),
    }
    others = held_out.others[_spread(len(held_out.others), _WATCHED)]
    if len(others):
        figures["val_refused"] = float((predict(network, others).frontal < _HALF).mean())
    return figures


def judge_lungs(network: keras.Model, held_out: LungFilms, limits: Limits, seed: int) -> tuple[Report, Found]:
    """Return every figure for the papers, and the network's answers to the films held out."""
    films, others = predict(network, held_out.squares), predict(network, held_out.others)
    made_up = list(_made_up(held_out, seed))
    drawn = predict(network, [picture for _, picture in made_up])
    kinds = [kind for kind, _ in made_up]
    report: Report = {
        "held_out": held_out.counts(),
        "limits": {"frontal": limits.frontal, "smallest_lungs": limits.smallest_lungs},
        "dice": _dice_figures(held_out, films),
        "frontal_films_kept": _kept(held_out, films, limits),
        "not_eligible_refused": _refused(others, held_out.folders, limits),
        "made_up_refused": _refused(drawn, kinds, limits),
        "thresholds": [_at(threshold, films, others, drawn) for threshold in _THRESHOLDS],
    }
    return report, films


def contact_sheet(held_out: LungFilms, found: Found) -> Image.Image:
    """Return a picture of up to 24 films, the worst first, with the outlines of true and found lungs."""
    truth = held_out.masks > _GREYS / 2
    values = dice(truth, found.masks[held_out.masked] > _HALF)
    order = np.argsort(values, kind="stable")
    chosen = [*order[:_WORST], *order[_WORST:][_spread(max(len(order) - _WORST, 0), _TILES - _WORST)]]
    rows = -(-len(chosen) // _ACROSS)
    sheet = Image.new("RGB", (_ACROSS * _TILE, rows * (_TILE + _CAPTION) + _CAPTION), "black")
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(13)
    for number, place in enumerate(chosen):
        film = held_out.masked[place]
        x, y = number % _ACROSS * _TILE, number // _ACROSS * (_TILE + _CAPTION)
        sheet.paste(_outlined(held_out.squares[film], truth[place], found.masks[film] > _HALF), (x, y))
        pen.text((x + 4, y + _TILE + 1), f"{held_out.labels[film]}  Dice {values[place]:.3f}", "white", font)
    pen.text((4, sheet.height - _CAPTION + 1), "the mask it was given", _TRUE, font)
    pen.text((_TILE, sheet.height - _CAPTION + 1), "what the network finds", _FOUND, font)
    return sheet


def _spread(count: int, most: int) -> npt.NDArray[np.int64]:
    """Return up to `most` numbers below `count`, evenly spread."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, most)).astype(np.int64))


def _made_up(held_out: LungFilms, seed: int) -> Iterator[tuple[str, Bytes]]:
    """Yield kind and picture of what nobody has seen: drawn anew, or spoiled films of the patients held out."""
    random = np.random.default_rng(_MADE_UP_SEED + seed)
    for _ in range(_EACH_KIND):
        for kind in DRAWN:
            yield kind, prepared(draw(random, kind))
        for kind in SPOILED:
            films = [held_out.squares[row] for row in random.integers(len(held_out.squares), size=FILMS_NEEDED)]
            yield kind, prepared(spoil(films, random, kind))


def _dice_figures(held_out: LungFilms, found: Found) -> Report:
    values = dice(held_out.masks > _GREYS / 2, found.masks[held_out.masked] > _HALF)
    labels = np.array(held_out.labels)[held_out.masked]
    sources = np.array(held_out.sources)[held_out.masked]
    groups: list[tuple[tuple[str, ...], Array]] = [(("all",), np.ones(len(values)))]
    groups += [(("by_label", str(label)), (labels == label).astype(float)) for label in np.unique(labels)]
    groups += [(("by_source", str(source)), (sources == source).astype(float)) for source in np.unique(sources)]
    report: Report = {"median": round(float(np.median(values)), 4), "worst": round(float(values.min()), 4)}
    ratios = [Ratio(key=key, hits=values * member, base=member, is_share=False) for key, member in groups]
    measure_ratios(report, ratios, held_out.patients[held_out.masked], Bootstrap())
    for key, member in groups:
        _at_key(report, key)["films"] = int(member.sum())
    return report


def _at_key(report: Report, key: tuple[str, ...]) -> dict[str, Any]:
    for part in key:
        report = report[part]
    return report


def _kept(held_out: LungFilms, found: Found, limits: Limits) -> Report:
    return _both_ways(found, held_out.sources, limits, "by_source", refused=False)


def _refused(found: Found, groups: Sequence[str], limits: Limits) -> Report:
    return _both_ways(found, groups, limits, "by_kind", refused=True)


def _both_ways(found: Found, groups: Sequence[str], limits: Limits, name: str, *, refused: bool) -> Report:
    """Count by the `frontal` output alone, and by the whole verdict: frontal, and two lungs of plausible area."""
    names = np.array(groups, dtype=object)
    report: Report = {}
    for way, accepted in (("frontal_alone", found.frontal >= limits.frontal), ("verdict", found.accepted(limits))):
        hits = accepted != refused
        parts = {str(group): hits[names == group] for group in sorted(set(groups))}
        report[way] = share(int(hits.sum()), len(hits)) | {
            name: {group: share(int(part.sum()), len(part)) for group, part in parts.items()}
        }
    return report


def _at(threshold: float, films: Found, others: Found, drawn: Found) -> Report:
    """Return what another threshold of `frontal` alone would keep and refuse."""
    return {
        "frontal": threshold,
        "films_kept": _mean(films.frontal >= threshold),
        "not_eligible_refused": _mean(others.frontal < threshold),
        "made_up_refused": _mean(drawn.frontal < threshold),
    }


def _mean(flags: npt.NDArray[np.bool_]) -> float | None:
    return round(float(flags.mean()), 4) if len(flags) else None


def _outlined(square: Bytes, truth: npt.NDArray[np.bool_], found: npt.NDArray[np.bool_]) -> Image.Image:
    """Return a film in colour, with the edges of both masks."""
    picture = np.repeat(square[..., None], 3, axis=2)
    for mask, colour in ((truth, _TRUE), (found, _FOUND)):
        large = np.kron(mask, np.ones((_TILE // LUNG_SIZE,) * 2, dtype=bool))
        around = np.pad(large, 1)
        inner = large & around[:-2, 1:-1] & around[2:, 1:-1] & around[1:-1, :-2] & around[1:-1, 2:]
        picture[large & ~inner] = colour
    return Image.fromarray(picture)
