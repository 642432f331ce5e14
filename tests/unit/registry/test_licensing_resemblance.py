"""Texts that are like known ones get a score and stay unknown; every known text is found again by its own sketch."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from registry.findings import licenses
from registry.licensing import catalog, conclude, coverage, detect, resemblance
from registry.licensing.conclude import Conclusion, DiscoveredText
from registry.licensing.coverage import Covers
from registry.licensing.declared import DeclaredLicenses
from registry.licensing.detect import Detection
from registry.licensing.terms import Document
from registry.licensing.words import words
from registry.verification.subject import Seen
from tests import folders

CATALOG = catalog.load()
MIT = folders.MIT


def found_in(
    files: dict[str, str], card: dict[str, object] | None = None, model: str = "acme/m"
) -> list[tuple[str, str]]:
    seen = {
        path: Seen(path, len(text), "0" * 64, text.encode(), is_whole=True) for path, text in files.items()
    }
    rows = licenses(seen, card=card or {}, model=model, known=CATALOG)
    return [(row.kind, row.license_id) for row in rows]


def test_sketches_are_samples_with_a_source() -> None:
    known = resemblance.sketches()

    assert len(known) > 30
    assert all(0 < len(one.sample) <= resemblance.SAMPLE for one in known)
    assert all(len(one.sample) == min(one.runs, resemblance.SAMPLE) for one in known)
    named = {(one.license, one.document) for one in known}
    assert {("llama-3.1", Document.LICENSE), ("kimi-k2-modified-mit", Document.LICENSE)} <= named


def test_a_changed_text_is_like_the_known_one_and_is_never_it() -> None:
    changed = MIT.replace("free of charge", "for a modest fee")

    assert detect.detect_text(changed.encode(), CATALOG) is None
    alike = detect.likeness(changed.encode())
    assert alike
    assert alike.license == "mit"
    assert 0.7 < alike.score < 1.0
    assert "but not the same" in alike.words


def test_a_text_with_something_more_holds_the_known_one() -> None:
    random.seed(1)
    more = " ".join(random.choices(words(MIT), k=2000))

    alike = detect.likeness((MIT + more).encode())

    assert alike
    assert (alike.license, alike.held) == ("mit", 0.999)
    assert alike.score < alike.held


@pytest.mark.parametrize("content", [b"", b"\xff", b"one two three", b"word " * 5000, b"x" * 2_000_000])
def test_what_is_like_nothing(content: bytes) -> None:
    assert detect.likeness(content) is None


@given(st.lists(st.sampled_from(sorted(set(words(MIT)))), max_size=400))
@settings(max_examples=50)
def test_a_likeness_is_a_share(found: list[str]) -> None:
    alike = resemblance.closest(found)

    assert alike is None or (0 <= alike.score < 1 and 0 <= alike.held < 1)


@given(st.binary(max_size=2000))
@settings(max_examples=100)
def test_any_bytes_have_a_likeness_or_none(content: bytes) -> None:
    assert detect.likeness(content) is None or content


@pytest.mark.parametrize(
    ("text", "license_id"),
    [
        (MIT.replace("MIT License\n\n", "License\n\n"), "mit"),
        (
            "Copyright (c) Microsoft Corporation.\n\n" + MIT.replace("Copyright (c) 2026 Example\n\n", ""),
            "mit",
        ),
        (MIT + "\nCopyright 2026 Someone Else", "mit"),
        (MIT.replace("Example", "Example and contributors. All rights reserved."), "mit"),
        ("For academic purposes only.\n" + MIT, None),
        (MIT + "\nCopyright 2026 Someone, for academic purposes", None),
        ("This model is for research\n\n" + MIT.replace("Copyright (c) 2026 Example", ""), None),
        ("Not the MIT License\n" + MIT, None),
        (MIT + MIT, None),
    ],
)
def test_copyright_lines_and_titles_are_no_terms(text: str, license_id: str | None) -> None:
    found = detect.detect_text(text.encode(), CATALOG)

    assert (found.license if found else None) == license_id


@pytest.mark.parametrize(
    ("path", "text", "about"),
    [
        ("LICENSE", "", Covers.MODEL),
        ("LICENSE-MODEL", "", Covers.WEIGHTS),
        ("MODEL_LICENSE.txt", "", Covers.WEIGHTS),
        ("LICENSE-CODE", "", Covers.CODE),
        ("third_party/x/LICENSE", "", Covers.CODE),
        ("onnx/LICENSE", "", Covers.MODEL),
        ("NOTICE", "Llama 3.1 is licensed under the Llama 3.1 Community License.", Covers.NOTICE),
        ("NOTICE.txt", "Non-commercial use only", Covers.MODEL),
    ],
)
def test_what_a_text_is_about(path: str, text: str, about: Covers) -> None:
    assert coverage.covers(path, text) is about


def concluded(declared: str, *texts: tuple[str, str | None], has_code: bool = False) -> Conclusion:
    found = [
        DiscoveredText(path, Detection(one, Document.LICENSE, "m") if one else None) for path, one in texts
    ]
    return conclude.conclude(DeclaredLicenses((declared,), "declared"), found, CATALOG, has_code=has_code)


@pytest.mark.parametrize(
    ("texts", "has_code", "expected"),
    [
        ([("LICENSE-MODEL", "deepseek-model-1.0"), ("LICENSE-CODE", "mit")], False, ("deepseek-model-1.0",)),
        (
            [("LICENSE-MODEL", "deepseek-model-1.0"), ("LICENSE-CODE", "mit")],
            True,
            ("deepseek-model-1.0", "mit"),
        ),
        (
            [("LICENSE-MODEL", "deepseek-model-1.0"), ("LICENSE", "apache-2.0")],
            False,
            ("deepseek-model-1.0",),
        ),
        ([("LICENSE-MODEL", "deepseek-model-1.0"), ("LICENSE", "llama-3.3")], False, ("unknown",)),
        ([("LICENSE-MODEL", "deepseek-model-1.0"), ("LICENSE-CODE", None)], False, ("deepseek-model-1.0",)),
        ([("LICENSE-MODEL", "deepseek-model-1.0"), ("LICENSE-CODE", None)], True, ("unknown",)),
    ],
)
def test_code_and_weights_are_looked_at_apart(
    texts: list[tuple[str, str | None]], has_code: bool, expected: tuple[str, ...]
) -> None:
    assert concluded("deepseek-model-1.0", *texts, has_code=has_code).licenses == expected


def test_the_files_of_a_version_are_read_together() -> None:
    card: dict[str, object] = {"license": "mit"}

    assert found_in({"LICENSE": MIT, "NOTICE": "Made by Example."}, card)[-1] == ("concluded", "mit")
    assert found_in({"sub/LICENSE": MIT.replace("free", "no")}, card)[-1] == ("concluded", "unknown")
    assert found_in({}, {**card, "license_link": "https://www.gnu.org/licenses/gpl-3.0.html"})[-2:] == [
        ("contradicted", "unknown"),
        ("concluded", "unknown"),
    ]
    long = "You may use this model only if we like you. " * 30
    assert found_in({"LICENSE": MIT}, {**card, "extra_gated_prompt": long})[-1] == ("concluded", "unknown")
    assert found_in({"LICENSE": MIT}, {**card, "extra_gated_prompt": MIT})[-1] == ("concluded", "mit")
    assert found_in({"LICENSE": MIT}, {**card, "extra_gated_prompt": "Agree?"})[-1] == ("concluded", "mit")


def test_one_name_of_several_publishers_is_nothing_without_its_text() -> None:
    card: dict[str, object] = {"license": "other", "license_name": "modified-mit"}

    for model in ("moonshotai/Kimi-K2-Instruct", "MiniMaxAI/MiniMax-M2", "acme/quant"):
        assert found_in({}, card, model)[-1] == ("concluded", "unknown")


def test_a_text_tells_which_license_a_shared_name_means() -> None:
    candidates = ("kimi-k2-modified-mit", "minimax-m2-modified-mit")
    declared = DeclaredLicenses(("unknown",), "declared as modified-mit", candidates)
    for license_id, expected in (("kimi-k2-modified-mit", "kimi-k2-modified-mit"), ("mit", "unknown")):
        text = DiscoveredText("LICENSE", Detection(license_id, Document.LICENSE, "m"))
        assert conclude.conclude(declared, [text], CATALOG).licenses == (expected,)


def test_sketches_are_made_from_texts(tmp_path: Path) -> None:
    from django.core.management import call_command

    (tmp_path / "mit.LICENSE").write_text("---\nkey: mit\n---\n" + MIT.partition("Example\n\n")[2])
    (tmp_path / "other.LICENSE").write_text("nothing that anyone knows")
    target = tmp_path / "sketches.json"

    call_command("sketch_licenses", str(tmp_path), output=target)

    assert '"license": "mit"' in target.read_text()
    assert "permission is hereby" not in target.read_text().casefold()
