"""Checks that the declared licence is the one whose text is among the files, and names the terms of gated repositories. Pure."""

from collections.abc import Iterator, Sequence

from registry.formats.sign import Level, Sign
from registry.licensing.coverage import Covers, covers
from registry.lifecycle import Severity
from registry.observed import SourceFacts
from registry.verification.outcomes import Finding, failed, passed, skipped
from registry.verification.signs import finding
from registry.verification.subject import LicenseClaim, Subject

# Which licence texts are about the model, rather than its code or a notice.
ABOUT_MODEL = (Covers.MODEL, Covers.WEIGHTS)
CARD = "README.md"
GATES = {
    "auto": "those who accept its terms",
    "manual": "those who accept its terms and whom its owners let in",
    "yes": "those who accept its terms",
}


def license_text(subject: Subject) -> Iterator[Finding]:
    """C20: the licence that the card declares is the one whose text is among the files, unless a person concluded one."""
    yield _texts(subject.licenses)
    signs = [*_gate(subject.observed), *_changed(subject.earlier, subject.observed)]
    if signs:
        yield finding("The source", signs, path=CARD)


def _gate(observed: SourceFacts | None) -> Iterator[Sign]:
    """A gate has terms of its own, which count beside the licence."""
    if observed is not None and observed.gated in GATES:
        words = (
            f"opens the repository only to {GATES[observed.gated]}: what was accepted to get the files is part of "
            "what governs their use. Keep who accepted them, and when"
        )
        yield Sign(Level.NOTE, "gated", words)


def _changed(earlier: SourceFacts | None, observed: SourceFacts | None) -> Iterator[Sign]:
    """What it said of the licence when the version was registered, and what it says now."""
    if earlier is None or observed is None:
        return
    for name, words in (
        ("license", "the licence"),
        ("license_name", "the licence's name"),
        ("license_link", "the licence's address"),
    ):
        before, now = getattr(earlier, name), getattr(observed, name)
        if before is not None and now is not None and before != now:
            says = (
                f"states another one for {words} than when this version was registered: {_short(now)} instead of {_short(before)}. "
                "The text of the registered commit is not changed by this; ask what it means for new uses"
            )
            yield Sign(Level.DOUBT, f"{name}-changed", says)
    if earlier.gated is not None and observed.gated is not None and earlier.gated != observed.gated:
        says = f"changed who may have the files: gated is {_short(observed.gated)}, and was {_short(earlier.gated)}"
        yield Sign(Level.DOUBT, "gate-changed", says)


def _short(text: str) -> str:
    plain = " ".join(text.split())
    return plain[:120] or "nothing"


def _texts(licenses: Sequence[LicenseClaim]) -> Finding:
    settled = [claim for claim in licenses if claim.kind == "settled"]
    if settled:
        return _settled(settled[0])
    if any(claim.kind == "contradicted" for claim in licenses):
        return failed("The card contradicts itself about the licence.", path=CARD)
    return _unsettled(licenses)


def _settled(claim: LicenseClaim) -> Finding:
    if "unknown" in claim.license_id.split(" AND "):
        return failed(
            f"{claim.by} concluded that the licence is not known.", severity=Severity.MEDIUM, by=claim.by
        )
    return passed(
        f"{claim.by} looked at the card and the texts, and concluded {claim.license_id}.", by=claim.by
    )


def _unsettled(claims: Sequence[LicenseClaim]) -> Finding:
    declared = {claim.license_id for claim in claims if claim.kind == "declared"}
    texts = [claim for claim in claims if claim.kind == "discovered" and covers(claim.path) in ABOUT_MODEL]
    discovered = {claim.license_id: claim.path for claim in texts}
    known = {name: path for name, path in discovered.items() if name != "unknown"}
    if not declared - {"unknown"} and not discovered:
        return failed(
            "Nobody says which licence the model is under: neither its card nor a text.",
            severity=Severity.MEDIUM,
        )
    if not discovered:
        return skipped(f"The card declares {_words(declared)}; there is no licence text to hold it against.")
    if not known:
        path = next(iter(discovered.values()))
        words = "The licence text among the files is not one that is known."
        return failed(words, path=path, severity=Severity.MEDIUM)
    if not declared - {"unknown"}:
        return skipped(
            f"The files hold the text of {_words(set(known))}; the card declares nothing to hold it against."
        )
    if set(known) <= declared or declared & set(known):
        return passed(
            f"The card declares {_words(declared)}, and the text among the files is that of {_words(set(known))}."
        )
    words = (
        f"The card declares {_words(declared)}, but the text among the files is that of {_words(set(known))}."
    )
    return failed(words, path=next(iter(known.values())))


def _words(names: set[str]) -> str:
    return ", ".join(sorted(names))
