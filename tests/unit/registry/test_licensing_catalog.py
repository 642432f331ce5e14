"""The shipped records, and what a wrong record is told."""

import re
import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest

from registry.licensing import catalog, record_reader
from registry.licensing.gate import Gate
from registry.licensing.repositories import Revision
from registry.licensing.terms import EvidenceKind, Relation, Scope, Verification

EVERY_LICENSE = {
    "agpl-3.0", "apache-2.0", "apple-amlr", "bigcode-openrail-m-v1", "bigscience-bloom-rail-1.0",
    "bigscience-openrail-m", "bilibili-2025-09-09", "bsd-3-clause", "c4ai-cc-by-nc-4.0", "cc-by-4.0",
    "cc-by-nc-4.0", "cc-by-nc-sa-4.0", "cc-by-sa-4.0", "cc0-1.0", "chatglm3-6b", "creativeml-openrail-m",
    "dbrx-2024-03-27", "deepfloyd-if", "deepseek-mit", "deepseek-model-1.0", "exaone-1.1-nc",
    "fair-ai-public-1.0-sd", "fair-nc-research", "falcon-180b-1.0", "falcon-2-11b-1.0", "falcon-mamba-7b-1.0",
    "flux-1-dev-nc", "gemma-tou-2024-02-21", "gemma-tou-2024-04-01", "gemma-tou-2025-03-24", "glm-5.3",
    "gpl-3.0", "gpt-oss-apache-usage", "grok-2-community", "h-research", "hai-def", "hyperclovax-seed-2025",
    "intel-research", "jamba-open-model", "kimi-k2-modified-mit", "kimi-k3", "lfm-1.0", "llama-1", "llama-2",
    "llama-3", "llama-3.1", "llama-3.2", "llama-3.3", "llama-4", "ltxv-owl-2025-05-05",
    "microsoft-research-license", "minimax-community-m3", "minimax-m2-modified-mit", "minimax-m2.7-nc",
    "minimax-model-2025-01-15", "mistral-mnpl-0.1", "mistral-modified-mit-2025", "mistral-mrl-0.1", "mit",
    "nvidia-nemotron-oml-2026", "nvidia-oml-2025-04-28", "openmdw-1.0", "openrail++-m", "opt-175b",
    "playground-v2-community", "qwen-2024", "qwen-community-1.0", "qwen-research-2024", "qwen3.8-max",
    "stability-community-2024-07-05", "stability-nc-2023-12-06", "tencent-hunyuan-3d-2.0",
    "tencent-hunyuan-community", "tii-falcon-2024-12", "tii-falcon-llm-1.0-2023", "tongyi-qianwen-2023",
    "tongyi-qianwen-research-2023", "unknown", "yi-1.0", "yi-2.0", "yi-2.1",
}  # fmt: skip
MIT = (catalog.FOLDER / "mit.toml").read_text()
LLAMA = (catalog.FOLDER / "llama-3.3.toml").read_text()


def files(**changed: str) -> list[tuple[str, bytes]]:
    found = {path.name: path.read_bytes() for path in catalog.FOLDER.glob("*.toml")}
    return list(
        (found | {f"{name.replace('_', '-')}.toml": text.encode() for name, text in changed.items()}).items()
    )


def test_every_license_has_a_record() -> None:
    assert set(catalog.load().licenses) == EVERY_LICENSE


def test_every_record_says_where_it_comes_from() -> None:
    for terms in catalog.load().licenses.values():
        assert terms.sources
        assert all(condition.clause for condition in terms.conditions)
        assert all(duty.clause and duty.evidence for duty in terms.obligations)
        assert len({duty.id for duty in terms.obligations}) == len(terms.obligations)


def test_what_nobody_read_is_never_allowed_by_itself() -> None:
    for terms in catalog.load().licenses.values():
        if terms.verification is Verification.FROM_MEMORY_UNVERIFIED:
            assert any(
                condition.kind == "manual_review" and condition.applies == Gate()
                for condition in terms.conditions
            ), terms.id


def test_weights_carry_their_license_or_nobody_knows() -> None:
    for terms in catalog.load().licenses.values():
        weights = {terms.scope[relation] for relation in Relation if not relation.is_learned}

        assert weights in ({Scope.COVERED}, {Scope.NEEDS_REVIEW}), terms.id


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
    at_any_revision = [
        known.pattern
        for terms in every
        for known in terms.repositories
        if not (known.since or known.before or known.commits)
    ]

    assert len(set(hashes)) == len(hashes)
    assert len(set(at_any_revision)) == len(at_any_revision)


def test_repositories_that_changed_their_license_were_under_one_at_a_time() -> None:
    index = catalog.load().repositories

    for model in ("01-ai/Yi-34B", "01-ai/Yi-6B-Chat", "tiiuae/falcon-7b", "tiiuae/falcon-40b"):
        for offset in range(500):
            day = date(2023, 5, 1) + timedelta(days=offset)
            found = index.known(model, Revision(day=day))
            assert len(found.licenses) == (not found.missing), (model, day)
    assert index.known("01-ai/Yi-34B", Revision(day=date(2024, 1, 5))).licenses == ("yi-2.1",)
    assert index.known("tiiuae/falcon-7b", Revision(day=date(2023, 5, 30))).licenses == (
        "tii-falcon-llm-1.0-2023",
    )
    assert index.known("tiiuae/falcon-7b", Revision("341895a" + "0" * 33)).licenses == ("apache-2.0",)
    assert index.known("tiiuae/Falcon3-7B-Base", Revision("798226d" + "0" * 33)).licenses == ("apache-2.0",)
    assert index.known("tiiuae/Falcon3-7B-Base", Revision("a" * 40)).licenses == ("tii-falcon-2024-12",)


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

    with pytest.raises(record_reader.InvalidCatalog, match=said):
        catalog.build(files(**{name: text.replace(old, new, 1)}))


def test_a_catalog_needs_the_unknown_record(tmp_path: Path) -> None:
    (tmp_path / "mit.toml").write_text(MIT)

    with pytest.raises(record_reader.InvalidCatalog, match="unknown"):
        catalog.load(tmp_path)


def test_every_obligation_of_a_record_says_what_shows_it_and_quotes_what_it_demands() -> None:
    for path in sorted(catalog.FOLDER.glob("*.toml")):
        for duty in tomllib.loads(path.read_text()).get("obligations", []):
            named = f"{path.name}: {duty['id']}"
            assert "evidence_kind" in duty, named
            quoted = re.findall(r'"([^"]+)"', duty["do"])
            if quoted and duty["id"].startswith("notice"):
                assert duty["notice"] in quoted, named
            if quoted and duty["id"].startswith("display"):
                assert duty["display"] == quoted, named
