"""Finds versions by what people have in hand: a name, a purl, a digest, a commit."""

import re
from typing import Any

from django.db.models import Q, QuerySet

from registry.models import Artifact, ModelVersion

HEX = re.compile(r"[0-9a-f]{6,64}")


def versions(rows: QuerySet[ModelVersion], term: str) -> QuerySet[ModelVersion]:
    """The versions that a search term leaves."""
    term = term.strip()
    if term.startswith("pkg:"):
        return _by_purl(rows, term)
    return rows.filter(_named(term) | _digest(term.lower().removeprefix("sha256:")))


def _by_purl(rows: QuerySet[ModelVersion], purl: str) -> QuerySet[ModelVersion]:
    name, _, revision = purl.partition("/")[2].partition("@")
    return rows.filter(_named(name) & (_digest(revision) if revision else Q()))


def _named(term: str) -> Q:
    publisher, slash, name = term.partition("/")
    if slash:
        return Q(registered_model__publisher__iexact=publisher, registered_model__name__icontains=name)
    return Q(registered_model__name__icontains=term) | Q(registered_model__publisher__icontains=term)


def _digest(term: str) -> Q:
    if not HEX.fullmatch(term):
        return Q(pk__in=[])
    found = Q(manifest_digest__startswith=f"sha256:{term}") | Q(model_digest__startswith=f"sha256:{term}")
    if len(term) <= 40:
        found |= Q(revision__startswith=term)
    if len(term) == 64:
        found |= Q(pk__in=_holding(term))
    return found


def _holding(sha256: str) -> Any:
    return Artifact.objects.filter(sha256=sha256).values("version")
