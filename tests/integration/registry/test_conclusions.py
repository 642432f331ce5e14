"""What people conclude: it holds from then on, everywhere, with a reason; and it weakens nothing else."""

from pathlib import Path
from typing import Any

import pytest

from governance.actors import Actor
from governance.errors import Forbidden, InvalidInput
from governance.permissions import Role
from registry import background, bom, documents, evaluation, holdings, models
from registry.actions import conclusions, evaluate, lineage
from registry.actions.evaluate import NotResolved
from registry.actions.lineage import Stated
from registry.lifecycle import Status
from tests import decisions, factories, intake
from tests.refusals import refused, version_in
from tests.reviewing import NOW, USE

pytestmark = pytest.mark.django_db
KIMI_LIKE = b"All rights reserved. Ask us."


@pytest.fixture
def officer() -> Actor:
    return factories.actor(Role.OFFICER)


def conclude(version: models.ModelVersion, actor: Actor, *licenses: str, reason: str = "read it") -> Any:
    return conclusions.conclude_license(
        version=version, licenses=licenses, reason=reason, actor=actor, now=NOW
    )


def state(version: models.ModelVersion, actor: Actor, reason: str = "asked them", **stated: Any) -> Any:
    return lineage.state_ancestor(
        version=version, stated=Stated(**stated), reason=reason, actor=actor, now=NOW
    )


def judged(version: models.ModelVersion) -> dict[str, Any]:
    place = factories.environment(use={**USE, "public_statements_about_derivative": False})
    return evaluation.judge(version=version, environment=place, organization=None, on=NOW.date()).result


def hinting(**hint: Any) -> models.ModelVersion:
    draft = factories.draft_version()
    models.LineageHint.objects.create(
        version=draft, **{"kind": "teacher", "says": "dataset acme/r1-traces", "path": "README.md", **hint}
    )
    return factories.resolve(draft)


def test_a_conclusion_takes_the_place_of_the_rules_and_keeps_them(officer: Actor) -> None:
    version = factories.resolved_version(license_id="unknown")
    assert judged(version)["verdict"] == "needs_review"

    row = conclude(version, officer, "mit", "apache-2.0", reason="The publisher wrote to us.")

    result = judged(version)
    assert (result["verdict"], result["effective_licenses"]) == ("allowed", ["apache-2.0", "mit"])
    source = next(item for item in result["findings"] if item["condition"] == "license_source")
    assert f"concluded by user:{officer.user.username}" in source["reason"]
    assert version.license_findings.get(kind="concluded").license_id == "unknown"
    event, actor, body = decisions.last(f"model-version:{version.pk}")
    assert (event, actor) == ("registry.license.concluded", str(officer))
    assert body["licenses"] == ["apache-2.0", "mit"]
    assert body["reason_sha256"] == factories.sha256(row.reason)
    assert "publisher wrote" not in str(body)


def test_the_newest_conclusion_holds_although_the_older_was_remembered(officer: Actor) -> None:
    version = factories.resolved_version(license_id="unknown")
    first = conclude(version, officer, "mit")
    assert judged(version)["effective_licenses"] == ["mit"]

    second = conclude(version, factories.actor(Role.OFFICER), "llama-3.3", reason="It is Llama.")

    assert second.supersedes == first
    assert judged(version)["effective_licenses"] == ["llama-3.3"]
    assert holdings.counts(["mit", "llama-3.3"]) == {"llama-3.3": 1}
    assert list(holdings.versions_under("llama-3.3")) == [version]


def test_a_conclusion_about_an_ancestor_reaches_its_children(officer: Actor) -> None:
    base = factories.resolved_version(license_id="unknown")
    draft = factories.draft_version()
    models.LineageEdge.objects.create(
        version=draft, relation="finetune", base_model=str(base.registered_model)
    )
    child = factories.resolve(draft, license_id="mit")
    assert judged(child)["verdict"] == "needs_review"

    conclude(base, officer, "cc-by-nc-4.0")

    result = judged(child)
    assert (result["verdict"], result["effective_licenses"]) == ("prohibited", ["cc-by-nc-4.0", "mit"])
    assert any(item["kind"] == "declared_license_conflict" for item in result["conflicts"])


