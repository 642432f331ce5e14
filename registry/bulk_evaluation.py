"""The licence verdicts of many versions at once, with as many queries as for one; writes nothing."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from registry import evaluation
from registry.evaluation import Asking, Judgement, Registered
from registry.licensing.catalog import Catalog
from registry.licensing.facts import InvalidFacts
from registry.models import ModelVersion, OrganizationProfile, ServingEnvironment


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why no verdict could be found; never a permission."""

    code: str
    message: str


class Memory:
    """What the registry knows of models, read once for all questions."""

    def __init__(self) -> None:
        self._models: dict[str, Registered | None] = {}

    def __call__(self, names: Iterable[str]) -> Mapping[str, Registered]:
        """What is known of those of the models that are registered."""
        wanted = sorted(set(names))
        missing = [name for name in wanted if name not in self._models]
        if missing:
            self._models |= dict.fromkeys(missing) | evaluation.registered(missing, revisions={})
        return {name: model for name in wanted if (model := self._models[name]) is not None}

    def read_ahead(self, names: Iterable[str]) -> None:
        """Read these models and those behind them, a generation of all questions at a time."""
        waiting = set(names)
        for _ in range(evaluation.MAX_GENERATIONS):
            found = self(waiting)
            behind = {parent for model in found.values() for parent in evaluation.parents_of(model.entries)}
            waiting = behind - set(self._models)
            if not waiting:
                return


def judge_many(
    questions: Sequence[tuple[ModelVersion, ServingEnvironment]],
    *,
    organization: OrganizationProfile | None,
    on: date,
    catalog: Catalog,
) -> list[Judgement | Failure]:
    """The answer to each question, in order, as `evaluation.judge` gives it one by one."""
    try:
        asking = Asking(organization=organization, on=on, catalog=catalog)
    except InvalidFacts as error:
        return [_failure(error)] * len(questions)
    written = evaluation.written([version.pk for version, _ in questions])
    own = {
        version.pk: evaluation.entries_of(str(version.registered_model), written[version.pk][1])
        for version, _ in questions
    }
    memory = Memory()
    memory.read_ahead(parent for entries in own.values() for parent in evaluation.parents_of(entries))
    answers: list[Judgement | Failure] = []
    for version, environment in questions:
        model = str(version.registered_model)
        known, entries = {model: written[version.pk][0]}, list(own[version.pk])
        evaluation.follow(
            evaluation.parents_of(entries) - set(known), known=known, entries=entries, look_up=memory
        )
        try:
            answers.append(asking.judge(version, environment, known=known, entries=entries))
        except Exception as error:  # noqa: BLE001 - one question that breaks must not hide the others
            answers.append(_failure(error))
    return answers


def _failure(error: Exception) -> Failure:
    code = str(getattr(error, "code", "evaluation_failed"))
    return Failure(code[:64], f"{type(error).__name__}: {str(error)[:500]}")
