import hashlib
from collections.abc import Iterator

import pytest

from registry.sources import base
from registry.sources.hub import HubSource
from registry.sources.hub_api import HubApi
from tests import folders
from tests import hub as hubs

NAME = "acme/model"
LATER = "3" * 40
ELSEWHERE = "4" * 40


@pytest.fixture
def hub() -> Iterator[hubs.Hub]:
    with hubs.running(NAME, folders.model_files()) as hub:
        yield hub


def source(hub: hubs.Hub, *, name: str = NAME, token: str = "", revision: str = "main") -> HubSource:
    found = HubSource(name, api=HubApi(name, endpoint=hub.endpoint, token=token))
    found.pin(revision)
    return found


def take(found: HubSource) -> dict[str, bytes]:
    """Every file, as it arrives."""
    arrived = {}
    for file in found.list_files():
        with found.open(file) as stream:
            arrived[file.path] = b"".join(stream.chunks)
    return arrived


@pytest.mark.parametrize("prefix", ["", hubs.PREFIX])
@pytest.mark.parametrize("with_cdn", [False, True])
def test_a_branch_is_pinned_listed_and_streamed(prefix: str, with_cdn: bool) -> None:
    with hubs.running(NAME, folders.model_files(), prefix=prefix, with_cdn=with_cdn) as hub:
        hub.token, hub.is_gated = "hf_right", "auto"
        found = source(hub, token="hf_right")

        assert found.commit == hubs.COMMIT
        assert take(found) == hub.files
        assert hub.tokens == {"hf_right"}
        assert hub.cdn_tokens == ({""} if with_cdn else set())
        assert all(
            line.split(" ", 1)[1].startswith(f"{prefix}/") for line in hub.requests if "/repos/" not in line
        )


def test_a_pinned_branch_says_when_its_commit_was_made(hub: hubs.Hub) -> None:
    found = HubSource(NAME, api=HubApi(NAME, endpoint=hub.endpoint, token=""))

    assert str(found.pin("main").committed_at) == "2024-06-30 12:00:00+00:00"

    hub.lacks.add("commits")
    assert found.pin("main") == base.PinnedRevision(commit=hubs.COMMIT, committed_at=None)


def test_large_files_are_claimed_by_content_and_small_ones_by_object_id(hub: hubs.Hub) -> None:
    files = {file.path: file for file in source(hub).list_files()}

    weights = files["model.safetensors"]
    assert (weights.claim_kind, weights.claimed_digest) == (
        "sha256",
        hashlib.sha256(hub.files["model.safetensors"]).hexdigest(),
    )
    assert (files["config.json"].claim_kind, files["config.json"].claimed_digest) == (
        "git-oid",
        hub.oid(hub.files["config.json"]),
    )


def test_the_object_id_of_a_pointer_is_no_claim_about_the_content(hub: hubs.Hub) -> None:
    def without_lfs(entries: list[dict[str, object]]) -> list[dict[str, object]]:
        return [entry | {"lfs": None, "xetHash": "x"} if "lfs" in entry else entry for entry in entries]

    hub.fault("tree", "edited", change=without_lfs)

    files = {file.path: file for file in source(hub).list_files()}

    assert (files["model.safetensors"].claim_kind, files["config.json"].claim_kind) == ("", "git-oid")


def test_a_listing_is_read_page_by_page(hub: hubs.Hub) -> None:
    hub.page_size = 2
    hub.files["sub/folder/more.json"] = b"{}"

    assert {file.path for file in source(hub).list_files()} == hub.files.keys()


def test_the_next_page_is_asked_at_the_configured_endpoint_only(hub: hubs.Hub) -> None:
    """Mirrors pass the Hub's own links on; a hostile one would learn the token."""
    hub.page_size, hub.token = 3, "hf_right"
    with hubs.running(NAME, {"evil.json": b"{}"}) as other:
        link = f'<{other.endpoint}/api/models/{NAME}/tree/{hubs.COMMIT}?cursor=3>; rel="next"'
        hub.fault("tree", "headers", times=1, Link=link)

        files = source(hub, token="hf_right").list_files()

    assert {file.path for file in files} == hub.files.keys()
    assert other.requests == []


def test_a_mirror_without_a_tree_lists_by_what_it_says_of_the_repository(hub: hubs.Hub) -> None:
    with_tree = source(hub).list_files()
    hub.lacks |= {"tree", "commits", "refs", "security", "extras"}

    assert source(hub).list_files() == with_tree


def test_a_rest_is_streamed_from_where_it_stopped(hub: hubs.Hub) -> None:
    found = source(hub)
    file = next(file for file in found.list_files() if file.path == "model.safetensors")
    with found.open(file) as stream:
        validator = stream.validator

    with found.open(file, offset=10, validator=validator) as stream:
        assert stream.offset == 10
        assert b"".join(stream.chunks) == hub.files["model.safetensors"][10:]
    with found.open(file, offset=10, validator='"another"') as stream:
        assert stream.offset == 0


