"""To which uses and organisations a term applies at all. Pure.

Every condition and every obligation may have a table `applies`; all that it names must hold, each three-valued.
A term whose gate does not hold is met; one whose gate is unknown is at most unknown.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from governance.fields import Fields
from registry.licensing import situation
from registry.licensing.facts import EntityType, Hosting, Purpose, Role, Stage
from registry.licensing.logic import NO, YES, Truth, both, either, negate
from registry.licensing.names import matches
from registry.licensing.situation import Situation, member
from registry.licensing.terms import Relation


class Business(StrEnum):
    """A line of business that some licenses single out."""

    MODEL_AS_A_SERVICE = "model_as_a_service"
    AI_ASSISTANT = "ai_assistant"


@dataclass(frozen=True)
class Gate:
    """Who and what a term is about; an empty field does not restrict."""

    commercial: bool | None = None
    multimodal: bool | None = None
    distribution: bool | None = None
    derivative: bool | None = None
    not_roles: tuple[str, ...] = ()
    hosting: tuple[str, ...] = ()
    purposes: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    entity_types: tuple[str, ...] = ()
    operates: tuple[str, ...] = ()
    relations: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    multimodal_models: tuple[str, ...] = ()
    text_models: tuple[str, ...] = ()

    @classmethod
    def parse(cls, fields: Fields) -> "Gate":
        """Read the table."""
        gate = cls(
            commercial=fields.flag_or_none("commercial"),
            multimodal=fields.flag_or_none("multimodal"),
            distribution=fields.flag_or_none("distribution"),
            derivative=fields.flag_or_none("derivative"),
            not_roles=_members(fields, "not_roles", Role),
            hosting=_members(fields, "hosting", Hosting),
            purposes=_members(fields, "purposes", Purpose),
            stages=_members(fields, "stages", Stage),
            entity_types=_members(fields, "entity_types", EntityType),
            operates=_members(fields, "operates", Business),
            relations=_members(fields, "relations", Relation),
            models=fields.texts("models"),
            multimodal_models=fields.texts("multimodal_models"),
            text_models=fields.texts("text_models"),
        )
        fields.done()
        if gate.multimodal is None and (gate.multimodal_models or gate.text_models):
            raise fields.fail("multimodal", "is required beside lists of multimodal or text models")
        return gate

    def holds(self, at: Situation) -> Truth:
        """Whether the term is about this situation."""
        return both(*self._terms(at)) if self != _OPEN else YES

    def facts(self, at: Situation) -> dict[str, Any]:
        """Return the facts that the gate looks at."""
        passed = self.not_roles or self.purposes  # a role or purpose that is exempt passes nothing on
        looked = {
            "use.commercial": (self.commercial is not None, at.use.commercial),
            "use.role": (self.not_roles, at.use.role),
            "use.hosting": (self.hosting or self.operates or passed, at.use.hosting),
            "use.purpose": (self.purposes, at.use.purpose),
            "use.environment": (self.stages, at.use.environment),
            "use.distribute_weights": (
                self.distribution is not None or passed,
                at.use.distribute_weights,
            ),
            "use.distribute_derivative": (
                self.distribution is not None or passed,
                at.use.distribute_derivative,
            ),
            "org.entity_type": (self.entity_types, at.org.entity_type),
            "org.operates_maas": (Business.MODEL_AS_A_SERVICE in self.operates, at.org.operates_maas),
            "org.operates_ai_assistant": (
                Business.AI_ASSISTANT in self.operates,
                at.org.operates_ai_assistant,
            ),
            "derivative.multimodal": (self.multimodal is not None, at.plan.multimodal),
            "derivative.relation": (self.relations, at.plan.relation),
        }
        return {name: value for name, (asked, value) in looked.items() if asked and value is not None}

    def _terms(self, at: Situation) -> Iterable[Truth]:
        """Return the restrictions that the gate names, as truths."""
        if at.use.role in self.not_roles:
            yield passes_on(at)
        yield from self._choices(at)
        if self.models:
            yield Truth(any(matches(model, self.models) for model in at.models))
        if self.relations:
            yield Truth(self._made_so(at))
        if self.operates:
            yield operates(at, self.operates)
        if self.derivative is not None:
            yield Truth(is_derived(at) is self.derivative)
        if self.commercial is not None:
            yield _is(Truth.of(at.use.commercial, "use.commercial"), wanted=self.commercial)
        if self.distribution is not None:
            yield _is(distributes(at), wanted=self.distribution)
        if self.multimodal is not None:
            yield _is(self._multimodal(at), wanted=self.multimodal)

    def _choices(self, at: Situation) -> Iterable[Truth]:
        choices = (
            (at.use.hosting, self.hosting, "use.hosting"),
            (at.use.environment, self.stages, "use.environment"),
            (at.org.entity_type, self.entity_types, "org.entity_type"),
        )
        for value, wanted, fact in choices:
            if wanted:
                yield Truth.of(None if value is None else value in wanted, fact)
        if self.purposes:
            yield self._purposed(at)

    def _purposed(self, at: Situation) -> Truth:
        """Whether the purpose is one of those; no use is internal that lets others have the model."""
        purpose = at.use.purpose
        if purpose is Purpose.INTERNAL and purpose not in self.purposes:
            return passes_on(at, plans=False)
        return Truth.of(None if purpose is None else purpose in self.purposes, "use.purpose")

    def _made_so(self, at: Situation) -> bool:
        """Whether a derivative is planned in one of these ways; a finished one carries the license, so that it was."""
        if at.plan.is_planned:
            return (at.plan.relation or Relation.FINETUNE) in self.relations
        return at.derived

    def _multimodal(self, at: Situation) -> Truth:
        """Return whether a model that carries the license is multimodal: by the lists, else by the facts."""
        kinds = [self._kind(model, at) for model in at.models]
        return either(*kinds) if kinds else Truth.of(at.plan.multimodal, "derivative.multimodal")

    def _kind(self, model: str, at: Situation) -> Truth:
        if matches(model, self.multimodal_models):
            return YES
        if matches(model, self.text_models):
            return NO
        return Truth.of(at.plan.multimodal, "derivative.multimodal")


_OPEN = Gate()


def distributes(at: Situation) -> Truth:
    """Return whether weights of the model or of a derivative are given to others."""
    return either(
        Truth.of(at.use.distribute_weights, "use.distribute_weights"),
        Truth.of(at.use.distribute_derivative, "use.distribute_derivative"),
    )


def passes_on(at: Situation, *, plans: bool = True) -> Truth:
    """Whether the model, or one made from it, goes on to others, or (`plans`) another is made: no end user does that."""
    return either(
        Truth(plans and at.plan.is_planned),
        distributes(at),
        Truth.of(situation.hosts(at.use), "use.hosting"),
    )


def is_derived(at: Situation) -> bool:
    """Whether the license came from another model than the one in use, or another is planned from it."""
    return at.plan.is_planned or at.derived


def operates(at: Situation, businesses: Iterable[str]) -> Truth:
    """Return whether the organisation, or an affiliate, runs one of these businesses."""
    facts = {
        Business.MODEL_AS_A_SERVICE: either(
            Truth.of(at.org.operates_maas, "org.operates_maas"), _serves_models(at)
        ),
        Business.AI_ASSISTANT: Truth.of(at.org.operates_ai_assistant, "org.operates_ai_assistant"),
    }
    return either(*(facts[Business(business)] for business in businesses))


def _serves_models(at: Situation) -> Truth:
    """Return whether this very model is offered as a service, whatever the organisation says of its business."""
    hosting = at.use.hosting
    offered = hosting in (Hosting.PUBLIC_API, Hosting.SHARED_INSTANCES)
    return Truth.of(None if hosting is None else offered, "use.hosting")


def _is(term: Truth, *, wanted: bool) -> Truth:
    return term if wanted else negate(term)


def _members(fields: Fields, key: str, kind: type[StrEnum]) -> tuple[str, ...]:
    return tuple(member(fields, key, kind, name) for name in fields.texts(key))
