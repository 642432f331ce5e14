"""Checks that chat templates only put text together, and holds them against those of the model's ancestors. Pure."""

import dataclasses
import difflib
import hashlib
import re
from collections.abc import Iterator

from registry.formats import go_template, template, template_cost, template_words
from registry.formats.sign import Level, Sign
from registry.lifecycle import MINOR
from registry.verification.outcomes import Finding, passed, undecided
from registry.verification.signs import finding
from registry.verification.subject import Subject
from registry.verification.template_sources import Language, TemplateSource, Unread, templates_of

TEMPLATE_FILE = "chat_template.jinja"
MAX_LINES = 1000
MAX_WIDTH = 300
MAX_DIFF = 60
MAX_OWN_WORDS = 300
_SEAM = re.compile(r"(%\}|\}\})(?!\n)")


@dataclasses.dataclass(frozen=True, slots=True)
class _Read:
    """One template with what was noticed in it, and the words that it adds of its own."""

    source: TemplateSource
    signs: tuple[Sign, ...]
    own_words: str


def templates(subject: Subject) -> Iterator[Finding]:
    """C14: chat templates only put text together."""
    read: dict[str, list[_Read]] = {}
    unread: dict[str, str] = {}
    for source in templates_of(subject.files(), subject.ggufs):
        if isinstance(source, Unread):
            unread.setdefault(source.path, f"The template cannot be read: {source.why}.")
            continue
        try:
            read.setdefault(source.path, []).append(_read(source))
        except (template.BadTemplate, go_template.BadGoTemplate) as error:
            unread.setdefault(source.path, f"The chat template cannot be understood: {error}.")
    doubts = {**_disagreements(read), **_differences(subject, read)}
    findings = [
        _of_file(path, read.get(path, []), unread.get(path), doubts.get(path)) for path in {*read, *unread}
    ]
    told = sorted((item for item in findings if item is not None), key=lambda item: item.path)
    yield from told
    if all(item.severity in MINOR for item in told):
        yield _summary(read)


def _read(source: TemplateSource) -> _Read:
    if source.language is Language.GO:
        signs = go_template.signs(source.text)
        return _Read(source, tuple(signs), go_template.sentences(source.text))
    tree = template.parse(source.text)
    signs = [
        *template.reach(tree),
        *template_cost.cost(tree),
        *template_words.words(tree, source.text),
    ]
    return _Read(source, tuple(signs), template_words.sentences(tree))


def _of_file(path: str, read: list[_Read], unread: str | None, doubt: "_Doubt | None") -> Finding | None:
    signs = [sign for one in read for sign in one.signs]
    if unread is not None and all(sign.level < Level.WARNING for sign in signs):
        return undecided(unread, path=path)
    lines = list(doubt.lines) if doubt else []
    if doubt is not None:
        signs.append(Sign(Level.DOUBT, "differs", doubt.says))
    if not signs:
        return None
    return finding("The chat template", signs, path=path, own_words=_own_words(read), difference=lines)


def _summary(read: dict[str, list[_Read]]) -> Finding:
    every = [one for found in read.values() for one in found]
    if not every:
        return passed("The model has no chat template.")
    talkative = sorted({one.source.path for one in every if one.own_words})
    more = (
        f" Files with words of their own, such as a default system prompt: {len(talkative)}."
        if talkative
        else ""
    )
    return passed(
        f"All chat templates ({len(every)}) only put text together.{more}",
        templates=len(every),
        own_words={path: _own_words(read[path]) for path in talkative[:20]},
    )


def _own_words(read: list[_Read]) -> str:
    """What the templates of a file say of their own accord, cut short."""
    words = " ".join(dict.fromkeys(one.own_words for one in read if one.own_words))
    return words if len(words) <= MAX_OWN_WORDS else words[: MAX_OWN_WORDS - 1] + "…"


@dataclasses.dataclass(frozen=True, slots=True)
class _Doubt:
    """That a template is another one than a person would expect, and the lines in which it differs."""

    says: str
    lines: tuple[str, ...]


def _disagreements(read: dict[str, list[_Read]]) -> dict[str, _Doubt]:
    """A template in a configuration that is another one than the file beside it: loaders do not agree on which to take."""
    file = next(iter(read.get(TEMPLATE_FILE, [])), None)
    found: dict[str, _Doubt] = {}
    for path in ("tokenizer_config.json", "chat_template.json", "processor_config.json"):
        for one in read.get(path, []):
            if file and not one.source.name and _digest(one.source.text) != _digest(file.source.text):
                says = f"is another one than {TEMPLATE_FILE}, which newer loaders read instead"
                found[path] = _Doubt(says, tuple(difference(file.source.text, one.source.text)))
    return found


def _differences(subject: Subject, read: dict[str, list[_Read]]) -> dict[str, _Doubt]:
    """For each file with a template that is none of any ancestor's: how it differs from the first one's."""
    theirs = [
        (base.model, source)
        for base in subject.bases
        for source in templates_of(sorted(base.seen.values(), key=lambda file: file.path), {})
        if isinstance(source, TemplateSource)
    ]
    known = {_digest(source.text) for _, source in theirs}
    found: dict[str, _Doubt] = {}
    for path, every in read.items():
        strange = [one.source for one in every if _digest(one.source.text) not in known]
        alike = [
            (model, one.text) for model, one in theirs if strange and one.language is strange[0].language
        ]
        if alike:
            model, text = alike[0]
            says = f"is not the one of {model}, which this model is made from"
            found[path] = _Doubt(says, tuple(difference(text, strange[0].text)))
    return found


def _digest(text: str) -> str:
    """Templates that differ in white space at their ends alone are the same."""
    return hashlib.sha256(text.strip().encode("utf-8", "replace")).hexdigest()


def difference(before: str, after: str) -> list[str]:
    """A unified diff of two templates, at most `MAX_DIFF` lines of at most `MAX_WIDTH` characters."""
    found = difflib.unified_diff(_lines(before), _lines(after), "before", "after", n=1, lineterm="")
    return [line[:MAX_WIDTH] for _, line in zip(range(MAX_DIFF), found, strict=False)]


def _lines(text: str) -> list[str]:
    """Lines to compare: templates that stand in one line are broken after each of their actions."""
    return [line[: MAX_WIDTH * 2] for line in _SEAM.sub(r"\1\n", text).split("\n")[:MAX_LINES]]
