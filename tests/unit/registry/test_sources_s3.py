"""S3-compatible storage, against moto's server, which is written by others and checks signatures."""

import dataclasses
import hashlib
import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from governance.errors import GovernanceError
from registry.sources import base, s3_listing
from registry.sources.s3 import S3Settings, S3Source
from tests import faulty, storage
from tests.storage import Storage

logging.getLogger("werkzeug").setLevel(logging.ERROR)


@pytest.fixture(scope="module")
def server() -> Iterator[Storage]:
    with storage.serving() as server:
        yield server


@pytest.fixture
def store(server: Storage) -> Iterator[Storage]:
    yield server
    server.empty()


def source(store: Storage, location: str = "models/llama", settings: S3Settings | None = None) -> S3Source:
    found = S3Source(location, settings=settings or store.settings, hosts=[store.host])
    found.pin("")
    return found


def take(found: S3Source) -> dict[str, bytes]:
    arrived = {}
    for file in found.list_files():
        with found.open(file) as stream:
            arrived[file.path] = b"".join(stream.chunks)
    return arrived


def test_everything_below_a_prefix_is_listed_and_streamed(store: Storage) -> None:
    files = {"model.safetensors": b"weights", "sub/a b+c & é~'().json": b"{}", "config.json": b"{}"}
    for path, content in files.items():
        store.put(f"llama/{path}", content)
    store.put("llama/", b"")
    store.put("llama/sub/", b"")
    store.put("llama-2/other", b"x")

    assert take(source(store)) == files
    assert take(source(store, "models/llama/")) == files
    assert take(source(store, "models/llama/sub")) == {"a b+c & é~'().json": b"{}"}


def test_a_whole_bucket_can_be_a_model(store: Storage) -> None:
    store.put("config.json", b"{}")

    assert take(source(store, "models")) == {"config.json": b"{}"}


def test_a_sha256_of_the_whole_object_is_a_claim_and_of_parts_it_is_none(store: Storage) -> None:
    store.put("llama/whole", b"whole", ChecksumAlgorithm="SHA256")
    store.put("llama/other", b"other", ChecksumAlgorithm="CRC32")
    made = store.client.create_multipart_upload(
        Bucket="models", Key="llama/parts", ChecksumAlgorithm="SHA256"
    )
    upload = {"Bucket": "models", "Key": "llama/parts", "UploadId": made["UploadId"]}
    part = store.client.upload_part(**upload, PartNumber=1, Body=b"parts", ChecksumAlgorithm="SHA256")
    done = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}]}
    store.client.complete_multipart_upload(**upload, MultipartUpload=done)

    claims = {file.path: (file.claim_kind, file.claimed_digest) for file in source(store).list_files()}

    assert claims["whole"] == ("sha256", hashlib.sha256(b"whole").hexdigest())
    assert claims["other"] == ("", "")
    assert claims["parts"] == ("", "")


def test_a_rest_is_streamed_from_where_it_stopped(store: Storage) -> None:
    store.put("llama/model.gguf", bytes(range(256)))
    found = source(store)
    [file] = found.list_files()
    with found.open(file) as stream:
        validator = stream.validator

    with found.open(file, offset=100, validator=validator) as stream:
        assert (stream.offset, b"".join(stream.chunks)) == (100, bytes(range(100, 256)))


@pytest.mark.parametrize("change", ["replaced", "deleted"])
def test_an_object_that_changed_after_it_was_listed_is_refused(store: Storage, change: str) -> None:
    store.put("llama/model.gguf", b"one state")
    found = source(store)
    [file] = found.list_files()
    before = found.observe()
    if change == "replaced":
        store.put("llama/model.gguf", b"two state")
        assert found.observe().listing_digest != before.listing_digest
    else:
        store.client.delete_object(Bucket="models", Key="llama/model.gguf")

    with (
        pytest.raises(base.RevisionMoved, match=r"model\.gguf .* changed after it was listed"),
        found.open(file),
    ):
        pass