def test_a_missing_repository_is_named(hub: hubs.Hub) -> None:
    with pytest.raises(base.RepositoryNotFound, match="acme/other"):
        source(hub, name="acme/other")


@pytest.mark.parametrize("revision", ["no-such-branch", "v9/next", "9" * 40])
def test_a_missing_revision_is_named(hub: hubs.Hub, revision: str) -> None:
    with pytest.raises(base.RevisionNotFound, match=revision):
        source(hub, revision=revision)


def test_branches_and_tags_with_slashes_are_asked_for_as_one_name(hub: hubs.Hub) -> None:
    hub.branches["release/v1"] = hubs.COMMIT
    hub.tags["v1"] = hubs.COMMIT

    assert source(hub, revision="release/v1").commit == source(hub, revision="v1").commit == hubs.COMMIT


def test_a_gated_repository_asks_for_a_token(hub: hubs.Hub) -> None:
    hub.is_gated, hub.token = True, "hf_right"

    with pytest.raises(base.GatedRepository, match="HF_TOKEN"):
        take(source(hub))

    assert take(source(hub, token="hf_right")) == hub.files


def test_a_private_repository_is_hidden_and_a_disabled_one_says_so(hub: hubs.Hub) -> None:
    hub.is_private, hub.token = True, "hf_right"
    with pytest.raises(base.RepositoryNotFound, match="HF_TOKEN"):
        source(hub)
    assert source(hub, token="hf_right").commit == hubs.COMMIT

    hub.is_private, hub.is_disabled = False, True
    with pytest.raises(base.RepositoryDisabled, match="disabled"):
        source(hub)


def test_a_former_name_is_refused_with_the_present_one(hub: hubs.Hub) -> None:
    hub.former.add("old/name")

    with pytest.raises(base.RepositoryRenamed, match="Register hf://acme/model"):
        source(hub, name="old/name")