def test_only_an_officer_concludes_and_gives_a_reason(officer: Actor) -> None:
    version = factories.resolved_version()

    for role in (Role.REVIEWER, Role.AUDITOR, Role.ADMIN):
        with pytest.raises(Forbidden):
            conclude(version, factories.actor(role), "mit")
    for licenses, reason in (
        ([], "why"),
        (["never-heard-of"], "why"),
        (["mit"], "  "),
        (["mit"], "x" * 4001),
    ):
        with pytest.raises(InvalidInput):
            conclude(version, officer, *licenses, reason=reason)
    for status in (Status.DRAFT, Status.REVOKED):
        with pytest.raises(NotResolved):
            conclude(version_in(status), officer, "mit")
    assert not models.LicenseConclusion.objects.exists()


def test_a_question_from_outside_does_not_say_who_concluded(officer: Actor) -> None:
    said = [{"model": "acme/m", "parents": [], "concluded_by": "user:me"}]

    with pytest.raises(InvalidInput, match="only the registry"):
        evaluation.answer_with_registry({"model": "acme/m", "lineage": said}, today=NOW.date())


def test_the_text_check_passes_anew_once_an_officer_has_looked(tmp_path: Path, officer: Actor) -> None:
    version = intake.verified(tmp_path, LICENSE=KIMI_LIKE, README_md=b"---\nlicense: mit\n---\n")
    failed = version.verificationruns.get()
    assert (failed.outcome, intake.results(failed)["C20-license-text"]) == ("fail", "fail")

    conclude(version, officer, "mit", reason="The publisher confirmed.")

    anew = intake.verify_open(version)
    result = anew.results.get(check_id="C20-license-text")
    assert (anew.outcome, result.outcome) == ("pass", "pass")
    assert officer.user.username in result.message
    assert failed.results.get(check_id="C20-license-text").outcome == "fail"


def test_a_conclusion_excuses_no_other_check(tmp_path: Path, officer: Actor) -> None:
    version = intake.verified(tmp_path, **{"LICENSE": KIMI_LIKE, "model.py": b"import os\n"})

    conclude(version, officer, "mit")

    anew = intake.verify_open(version)
    assert (anew.outcome, intake.results(anew)["C20-license-text"]) == ("fail", "pass")
    assert intake.results(anew)["C13-custom-code"] == "fail"


def test_who_concludes_that_nobody_knows_bars_the_version(tmp_path: Path, officer: Actor) -> None:
    version = intake.verified(tmp_path, README_md=b"---\nlicense: mit\n---\n")
    assert version.verificationruns.get().outcome == "pass"

    conclude(version, officer, "unknown", reason="The publisher withdrew the licence.")

    assert judged(version)["verdict"] == "needs_review"
    assert version.verificationruns.count() == 1


def test_a_stated_teacher_forbids_its_student(officer: Actor) -> None:
    version = factories.resolved_version()
    assert judged(version)["verdict"] == "allowed"

    row = state(version, officer, relation="synthetic_outputs", base_model="meta-llama/Llama-2-70b-hf")

    assert judged(version)["verdict"] == "prohibited"
    event, _, body = decisions.last(f"model-version:{version.pk}")
    assert (event, body["base_model"], body["statement"]) == (
        "registry.lineage.stated",
        "meta-llama/Llama-2-70b-hf",
        row.pk,
    )
    state(
        version,
        officer,
        reason="It was Qwen3.",
        relation="synthetic_outputs",
        base_model="Qwen/Qwen3-8B",
        supersedes=row,
    )
    assert judged(version)["verdict"] == "allowed"


def test_an_open_question_needs_review_until_it_is_answered(officer: Actor) -> None:
    version = hinting()
    (hint,) = background.open_hints(version)
    name = str(version.registered_model)
    assert judged(version)["missing_facts"] == [f"lineage.{name}.ancestors"]

    row = state(version, officer, relation="none", answers=hint)

    assert judged(version)["verdict"] == "allowed"
    corrected = state(
        version, officer, relation="distillation", base_model="meta-llama/Llama-2-7b-hf", supersedes=row
    )
    assert corrected.answers == hint
    assert judged(version)["verdict"] == "prohibited"


def test_what_files_declare_is_never_taken_away(officer: Actor) -> None:
    draft = factories.draft_version()
    models.LineageEdge.objects.create(
        version=draft, relation="finetune", base_model="meta-llama/Llama-3.3-70B-Instruct"
    )
    version = factories.resolve(draft)

    state(version, officer, relation="finetune", base_model="Qwen/Qwen3-8B")

    assert {"llama-3.3", "apache-2.0"} <= set(judged(version)["effective_licenses"])


