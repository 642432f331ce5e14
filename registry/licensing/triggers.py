"""Which obligations a use makes due; one that may be due is due. Pure."""

from registry.licensing import situation
from registry.licensing.facts import DerivativePlan, UseFacts
from registry.licensing.terms import Trigger


def is_due(trigger: Trigger, use: UseFacts, plan: DerivativePlan) -> bool:
    """Whether the obligation is due; an unknown fact makes it due."""
    hosts = situation.hosts(use) is not False
    makes = use.distribute_derivative is not False
    shares = use.distribute_weights is not False or makes
    return {
        Trigger.ANY_USE: True,
        Trigger.COMMERCIAL_USE: use.commercial is not False,
        Trigger.DISTRIBUTE: shares,
        Trigger.DISTRIBUTE_OR_HOST: shares or hosts,
        Trigger.DISTRIBUTE_DERIVATIVE: makes,
        Trigger.MAKE_DERIVATIVE_AVAILABLE: makes or (plan.is_planned and hosts),
        Trigger.PUBLIC_STATEMENT: use.public_statements_about_derivative is not False,
    }[trigger]
