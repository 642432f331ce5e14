"""Declared, discovered, concluded: never by name alone, never by a part of a text."""

from pathlib import Path

import django
import packaging
import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.licensing import catalog, conclude, detect, words
from registry.licensing.conclude import Conclusion, DiscoveredText
from registry.licensing.declared import DeclaredLicenses, declared_licenses
from registry.licensing.detect import Detection
from registry.licensing.request import Declared
from registry.licensing.terms import Document

CATALOG = catalog.load()
SITE = Path(packaging.__file__).parents[1]


def texts(opening: str) -> list[Path]:
    found = [
        path
        for path in sorted(SITE.glob("*.dist-info/**/LICENSE*"))
        if path.is_file()
        and path.read_bytes()[:400].decode("utf-8", "replace").split()[: len(opening.split())]
        == opening.split()
    ]
    assert found
    return found


def apache() -> str:
    """Return a complete Apache-2.0 text, with its appendix, as an installed package carries it."""
    every = [path.read_text() for path in texts("Apache License Version 2.0, January 2004")]
    return next(text for text in every if "APPENDIX" in text and "[yyyy]" in text)


def permission() -> str:
    """Return the body of the MIT license, as an installed package carries it."""
    bodies = (path.read_text().partition("Permission is hereby")[2] for path in texts("MIT License"))
    return "Permission is hereby" + next(body for body in bodies if len(words.words(body)) == 160)


MIT = "MIT License\n\nCopyright (c) 2023 DeepSeek\n\n" + permission()


def detected(text: str) -> Detection | None:
    return detect.detect_text(text.encode(), CATALOG)


def test_apache_texts_of_installed_packages_are_detected() -> None:
    found = detected(apache())

    assert found
    assert found.license == "apache-2.0"


def test_apache_survives_wrapping_names_and_a_missing_appendix() -> None:
    text = apache()
    body = text[: text.index("END OF TERMS AND CONDITIONS")] + "END OF TERMS AND CONDITIONS"

    for variant in (
        " ".join(text.split()),
        text.replace("[yyyy] [name of copyright owner]", "2024 01.AI"),
        "Copyright 2018- The Hugging Face team. All rights reserved.\n" + text,
        body,
    ):
        found = detected(variant)
        assert found
        assert (found.license, found.document) == ("apache-2.0", Document.LICENSE)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text + "\nAdditional restriction: no commercial use.",
        lambda text: "Non-commercial addendum applies.\n" + text,
        lambda text: text.replace("[name of copyright owner]", "Acme, non-commercial use only"),
        lambda text: text.replace("royalty-free", "royalty-bearing"),
        lambda text: text + "\n" + text,
    ],
)
def test_apache_with_something_more_is_not_apache(change: object) -> None:
    assert detected(change(apache())) is None  # type: ignore[operator]


def test_mit_is_detected_whoever_holds_it() -> None:
    exact, other = detected(MIT), detected(MIT.replace("2023 DeepSeek", "2024 Jörg Müller & others"))

    assert exact
    assert (exact.license, exact.method) == ("deepseek-mit", "sha256_words_v1")
    assert other
    assert (other.license, other.method) == ("mit", "template_segments_v1")


@pytest.mark.parametrize(
    "addition",
    [
        "Our only modification is that, if the Software is used by more than 100 million users, you shall display it.",
        "You may not use it if your revenue exceeds $20 million.",
        ".",
    ],
)
def test_modified_mit_is_not_mit(addition: str) -> None:
    found = detected(MIT.replace("DeepSeek", "Moonshot AI") + addition)

    assert (found is None) == (addition != ".")


def test_bsd_with_another_holder_is_detected() -> None:
    text = next(Path(django.__file__).parents[1].glob("django-*.dist-info/licenses/LICENSE")).read_text()

    found = detected(text)
    assert found
    assert found.license == "bsd-3-clause"
    assert detected(text.replace("Neither the name of Django", "The name of Django")) is None


def test_the_words_of_a_text() -> None:
    assert words.words("\ufeff\u00a9 “Two_words”,\n# ﬁne") == ["c", "two", "words", "fine"]


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"x" * 2_000_000, b"all rights reserved"])
def test_other_bytes_are_not_recognised(content: bytes) -> None:
    assert detect.detect_text(content, CATALOG) is None