def test_more_than_a_page_is_listed_in_full(store: Storage) -> None:
    store.fill([f"llama/{number:04}.json" for number in range(1003)])

    files = source(store).list_files()

    assert [file.path for file in files] == [f"{number:04}.json" for number in range(1003)]


def test_more_than_any_model_has_is_refused(store: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("registry.sources.s3.MAX_FILES", 999)
    store.fill([f"llama/{number:04}.json" for number in range(1001)])

    with pytest.raises(base.ListingTooLong, match="more than 999"):
        source(store).list_files()


@pytest.mark.parametrize("key", ["a//b", "./x", "a\\b", "a/b/", "CONFIG.json", "config.json/x"])
def test_keys_that_are_no_plain_paths_are_refused(store: Storage, key: str) -> None:
    store.put("llama/config.json", b"{}")
    store.put(f"llama/{key}", b"x")

    with pytest.raises(base.UnsafeListing, match="cannot be kept safely"):
        source(store).list_files()


def test_what_a_store_tells_is_told(store: Storage) -> None:
    store.put("llama/config.json", b"{}")

    facts = source(store).observe()

    assert (facts.endpoint, facts.repository) == (store.endpoint, "models/llama")
    assert facts.listing_digest is not None
    assert facts.last_modified is not None
    assert {"commit", "has_pinned", "license", "scans", "gated"} <= set(facts.not_told)
    assert source(store).observe() == facts


def refusal(store: Storage, location: str = "models/llama", **changes: str) -> GovernanceError:
    settings = dataclasses.replace(store.settings, **changes)
    with pytest.raises(GovernanceError) as refused:
        source(store, location, settings=settings).list_files()
    return refused.value


def test_what_is_wrong_is_named(store: Storage) -> None:
    store.put("llama/config.json", b"{}")

    nothing = refusal(store, "models/other")
    assert (nothing.code, "nothing below" in nothing.detail) == ("source_not_found", True)
    bucket = refusal(store, "missing/llama")
    assert (bucket.code, "no bucket missing" in bucket.detail) == ("source_not_found", True)
    unknown = refusal(store, access_key="AKIAUNKNOWN", secret_key="secret-of-mine")
    assert (unknown.code, "S3_ACCESS_KEY" in unknown.detail) == ("access_refused", True)
    assert "secret-of-mine" not in unknown.detail
    assert refusal(store, secret_key="wrong").code == "access_refused"
    dead = refusal(store, endpoint="http://127.0.0.1:9")
    assert dead.code == "host_not_configured"


def test_a_dead_store_is_worth_another_try(store: Storage) -> None:
    settings = dataclasses.replace(store.settings, endpoint="http://127.0.0.1:9")

    with pytest.raises(base.SourceUnavailable):
        S3Source("models/llama", settings=settings, hosts=["127.0.0.1:9"]).list_files()


def test_nothing_that_lies_on_the_machine_is_sent(
    store: Storage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "credentials").write_text("[default]\naws_access_key_id=AKIAFILE\naws_secret_access_key=x\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", store.keys[0])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", store.keys[1])
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    store.put("llama/config.json", b"{}")
    with faulty.serving({}) as other:
        other.always["/models"] = lambda *_: [faulty.head(403, {"Content-Length": "0"})]
        found = S3Source("models/llama", settings=S3Settings(other.url), hosts=[other.url[7:]])

        with pytest.raises(GovernanceError, match="Set S3_ACCESS_KEY"):
            found.list_files()

    assert "authorization" not in other.requests[0].headers
    assert take(source(store)) == {"config.json": b"{}"}


def test_secrets_are_not_shown() -> None:
    assert "hidden" not in repr(S3Settings("https://x", "r", "key", "hidden"))


def test_a_bucket_has_no_revisions(store: Storage) -> None:
    with pytest.raises(base.InvalidSource, match="leave `revision` out"):
        S3Source("models", settings=store.settings, hosts=[store.host]).pin("v1")


# The listing, by itself.


def listing(inside: str = "", entry: str = "", more: str = "") -> bytes:
    fields = "<Key>a</Key><Size>1</Size><ETag>&quot;x&quot;</ETag>"
    contents = f"<Contents>{entry or fields}</Contents>"
    return f'<?xml version="1.0"?>{more}<ListBucketResult>{inside}{contents}</ListBucketResult>'.encode()


def test_a_listing_is_read_by_its_elements() -> None:
    page = s3_listing.read(
        listing(
            "<EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>",
            "<Key>a%2Fb+c</Key><Size>12</Size><ETag>e</ETag><Owner><ID>Key</ID></Owner>"
            "<ChecksumAlgorithm>SHA256</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>",
        )
    )

    assert page.following == "t"
    assert page.objects == (s3_listing.ListedObject("a/b c", 12, "e", "", ("SHA256",), "FULL_OBJECT"),)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "well-formed"),
        (b"\xff\xfe<", "well-formed"),
        (b"<html></html>", "no listing"),
        (listing()[:-5], "well-formed"),
        (listing(more="<!DOCTYPE x [<!ENTITY a 'b'>]>"), "document type"),
        (listing(more="<!DOCTYPE x [<!ENTITY a 'b'>]>").decode().encode("utf-16"), "document type"),
        (listing("<a>" * 100), "too deep"),
        (listing(f"<Name>{'x' * 10_000}</Name>"), "too long"),
        (listing("<Contents><Key>a</Key></Contents>" * 10_001), "more than 10000"),
        (listing("<IsTruncated>true</IsTruncated>"), "does not say how"),
        (listing(entry="<Key>a</Key><Size>1</Size>"), "no ETag"),
        (listing(entry="<Key>a</Key><Key>b</Key><Size>1</Size><ETag>x</ETag>"), "no Key, or several"),
        (listing(entry="<Key>a</Key><Size>-1</Size><ETag>x</ETag>"), "usable size"),
        (listing(entry="<Key>a</Key><Size>1</Size><ETag>x\ny</ETag>"), "entity tag"),
        (
            listing("<EncodingType>url</EncodingType>", "<Key>%ff</Key><Size>1</Size><ETag>x</ETag>"),
            "Unicode",
        ),
    ],
)
def test_what_is_no_listing_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(s3_listing.BadListing, match=why):
        s3_listing.read(body)


