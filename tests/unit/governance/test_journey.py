from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from django.urls import resolve

from governance.demonstration import product
from governance.demonstration.console import Console
from governance.demonstration.desk import Json
from governance.demonstration.journey import Journey


class Listing:
    """A desk that knows some versions, newest first."""

    def __init__(self, *statuses: str) -> None:
        self.rows = [{"status": status, "location": "/models/m"} for status in statuses]

    def first(self, _path: str, matching: Callable[[Any], bool]) -> Any:
        return next(filter(matching, self.rows), None)


def a_journey() -> Journey:
    nothing = cast("Any", None)
    return Journey(
        supervisor=nothing,
        paths=nothing,
        base_url="",
        credentials={},
        console=nothing,
        source="folder:///models/m",
        name="acme/m",
        engine_python=None,
    )


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
    journey = a_journey()
    journey.officer = cast("Any", Listing(*statuses))

    version = journey._registered()

    assert (version and version["status"]) == found


def test_missing_evidence_gets_no_tick_and_its_code(capsys: pytest.CaptureFixture[str]) -> None:
    journey = a_journey()
    run = {"outcome": "error", "code": "engine_not_installed", "message": "There is no vLLM.\nTraceback"}

    with Console().step("smoke inference") as step:
        journey._conclude(step, "smoke inference", run, found="0 answers")

    last = capsys.readouterr().out.splitlines()[-1]
    assert last.startswith("  ! smoke inference")
    assert "error engine_not_installed: There is no vLLM." in last
    assert journey.missing == ["smoke inference: error engine_not_installed: There is no vLLM."]


class Smoking:
    """A desk whose version has these smoke runs, the newest last; asking for another adds a passing one."""

    def __init__(self, *outcomes: str) -> None:
        self.outcomes = list(outcomes)
        self.asked: list[str] = []

    def get(self, path: str) -> Json:
        if path.startswith("smoke-runs/"):
            place = int(path.rpartition("/")[2])
            return {"state": "finished", "outcome": self.outcomes[place], "code": "engine_failed"}
        runs = [{"kind": "smoke", "id": place, "state": "finished"} for place in range(len(self.outcomes))]
        return {"runs": runs[::-1]}

    def post(self, path: str) -> Json:
        self.asked.append(path)
        self.outcomes.append("pass")
        return {}


@pytest.mark.parametrize(
    ("outcome", "has_engine", "asked"),
    [("error", True, 1), ("error", False, 0), ("fail", True, 0), ("pass", True, 0)],
)
def test_a_smoke_test_that_could_not_be_carried_out_is_tried_again(
    outcome: str, has_engine: bool, asked: int
) -> None:
    journey = a_journey()
    journey.engine_python = Path("python") if has_engine else None
    journey.version_id = 1
    desk = Smoking(outcome)
    journey.officer = cast("Any", desk)

    with Console().step("smoke inference") as step:
        run = journey._smoke(step)

    assert len(desk.asked) == asked
    assert run["outcome"] == ("pass" if asked else outcome)


@pytest.mark.parametrize("kind", ["registry_modelversion", "audit_servedrequest"])
def test_the_addresses_it_ends_with_are_pages(kind: str) -> None:
    """A path below a row that is no page would answer 404: it is taken for an action."""
    assert resolve(product.page_of(kind, 7)).url_name == f"{kind}_change"