def test_no_token_is_sent_that_was_not_configured(hub: hubs.Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_lies_around")
    found = source(hub)

    take(found)
    found.observe()

    assert hub.tokens == {""}


def test_a_branch_that_moves_meanwhile_is_refused(hub: hubs.Hub) -> None:
    hub.moves_after_listing = True

    with pytest.raises(base.RevisionMoved, match="moved away from 111111111111"):
        source(hub).list_files()


def test_a_commit_cannot_move(hub: hubs.Hub) -> None:
    hub.moves_after_listing = True

    assert len(source(hub, revision=hubs.COMMIT).list_files()) == len(hub.files)


@pytest.mark.parametrize(
    "path",
    ["../outside", "a\\b", "CONFIG.json", "a/../b", "/etc/passwd", "config.json/x", "a\x00b", "x" * 300],
)
def test_names_that_cannot_be_kept_are_refused(hub: hubs.Hub, path: str) -> None:
    hub.files[path] = b"x"

    with pytest.raises(base.UnsafeListing):
        source(hub).list_files()


def test_a_dead_endpoint_is_worth_another_try() -> None:
    api = HubApi(NAME, endpoint="http://127.0.0.1:9", token="")

    with pytest.raises(base.SourceUnavailable):
        HubSource(NAME, api=api).pin("main")


# What the Hub tells beside the files.


def observed(hub: hubs.Hub, *, revision: str = "main") -> HubSource:
    """A version that was pinned to the first commit some time ago."""
    api = HubApi(NAME, endpoint=hub.endpoint, token="")
    return HubSource(NAME, api=api, revision=revision, commit=hubs.COMMIT)


def test_everything_that_the_hub_tells_is_told(hub: hubs.Hub) -> None:
    hub.tags["v1"] = hubs.COMMIT
    hub.card = {"license": "other", "license_name": "acme-1", "license_link": "LICENSE"}
    hub.is_gated = "manual"
    hub.scans["model.safetensors"] = {
        "status": "unsafe",
        "avScan": {"status": "safe"},
        "pickleImportScan": {"status": "unsafe", "message": "os.system"},
    }

    facts = observed(hub).observe()

    assert (facts.endpoint, facts.repository) == (hub.endpoint, NAME)
    assert (facts.commit, facts.head, facts.has_pinned) == (hubs.COMMIT, hubs.COMMIT, True)
    assert (facts.commit_title, facts.authors, facts.committed_at) == (
        "a commit",
        ("acme",),
        "2024-06-30T12:00:00+00:00",
    )
    assert facts.refs == {"refs/heads/main": hubs.COMMIT, "refs/tags/v1": hubs.COMMIT}
    assert (facts.gated, facts.private, facts.disabled) == ("manual", False, False)
    assert (facts.license, facts.license_name, facts.license_link) == ("other", "acme-1", "LICENSE")
    assert facts.last_modified == hubs.COMMITTED_AT
    assert facts.scan_status == "unsafe"
    assert facts.scans is not None
    assert {scan.path: scan.status for scan in facts.scans}["config.json"] == "safe"
    assert next(scan for scan in facts.scans if scan.path == "model.safetensors").details == (
        "avScan: safe; pickleImportScan: unsafe (os.system)"
    )
    # The Hub's API does not say whether a commit is signed; and it has commits, so no listing is named.
    assert facts.not_told == ("commit_verified", "listing_digest")


def test_a_branch_that_went_on_still_has_the_pinned_commit(hub: hubs.Hub) -> None:
    hub.add_commit(LATER, {}, title="later")
    hub.branches["main"] = LATER
    hub.page_size = 1

    facts = observed(hub).observe()

    assert (facts.commit, facts.has_pinned, facts.commit_title) == (LATER, True, "a commit")


def test_a_history_that_was_rewritten_has_lost_the_pinned_commit(hub: hubs.Hub) -> None:
    hub.add_commit(ELSEWHERE, {}, parent=None)
    hub.add_commit(LATER, {}, parent=ELSEWHERE)
    hub.branches |= {"main": LATER, "old": hubs.COMMIT}

    facts = observed(hub).observe()

    assert (facts.commit, facts.has_pinned) == (LATER, False)
    assert observed(hub, revision="old").observe().head == LATER


def test_a_history_that_is_not_the_branch_s_decides_nothing(hub: hubs.Hub) -> None:
    hub.add_commit(LATER, {}, parent=None)
    hub.branches["main"] = LATER
    hub.fault("commits", "edited", change=lambda entries: entries[1:])

    assert observed(hub).observe().has_pinned is None


def test_a_history_that_is_too_long_decides_nothing(hub: hubs.Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.sources.hub_facts.MOST_COMMITS", 3)
    parent = hubs.COMMIT
    for number in range(50, 60):
        parent = hub.add_commit(str(number) * 20, {}, parent=parent).id
    hub.branches["main"] = parent

    assert observed(hub).observe().has_pinned is None


def test_more_branches_and_tags_than_are_kept_are_not_told(
    hub: hubs.Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("registry.sources.hub_facts.MOST_REFS", 2)
    hub.tags |= {f"v{number}": hubs.COMMIT for number in range(3)}

    # A list that is cut short would say of a tag that is there that it is gone.
    assert observed(hub).observe().refs is None


def test_a_new_name_is_told(hub: hubs.Hub) -> None:
    hub.former.add("old/name")
    api = HubApi("old/name", endpoint=hub.endpoint, token="")

    facts = HubSource("old/name", api=api, revision="main", commit=hubs.COMMIT).observe()

    assert facts.repository == NAME


def test_a_branch_or_repository_that_is_gone_is_said(hub: hubs.Hub) -> None:
    with pytest.raises(base.RevisionNotFound, match="gone"):
        observed(hub, revision="gone").observe()

    hub.repository = "acme/else"
    with pytest.raises(base.RepositoryNotFound):
        observed(hub).observe()


def test_what_a_mirror_cannot_tell_is_not_told(hub: hubs.Hub) -> None:
    hub.lacks |= {
        "tree",
        "tree-expand",
        "commits",
        "refs",
        "paths-info",
        "security",
        "extras",
        "commit-header",
    }
    hub.add_commit(LATER, {})
    hub.branches["main"] = LATER

    facts = observed(hub).observe()

    assert (facts.commit, facts.head, facts.repository) == (LATER, LATER, NAME)
    assert set(facts.not_told) == {
        *(
            "has_pinned",
            "committed_at",
            "authors",
            "commit_title",
            "commit_verified",
            "refs",
            "last_modified",
        ),
        *("gated", "private", "disabled", "license", "license_name", "license_link", "scan_status", "scans"),
        "listing_digest",
    }
    assert take(source(hub, revision=hubs.COMMIT)) == hub.files


@pytest.mark.parametrize("route", ["tree", "commits", "refs"])
@pytest.mark.parametrize(
    "fault",
    [
        ("status", {"status": 500}),
        ("body", {"body": b"<html>"}),
        ("body", {"body": b'{"a": 1}'}),
        ("body", {"body": b'[1, {"id": 2, "ref": [], "date": {}, "authors": "x"}]'}),
    ],
)
def test_a_part_that_is_broken_is_not_told(
    hub: hubs.Hub, route: str, fault: tuple[str, dict[str, object]]
) -> None:
    hub.fault(route, fault[0], **fault[1])

    facts = observed(hub).observe()

    told = {"tree": facts.scans, "commits": facts.authors, "refs": facts.refs}[route]
    assert not told
    assert facts.commit == hubs.COMMIT


def test_what_is_told_can_be_stored(hub: hubs.Hub) -> None:
    hub.card = {"license": ["mit", 3, "a\x00b" * 500], "license_name": {"x": 1}}
    hub.commits[hubs.COMMIT].title = "\ud800 \x1b[31m" + "x" * 10_000
    hub.fault(
        "info", "edited", change=lambda info: info | {"gated": True, "lastModified": 3, "disabled": "no"}
    )

    facts = observed(hub).observe()

    assert facts.gated == "yes"
    assert facts.disabled is None
    assert facts.license_name == ""
    assert facts.license is not None
    assert facts.license.startswith("mit, abab")
    assert facts.commit_title is not None
    assert len(facts.commit_title) <= 500
    assert facts.digest.startswith("sha256:")
