"""What card and texts show together about a model's license; where they contradict each other, nothing. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from registry.licensing.catalog import UNKNOWN, Catalog
from registry.licensing.coverage import Covers, covers
from registry.licensing.declared import DeclaredLicenses
from registry.licensing.detect import Detection
from registry.licensing.resemblance import Likeness
from registry.licensing.terms import Category, Document


@dataclass(frozen=True)
class DiscoveredText:
    """A license or policy text of a model: what it was recognised as, or what it is like, and what it covers."""

    path: str
    detection: Detection | None
    likeness: Likeness | None = None
    covers: Covers | None = None

    @property
    def about(self) -> Covers:
        """What it covers: as stated, else as its path says."""
        return self.covers or covers(self.path)

    @property
    def strangeness(self) -> str:
        """Why it does not settle anything, in words."""
        return f"{self.path}: {self.likeness.words if self.likeness else 'text is not known'}"


@dataclass(frozen=True)
class Conclusion:
    """The licenses that a model is concluded to be under, and why; a finding is something an officer must look at."""

    licenses: tuple[str, ...]
    method: str
    findings: tuple[str, ...] = ()


def conclude(
    declared: DeclaredLicenses,
    discovered: Sequence[DiscoveredText],
    catalog: Catalog,
    *,
    has_code: bool = False,
    contradictions: Sequence[str] = (),
) -> Conclusion:
    """Return what card and texts show together; the texts for code count where the model brings code of its own."""
    if contradictions:
        return Conclusion((UNKNOWN,), "the card contradicts itself", tuple(contradictions))
    texts = [text for text in discovered if text.about in (Covers.MODEL, Covers.WEIGHTS)]
    code = [text for text in discovered if text.about is Covers.CODE]
    texts, more = _apart(texts, catalog)
    found = _about_weights(declared, texts, catalog)
    return _with_code(found, [*code, *more]) if has_code else found


def _apart(
    texts: list[DiscoveredText], catalog: Catalog
) -> tuple[list[DiscoveredText], list[DiscoveredText]]:
    """Beside a license for the weights, a plain permissive license is the one for the code."""
    if not any(text.about is Covers.WEIGHTS for text in texts):
        return texts, []
    for_code = [text for text in texts if text.about is Covers.MODEL and _is_permissive(text, catalog)]
    return [text for text in texts if text not in for_code], for_code


def _is_permissive(text: DiscoveredText, catalog: Catalog) -> bool:
    return text.detection is not None and catalog.get(text.detection.license).category is Category.PERMISSIVE


def _with_code(found: Conclusion, code: Sequence[DiscoveredText]) -> Conclusion:
    strange = tuple(text.strangeness for text in code if text.detection is None)
    if strange:
        return Conclusion((UNKNOWN,), "text for code not recognised", (*found.findings, *strange))
    licenses = {text.detection.license for text in code if text.detection}
    if not licenses - set(found.licenses):
        return found
    method = f"{found.method}; with the license of its code"
    return Conclusion(tuple(sorted({*found.licenses, *licenses})), method, found.findings)


def _about_weights(
    declared: DeclaredLicenses, texts: Sequence[DiscoveredText], catalog: Catalog
) -> Conclusion:
    strange = sorted(text.strangeness for text in texts if text.detection is None)
    if strange:
        return Conclusion((UNKNOWN,), "text not recognised", tuple(strange))
    known = [text.detection for text in texts if text.detection]
    licenses = {item.license for item in known if item.document is Document.LICENSE}
    policies = {item.license for item in known if item.document is Document.USE_POLICY}
    if not licenses and not policies and not declared.licenses:
        return Conclusion((UNKNOWN,), "nothing declared and no text found", (declared.reason,))
    if not licenses:
        return _without_text(policies, declared)
    return _with_text(licenses, policies, declared, catalog)


def _without_text(policies: set[str], declared: DeclaredLicenses) -> Conclusion:
    claimed = set(declared.licenses)
    if not claimed or UNKNOWN in claimed or policies - claimed:
        return Conclusion((UNKNOWN,), "no license text", (declared.reason, "no license text was found"))
    if declared.needs_text:
        words = f"{declared.reason}: several publishers use this name, and no license text was found"
        return Conclusion((UNKNOWN,), "a name alone does not tell", (words,))
    return Conclusion(tuple(sorted(claimed)), "declared only", ("no license text was found",))


def _with_text(
    licenses: set[str], policies: set[str], declared: DeclaredLicenses, catalog: Catalog
) -> Conclusion:
    found, claimed = tuple(sorted(licenses)), set(declared.licenses)
    stray = policies - licenses
    if stray:
        return Conclusion(
            (UNKNOWN,), "mismatch", (f"use policy of another license: {', '.join(sorted(stray))}",)
        )
    if not claimed or declared.is_silent:
        return Conclusion(found, "text only", (declared.reason,))
    if claimed == licenses:
        return Conclusion(found, "card and text agree")
    if UNKNOWN in claimed and licenses <= set(declared.candidates):
        return Conclusion(found, "the text tells which license the card means")
    if _spdx(claimed, catalog) == _spdx(licenses, catalog):
        generic = {item for item in claimed | licenses if not catalog.get(item).hub.publishers}
        return Conclusion(tuple(sorted((claimed | licenses) - generic or licenses)), "card and text agree")
    said = declared.reason if UNKNOWN in claimed else f"the card declares {', '.join(sorted(claimed))}"
    return Conclusion((UNKNOWN,), "mismatch", (f"{said}, the text is {', '.join(found)}",))


def _spdx(licenses: set[str], catalog: Catalog) -> set[str]:
    return {catalog.get(item).spdx or item for item in licenses}