@pytest.mark.parametrize(
    ("stated", "field"),
    [
        ({"relation": "cousin", "base_model": "a/b"}, "relation"),
        ({"relation": "finetune"}, "base_model"),
        ({"relation": "finetune", "base_model": "no name"}, "base_model"),
        ({"relation": "finetune", "base_model": "a/b", "base_revision": "main"}, "base_revision"),
        ({"relation": "none"}, "answers"),
        ({"relation": "none", "base_model": "a/b"}, "base_model"),
    ],
)
def test_statements_that_say_nothing_are_refused(stated: Any, field: str, officer: Actor) -> None:
    with pytest.raises(InvalidInput) as refusal:
        state(factories.resolved_version(), officer, **stated)
    assert refusal.value.field == field


def test_statements_stay_with_their_version(officer: Actor) -> None:
    version, other = hinting(), hinting()
    (hint,) = background.open_hints(other)

    with pytest.raises(InvalidInput):
        state(version, officer, relation="none", answers=hint)
    with pytest.raises(InvalidInput):
        state(version, officer, relation="finetune", base_model=str(version.registered_model))
    with pytest.raises(Forbidden):
        state(version, factories.actor(Role.AUDITOR), relation="finetune", base_model="a/b")


def test_a_pinned_ancestor_is_the_one_that_is_meant() -> None:
    model = factories.registered_model(publisher="acme", name="base")
    old = factories.draft_version(registered_model=model, source_kind="hub", location="acme/base")
    old.revision = "a" * 40
    factories.resolve(old, license_id="cc-by-nc-4.0")
    new = factories.draft_version(registered_model=model, source_kind="hub", location="acme/base")
    new.revision = "b" * 40
    factories.resolve(new, license_id="apache-2.0")
    draft = factories.draft_version()
    models.LineageEdge.objects.create(
        version=draft, relation="adapter", base_model="acme/base", base_revision="a" * 40
    )

    assert "cc-by-nc-4.0" in judged(factories.resolve(draft))["effective_licenses"]


def test_a_line_of_ancestors_that_is_too_long_stays_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(evaluation, "MAX_GENERATIONS", 2)
    version = factories.resolved_version()
    for _ in range(4):
        draft = factories.draft_version()
        models.LineageEdge.objects.create(
            version=draft, relation="finetune", base_model=str(version.registered_model)
        )
        version = factories.resolve(draft)

    result = judged(version)

    assert result["verdict"] == "needs_review"
    assert any("not followed further" in item["reason"] for item in result["findings"])


def test_packs_and_boms_tell_what_people_concluded(officer: Actor) -> None:
    version = hinting()
    conclude(version, officer, "llama-3.3", reason="It is Llama.")
    state(
        version,
        officer,
        relation="synthetic_outputs",
        base_model="a/teacher",
        answers=background.open_hints(version)[0],
    )
    state(version, officer, relation="synthetic_outputs", base_model="a/teacher")

    told = documents.evaluations(version)
    material = bom.document(version, at=NOW)

    assert told["conclusions"][0]["reason"] == "It is Llama."
    assert told["lineage_statements"][-1]["answers"] == "dataset acme/r1-traces"
    (component,) = material["components"]
    assert "concluded by user:" in str(component["licenses"])
    assert [one["name"] for one in component["pedigree"]["ancestors"]] == ["teacher"]


# -- what the database refuses ---------------------------------------------------------------------------------------


def conclusion(version: models.ModelVersion, **fields: Any) -> models.LicenseConclusion:
    digest = f"sha256:{64 * 'a'}"
    given = {"licenses": ["mit"], "catalog_digest": digest, "reason": "why", "concluded_by": factories.user()}
    return models.LicenseConclusion.objects.create(version=version, **{**given, **fields})


def statement(version: models.ModelVersion, **fields: Any) -> models.LineageStatement:
    given = {"relation": "finetune", "base_model": "a/b", "reason": "why", "stated_by": factories.user()}
    return models.LineageStatement.objects.create(version=version, **{**given, **fields})


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("registry_licenseconclusion_names_one", {"licenses": []}),
        ("registry_licenseconclusion_has_reason", {"reason": ""}),
        ("registry_licenseconclusion_digest_form", {"catalog_digest": "x"}),
    ],
)
def test_conclusions_that_say_nothing(name: str, fields: Any) -> None:
    refused(name, lambda: conclusion(factories.resolved_version(), **fields))


