"""License texts with blanks (MIT, BSD, Apache-2.0): known runs of words, and between them only copyright lines. Pure.

A template is met where nothing is left over. A text that only contains a known license, or that says a word more
which could grant or forbid something, is therefore not that license.
"""

from collections.abc import Iterator, Sequence

from registry.licensing.terms import Segment, Template
from registry.licensing.words import hash_words

# No copyright line has one of these; where one stands, someone may be setting terms.
_MEANINGFUL = frozenset({
    "academic", "addendum", "additional", "agree", "agreement", "allowed", "any", "applies", "apply", "approval",
    "commercial", "commercially", "conditions", "disclose", "display", "educational", "except", "exceed", "exceeds",
    "fee", "forbidden", "grant", "if", "license", "licence", "licensed", "may", "military", "modified", "modify",
    "must", "no", "non", "noncommercial", "nonprofit", "not", "only", "permission", "permitted", "personal",
    "prohibited", "provided", "purpose", "purposes", "require", "required", "requires", "restricted", "restriction",
    "restrictions", "revenue", "royalty", "shall", "sublicense", "subject", "terms", "under", "unless", "use", "used",
    "users", "without",
})  # fmt: skip
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
        harmless = not set(blank) & _MEANINGFUL if titles is None else is_notice(blank, titles)
        if harmless and hash_words(found[begin:end]) == segment.sha256:
            yield end


def is_notice(blank: Sequence[str], titles: Sequence[Sequence[str]] = ()) -> bool:
    """Whether words are nothing but copyright lines, besides titles of the license, which may stand anywhere."""
    rest = _without_titles(blank, titles)
    return not rest or ("copyright" in rest and not set(rest) & _MEANINGFUL)


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