@given(st.binary(max_size=200))
def test_any_bytes_have_an_answer(content: bytes) -> None:
    assert detect.detect_text(content, CATALOG) is None


@pytest.mark.parametrize(
    ("license_", "name", "model", "expected"),
    [
        ("apache-2.0", None, "acme/model", ("apache-2.0",)),
        ("Apache-2.0", None, None, ("apache-2.0",)),
        ("mit", None, "acme/model", ("mit",)),
        ("mit", None, "deepseek-ai/DeepSeek-R1", ("deepseek-mit",)),
        ("mit", None, "MiniMaxAI/MiniMax-M2", ("minimax-m2-modified-mit",)),
        ("llama3.3", None, "acme/model", ("llama-3.3",)),
        ("gemma", None, "google/gemma-3-12b-it", ("gemma-tou-2025-03-24",)),
        ("other", "qwen", "Qwen/Qwen2.5-72B", ("qwen-2024",)),
        ("other", "qwen-research", "Qwen/Qwen2.5-3B", ("qwen-research-2024",)),
        ("other", "deepseek", "acme/x", ("deepseek-model-1.0",)),
        ("other", "mrl", "mistralai/x", ("mistral-mrl-0.1",)),
        ("other", "modified-mit", "moonshotai/Kimi-K2", ("kimi-k2-modified-mit",)),
        ("other", "modified-mit", "mistralai/Devstral", ("mistral-modified-mit-2025",)),
        ("other", "modified-mit", "acme/x", ("unknown",)),
        ("other", "yi-34b", "01-ai/Yi-34B", ("unknown",)),
        ("other", "other", "acme/x", ("unknown",)),
        ("other", None, "acme/x", ("unknown",)),
        ("unknown", None, "acme/x", ("unknown",)),
        ("mit", "modified-mit", "acme/x", ("unknown",)),
        ("openrail", None, "acme/x", ("unknown",)),
        ("cc-by-nc-4.0", None, "acme/x", ("cc-by-nc-4.0",)),
        ("cc-by-nc-4.0", None, "CohereLabs/command", ("c4ai-cc-by-nc-4.0",)),
        ("apache-2.0", None, "openai/gpt-oss-20b", ("gpt-oss-apache-usage",)),
    ],
)
def test_declared(license_: str, name: str | None, model: str | None, expected: tuple[str, ...]) -> None:
    found = declared_licenses(Declared((license_,), name), model, CATALOG)

    assert found.licenses == expected
    assert found.reason


def test_several_declared_licenses_all_count() -> None:
    assert declared_licenses(Declared(("mit", "apache-2.0")), "a/b", CATALOG).licenses == (
        "apache-2.0",
        "mit",
    )
    assert declared_licenses(Declared(("mit", "strange")), "a/b", CATALOG).licenses == ("unknown",)
    assert declared_licenses(Declared(), "a/b", CATALOG).licenses == ()


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("Qwen/Qwen2.5-7B-Instruct", ("apache-2.0",)),
        ("Qwen/Qwen2.5-3B-Instruct", ("qwen-research-2024",)),
        ("Qwen/Qwen2.5-72B-Instruct", ("qwen-2024",)),
        ("meta-llama/Llama-3.1-8B", ("llama-3.1",)),
        ("META-LLAMA/llama-4-Scout-17B-16E", ("llama-4",)),
        ("deepseek-ai/DeepSeek-V3", ("deepseek-model-1.0",)),
        ("deepseek-ai/DeepSeek-V3.2-Exp", ("deepseek-mit",)),
        ("google/gemma-4-E4B-it", ("apache-2.0",)),
        ("google/gemma-2-9b-it", ("gemma-tou-2025-03-24",)),
        ("acme/gemma-2-9b-it", ()),
    ],
)
def test_known_repositories(model: str, expected: tuple[str, ...]) -> None:
    assert CATALOG.repositories.known(model).licenses == expected


