"""Lists: filters, search and pages over one query, without the counting that large tables do not bear."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import QueryDict

PAGE_SIZE = 50
# Counting stops here: "more than 10,000" is as good as the number, and stays fast.
COUNTED = 10_000
LONGEST_TERM = 256


@dataclass(frozen=True)
class Choice:
    """One value of a filter, as an option."""

    value: str
    label: str


@dataclass(frozen=True)
class ListFilter:
    """A drop-down above a list; `apply` narrows the query to the chosen value."""

    name: str
    label: str
    choices: Callable[[], Iterable[tuple[str, str]]]
    apply: Callable[[QuerySet[Any], str], QuerySet[Any]]


@dataclass(frozen=True)
class ShownFilter:
    """A filter with what is chosen now."""

    name: str
    label: str
    choices: list[Choice]
    chosen: str


@dataclass(frozen=True)
class ShownPage:
    """One page of rows, and the way to the others."""

    rows: list[Any]
    filters: list[ShownFilter]
    term: str
    total: str
    number: int
    previous: str
    following: str
    narrowed: bool


class BoundedPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than `COUNTED`."""

    @property
    def count(self) -> int:
        """The number of rows, or one more than the limit."""
        rows = self.object_list
        if isinstance(rows, QuerySet):
            return rows.order_by()[: COUNTED + 1].count()
        return len(rows)


def term_of(query: QueryDict) -> str:
    """What is searched for; never a NUL, which PostgreSQL does not hold."""
    return query.get("q", "").replace("\x00", "").strip()[:LONGEST_TERM]


def choose(
    filters: tuple[ListFilter, ...], rows: QuerySet[Any], query: QueryDict
) -> tuple[QuerySet[Any], list[ShownFilter]]:
    """The rows that the chosen filter values leave, and the filters to show."""
    shown = []
    for one in filters:
        choices = [Choice(value, label) for value, label in one.choices()]
        chosen = query.get(one.name, "")
        if chosen not in {choice.value for choice in choices}:
            chosen = ""
        if chosen:
            rows = one.apply(rows, chosen)
        shown.append(ShownFilter(one.name, one.label, choices, chosen))
    return rows, shown


def page_of(
    rows: QuerySet[Any], filters: list[ShownFilter], query: QueryDict, *, size: int = PAGE_SIZE
) -> ShownPage:
    """The page that the address asks for; a number out of range gives the nearest page."""
    paginator = BoundedPaginator(rows, size)
    page = paginator.get_page(query.get("page"))
    count = paginator.count
    kept = {one.name: one.chosen for one in filters if one.chosen}
    term = term_of(query)
    if term:
        kept["q"] = term

    def address(number: int) -> str:
        return "?" + urlencode({**kept, "page": number})

    return ShownPage(
        rows=list(page.object_list),
        filters=filters,
        term=term,
        total=f"more than {COUNTED:,}" if count > COUNTED else f"{count:,}",
        number=page.number,
        previous=address(page.number - 1) if page.has_previous() else "",
        following=address(page.number + 1) if page.has_next() else "",
        narrowed=bool(kept),
    )
