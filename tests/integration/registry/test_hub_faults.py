"""What a Hub can do wrong: each way ends in a code that stays, words that name it, and nothing that is adopted."""

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from governance.errors import GovernanceError
from registry.actions import gather
from registry.fetch import fetcher, placing, room
from registry.fetch.patience import Patience
from registry.fetch.store import Store
from registry.models import Artifact, VerificationRun
from registry.sources.connections import Limits
from registry.sources.hub import HubSource
from registry.sources.hub_api import HubApi
from tests import fetching, folders, intake
from tests import hub as hubs
from tests.hub import Hub

NAME = "acme/model"
WEIGHTS = "model.safetensors"
# Half a minute passes with each look at it, so that whoever lets us wait is found out at once.
HASTY: Callable[[], Callable[[], float]] = lambda: itertools.count(0.0, 30.0).__next__  # noqa: E731 - one a case


@dataclasses.dataclass(frozen=True)
class Case:
    """A fault, and what is said of it."""

    name: str
    arrange: Callable[[Hub], object]
    code: str
    words: str = NAME
    clock: Callable[[], float] | None = None


def fault(route: str, kind: str, **options: Any) -> Callable[[Hub], object]:
    return lambda hub: hub.fault(route, kind, **options)


def edited(route: str, change: Callable[[Any], Any]) -> Callable[[Hub], object]:
    return fault(route, "edited", change=change)


def listed(path: str, **changes: Any) -> Callable[[Hub], object]:
    """The tree as it is, but for one entry."""
    return edited("tree", lambda tree: [e | changes if e["path"] == path else e for e in tree])


def added(*paths: str) -> Callable[[Hub], object]:
    return lambda hub: hub.files.update(dict.fromkeys(paths, b"x"))


def endless_pages(hub: Hub) -> None:
    """A listing of a million files: a thousand on each page, and one more page always."""
    pages = itertools.count(1)

    def thousand(_: Any) -> list[Any]:
        number = next(pages)
        return [{"type": "file", "path": f"{number}/{i}", "size": 1, "oid": hubs.COMMIT} for i in range(1000)]

    hub.fault("tree", "edited", change=thousand)
    hub.fault("tree", "paged")


def gated(hub: Hub) -> None:
    hub.is_gated, hub.token = "manual", "hf_other"


def redirected_for_ever(hub: Hub) -> None:
    hub.fault("resolve", "redirected", to=f"{hub.endpoint}/{NAME}/resolve/{hubs.COMMIT}/config.json?again")
    hub.fault("resolve", "redirected", to=f"{hub.endpoint}/{NAME}/resolve/{hubs.COMMIT}/{WEIGHTS}")


DEEP = b"[" * 100_000
CASES = [
    # What is said of the repository.
    Case("it is away", fault("info", "status", status=503), "source_unavailable"),
    Case("it has too much to do", fault("info", "status", status=429, headers={"Retry-After": "86400"}), "source_unavailable"),
    Case("it fails inside", fault("any", "status", status=500), "source_unavailable", "500"),
    Case("it hangs up", fault("info", "hung_up"), "source_unavailable"),
    Case("it stalls", fault("info", "stalled"), "source_unavailable"),
    Case("it drips", fault("info", "dripping"), "source_unavailable", "only", clock=HASTY()),
    Case("it breaks off", fault("info", "truncated"), "source_unavailable"),
    Case("it says no JSON", fault("info", "body", body=b"<html>Please log in</html>"), "bad_answer", "not JSON"),
    Case("it nests JSON a mile deep", fault("info", "body", body=DEEP), "bad_answer", "not JSON"),
    Case("it says something else", fault("info", "body", body=b"[1]"), "bad_answer", "nothing usable"),
    Case("it says without end", fault("info", "endless"), "bad_answer", "bytes"),
    Case("it sends a gzip bomb", fault("info", "gzip_bomb"), "bad_answer", "packed"),
    Case("it names no commit", edited("info", lambda info: info | {"sha": "main"}), "revision_not_found", "which commit"),
    Case("it names another repository", edited("info", lambda info: info | {"id": "evil/model"}), "repository_renamed", "evil/model"),
    Case("it leads inside", fault("info", "redirected", to="http://169.254.169.254/latest"), "address_refused", "169.254"),
    Case("it wants to know us", fault("info", "status", status=401), "repository_not_found", "HF_TOKEN"),
    Case("it was disabled", lambda hub: setattr(hub, "is_disabled", True), "repository_disabled"),
    # What it lists.
    Case("a listing that is no list", fault("tree", "body", body=b'{"a": 1}'), "bad_answer", "no list"),
    Case("a listing of other things", fault("tree", "body", body=b'["a"]'), "bad_answer", "no list"),
    Case("a listing without end", fault("tree", "endless"), "bad_answer", "bytes"),
    Case("a listing that is packed", fault("tree", "gzip_bomb"), "bad_answer", "packed"),
    Case("a listing of a million files", endless_pages, "listing_too_long", "200 pages"),
    Case("a listing that turns in a circle", fault("tree", "headers", Link='</x?cursor=0>; rel="next"'), "bad_answer", "same page"),
    Case("a listing that is empty", edited("tree", lambda _: []), "unsafe_listing", "no files"),
    Case("names that escape", added("../../etc/cron.d/x"), "unsafe_listing", "cron.d"),
    Case("names that collide", added("Config.json"), "unsafe_listing", "one file"),
    Case("names that look alike", added("\u00e9", "e\u0301"), "unsafe_listing", "one file"),
    Case("a submodule", listed("config.json", type="submodule"), "unsafe_listing", "config.json"),
    Case("a size below nothing", listed("config.json", size=-1), "unsafe_listing", "config.json"),
    Case("a size beyond any disk", listed("config.json", size=1 << 62), "unsafe_listing", "config.json"),
    Case("a digest that is none", listed(WEIGHTS, lfs={"oid": "x", "size": 1}), "unsafe_listing", WEIGHTS),
    Case("a branch that moves", lambda hub: setattr(hub, "moves_after_listing", True), "revision_moved", "moved away"),
    # The files.
    Case("a file that breaks off", fault("resolve", "truncated", path=WEIGHTS), "source_unavailable", WEIGHTS),
    Case("a file of the same size with other content", fault("resolve", "corrupted", path=WEIGHTS), "download_corrupted", WEIGHTS),
    Case("a small one of the same size", fault("resolve", "corrupted", path="config.json"), "download_corrupted", "config.json"),
    Case("a file of another commit", fault("resolve", "headers", X_Repo_Commit=hubs.MOVED), "revision_moved", "222222222222"),
    Case("a file with another digest", fault("resolve", "headers", X_Linked_ETag='"' + "0" * 64 + '"', path=WEIGHTS), "download_corrupted", WEIGHTS),
    Case("a file that says it is longer", fault("resolve", "headers", Content_Length="999999", path=WEIGHTS), "download_corrupted", WEIGHTS),
    Case("a file that never ends", fault("resolve", "endless", path=WEIGHTS), "download_corrupted", WEIGHTS),
    Case("a file that is packed", fault("resolve", "gzip_bomb", path=WEIGHTS), "bad_answer", "packed"),
    Case("a file that is nowhere", fault("resolve", "status", status=404, headers={"X-Error-Code": "EntryNotFound"}), "download_corrupted", "does not have"),
    Case("a file for others only", gated, "gated_repository", "HF_TOKEN"),
    Case("an endless redirect", redirected_for_ever, "bad_answer", "sends us"),
    Case("a redirect to the machine's own keys", fault("resolve", "redirected", to="http://169.254.169.254/latest"), "address_refused", "169.254"),
    Case("a redirect to a file", fault("resolve", "redirected", to="file:///etc/passwd"), "address_refused", "file"),
    Case("a file that stalls", fault("resolve", "stalled", path=WEIGHTS), "source_unavailable", WEIGHTS),
]  # fmt: skip


