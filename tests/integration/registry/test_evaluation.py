"""Licence questions of versions: what the registry knows goes in, and the answer is kept with all of it."""

import hashlib
import io
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError
from modelcustody_client import canonical

from governance.errors import Forbidden, InvalidInput
from governance.permissions import Role
from registry import catalogs, evaluation, models
from registry.actions import evaluate
from tests import decisions, factories
from tests.reviewing import USE

pytestmark = pytest.mark.django_db
NOW = factories.NOW


def registered(name: str, license_id: str, *parents: str, relation: str = "finetune") -> models.ModelVersion:
    publisher, _, short = name.partition("/")
    draft = factories.draft_version(
        registered_model=factories.registered_model(publisher=publisher, name=short)
    )
    for parent in parents:
        models.LineageEdge.objects.create(version=draft, relation=relation, base_model=parent)
    return factories.resolve(draft, license_id=license_id)


def evaluated(version: models.ModelVersion, **use: Any) -> models.Evaluation:
    return evaluate.evaluate_version(
        version=version,
        environment=factories.environment(use={**USE, **use}),
        purpose="assistant",
        actor=factories.actor(Role.OFFICER),
        now=NOW,
    )


def test_evaluation_keeps_question_answer_and_digests() -> None:
    facts = factories.organization()

    row = evaluated(registered("acme/model", "apache-2.0"))

    assert (row.verdict, row.organization, row.evaluated_at) == ("allowed", facts, NOW)
    assert row.request["known"] == {"acme/model": ["apache-2.0"]}
    assert row.request["org"] == facts.facts
    both = canonical.dumps({"request": row.request, "result": row.result})
    assert row.evaluation_digest == "sha256:" + hashlib.sha256(both).hexdigest()
    assert row.catalog_digest == catalogs.current().catalog_digest
    event, actor, body = decisions.last(f"model-version:{row.version_id}")
    assert (event, actor) == ("registry.evaluation.made", row.evaluated_by)
    assert (body["verdict"], body["evaluation_digest"]) == ("allowed", row.evaluation_digest)


def test_licence_of_a_registered_ancestor_reaches_the_version() -> None:
    registered("acme/base", "llama-3.3")
    registered("acme/middle", "apache-2.0", "acme/base", relation="quantized")

    row = evaluated(registered("acme/model", "mit", "acme/middle"))

    assert row.result["effective_licenses"] == ["apache-2.0", "llama-3.3", "mit"]
    assert row.request["known"]["acme/base"] == ["llama-3.3"]
    assert row.verdict == "needs_review"
    assert row.result["missing_facts"]


def test_ancestor_that_nobody_knows_is_a_finding() -> None:
    row = evaluated(registered("acme/model", "mit", "nobody/heard-of-it"))

    assert row.verdict == "needs_review"
    assert any("nobody/heard-of-it" in finding["reason"] for finding in row.result["findings"])


def test_ancestor_in_the_catalogue_is_inferred() -> None:
    row = evaluated(registered("acme/model", "mit", "meta-llama/Llama-3.3-70B-Instruct"))

    assert "llama-3.3" in row.result["effective_licenses"]


def test_several_licences_at_once_all_apply() -> None:
    row = evaluated(registered("acme/model", "mit AND llama-3.3"))

    assert row.result["effective_licenses"] == ["llama-3.3", "mit"]


def test_newest_version_of_an_ancestor_stands_for_it() -> None:
    model = factories.registered_model(publisher="acme", name="base")
    factories.resolve(factories.draft_version(registered_model=model), license_id="llama-2")
    factories.resolve(factories.draft_version(registered_model=model), license_id="apache-2.0")

    assert evaluated(registered("acme/model", "mit", "acme/base")).result["effective_licenses"] == [
        "apache-2.0",
        "mit",
    ]


def test_circle_of_ancestors_ends() -> None:
    registered("acme/one", "mit", "acme/two")

    row = evaluated(registered("acme/two", "mit", "acme/one"))

    assert row.verdict == "needs_review"
    assert any(finding["condition"] == "lineage_cycle" for finding in row.result["findings"])


def test_evaluation_refusals() -> None:
    with pytest.raises(evaluate.NotResolved):
        evaluated(factories.draft_version())
    with pytest.raises(InvalidInput):
        evaluate.evaluate_version(
            version=factories.resolved_version(),
            environment=factories.environment(),
            purpose="Not A Name",
            actor=factories.actor(Role.OFFICER),
            now=NOW,
        )
    with pytest.raises(Forbidden):
        evaluate.evaluate_version(
            version=factories.resolved_version(),
            environment=factories.environment(),
            purpose="assistant",
            actor=factories.actor(Role.AUDITOR),
            now=NOW,
        )
    with pytest.raises(evaluate.FactsOutdated):
        evaluated(factories.resolved_version(), role="a word of last year")
    assert decisions.count() == 0
    assert not models.Evaluation.objects.exists()


def test_question_about_a_registered_model_uses_what_was_concluded() -> None:
    version = registered("acme/model", "llama-2", "acme/base")
    registered("acme/base", "mit")
    question = {"model": "acme/model", "declared_metadata": {"license": "apache-2.0"}, "use": USE}

    found = evaluation.answer_with_registry(question, today=NOW.date())
    overridden = evaluation.answer_with_registry({**question, "licenses": ["mit"]}, today=NOW.date())
    other = evaluation.answer_with_registry({**question, "revision": "0" * 40}, today=NOW.date())

    assert version.pk
    assert found["effective_licenses"] == ["llama-2", "mit"]
    assert overridden["effective_licenses"] == ["mit"]
    assert other["effective_licenses"] == ["apache-2.0"]


# -- the command ----------------------------------------------------------------------------------------------------


def run(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("evaluate_license", *arguments, stdout=out, **options)
    return out.getvalue()


def test_command_answers_a_file_in_json_and_in_words(tmp_path: Path) -> None:
    file = tmp_path / "question.json"
    file.write_text(
        json.dumps({"model": "acme/x", "declared_metadata": {"license": "apache-2.0"}, "use": USE})
    )

    answer = json.loads(run(str(file), "--json"))

    assert (answer["verdict"], answer["effective_licenses"]) == ("allowed", ["apache-2.0"])
    assert "Verdict: allowed" in run(str(file))


def test_command_reads_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(b'{"licenses": ["llama-3.3"]}')

    monkeypatch.setattr("sys.stdin", Input)

    assert json.loads(run("-", "--json"))["effective_licenses"] == ["llama-3.3"]


@pytest.mark.parametrize(
    "content", [b"", b"[]", b"{", b'{"modl": 1}', b'{"model": 1}', b"\xff", b'{"a":1,"a":2}']
)
def test_command_refuses_what_is_no_question(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "question.json"
    file.write_bytes(content)

    with pytest.raises(CommandError) as caught:
        run(str(file), "--json")

    assert caught.value.returncode == 2


def test_command_says_so_where_the_file_is_missing() -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        run("/nowhere/question.json")


def test_command_goes_on_without_a_database(tmp_path: Path) -> None:
    file, err = tmp_path / "question.json", io.StringIO()
    file.write_text('{"licenses": ["mit"], "use": {}}')

    with patch.object(evaluation, "answer_with_registry", side_effect=OperationalError("refused")):
        answer = json.loads(run(str(file), "--json", stderr=err))

    assert answer["effective_licenses"] == ["mit"]
    assert "catalogue that ships alone" in err.getvalue()
