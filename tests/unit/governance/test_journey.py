from collections.abc import Callable
from typing import Any, cast

import pytest

from governance.demonstration.journey import Journey


class Listing:
    """A desk that knows some versions, newest first."""

    def __init__(self, *statuses: str) -> None:
        self.rows = [{"status": status, "location": "/models/m"} for status in statuses]

    def first(self, _path: str, matching: Callable[[Any], bool]) -> Any:
        return next(filter(matching, self.rows), None)


@pytest.mark.parametrize(
    ("statuses", "found"),
    [
        ([], None),
        (["resolved"], "resolved"),
        (["revoked", "resolved"], "resolved"),
        (["revoked"], None),
        (["draft"], None),  # registered again, so that a resolution that failed is tried once more
        (["draft", "quarantined"], "quarantined"),
    ],
)
def test_the_journey_goes_on_with_a_version_whose_files_are_known(
    statuses: list[str], found: str | None
) -> None:
    nothing = cast("Any", None)
    journey = Journey(
        supervisor=nothing,
        paths=nothing,
        base_url="",
        credentials={},
        console=nothing,
        source="folder:///models/m",
        name="acme/m",
        engine_python=None,
    )
    journey.officer = cast("Any", Listing(*statuses))

    version = journey._registered()

    assert (version and version["status"]) == found