def bring(source: HubSource, store: Store, target: Path) -> None:
    """Pin, list, fetch and put into place, as the resolution does."""
    source.pin("main")
    with room.held(store) as hold:
        once = Patience(attempts=1, first_seconds=0.0)
        fetched = fetcher.fetch(source, source.list_files(), hold, progress=lambda _: None, patience=once)
        placing.place(hold, target, fetched)


@pytest.fixture
def hub() -> Iterator[Hub]:
    with hubs.running(NAME, folders.model_files()) as hub:
        yield hub


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_a_hub_does_wrong_is_named_and_nothing_is_adopted(hub: Hub, tmp_path: Path, case: Case) -> None:
    case.arrange(hub)
    limits = Limits(read_seconds=0.3) if "stalls" in case.name else None
    options = {"clock": case.clock} if case.clock else {}
    api = HubApi(NAME, endpoint=hub.endpoint, token="", limits=limits, **options)
    source = HubSource(NAME, api=api)
    store = Store(tmp_path / "store", keep_free_bytes=0)

    with pytest.raises(GovernanceError) as refused:
        bring(source, store, tmp_path / "placed")

    assert refused.value.code == case.code, refused.value.detail
    assert case.words in refused.value.detail
    assert "Traceback" not in refused.value.detail
    assert not (tmp_path / "placed").exists()
    content = {*hub.files.values()}
    assert all(
        path.read_bytes() in content for path in (tmp_path / "store" / "blobs").rglob("*") if path.is_file()
    )


def test_there_are_as_many_ways_as_there_should_be() -> None:
    assert len({case.name for case in CASES}) == len(CASES) >= 20


@pytest.mark.django_db
@pytest.mark.parametrize(
    "name",
    [
        "a file of the same size with other content",
        "a listing that turns in a circle",
        "a file of another commit",
        "it sends a gzip bomb",
        "an endless redirect",
    ],
)
def test_a_draft_stays_a_draft(
    hub: Hub, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(gather, "PATIENCE", fetching.AT_ONCE)
    settings.MODEL_STORE_KEEP_FREE_BYTES = 0
    settings.HF_ENDPOINT, settings.MODEL_STORE, settings.HF_TOKEN = hub.endpoint, tmp_path / "store", ""
    case = next(case for case in CASES if case.name == name)
    case.arrange(hub)
    version = intake.registered(Path(), source=f"hf://{NAME}", name=None)

    run = intake.resolve_open(version)

    version.refresh_from_db()
    assert (run.state, run.outcome, run.code) == ("finished", "fail", case.code)
    assert case.words in run.message
    assert (version.status, version.manifest_digest, version.revision) == ("draft", None, None)
    assert not Artifact.objects.exists()
    assert not VerificationRun.objects.exists()
    assert not (tmp_path / "store" / "hub").exists()

    hub.faults.clear()
    again = intake.registered(Path(), source=f"hf://{NAME}", name=None)
    assert intake.resolve_open(again).outcome == "pass"
    again.refresh_from_db()
    assert {
        path: (tmp_path / "store" / "hub" / NAME / hubs.COMMIT / path).read_bytes() for path in hub.files
    } == (hub.files)
    assert json.loads(json.dumps(again.observations.get().facts))["commit"] == hubs.COMMIT