def test_a_signature_is_the_one_that_the_field_s_own_signer_makes() -> None:
    from botocore.auth import S3SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials as TheirCredentials

    from registry.sources.sigv4 import Credentials, signed

    for number, (method, url, headers) in enumerate(
        [
            ("GET", "https://s3.eu-west-1.amazonaws.com/bucket", {}),
            ("GET", "http://host:9000/b/a%20b/%C3%A9~x", {"x-amz-checksum-mode": "ENABLED"}),
            ("HEAD", "https://host/b?prefix=a%2Fb%20c&list-type=2&continuation-token=%3D%2B", {}),
        ]
    ):
        at = datetime(2026, 11, 22, 23, 59, number, tzinfo=UTC) + timedelta(days=number)
        request = AWSRequest(method=method, url=url, headers=dict(headers))
        request.headers["X-Amz-Date"] = at.strftime("%Y%m%dT%H%M%SZ")
        request.context["timestamp"] = at.strftime("%Y%m%dT%H%M%SZ")
        signer = S3SigV4Auth(TheirCredentials("AKIA", "sec/ret"), "s3", "eu-west-1")
        signer._modify_request_before_signing(request)
        text = signer.string_to_sign(request, signer.canonical_request(request))
        theirs = signer.signature(text, request)

        ours = signed(
            method, url, headers, credentials=Credentials("AKIA", "sec/ret"), region="eu-west-1", at=at
        )

        assert ours["authorization"].endswith(f"Signature={theirs}")