def concluded(declared: tuple[str, ...], *found: tuple[str, str | None]) -> Conclusion:
    discovered = [
        DiscoveredText(
            path,
            Detection(license_, Document.USE_POLICY if "POLICY" in path else Document.LICENSE, "m")
            if license_
            else None,
        )
        for path, license_ in found
    ]
    return conclude.conclude(DeclaredLicenses(declared, "as declared"), discovered, CATALOG)


@pytest.mark.parametrize(
    ("declared", "found", "expected"),
    [
        (("apache-2.0",), [("LICENSE", "apache-2.0")], ("apache-2.0",)),
        (("apache-2.0",), [], ("apache-2.0",)),
        ((), [("LICENSE", "apache-2.0")], ("apache-2.0",)),
        ((), [], ("unknown",)),
        (("apache-2.0",), [("LICENSE", "mit")], ("unknown",)),
        (("apache-2.0",), [("LICENSE", None)], ("unknown",)),
        (("apache-2.0",), [("LICENSE", "apache-2.0"), ("LICENSE.txt", None)], ("unknown",)),
        (("unknown",), [("LICENSE", "mit")], ("unknown",)),
        (("unknown",), [], ("unknown",)),
        (("deepseek-mit",), [("LICENSE", "mit")], ("deepseek-mit",)),
        (("mit",), [("LICENSE", "deepseek-mit")], ("deepseek-mit",)),
        (
            ("deepseek-model-1.0",),
            [("LICENSE-CODE", "mit"), ("LICENSE-MODEL", "deepseek-model-1.0")],
            ("deepseek-model-1.0",),
        ),
        (("llama-3.3",), [("LICENSE", "llama-3.3"), ("USE_POLICY.md", "llama-3.3")], ("llama-3.3",)),
        (("llama-3.3",), [("LICENSE", "llama-3.3"), ("USE_POLICY.md", "llama-4")], ("unknown",)),
        (("llama-3.3",), [("USE_POLICY.md", "llama-3.3")], ("llama-3.3",)),
        ((), [("USE_POLICY.md", "llama-3.3")], ("unknown",)),
        (("mit",), [("LICENSE", "mit"), ("LICENSE.llama", "llama-3.3")], ("unknown",)),
    ],
)
def test_conclusions(
    declared: tuple[str, ...], found: list[tuple[str, str | None]], expected: tuple[str, ...]
) -> None:
    conclusion = concluded(declared, *found)

    assert conclusion.licenses == expected
    assert conclusion.method
    assert expected != ("unknown",) or conclusion.findings


@pytest.mark.parametrize(
    "term",
    [
        "Companies earning above one million dollars yearly pay Acme. Copyright Acme",
        "Copyright Acme. Organisations with 100 million MAU need written consent of Acme.",
        "Copyright Acme. \u4ec5\u4f9b\u5b66\u672f\u7814\u7a76\u4f7f\u7528",  # for academic research only
        "Copyright Acme. Nur f\u00fcr nichtkommerzielle Nutzung.",
        "Copyright Acme. Research and evaluation.",
        "Copyright Acme, for research",
        "Copyright Acme. EU residents excluded",
        "Weapons makers ask Acme. Copyright Acme",
        "Copyright " + "Acme " * 20,
    ],
)
@pytest.mark.parametrize("place", ["before", "within", "after"])
def test_a_term_beside_a_copyright_line_makes_another_license(term: str, place: str) -> None:
    text = {
        "before": f"{term}\n{MIT}",
        "within": MIT.replace("Copyright (c) 2023 DeepSeek", term),
        "after": f"{MIT}\n{term}",
    }[place]

    assert detect.detect_text(text.encode(), CATALOG) is None


@pytest.mark.parametrize(
    "notice",
    [
        "Copyright (c) 1991, 2010-2024 The Regents of the University of California. All rights reserved.",
        "Copyright \u00a9 2024-present Andr\u00e9 M\u00fcller and contributors",
        "Copyright (c) 2023 Microsoft Research\nPortions Copyright 2024 Institute for Examples",
    ],
)
def test_a_copyright_line_may_name_anyone(notice: str) -> None:
    found = detect.detect_text(MIT.replace("Copyright (c) 2023 DeepSeek", notice).encode(), CATALOG)

    assert found is not None
    assert found.license == "mit"
