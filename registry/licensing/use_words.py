"""A use in one plain sentence or two, as an officer would say it. Pure."""

from collections.abc import Mapping
from typing import Any

from registry.licensing import country_names
from registry.licensing.vocabulary import USE_FACTS

_ROLE = {
    "licensee": "We use the model ourselves, under its licence",
    "end_user_of_integrated_product": "We use the model inside someone else's product",
    "recipient_of_hosted_api": "We call the model through someone else's API",
}
_PURPOSE = {
    "research": "for research",
    "evaluation": "to try it out",
    "internal": "for internal work",
    "production": "for our products",
}
_STAGE = {"production": "in production", "non_production": "outside production"}
_HOSTING = {
    "none": "it is not made available to others",
    "embedded_feature": "others reach it as a feature of our product",
    "public_api": "others reach it through a public API",
    "shared_instances": "others share instances of it",
    "relay": "requests are passed on to another host",
}
_GIVEN = {
    "distribute_weights": ("its weights are handed on", "its weights stay with us"),
    "distribute_derivative": ("models made from it are handed on", "models made from it stay with us"),
    "public_statements_about_derivative": (
        "models made from it are spoken of in public",
        "models made from it are not spoken of in public",
    ),
}


def sentence(use: Mapping[str, Any]) -> str:
    """The use in words, and what is not known of it."""
    first = [_ROLE.get(str(use.get("role")), "The model is used")]
    first += [
        words[use[name]]
        for name, words in (("purpose", _PURPOSE), ("environment", _STAGE))
        if use.get(name) in words
    ]
    if use.get("commercial") is not None:
        first.append("commercially" if use["commercial"] else "without a commercial aim")
    sentences = [", ".join(first), _made_available(use), _served(use), _tags(use), _unknown(use)]
    return " ".join(f"{one}." for one in sentences if one)


def _made_available(use: Mapping[str, Any]) -> str:
    parts = [_HOSTING[use["hosting"]]] if use.get("hosting") in _HOSTING else []
    parts += [said[0] if use[name] else said[1] for name, said in _GIVEN.items() if use.get(name) is not None]
    words = ", and ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)
    return words[:1].upper() + words[1:]


def _served(use: Mapping[str, Any]) -> str:
    codes = use.get("served_territories")
    if codes is None:
        return ""
    return f"People in {country_names.in_words(codes)} use it" if codes else "It serves no territory"


def _tags(use: Mapping[str, Any]) -> str:
    tags = use.get("use_case_tags")
    if tags is None:
        return ""
    return (
        f"It is used for {', '.join(tag.replace('_', ' ') for tag in tags)}"
        if tags
        else "No particular use is stated"
    )


def _unknown(use: Mapping[str, Any]) -> str:
    missing = [fact.label.lower() for name, fact in USE_FACTS.items() if use.get(name) is None]
    return f"Not stated: {', '.join(missing)}" if missing else ""
