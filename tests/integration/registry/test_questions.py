from datetime import timedelta
from pathlib import Path

import pytest

from governance.models import PolicyDocument
from registry import questions
from registry.actions import custody
from registry.models import DriftRun, ModelVersion, SourceObservation
from registry.observed import SourceFacts
from registry.verification import outcomes
from registry.verification.subject import Ancestor
from registry.verification.wire import NOT_SHOWN
from tests import desk, factories, folders, intake

pytestmark = pytest.mark.django_db


def asked(version: ModelVersion) -> questions.Asked:
    return questions.asked_of(ModelVersion.objects.get(pk=version.pk), now=factories.NOW)


def base(folder: Path, **changes: bytes | None) -> ModelVersion:
    folders.write(folder, folders.model_files(**changes))
    version = intake.registered(folder, name="acme/base")
    intake.resolve_open(version)
    version.refresh_from_db()
    return version


def looked(version: ModelVersion, *, days: int, **facts: str) -> SourceObservation:
    run = DriftRun.objects.create(
        version=version,
        manifest_digest=version.manifest_digest,
        state="finished",
        outcome="pass",
        finished_at=factories.NOW,
        requested_by="system:test",
    )
    seen = SourceFacts(endpoint="https://hub.example", **facts)
    return SourceObservation.objects.create(
        version=version,
        drift_run=run,
        observed_at=factories.NOW + timedelta(days=days),
        facts=seen.to_json(),
        facts_digest=seen.digest,
    )


def test_a_question_holds_what_is_on_record(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")
    desk.load_policy()
    first, newest = version.observations.get(), looked(version, days=1, license="other")

    found = asked(version)

    question = found.question
    assert (question.model, question.source_kind, question.revision) == ("acme/model", "folder", None)
    assert question.examined_on == factories.NOW.isoformat()
    assert set(question.expected) == set(folders.model_files())
    assert "mit" in {claim.license_id for claim in question.licenses}
    assert question.lineage == (Ancestor("acme/base", "finetune"),)
    assert question.bases == ()
    assert question.earlier is not None
    assert question.observed is not None
    assert (question.earlier.license, question.observed.license) == (None, "other")
    inputs = questions.inputs_of(found, limits={"seconds": 5})
    assert inputs["policy"] == PolicyDocument.objects.get().policy_digest
    assert inputs["catalog"].startswith("sha256:")
    assert (inputs["earlier"]["id"], inputs["observed"]["id"]) == (first.pk, newest.pk)
    assert inputs["observed"]["digest"] == newest.facts_digest
    assert (inputs["limits"], inputs["bases"]) == ({"seconds": 5}, [])


def test_before_any_policy_or_look_it_says_so() -> None:
    inputs = questions.inputs_of(asked(factories.resolved_version()))

    assert (inputs["policy"], inputs["observed"], inputs["earlier"]) == (None, None, None)


def test_an_ancestor_is_the_newest_resolved_version_of_its_name(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")
    old, new = base(tmp_path / "old"), base(tmp_path / "new", config_json=b"{}")
    intake.verify_open(old)

    found = asked(version)

    (copy,) = found.question.bases
    assert (copy.model, copy.relation, copy.root) == ("acme/base", "finetune", str(tmp_path / "new"))
    assert copy.expected["config.json"].size == 2
    assert not copy.is_verified
    assert found.sources["bases"][0]["manifest_digest"] == new.manifest_digest
    # What is barred is no measure for anything.
    custody.quarantine(version=new, reason="a rumour", actor="user:x", now=intake.now())
    (copy,) = asked(version).question.bases
    assert (copy.root, copy.is_verified) == (str(tmp_path / "old"), True)


@pytest.mark.parametrize(
    ("revision", "expected"),
    [("a" * 40, "tagged"), ("b" * 40, None), ("v1", "tagged"), ("v2", "newest"), ("", "newest")],
)
def test_a_named_revision_of_an_ancestor_is_taken_at_its_word(revision: str, expected: str | None) -> None:
    model = factories.registered_model(publisher="acme", name="base")
    known = {
        "tagged": factories.resolved_version(
            registered_model=model,
            source_kind="hub",
            location="acme/base",
            revision="a" * 40,
            requested_revision="v1",
        ),
        "newest": factories.resolved_version({"config.json": b"{1}"}, registered_model=model),
    }
    version = factories.draft_version()
    version.lineage.create(relation="finetune", base_model="acme/base", base_revision=revision)
    factories.resolve(version)

    rows = [base["model_version"] for base in asked(version).sources["bases"]]

    assert rows == ([known[expected].pk] if expected else [])


def test_only_the_first_few_ancestors_are_read() -> None:
    version = factories.draft_version()
    for number in range(6):
        model = factories.registered_model()
        factories.resolved_version({"config.json": b"%d" % number}, registered_model=model)
        version.lineage.create(relation="merge", base_model=str(model))
    factories.resolve(version)

    question = asked(version).question

    assert (len(question.lineage), len(question.bases)) == (6, questions.MOST_BASES)


def test_the_last_reading_counts_for_what_was_found_sound(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")
    assert asked(version).question.last_read == {}
    intake.verify_open(version)

    read = asked(version).question.last_read

    state, digest = read["config.json"]
    assert state[2] == (tmp_path / "m" / "config.json").stat().st_size
    assert digest == version.artifacts.get(path="config.json").sha256
    assert set(read) == set(folders.model_files())


def test_a_reading_with_more_findings_than_are_kept_is_no_measure(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")
    others = outcomes.failed("9 more findings of this check are not shown.", path=NOT_SHOWN)

    intake.verify_open(version, examine=intake.examine_saying(others, check_id="C3-digests"))

    assert asked(version).question.last_read == {}


def test_what_the_last_reading_found_altered_is_left_out(tmp_path: Path) -> None:
    version = intake.resolved(tmp_path / "m")
    (tmp_path / "m" / "config.json").write_bytes(b"[]")
    intake.verify_open(version)

    assert set(asked(version).question.last_read) == set(folders.model_files()) - {"config.json"}
