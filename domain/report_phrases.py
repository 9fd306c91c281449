"""What a sentence of a report says of a disease that it names, by phrases that negate it or make it uncertain.

The phrases are English and German, and lie around the name: "no evidence of pneumonia", "Pneumonie ausgeschlossen".
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


class Statement(StrEnum):
    """What a person says of a class."""

    PRESENT = "present"
    ABSENT = "absent"
    UNDETERMINED = "undetermined"
    NOT_SAID = "not-said"
    """Nothing; which is not the same as absent."""

    @property
    def weight(self) -> int:
        """What counts of several: the greater."""
        return (Statement.NOT_SAID, Statement.ABSENT, Statement.UNDETERMINED, Statement.PRESENT).index(self)


class _Effect(StrEnum):
    NEGATES = "negates"
    DOUBTS = "doubts"
    ASKS = "asks"
    """The mention does not count: a question, or the past."""
    SHIELDS = "shields"
    """No effect; it keeps a part of itself from having one: "no change" negates nothing."""


_SAYS: Final = {
    _Effect.NEGATES: Statement.ABSENT,
    _Effect.DOUBTS: Statement.UNDETERMINED,
    _Effect.ASKS: Statement.NOT_SAID,
    _Effect.SHIELDS: Statement.PRESENT,
}
_BEFORE: Final = {
    _Effect.NEGATES: (
        "no", "not", "without", "neither", "nor", "never", "free of", "rather than", "negative for", "absence of",
        "absent", "resolved", "resolution of", "clearing of", "excludes", "rules out", "no evidence of", "no sign of",
        "no signs of", "kein", "keine", "keinen", "keinem", "keiner", "keinerlei", "nicht", "ohne", "weder",
        "kein nachweis einer", "kein anhalt fuer", "kein anhalt fuer eine", "frei von", "negativ auf", "negativ fuer",
    ),
    _Effect.DOUBTS: (
        "possible", "possibly", "possibility of", "doubt", "probable", "probably", "potential", "potentially",
        "likely", "presumed", "presumably", "questionable", "equivocal", "indeterminate", "unspecific for",
        "nonspecific for", "suspicion of", "suspected", "suspicious for", "suspicious of", "concern for",
        "concerning for", "worrisome for", "suggestive of", "suggesting", "suggests", "may be", "may represent",
        "may reflect", "might be", "might represent", "could be", "could represent", "could reflect",
        "cannot exclude", "can not exclude", "cant exclude", "cannot rule out", "can not rule out", "cant rule out",
        "not exclude", "not excluded", "versus", "vs", "differential", "compatible with", "atypical for",
        "untypisch* fuer", "atypisch* fuer", "nicht typisch fuer", "not typical for", "not typical of", "va", "v a",
        "verdacht auf", "verdaechtig auf", "suspekt auf", "fraglich*", "moeglich*", "moeglicherweise",
        "wahrscheinlich*", "vermutlich*", "am ehesten", "evtl", "eventuell*", "dd", "differentialdiagnos*",
        "differenzialdiagnos*", "vereinbar mit", "passend zu", "hinweis auf", "hinweise auf", "hinweisend auf",
        "koennte", "eher", "nicht auszuschliessen", "nicht ausgeschlossen", "unlikely to be", "unlikely to represent",
    ),
    _Effect.ASKS: (
        "history of", "h o", "status post", "s p", "prior episode of", "rule out", "r o", "to exclude",
        "to evaluate for", "evaluate for", "evaluation for", "assess for", "question of", "follow up of", "vaccinat*",
        "treatment of", "treatment for", "treated for", "tested positive for", "positive test for", "z n", "zn",
        "zustand nach", "anamnestisch", "zum ausschluss", "ausschluss", "zur frage", "frage nach", "abgelaufen*",
        "stattgehabt*", "positiv getestet auf", "behandlung einer",
    ),
    _Effect.SHIELDS: (
        "no change", "no significant change", "no interval change", "no relevant change", "not changed",
        "no increase", "no decrease", "no improvement", "no progression", "no regression", "not only",
        "not yet", "not resolved", "not fully resolved", "without change", "without improvement", "no doubt",
        "keine aenderung", "keine wesentliche aenderung", "keine relevante aenderung", "keine zunahme",
        "keine wesentliche zunahme", "keine abnahme", "keine rueckbildung", "kein rueckgang", "kein zweifel",
        "nicht nur", "noch nicht", "keine befundaenderung", "keine wesentliche befundaenderung", "nicht veraendert",
    ),
}  # fmt: skip
_AFTER: Final = {
    _Effect.NEGATES: (
        "excluded", "is excluded", "ruled out", "not seen", "not identified", "not present", "not demonstrated",
        "not evident", "not visible", "not detected", "is absent", "absent", "negative", "resolved", "no longer",
        "has resolved", "have resolved", "completely resolved", "fully resolved", "has cleared", ": no", ": none",
        ": not", "has disappeared", "ausgeschlossen", "nicht nachweisbar", "nicht nachgewiesen", "nicht abgrenzbar",
        "nicht erkennbar", "nicht sichtbar", "nicht mehr", "nicht vor", "nicht vorhanden", "negativ", ": nein",
        ": kein*", ": nicht", "abgeheilt", "nicht zu erkennen", "nicht zu sehen", "finden sich nicht",
        "findet sich nicht", "zeigt sich nicht", "zeigen sich nicht", "kein anhalt", "kein hinweis", "kein nachweis",
        "kein korrelat",
    ),
    _Effect.DOUBTS: (
        "?", "possible", "possibly", "probable", "likely", "unlikely", "suspected", "questionable", "uncertain",
        "not excluded", "cannot be excluded", "can not be excluded", "cant be excluded", "cannot be ruled out",
        "can not be ruled out", "cant be ruled out", "not ruled out", "difficult to exclude", "hard to exclude",
        "not fully excluded", "not entirely excluded", "versus", "vs", "in the differential", "moeglich",
        "wahrscheinlich", "unwahrscheinlich", "fraglich", "denkbar", "nicht auszuschliessen",
        "nicht sicher auszuschliessen", "nicht ausgeschlossen", "nicht sicher ausgeschlossen",
        "nicht ganz auszuschliessen", "nicht vollstaendig auszuschliessen", "vermutet", "zu denken", "zu erwaegen",
        "differentialdiagnostisch",
    ),
    _Effect.ASKS: ("vaccin*", "impfung"),
    _Effect.SHIELDS: ("not resolved", "not fully resolved", "not yet", "noch nicht", "not completely resolved"),
}  # fmt: skip
_ENDS_SCOPE: Final = (
    "but", "however", "although", "though", "except", "apart from", "aside from", "other than", "whereas", "aber",
    "jedoch", "allerdings", "sondern", "dagegen", "hingegen", "ausser", ";", "(", ")",
)  # fmt: skip
_FARTHEST_BEFORE: Final = 10
_FARTHEST_AFTER: Final = 6
"""Words between a phrase and the disease; a phrase farther away is of something else."""
_CLOSE: Final = frozenset({"absent", "negative", "negativ", "resolved", "?"})
"""Phrases behind a disease that are of it only with at most one word between."""
_NEGATES_DOUBT_WORDS: Final = 2
"""Words between a negation and a doubt that it negates, as in "no strong suspicion of"."""
_LIST: Final = re.compile(r" (or|nor|oder|noch|and|und|bzw) ")
_LIST_WORDS: Final = 3
_WORD: Final = re.compile(r"[a-z0-9]+|[,:;?()]")
_UMLAUTS: Final = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "'": None, "’": None})  # noqa: RUF001 - as it is typed


@dataclass(frozen=True, kw_only=True, slots=True)
class Understood:
    """A mention of a disease, and what is said of it."""

    keyword: str
    """The keyword that matched."""
    statement: Statement
    modifier: str = ""
    """The phrase that decided; empty: none did."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Phrase:
    effect: _Effect
    text: str
    start: int
    end: int


