"""Whatever a source answers, it is a listing, facts that can be stored, or one of the refusals that are documented."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from registry.observed import from_json
from registry.sources import base, s3_listing
from registry.sources.hub import HubSource
from registry.sources.hub_api import HubApi
from registry.sources.ollama import OllamaSource
from registry.sources.places import Places
from tests import ollama

COMMIT = "1" * 40
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(COMMIT),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def objects(*names: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=dict.fromkeys(names, VALUES))


ENTRIES = st.lists(
    objects("type", "path", "size", "oid", "lfs", "xetHash", "securityFileStatus")
    | st.fixed_dictionaries(
        {"type": st.just("file"), "path": st.text(max_size=12), "size": VALUES, "oid": st.just(COMMIT)},
        optional={"lfs": objects("oid", "size"), "securityFileStatus": objects("status", "avScan")},
    ),
    max_size=4,
)


class SaysAnything(HubApi):
    """A Hub whose answers are well-formed, and otherwise anything."""

    def __init__(self, told: Mapping[str, Any]) -> None:
        super().__init__("acme/model", endpoint="http://127.0.0.1:9", token="")
        self.told = told

    def info(self, revision: str | None = None, **wanted: bool) -> Mapping[str, Any]:
        found: Mapping[str, Any] = {"sha": COMMIT} | self.told["info"]
        return found

    def tree(self, revision: str, *, expand: bool = False) -> Iterator[Mapping[str, Any]]:
        return iter(self.told["tree"])

    def commits(self, revision: str) -> Iterator[Mapping[str, Any]]:
        return iter(self.told["commits"])

    def refs(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.told["refs"]
        return found


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.fixed_dictionaries(
        {
            "info": objects(
                *("id", "siblings", "gated", "private", "disabled", "cardData", "tags", "lastModified"),
                "securityRepoStatus",
            ),
            "tree": ENTRIES,
            "commits": st.lists(objects("id", "title", "date", "authors"), max_size=3),
            "refs": st.fixed_dictionaries(
                {},
                optional={"branches": st.lists(objects("ref", "targetCommit"), max_size=3), "tags": VALUES},
            ),
        }
    )
)
def test_a_hub_may_say_anything(told: Mapping[str, Any]) -> None:
    source = HubSource("acme/model", api=SaysAnything(told), revision="main", commit=COMMIT)

    facts = source.observe()
    assert facts.commit == COMMIT
    assert from_json(json.loads(json.dumps(facts.to_json()))).digest == facts.digest
    try:
        source.pin("main")
        files = source.list_files()
    except base.FAILURES:
        return
    assert all(file.size is None or file.size >= 0 for file in files)
    assert {file.claim_kind for file in files} <= {"", "sha256", "git-oid"}


@given(
    st.binary(max_size=300)
    | st.text(max_size=100).map(
        lambda text: f"<ListBucketResult>{text}</ListBucketResult>".encode("utf-8", "replace")
    )
)
def test_a_store_may_send_any_bytes(body: bytes) -> None:
    try:
        page = s3_listing.read(body)
    except s3_listing.BadListing:
        return
    assert page.objects == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.binary(max_size=200)
    | st.builds(lambda value: json.dumps(value).encode(), objects("schemaVersion", "layers", "config"))
)
def test_a_manifest_may_be_any_bytes(tmp_path: Path, content: bytes) -> None:
    ollama.write_manifest(tmp_path, content)
    source = OllamaSource(str(tmp_path), model="llama3.2:1b", places=Places())

    with pytest.raises(base.FAILURES):
        source.list_files()
