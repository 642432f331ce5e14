"""License texts with blanks (MIT, BSD, Apache-2.0): known runs of words, and between them only copyright lines. Pure.

A template is met where nothing is left over. A text that only contains a known license, or that says a word more
which could grant or forbid something, is therefore not that license.
"""

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence

from registry.licensing.terms import Segment, Template
from registry.licensing.words import hash_words

# No copyright line has one of these; where one stands, someone may be setting terms.
_MEANINGFUL = frozenset({
    "above", "academic", "addendum", "additional", "after", "agree", "agreement", "allowed", "annual", "annually",
    "any", "anyone", "applies", "apply", "approval", "are", "ask", "ban", "banned", "be", "before", "below", "billion",
    "but", "can", "cannot", "citizens", "cite", "commercial", "commercially", "companies", "conditions", "consent",
    "contact", "could", "countries", "disclose", "display", "does", "dollars", "earn", "earning", "earnings", "earns",
    "educational", "enterprises", "entities", "euros", "evaluate", "evaluation", "everyone", "except", "exceed",
    "exceeds", "exclude", "excluded", "excludes", "excluding", "exclusively", "fee", "first", "forbid", "forbidden",
    "forbids", "grant", "has", "have", "host", "hosted", "hosting", "however", "if", "illegal", "income", "inform",
    "internal", "is", "license", "licence", "licensed", "mau", "may", "military", "million", "modified", "modify",
    "monthly", "more", "must", "need", "needed", "needs", "neither", "never", "no", "nobody", "non", "noncommercial",
    "none", "nonprofit", "nor", "not", "notify", "obtain", "only", "organisations", "organizations", "our", "over",
    "paid", "pay", "payment", "pays", "per", "permission", "permit", "permits", "permitted", "personal", "please",
    "prior", "production", "prohibit", "prohibited", "prohibits", "provided", "purpose", "purposes", "request",
    "require", "required", "requires", "resale", "residents", "restricted", "restriction", "restrictions", "revenue",
    "royalty", "sale", "sanctioned", "sell", "selling", "shall", "should", "solely", "sublicense", "subject",
    "surveillance", "terms", "testing", "than", "that", "their", "these", "they", "this", "those", "to", "turnover",
    "under", "unlawful", "unless", "until", "use", "used", "users", "was", "we", "weapons", "were", "when", "where",
    "which", "who", "whoever", "will", "without", "would", "written", "yearly", "you", "your",
})  # fmt: skip
# The same in other languages, and in words that begin so.
_STEMS = (
    "authori", "comerci", "commerci", "erlaub", "esclus", "exclus", "forschung", "interdit", "kommerz", "nicht",
    "noncommerc", "nutzung", "prohib", "recherche", "seulement", "solamente", "uniquement", "untersag", "usage",
    "utili", "verbot", "vietat",
)  # fmt: skip
_FOREIGN = frozenset({"aucun", "kein", "keine", "nur", "ohne", "pas", "sans", "sauf", "sin", "solo", "uso"})
# A holder has at most so many words; a longer one is a sentence.
_HOLDER = 16
_YEAR = re.compile(r"\d{1,4}|present")
_TITLES = tuple(title.split() for title in ("the license", "license", "licence", "license agreement"))
# Years and holders after the last run of words, as some put them there.
_TAIL = 40
# Words that titles may add to the first blank.
_TITLE = 12


def fits(found: Sequence[str], template: Template) -> bool:
    """Whether the words are the template's segments in order, with titles and copyright lines before and after them."""
    titles = [*(title.split() for title in template.titles), *_TITLES]
    first, *others = template.segments
    starts = set(_ends(found, 0, first, longest=first.gap + _TITLE, titles=titles))
    for segment in others:
        starts = {end for start in starts for end in _ends(found, start, segment, longest=segment.gap)}
    return any(len(found) - end <= _TAIL and is_notice(found[end:]) for end in starts)


def _ends(
    found: Sequence[str],
    start: int,
    segment: Segment,
    *,
    longest: int,
    titles: Sequence[Sequence[str]] | None = None,
) -> Iterator[int]:
    """Where the segment ends, for each blank before it that sets no terms."""
    for begin in range(start, min(start + longest, len(found) - segment.words) + 1):
        blank, end = found[start:begin], begin + segment.words
        harmless = is_harmless(blank) if titles is None else is_notice(blank, titles)
        if harmless and hash_words(found[begin:end]) == segment.sha256:
            yield end


def is_notice(blank: Sequence[str], titles: Sequence[Sequence[str]] = ()) -> bool:
    """Whether words are nothing but copyright lines, besides titles of the license, which may stand anywhere."""
    rest = _without_titles(blank, titles)
    if not rest:
        return True
    begins = [place for place, word in enumerate(rest) if word == "copyright"]
    if not begins or any(word not in ("c", "portions") for word in rest[: begins[0]]):
        return False
    return is_harmless(rest) and all(
        sum(not _YEAR.fullmatch(word) for word in rest[begin:end]) <= _HOLDER
        for begin, end in itertools.pairwise([*begins, len(rest)])
    )


def is_harmless(blank: Sequence[str]) -> bool:
    """Whether no word can be part of a term; one in another script is not understood, and so it can."""
    return not any(
        word in _MEANINGFUL or word in _FOREIGN or word.startswith(_STEMS) or not _is_latin(word)
        for word in blank
    ) and ("for", "research") not in itertools.pairwise(blank)


def _is_latin(word: str) -> bool:
    return word.isascii() or all(
        mark.isdigit() or unicodedata.name(mark, "").startswith("LATIN ") for mark in word
    )


def _without_titles(blank: Sequence[str], titles: Sequence[Sequence[str]]) -> list[str]:
    by_length = sorted(titles, key=len, reverse=True)
    rest, place = [], 0
    while place < len(blank):
        title = next((one for one in by_length if list(blank[place : place + len(one)]) == list(one)), None)
        if title:
            place += len(title)
        else:
            rest.append(blank[place])
            place += 1
    return rest
