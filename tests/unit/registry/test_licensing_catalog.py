"""The shipped records, and what a wrong record is told."""

from pathlib import Path

import pytest

from registry.licensing import catalog
from registry.licensing.terms import EvidenceKind, Scope, Verification

FIRST_SET = {
    "apache-2.0", "bsd-3-clause", "cc-by-nc-4.0", "deepseek-mit", "deepseek-model-1.0", "falcon-2-11b-1.0",
    "gemma-tou-2025-03-24", "llama-2", "llama-3", "llama-3.1", "llama-3.2", "llama-3.3", "llama-4",
    "mistral-mrl-0.1", "mit", "qwen-2024", "qwen-research-2024", "unknown",
}  # fmt: skip
MIT = (catalog.FOLDER / "mit.toml").read_text()
LLAMA = (catalog.FOLDER / "llama-3.3.toml").read_text()


def files(**changed: str) -> list[tuple[str, bytes]]:
    found = {path.name: path.read_bytes() for path in catalog.FOLDER.glob("*.toml")}
    return list(
        (found | {f"{name.replace('_', '-')}.toml": text.encode() for name, text in changed.items()}).items()
    )


def test_the_first_set() -> None:
    assert set(catalog.load().licenses) == FIRST_SET


def test_every_record_says_where_it_comes_from() -> None:
    for terms in catalog.load().licenses.values():
        assert terms.sources
        assert all(condition.clause for condition in terms.conditions)
        assert all(duty.clause and duty.evidence for duty in terms.obligations)
        assert len({duty.id for duty in terms.obligations}) == len(terms.obligations)
        assert terms.verification is not Verification.FROM_MEMORY_UNVERIFIED
        assert all(
            terms.scope[relation] is Scope.COVERED
            for relation in ("finetune", "adapter", "quantized", "merge")
        )  # type: ignore[index]


def test_obligations_name_their_evidence_and_the_exact_words() -> None:
    licenses = catalog.load().licenses
    every = [duty for terms in licenses.values() for duty in terms.obligations]

    assert {duty.id for duty in licenses["llama-3.3"].obligations if duty.notice} == {"notice-file"}
    for duty in every:
        assert all(words in duty.do for words in (*duty.display, *([duty.notice] if duty.notice else [])))
        assert not duty.notice or duty.evidence_kind is EvidenceKind.RELEASE_FILE
    shown = {duty.id: duty for duty in licenses["llama-3.3"].obligations}["display-built-with"]
    assert (shown.evidence_kind, shown.display) == (EvidenceKind.SCREENSHOT, ("Built with Llama",))


def test_evidence_is_a_document_where_the_record_does_not_say() -> None:
    silent = MIT.replace('evidence_kind = "release_file"\n', "")
    (duty,) = catalog.build(files(mit=silent)).licenses["mit"].obligations

    assert silent != MIT
    assert duty.evidence_kind is EvidenceKind.DOCUMENT
    assert duty.evidence_kind.accepted == {EvidenceKind.DOCUMENT}


def test_what_shows_more_answers_for_less() -> None:
    assert EvidenceKind.SCREENSHOT in EvidenceKind.URL.accepted
    assert EvidenceKind.URL not in EvidenceKind.SCREENSHOT.accepted
    assert EvidenceKind.DOCUMENT in EvidenceKind.STATEMENT.accepted
    assert all(kind in kind.accepted for kind in EvidenceKind)


def test_no_two_records_share_a_text_or_a_repository() -> None:
    every = catalog.load().licenses.values()
    hashes = [text.sha256_words_v1 for terms in every for text in terms.texts]
    patterns = [known.pattern for terms in every for known in terms.repositories]

    assert len(set(hashes)) == len(hashes)
    assert len(set(patterns)) == len(patterns)


def test_the_digest_names_the_content() -> None:
    digest = catalog.load().catalog_digest

    assert catalog.build(reversed(files())).catalog_digest == digest
    assert catalog.build(files(mit=MIT + "\n# a remark\n")).catalog_digest == digest
    assert catalog.build(files(mit=MIT.replace("MIT License", "MIT"))).catalog_digest != digest


def test_an_unknown_id_is_the_unknown_license() -> None:
    assert catalog.load().get("never heard of").id == "unknown"


@pytest.mark.parametrize(
    ("text", "old", "new", "said"),
    [
        (MIT, 'category = "permissive"', 'category = "free"', "category"),
        (MIT, 'spdx = "MIT"', 'spdx = "Mitt-Nonsense"', "spdx"),
        (MIT, 'finetune = "covered"', "", "scope.finetune: is required"),
        (MIT, 'finetune = "covered"', 'finetune = "allowed"', "scope.finetune"),
        (MIT, 'trigger = "distribute"', 'trigger = "sometimes"', "trigger"),
        (MIT, "[hub]", "[hub]\nnickname = 1", "hub.nickname: unknown key"),
        (MIT, 'verification = "verified_text"', 'verification = "from_memory_unverified"', "manual_review"),
        (MIT, 'id = "mit"', 'id = "mitt"', "name of its file"),
        (MIT, 'id = "mit"', "id = ", "Invalid value"),
        (MIT, "words = 163", "words = 0", "segments"),
        (LLAMA, 'kind = "mau_threshold"', 'kind = "mau"', "kind"),
        (LLAMA, "limit = 700_000_000", "limit = -1", "limit"),
        (LLAMA, "limit = 700_000_000", 'limit = "many"', "limit"),
        (LLAMA, 'operator = "more_than"', 'operator = ">"', "operator"),
        (LLAMA, 'month = "2024-11"', 'month = "2024-11"\nextra = 1', "extra: unknown key"),
        (LLAMA, 'month = "2024-11"', 'month = "November"', "month"),
        (LLAMA, 'effect = "needs_licence"', 'effect = "allowed"', "effect"),
        (LLAMA, '"military"', '"militry"', "militry"),
        (LLAMA, 'sha256_words_v1 = "9', 'sha256_words_v1 = "Z', "sha256_words_v1"),
    ],
)
def test_a_wrong_record_is_refused(text: str, old: str, new: str, said: str) -> None:
    assert old in text
    name = "mit" if text is MIT else "llama_3.3"

    with pytest.raises(catalog.InvalidCatalog, match=said):
        catalog.build(files(**{name: text.replace(old, new, 1)}))


def test_a_catalog_needs_the_unknown_record(tmp_path: Path) -> None:
    (tmp_path / "mit.toml").write_text(MIT)

    with pytest.raises(catalog.InvalidCatalog, match="unknown"):
        catalog.load(tmp_path)