def plain(text: str) -> str:
    """Return the words of a text in small letters with a space between; umlauts as two letters, hyphens as spaces."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_UMLAUTS)
    letters = "".join(one for one in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(one))
    return " ".join(re.findall(r"[a-z0-9*]+" if "*" in text else _WORD, letters))


def read_sentence(sentence: str, keywords: Iterable[str]) -> Iterator[Understood]:
    """Yield each mention of a keyword (in the form that `plain` gives) with what the sentence says of it.

    Of keywords that overlap the first counts, the longest of these: "COVID-19 pneumonia" is no mention of "pneumonia"
    where both are keywords.
    """
    words = f" {plain(sentence.replace('*', ' '))} "
    mentions = [(found.start(), -found.end(), one) for one in keywords for found in _pattern(one).finditer(words)]
    read = 0
    for start, end, keyword in sorted(mentions):
        if start >= read:
            read = -end
            yield _understand(keyword, words[:start], words[read:])


@cache
def _pattern(phrase: str) -> re.Pattern[str]:
    return re.compile("(?<= )" + re.escape(phrase).replace(r"\*", "[^ ]*").replace(r"\ ", " ") + "(?= )")


def _understand(keyword: str, before: str, after: str) -> Understood:
    """Decide by the nearer of the phrases before and after."""
    preceding, following = _nearest_before(before, after), _nearest_after(after)
    if preceding is None or preceding.effect is _Effect.SHIELDS:
        deciding = following
    elif following is None:
        deciding = preceding
    else:
        is_nearer = _count(before[preceding.end :]) <= _count(after[: following.start])
        deciding = preceding if is_nearer else following
    if deciding is None or deciding.effect is _Effect.SHIELDS:
        return Understood(keyword=keyword, statement=Statement.PRESENT)
    return Understood(keyword=keyword, statement=_SAYS[deciding.effect], modifier=deciding.text)


def _nearest_before(before: str, after: str) -> _Phrase | None:
    start = max((found.end() for phrase in _ENDS_SCOPE for found in _pattern(phrase).finditer(before)), default=0)
    scope = before[start - 1 :] if start else before
    phrases = _phrases(scope, _BEFORE)
    if not phrases:
        return None
    nearest, between = phrases[-1], scope[phrases[-1].end :]
    if _count(between) > _FARTHEST_BEFORE or (" , " in between and not _is_list(between, after)):
        return None
    found = _negated(scope, phrases) or nearest
    shift = len(before) - len(scope)
    return _Phrase(effect=found.effect, text=found.text, start=found.start + shift, end=nearest.end + shift)


def _negated(scope: str, phrases: list[_Phrase]) -> _Phrase | None:
    """Return the negation where the last phrase is a doubt that is negated, as in "kein Verdacht auf"."""
    if len(phrases) < 2 or phrases[-1].effect is not _Effect.DOUBTS or phrases[-2].effect is not _Effect.NEGATES:  # noqa: PLR2004 - the last two
        return None
    between = scope[phrases[-2].end : phrases[-1].start]
    return phrases[-2] if _count(between) <= _NEGATES_DOUBT_WORDS and "," not in between else None


def _nearest_after(after: str) -> _Phrase | None:
    ends = [found.start() for phrase in (*_ENDS_SCOPE, ",") for found in _pattern(phrase).finditer(after)]
    scope = after[: min(ends, default=len(after))]
    for phrase in _phrases(scope, _AFTER):
        distance = _count(scope[: phrase.start])
        if distance <= (1 if phrase.text in _CLOSE else _FARTHEST_AFTER):
            return phrase
    return None


def _phrases(scope: str, known: dict[_Effect, tuple[str, ...]]) -> list[_Phrase]:
    """Return the phrases of a part of a sentence in order; of those that overlap the first, the longest of these."""
    found = [
        _Phrase(effect=effect, text=text, start=match.start(), end=match.end())
        for effect, texts in known.items()
        for text in texts
        for match in _pattern(text).finditer(scope)
    ]
    kept: list[_Phrase] = []
    for phrase in sorted(found, key=lambda one: (one.start, -one.end)):
        if not kept or phrase.start >= kept[-1].end:
            kept.append(phrase)
    return kept


def _is_list(between: str, after: str) -> bool:
    """Whether what lies behind a comma is a further item of a list, as in "no effusion, pneumothorax or pneumonia"."""
    following = " ".join(after.split()[: _LIST_WORDS + 1])
    return not after.strip(" .") or bool(_LIST.search(between) or _LIST.search(f" {following} "))


def _count(words: str) -> int:
    return sum(word.isalnum() for word in words.split())
