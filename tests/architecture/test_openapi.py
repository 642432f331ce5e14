"""The committed OpenAPI document is what the code serves."""

import json
from io import StringIO
from pathlib import Path

from django.core.management import call_command

DOCUMENT = Path(__file__).parents[2] / "docs/openapi.json"


def test_committed_document_is_what_the_code_serves() -> None:
    out = StringIO()

    call_command("spectacular", format="openapi-json", validate=True, fail_on_warn=True, stdout=out)

    assert json.loads(out.getvalue()) == json.loads(DOCUMENT.read_text()), "run `make schema`"


def test_every_operation_names_its_problem_answer() -> None:
    document = json.loads(DOCUMENT.read_text())

    operations = [operation for path in document["paths"].values() for operation in path.values()]

    assert operations
    assert all("application/problem+json" in str(operation["responses"]) for operation in operations)
