"""`manage.py evaluate_license`: one question or many, moved facts, a matrix of environments, and exit codes."""

import io
import json
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from registry import evaluation
from tests import factories
from tests.reviewing import USE

pytestmark = pytest.mark.django_db
ORG = {
    "principal_place_of_business": "US",
    "entity_type": "company",
    "mau_by_month": {"2025-03": {"all_products_incl_affiliates": 1000}},
}
SURE = {**USE, "public_statements_about_derivative": False}
MANY = '{"org": {"mau_by_month": {"2025-03": {"all_products_incl_affiliates": 700000001}}}}'
LLAMA = {"licenses": ["llama-4"], "org": ORG, "use": SURE}
FREE = {"licenses": ["mit"], "org": ORG, "use": SURE}


def run(*arguments: str, **options: Any) -> str:
    out = io.StringIO()
    call_command("evaluate_license", *arguments, stdout=out, **options)
    return out.getvalue()


def exit_code(*arguments: str) -> tuple[int, str]:
    with pytest.raises(CommandError) as caught:
        run(*arguments)
    return caught.value.returncode, str(caught.value)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "questions.json"
    found.write_text(json.dumps(LLAMA))
    return found


def test_list_is_answered_with_a_list_and_lines_with_lines(file: Path) -> None:
    file.write_text(json.dumps([LLAMA, FREE]))
    listed = json.loads(run(str(file), "--json"))
    file.write_text(json.dumps(LLAMA) + "\n" + json.dumps(FREE) + "\n")
    lines = [json.loads(line) for line in run(str(file), "--json").splitlines()]

    assert [item["verdict"] for item in listed] == ["allowed_with_obligations", "allowed"]
    assert lines == listed


def test_moved_facts_stand_beside_the_answer(file: Path) -> None:
    found = json.loads(run(str(file), "--json", "--what-if", MANY))
    words = run(str(file), "--what-if", MANY)

    assert found["verdict"] == "allowed_with_obligations"
    assert found["what_if"]["answer"]["verdict"] == "needs_licence"
    assert "Verdict: allowed_with_obligations" in words
    assert "What if: needs_licence (worse)" in words
    assert "more than 700,000,000 monthly active users" in words


def test_one_question_that_is_not_understood_refuses_all_and_is_placed(file: Path) -> None:
    file.write_text(json.dumps([FREE, {**FREE, "use": {"hosting": "moon"}}]))

    code, message = exit_code(str(file), "--json")

    assert code == 2
    assert "[1]: use.hosting" in message


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("--what-if", '{"org": {"mau": 1}}'), 2, "org.mau"),
        (("--what-if", '{"org": {"founded_on": "2999-01-01"}}'), 2, "org.founded_on"),
        (("--what-if", "{"), 2, "--what-if"),
        (("--what-if", "3"), 2, "must be an object"),
        (("--no-such-option",), 3, "usage"),
        (("--what-if",), 3, "usage"),
        (("--model", "acme/x"), 3, "usage"),
        (("--environments", "--no-registry"), 3, "usage"),
    ],
)
def test_exit_codes(file: Path, arguments: tuple[str, ...], code: int, words: str) -> None:
    found, message = exit_code(str(file), *arguments)

    assert found == code
    assert words in message


def test_a_file_that_cannot_be_read_is_a_wrong_call() -> None:
    assert exit_code("/nowhere/question.json")[0] == 3


def test_without_the_registry_nothing_of_it_is_used(file: Path) -> None:
    factories.resolved_version(
        registered_model=factories.registered_model(publisher="acme", name="m"), license_id="llama-2"
    )
    file.write_text(json.dumps({"model": "acme/m", "org": ORG, "use": SURE}))

    with patch.object(evaluation, "answer_with_registry", side_effect=AssertionError):
        alone = json.loads(run(str(file), "--json", "--no-registry"))

    assert alone["effective_licenses"] == ["unknown"]
    assert json.loads(run(str(file), "--json"))["effective_licenses"] == ["llama-2"]


def test_without_a_database_moves_are_answered_too(file: Path) -> None:
    err = io.StringIO()

    with patch.object(evaluation, "answer_with_registry", side_effect=OperationalError("refused")):
        found = json.loads(run(str(file), "--json", "--what-if", MANY, stderr=err))

    assert found["what_if"]["effect"] == "worse"
    assert "catalogue" in err.getvalue()


def test_model_by_name() -> None:
    factories.resolved_version(registered_model=factories.registered_model(publisher="acme", name="m"))

    assert json.loads(run("--model", "acme/m", "--json"))["effective_licenses"] == ["apache-2.0"]


@pytest.fixture
def registered() -> str:
    factories.organization(facts=ORG)
    factories.environment(name="internal", use=SURE)
    factories.environment(name="product", use={**SURE, "hosting": "public_api"})
    factories.environment(name="unsaid", use={"role": "licensee"})
    factories.resolved_version(
        registered_model=factories.registered_model(publisher="acme", name="m"), license_id="llama-4"
    )
    return "acme/m"


def test_matrix_of_environments(registered: str) -> None:
    words = run("--model", registered, "--environments")
    found = json.loads(run("--model", registered, "--environments", "internal", "product", "--json"))

    assert [line.split() for line in words.splitlines()[2:6]] == [
        ["Environment", "Verdict", "now"],
        ["internal", "allowed_with_obligations"],
        ["product", "allowed_with_obligations"],
        ["unsaid", "needs_review"],
    ]
    assert "missing fact: use.use_case_tags" in words
    assert [cell["environment"] for cell in found["cells"]] == ["internal", "product"]


def test_matrix_with_facts_moved(registered: str) -> None:
    words = run("--model", registered, "--what-if", MANY, "--environments", "internal")

    assert "needs_licence (worse)" in words
    assert "more than 700,000,000 monthly active users" in words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "acme/nothing", "--environments"), "no resolved version of acme/nothing"),
        (("--model", "acme/m@" + "0" * 40, "--environments"), "no resolved version"),
        (("--model", "acme/m", "--environments", "nowhere"), "nowhere"),
    ],
)
def test_matrix_refusals(registered: str, arguments: tuple[str, ...], words: str) -> None:
    code, message = exit_code(*arguments)

    assert code == 2
    assert words in message


def test_matrix_of_a_question_with_facts_of_its_own_is_refused(registered: str, file: Path) -> None:
    file.write_text(json.dumps({"model": registered, "org": ORG}))

    assert exit_code(str(file), "--environments") == (
        2,
        "invalid_input: org: a registered model is asked about by model and revision alone",
    )
