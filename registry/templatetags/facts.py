"""How pages write facts and uses: in the plain words of the vocabulary."""

from collections.abc import Mapping
from typing import Any

from django import template

from registry.licensing import fact_values, use_words, vocabulary, wording

register = template.Library()


@register.filter
def fact_label(path: str) -> str:
    """A path of the facts, such as `org.annual_revenue_usd.group`, in plain words."""
    return vocabulary.label_of(path)


@register.filter
def fact_words(value: Any, path: str) -> str:
    """A fact by its path, in plain words."""
    return fact_values.words(path, value)


@register.filter
def use_sentence(use: Mapping[str, Any]) -> str:
    """A use in plain words."""
    return use_words.sentence(use)


@register.filter
def condition_name(kind: str) -> str:
    """A kind of condition, as the page of a licence calls it."""
    return wording.name(kind)