def test_conclusions_form_one_line_and_are_kept() -> None:
    version, other = factories.resolved_version(), factories.resolved_version()
    first, theirs = conclusion(version), conclusion(other)
    conclusion(version, supersedes=first)

    refused("registry_licenseconclusion_one_first", lambda: conclusion(version))
    refused("registry_licenseconclusion_supersedes_id_key", lambda: conclusion(version, supersedes=first))
    refused(
        "registry_licenseconclusion_supersedes_of_this_version",
        lambda: conclusion(version, supersedes=theirs),
    )
    rows = models.LicenseConclusion.objects.filter(pk=first.pk)
    refused("registry_licenseconclusion_written_once", lambda: rows.update(reason="other"))
    refused("registry_licenseconclusion_written_once", lambda: rows._raw_delete("default"))


@pytest.mark.parametrize("status", [Status.DRAFT, Status.REVOKED])
def test_nothing_is_concluded_about_files_that_nobody_uses(status: Status) -> None:
    version = version_in(status)

    refused("registry_licenseconclusion_of_a_resolved_version", lambda: conclusion(version))
    refused("registry_lineagestatement_of_a_resolved_version", lambda: statement(version))


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("registry_lineagestatement_relation_known", {"relation": "unstated"}),
        ("registry_lineagestatement_names_model", {"base_model": ""}),
        ("registry_lineagestatement_answers_something", {"relation": "none", "base_model": ""}),
        ("registry_lineagestatement_has_reason", {"reason": ""}),
    ],
)
def test_statements_that_the_database_refuses(name: str, fields: Any) -> None:
    refused(name, lambda: statement(factories.resolved_version(), **fields))


def test_statements_and_hints_stay_with_their_version_and_are_kept() -> None:
    version, other = hinting(), hinting()
    hint, theirs = version.lineage_hints.get(), other.lineage_hints.get()
    row = statement(version, answers=hint)

    refused("registry_lineagestatement_answers_of_this_version", lambda: statement(version, answers=theirs))
    refused(
        "registry_lineagestatement_supersedes_of_this_version",
        lambda: statement(other, supersedes=row, answers=hint),
    )
    refused("registry_lineagestatement_keeps_question", lambda: statement(version, supersedes=row))
    statement(version, supersedes=row, answers=hint)
    refused(
        "registry_lineagestatement_supersedes_id_key",
        lambda: statement(version, supersedes=row, answers=hint),
    )
    for table, one in ((models.LineageStatement, row), (models.LineageHint, hint)):
        rows: Any = table._default_manager.filter(pk=one.pk)
        name = f"registry_{table.__name__.lower()}_written_once"
        refused(name, lambda rows=rows: rows.update(base_model="x/y"))  # type: ignore[misc]
        refused(name, lambda rows=rows: rows._raw_delete("default"))  # type: ignore[misc]
    refused(
        "registry_lineagehint_while_draft",
        lambda: models.LineageHint.objects.create(version=version, kind="base", says="late"),
    )


def test_the_day_of_a_commit_stays() -> None:
    version = factories.resolved_version()
    rows = models.ModelVersion.objects.filter(pk=version.pk)

    refused("registry_modelversion_committed_once", lambda: rows.update(committed_at=NOW))


def test_a_score_concludes_nothing() -> None:
    draft = factories.draft_version()

    refused(
        "registry_licensefinding_score_concludes_nothing",
        lambda: models.LicenseFinding.objects.create(
            version=draft, kind="discovered", license_id="mit", method="m", score="0.990"
        ),
    )


def test_evaluating_keeps_what_was_known(officer: Actor) -> None:
    version = factories.resolved_version(license_id="unknown")
    conclude(version, officer, "mit")

    row = evaluate.evaluate_version(
        version=version,
        environment=factories.environment(use=USE),
        purpose="assistant",
        actor=officer,
        now=NOW,
    )

    assert row.request["known"] == {str(version.registered_model): ["mit"]}
    assert {"concluded_by": f"user:{officer.user.username}"}.items() <= row.request["lineage"][-1].items()
