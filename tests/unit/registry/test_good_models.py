"""No check finds anything grave in a good model: where one does, it is a false alarm."""

import functools
import hashlib
from pathlib import Path

import pytest

from registry.formats.roles import role_of
from registry.lifecycle import Outcome
from registry.verification.examination import BaseCopy, Question, examine
from registry.verification.outcomes import MINOR, CheckOutcome
from registry.verification.subject import Ancestor, Expected, LicenseClaim
from tests import folders
from tests.good_models import MODELS

CLAIMS = (LicenseClaim("declared", "mit", "README.md"), LicenseClaim("discovered", "mit", "LICENSE"))


# What each was made from, and how: models that are registered, too.
MADE_FROM = {
    "lora": ("acme/Llama-Tiny-Instruct", "adapter", "llama-sharded"),
    "gptq": ("acme/Llama-Tiny-Instruct", "quantized", "llama-sharded"),
    "fp8": ("acme/Llama-Tiny-Instruct", "quantized", "llama-sharded"),
    "awq": ("acme/Qwen-Tiny-Instruct", "quantized", "qwen2-tied"),
}


def listed(files: dict[str, bytes]) -> dict[str, Expected]:
    return {
        path: Expected(path, len(data), hashlib.sha256(data).hexdigest(), role_of(path))
        for path, data in files.items()
    }


def examined(folder: Path, name: str) -> tuple[CheckOutcome, ...]:
    folders.write(folder / "model", files_of(name))
    bases = []
    if name in MADE_FROM:
        model, relation, base = MADE_FROM[name]
        folders.write(folder / "base", files_of(base))
        bases = [BaseCopy(model, relation, str(folder / "base"), listed(files_of(base)), is_verified=True)]
    question = Question(
        source_kind="folder",
        revision=None,
        expected=listed(files_of(name)),
        licenses=CLAIMS,
        model="acme/model",
        examined_on="2026-11-22T12:00:00Z",
        lineage=tuple(Ancestor(base.model, base.relation) for base in bases),
        bases=tuple(bases),
    )
    return examine(folder / "model", question, progress=lambda _: None).outcomes


@functools.cache
def files_of(name: str) -> dict[str, bytes]:
    return MODELS[name]()


@pytest.mark.parametrize("name", MODELS)
def test_a_good_model_raises_no_alarm(name: str, tmp_path: Path) -> None:
    outcomes = examined(tmp_path, name)

    alarms = [
        f"{item.check_id} {item.finding.outcome} {item.severity} {item.finding.path}: {item.finding.message}"
        for item in outcomes
        if item.finding.outcome is Outcome.ERROR
        or (item.finding.outcome is Outcome.FAIL and item.severity not in MINOR)
    ]
    assert alarms == []


@pytest.mark.parametrize("name", MADE_FROM)
def test_what_it_was_made_from_is_held_against_it(name: str, tmp_path: Path) -> None:
    found = [item.finding for item in examined(tmp_path, name) if item.check_id == "C18-lineage"]

    assert [finding.outcome for finding in found] == [Outcome.PASS]
    assert MADE_FROM[name][0] in found[0].message


@pytest.mark.parametrize("name", sorted(set(MODELS) - {"gguf", "gguf-split", "ollama"}))
def test_the_tensors_of_a_good_model_are_all_known(name: str, tmp_path: Path) -> None:
    found = [item.finding for item in examined(tmp_path, name) if item.check_id == "C9-architecture"]

    assert Outcome.PASS in {finding.outcome for finding in found}, [finding.message for finding in found]
