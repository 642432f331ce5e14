"""One license record, read from parsed TOML and refused when anything in it is unknown or ill-typed. Pure."""

import functools
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from license_expression import get_spdx_licensing

from governance.fields import Fields, InvalidField
from registry.licensing import conditions
from registry.licensing.gate import Gate
from registry.licensing.terms import (
    Category,
    Condition,
    Document,
    EvidenceKind,
    Grant,
    Hub,
    License,
    Obligation,
    Relation,
    Repositories,
    Scope,
    Segment,
    Template,
    Text,
    Trigger,
    Verdict,
    Verification,
)

_ID = re.compile(r"[a-z0-9][a-z0-9.+-]{0,79}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_COMMIT = re.compile(r"[0-9a-f]{7,40}")
# On the SPDX list, but not yet known to license-expression.
_NEWER_SPDX = frozenset({"OpenMDW-1.0"})
_EFFECTS = (Verdict.NEEDS_REVIEW, Verdict.NEEDS_LICENCE, Verdict.PROHIBITED)


class InvalidCatalog(InvalidField):
    """A license record says something that the evaluator would not understand."""

    code = "invalid_catalog"


def parse_license(record: Mapping[str, Any], *, path: str) -> License:
    """One record, refused when anything in it is unknown or ill-typed."""
    fields = Fields(record, path=path, problem=InvalidCatalog)
    found = License(
        id=_matching(fields, "id", _ID),
        name=fields.text("name"),
        publisher=fields.text("publisher"),
        spdx=_spdx(fields),
        category=fields.choice("category", Category),
        effective_on=fields.date_or_none("effective_on"),
        verification=fields.choice("verification", Verification),
        sources=fields.texts("sources"),
        note=fields.text_or_none("note"),
        hub=_hub(fields.table("hub")),
        texts=tuple(_text(item) for item in fields.tables("texts")),
        templates=tuple(_template(item) for item in fields.tables("templates")),
        repositories=tuple(_repositories(item) for item in fields.tables("repositories")),
        scope=_scope(fields.table("scope")),
        student_exceptions=fields.texts("student_exceptions"),
        conditions=tuple(_condition(item) for item in fields.tables("conditions")),
        obligations=tuple(_obligation(item) for item in fields.tables("obligations")),
        grants=tuple(_grant(item) for item in fields.tables("grants")),
    )
    fields.done()
    _check_review(fields, found)
    return found


def _check_review(fields: Fields, found: License) -> None:
    """Refuse a record without a manual review where nobody read the terms."""
    unread = found.verification is Verification.FROM_MEMORY_UNVERIFIED or found.category is Category.UNKNOWN
    if unread and not any(condition.kind == "manual_review" for condition in found.conditions):
        raise fields.fail("conditions", "needs a manual_review, because the terms were not read")


def _matching(fields: Fields, key: str, pattern: re.Pattern[str]) -> str:
    value = fields.text(key)
    if not pattern.fullmatch(value):
        raise fields.fail(key, f"must match {pattern.pattern}")
    return value


def _spdx(fields: Fields) -> str | None:
    value = fields.text_or_none("spdx")
    if value is None or value.startswith("LicenseRef-") or value in _NEWER_SPDX:
        return value
    if _spdx_licensing().validate(value, strict=True).errors:
        raise fields.fail("spdx", "is not an SPDX license expression")
    return value


@functools.cache
def _spdx_licensing() -> Any:
    """The index of SPDX ids; to build it takes longer than to parse every record."""
    return get_spdx_licensing()


def _hub(fields: Fields) -> Hub:
    hub = Hub(
        licenses=fields.texts("licenses"),
        license_names=fields.texts("license_names"),
        publishers=fields.texts("publishers"),
        excluded_repositories=fields.texts("excluded_repositories"),
    )
    fields.done()
    return hub


def _text(fields: Fields) -> Text:
    raw = _matching(fields, "sha256_raw", _DIGEST) if fields.has("sha256_raw") else None
    text = Text(
        fields.choice("document", Document),
        raw,
        _matching(fields, "sha256_words_v1", _DIGEST),
        fields.text("source"),
    )
    fields.done()
    return text


def _template(fields: Fields) -> Template:
    segments = []
    for item in fields.tables("segments"):
        segments.append(Segment(item.count("gap"), item.count("words"), _matching(item, "sha256", _DIGEST)))
        item.done()
    fields.text("source")
    titles = fields.texts("titles")
    fields.done()
    if not segments or any(segment.words == 0 for segment in segments):
        raise fields.fail("segments", "must be runs of at least one word")
    return Template(titles, tuple(segments))


def _repositories(fields: Fields) -> Repositories:
    found = Repositories(
        pattern=fields.text("pattern"),
        bases=fields.texts("bases"),
        since=fields.date_or_none("from"),
        before=fields.date_or_none("before"),
        commits=fields.texts("commits"),
    )
    fields.done()
    if found.since and found.before and found.since >= found.before:
        raise fields.fail("before", "must be later than `from`")
    if not all(_COMMIT.fullmatch(commit) for commit in found.commits):
        raise fields.fail("commits", f"must match {_COMMIT.pattern}")
    return found


def _scope(fields: Fields) -> Mapping[Relation, Scope]:
    """Every relation is stated: what a license leaves open is `needs_review` or `covered`, never silence."""
    scope = {relation: fields.choice(relation.value, Scope) for relation in Relation}
    fields.done()
    for relation, found in scope.items():
        if not relation.is_learned and found in (Scope.NOT_COVERED, Scope.OUTPUTS_ONLY):
            raise fields.fail(relation.value, "must not let go of a model that has the weights of another")
    return MappingProxyType(scope)


def _condition(fields: Fields) -> Condition:
    kind = fields.text("kind")
    if kind not in conditions.KINDS:
        raise fields.fail("kind", f"must be one of {', '.join(sorted(conditions.KINDS))}")
    effect = fields.choice("effect", Verdict)
    if effect not in _EFFECTS:
        raise fields.fail("effect", f"must be one of {', '.join(_EFFECTS)}")
    found = Condition(
        kind=kind,
        clause=fields.text("clause"),
        effect=effect,
        parameters=conditions.KINDS[kind](fields),
        applies=Gate.parse(fields.table("applies")),
        on_outputs=fields.flag_or_none("on_outputs") or False,
        curable=fields.flag_or_none("curable") or False,
        remedy=fields.text_or_none("remedy"),
        verification=fields.choice("verification", Verification),
    )
    fields.done()
    return found


def _obligation(fields: Fields) -> Obligation:
    found = Obligation(
        id=_matching(fields, "id", _ID),
        do=fields.text("do"),
        evidence=fields.text("evidence"),
        evidence_kind=fields.choice_or_none("evidence_kind", EvidenceKind) or EvidenceKind.DOCUMENT,
        clause=fields.text("clause"),
        trigger=fields.choice("trigger", Trigger),
        on_outputs=fields.flag_or_none("on_outputs") or False,
        notice=fields.text_or_none("notice"),
        display=fields.texts("display"),
        applies=Gate.parse(fields.table("applies")),
        above=tuple(_threshold(item) for item in fields.tables("above")),
    )
    fields.done()
    return found


def _threshold(fields: Fields) -> Any:
    kind = fields.text("kind")
    if kind not in conditions.THRESHOLDS:
        raise fields.fail("kind", f"must be one of {', '.join(conditions.THRESHOLDS)}")
    found = conditions.KINDS[kind](fields)
    fields.done()
    return found


def _grant(fields: Fields) -> Grant:
    found = Grant(
        of=_matching(fields, "of", _ID),
        conditions=fields.texts("conditions"),
        models=fields.texts("models"),
        licensees=fields.texts("licensees"),
        reference=fields.text("reference"),
        effective_on=fields.date_or_none("effective_on"),
        expires_on=fields.date_or_none("expires_on"),
    )
    fields.done()
    strange = sorted(set(found.conditions) - set(conditions.KINDS))
    if strange or not found.conditions:
        raise fields.fail("conditions", f"must be kinds of condition, not {strange}")
    if not found.models:
        raise fields.fail("models", "is required")
    return found
