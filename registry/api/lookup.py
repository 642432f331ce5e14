"""Finds what a request body names."""

from governance.errors import InvalidInput
from registry.models import ServingEnvironment


class UnknownEnvironment(InvalidInput):
    """No environment has this name."""

    code = "unknown_environment"


def environment_named(name: str) -> ServingEnvironment:
    """The environment; raises `UnknownEnvironment`."""
    row = ServingEnvironment.objects.filter(name=name).first()
    if row is None:
        raise UnknownEnvironment(f"There is no environment {name!r}; define it first.", field="environment")
    return row
