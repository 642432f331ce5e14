"""The range client against a server that does everything wrong that one can do wrong."""

import base64
import gzip
import itertools
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from governance.errors import GovernanceError
from registry.sources import base, ranges
from registry.sources.addresses import AddressRefused, Guard
from registry.sources.connections import Limits, Patience, TooSlow
from registry.sources.ranges import BadAnswer, RangeClient, StateChanged, TryAgain
from tests import faulty

DATA = bytes(range(256)) * 300
PATH = "/m/model.bin"


@pytest.fixture
def server() -> Iterator[faulty.Server]:
    with faulty.serving({PATH: DATA}) as server:
        yield server


@pytest.fixture
def client(server: faulty.Server) -> RangeClient:
    return RangeClient(Guard(server.url))


def read(client: RangeClient, url: str, **asked: object) -> tuple[int, bytes]:
    asked.setdefault("size", len(DATA))
    with client.open_range(url, **asked) as stream:  # type: ignore[arg-type]
        return stream.offset, b"".join(stream.chunks)


def test_a_file_comes_whole_as_it_lies_there(server: faulty.Server, client: RangeClient) -> None:
    with client.open_range(server.url + PATH, size=len(DATA)) as stream:
        assert (stream.offset, stream.size, stream.validator) == (0, len(DATA), server.tag(PATH))
        assert b"".join(stream.chunks) == DATA
    assert server.requests[0].headers["accept-encoding"] == "identity"
    assert "range" not in server.requests[0].headers


@pytest.mark.parametrize("offset", [1, 16384, len(DATA) - 1])
def test_the_rest_of_the_same_state_is_sent(server: faulty.Server, client: RangeClient, offset: int) -> None:
    got = read(client, server.url + PATH, offset=offset, validator=server.tag(PATH))

    assert got == (offset, DATA[offset:])
    assert server.requests[0].headers["if-range"] == server.tag(PATH)


@pytest.mark.parametrize("fault", [faulty.honest, faulty.whole])
def test_another_state_or_no_ranges_begin_at_0(
    server: faulty.Server, client: RangeClient, fault: faulty.Fault
) -> None:
    server.fail(PATH, fault)

    assert read(client, server.url + PATH, offset=500, validator='"another"') == (0, DATA)


RANGE = f"bytes 500-{len(DATA) - 1}/{len(DATA)}"


def packed() -> Iterator[bytes]:
    """What unpacks to a thousand times its size."""
    yield faulty.head(206, {"Content-Encoding": "gzip", "Content-Range": RANGE})
    yield gzip.compress(bytes(20_000_000))


FAULTS: list[tuple[str, faulty.Fault, type[GovernanceError], str]] = [
    (
        "part from elsewhere",
        faulty.changing(Content_Range=f"bytes 0-9/{len(DATA)}"),
        StateChanged,
        "another part",
    ),
    (
        "part beyond the end",
        faulty.changing(Content_Range="bytes 500-999999/900"),
        StateChanged,
        "another part",
    ),
    (
        "part of other length",
        faulty.changing(Content_Range="bytes 500-600/76800"),
        StateChanged,
        "another part",
    ),
    ("part backwards", faulty.changing(Content_Range="bytes 500-400/76800"), StateChanged, "another part"),
    ("part without range", faulty.changing(Content_Range=None), BadAnswer, "not asked for"),
    ("range in words", faulty.changing(Content_Range="bytes half"), BadAnswer, "not asked for"),
    ("range with signs", faulty.changing(Content_Range="bytes +500-600/900"), BadAnswer, "not asked for"),
    ("another tag", faulty.changing(ETag='"other"'), StateChanged, "another file"),
    ("the total grew", faulty.changing(Content_Range=RANGE + "0"), base.DownloadCorrupted, "its source says"),
    ("gone", faulty.says(404), base.SourceNotFound, "nothing at"),
    ("shorter now", faulty.says(416), StateChanged, "fewer bytes"),
    ("secret", faulty.says(403), ranges.AccessRefused, "account"),
    ("teapot", faulty.says(418), BadAnswer, "418"),
    ("not modified", faulty.says(304), BadAnswer, "304"),
    ("down", faulty.says(503), TryAgain, "503"),
    ("many choices", faulty.says(300), BadAnswer, "300"),
    ("redirect to nowhere", faulty.says(302), BadAnswer, "nowhere"),
    ("redirect in place", faulty.redirect(PATH), BadAnswer, "nowhere"),
    ("redirect to a file", faulty.redirect("file:///etc/passwd"), AddressRefused, "plain http"),
    ("redirect with a user", faulty.redirect("http://a:b@127.0.0.1/"), AddressRefused, "plain http"),
    ("redirect in odd letters", faulty.redirect("http://b\xfccher/"), AddressRefused, "plain http"),
    ("truncated", faulty.truncated(100), TryAgain, "as it should"),
    (
        "no length, and short",
        faulty.changing(body=lambda b: b[:9], Content_Length=None),
        TryAgain,
        "broke off",
    ),
    ("reset", faulty.reset(1000), TryAgain, "as it should"),
    ("not HTTP", lambda *_: [b"SSH-2.0-OpenSSH_9.2\r\n\r\n"], TryAgain, "as it should"),
    ("endless header", lambda *_: [b"HTTP/1.1 200 OK\r\nX: " + b"a" * 200_000], TryAgain, "as it should"),
    ("two lengths", faulty.changing(content_length="5"), TryAgain, "as it should"),
    ("packed", lambda *_: packed(), BadAnswer, "packed"),
]


@pytest.mark.parametrize(
    ("fault", "error", "words"), [case[1:] for case in FAULTS], ids=[case[0] for case in FAULTS]
)
def test_a_fault_is_named(
    server: faulty.Server,
    client: RangeClient,
    fault: faulty.Fault,
    error: type[GovernanceError],
    words: str,
) -> None:
    server.fail(PATH, fault)

    with pytest.raises(error, match=words) as raised:
        read(client, server.url + PATH, offset=500, validator=server.tag(PATH))
    assert type(raised.value) is error
    # The connection, or another one, serves the next request as if nothing had been.
    assert read(client, server.url + PATH) == (0, DATA)


def test_more_bytes_than_listed_are_not_taken(server: faulty.Server, client: RangeClient) -> None:
    server.fail(PATH, faulty.changing(body=lambda b: b * 2, Content_Length=None), faulty.honest)

    with pytest.raises(base.DownloadCorrupted, match="more bytes"):
        read(client, server.url + PATH)
    with pytest.raises(base.DownloadCorrupted, match=r"has 76800 bytes, its source says 9"):
        read(client, server.url + PATH, size=9)


def test_without_a_length_the_listed_size_decides(server: faulty.Server, client: RangeClient) -> None:
    server.fail(PATH, faulty.changing(Content_Length=None))

    assert read(client, server.url + PATH) == (0, DATA)


def test_a_weak_tag_validates_nothing(server: faulty.Server, client: RangeClient) -> None:
    server.fail(PATH, faulty.changing(ETag='W/"x"'))

    with client.open_range(server.url + PATH) as stream:
        assert stream.validator == ""


def test_redirects_are_followed_a_few_times(server: faulty.Server, client: RangeClient) -> None:
    for step in range(6):
        server.always[f"/{step}"] = faulty.redirect(f"/{step + 1}", [301, 302, 303, 307, 308, 302][step])
    server.always["/6"] = server.always["/5"] = faulty.redirect(PATH)
    server.always["/loop"], server.always["/pool"] = faulty.redirect("/pool"), faulty.redirect("/loop")

    assert read(client, server.url + "/1", offset=7, validator=server.tag(PATH)) == (7, DATA[7:])
    with pytest.raises(BadAnswer, match="more than 5 times"):
        read(client, server.url + "/0")
    with pytest.raises(BadAnswer, match="more than 5 times"):
        read(client, server.url + "/loop")


def test_what_is_secret_is_told_to_no_other_origin(server: faulty.Server, client: RangeClient) -> None:
    with faulty.serving({PATH: DATA}) as other:
        server.fail("/moved", faulty.redirect("/again"))
        server.fail("/again", faulty.redirect(other.url + PATH))
        headers = {"Authorization": "Bearer hf_secret", "Cookie": "a=b", "X-Own": "c"}

        assert read(client, server.url + "/moved", offset=5, headers=headers) == (5, DATA[5:])

        assert [request.headers["authorization"] for request in server.requests] == ["Bearer hf_secret"] * 2
        told = other.requests[0].headers
        assert set(told) == {"host", "user-agent", "accept", "accept-encoding", "range"}


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.2:9/x",
        "http://10.0.0.7/x",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]:9/",
    ],
)
def test_a_public_host_sends_us_into_no_network(server: faulty.Server, target: str) -> None:
    """The origin is public as far as the guard knows: its name stands for a public address."""
    guard = Guard(server.url, resolve=lambda _, port, **__: [(2, 1, 6, "", ("93.184.215.14", port))])
    guard.addresses(guard.origin.host, guard.origin.port)
    guard.origin = guard.origin._replace(host="hub.example")

    with pytest.raises(AddressRefused, match="inside a network"):
        guard.check(ranges.origin_of(target))


def test_a_name_that_turns_into_a_private_address_is_not_connected_to(server: faulty.Server) -> None:
    """The name is looked up once, and what was judged is what is connected to."""
    looked_up = []

    def resolve(host: str, port: int, **_: object) -> list[tuple[object, ...]]:
        looked_up.append(host)
        return [(2, 1, 6, "", ("10.9.8.7" if host == "cdn.example" else "127.0.0.1", port))]

    server.fail(PATH, faulty.redirect("http://cdn.example/blob"))
    client = RangeClient(Guard(server.url.replace("127.0.0.1", "hub.example"), resolve=resolve))

    with pytest.raises(AddressRefused, match=r"cdn\.example.*private"):
        read(client, server.url.replace("127.0.0.1", "hub.example") + PATH)
    assert looked_up == ["hub.example", "cdn.example"]


def test_a_name_without_an_address_may_have_one_later(server: faulty.Server) -> None:
    client = RangeClient(Guard("http://hub.example", resolve=lambda *_, **__: []))

    with pytest.raises(TryAgain, match="no address"):
        read(client, "http://hub.example/x")


def test_a_slow_drip_is_given_up(server: faulty.Server) -> None:
    ticks = itertools.count(step=7.0)  # each look at the clock finds seven seconds gone
    client = RangeClient(Guard(server.url), limits=Limits(window_seconds=60.0), clock=lambda: next(ticks))
    server.fail(PATH, faulty.drip)

    with pytest.raises(TryAgain, match=r"only \d+ bytes came in 63 seconds"):
        read(client, server.url + PATH)


def test_time_that_we_take_is_not_held_against_the_sender(server: faulty.Server) -> None:
    now = [0.0]
    client = RangeClient(Guard(server.url), clock=lambda: now[0])
    server.fail(PATH, faulty.drip)

    with client.open_range(server.url + PATH, size=len(DATA)) as stream:
        for _ in itertools.islice(stream.chunks, 20):
            now[0] += 100.0


@pytest.mark.parametrize(
    ("header", "delay"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("999999", 3600.0),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("\u0667", None),
        ("Sun, 06 Nov 1994 08:49:37 GMT", 0.0),
    ],
)
def test_the_delay_that_is_asked_for_is_bounded(header: str, delay: float | None) -> None:
    answer = ranges.Answer("http://a/", 429, {"retry-after": header})

    with pytest.raises(TryAgain) as raised:
        ranges.judge(answer)
    assert raised.value.delay == delay


def test_a_delay_may_be_a_time() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)

    delay = ranges.retry_after(ranges.Answer("http://a/", 503, {"retry-after": later}))

    assert delay is not None
    assert 60 < delay <= 90


def test_a_small_file_is_read_whole_or_not_at_all(server: faulty.Server, client: RangeClient) -> None:
    assert client.read(server.url + PATH, most=len(DATA)) == DATA
    with pytest.raises(BadAnswer, match="more than 100 bytes"):
        client.read(server.url + PATH, most=100)
    server.fail(PATH, faulty.truncated(5))
    with pytest.raises(TryAgain):
        client.read(server.url + PATH, most=len(DATA))


def test_the_head_alone(server: faulty.Server, client: RangeClient) -> None:
    answer = client.head(server.url + PATH)

    assert (answer.length, answer.validator) == (len(DATA), server.tag(PATH))
    assert server.sent(PATH) == 0


def test_every_answer_can_be_judged_by_the_caller(server: faulty.Server, client: RangeClient) -> None:
    server.fail("/moved", faulty.says(302, Location=PATH, X_Repo_Commit="abc"))
    seen: list[tuple[int, str]] = []

    client.head(
        server.url + "/moved",
        judge=lambda answer: seen.append((answer.status, answer.headers.get("x-repo-commit", ""))),
    )

    assert seen == [(302, "abc"), (200, "")]


def test_one_connection_serves_many_requests(server: faulty.Server, client: RangeClient) -> None:
    for _ in range(3):
        read(client, server.url + PATH)
    pool = client._pools.of(ranges.origin_of(server.url))

    assert len(pool.connections) == 1
    client.close()
    assert pool.connections == []


def test_a_fault_of_the_reader_stays_its_own(server: faulty.Server, client: RangeClient) -> None:
    with pytest.raises(OSError, match="disk"), client.open_range(server.url + PATH):
        raise OSError("disk")


def test_the_next_address_of_a_name_is_tried(server: faulty.Server) -> None:
    port = int(server.url.rpartition(":")[2])
    found = [(2, 1, 6, "", (address, port)) for address in ("::1", "127.0.0.1")]
    client = RangeClient(Guard(f"http://hub.example:{port}", resolve=lambda *_, **__: found))

    assert read(client, f"http://hub.example:{port}{PATH}") == (0, DATA)


def test_a_proxy_of_the_environment_is_used(server: faulty.Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told the whole address, and it alone looks the name up; NO_PROXY leaves it out."""
    with faulty.serving({"http://hub.example/m/model.bin": DATA}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("//", "//me:se%20cret@"))
        client = RangeClient(Guard("http://hub.example", resolve=lambda *_, **__: []))

        assert read(client, "http://hub.example/m/model.bin") == (0, DATA)

        told = proxy.requests[0].headers["proxy-authorization"]
        assert base64.b64decode(told.removeprefix("Basic ")) == b"me:se cret"
        with pytest.raises(AddressRefused):
            read(RangeClient(Guard("http://hub.example")), "http://10.0.0.1/")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert read(RangeClient(Guard(server.url)), server.url + PATH) == (0, DATA)
        assert len(proxy.requests) == 1


def certificate(folder: Path, name: str) -> Path:
    """A certificate for a host, signed by itself, with its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    called = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(called)
        .issuer_name(called)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    path = folder / "certificate.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, *plain) + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_over_tls_the_name_is_what_the_certificate_has_to_be_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Although what is connected to is an address that was looked up before."""
    trusted = certificate(tmp_path, "hub.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(trusted)

    def client(name: str, port: int) -> RangeClient:
        found = [(2, 1, 6, "", ("127.0.0.1", port))]
        return RangeClient(Guard(f"https://{name}:{port}", resolve=lambda *_, **__: found))

    with faulty.serving({PATH: DATA}, tls=context) as server:
        port = int(server.url.rpartition(":")[2])
        with pytest.raises(TryAgain, match="certificate"):  # nobody trusts it
            read(client("hub.example", port), f"https://hub.example:{port}{PATH}")
        monkeypatch.setenv("SSL_CERT_FILE", str(trusted))
        assert read(client("hub.example", port), f"https://hub.example:{port}{PATH}") == (0, DATA)
        with pytest.raises(TryAgain, match="certificate"):
            read(client("other.example", port), f"https://other.example:{port}{PATH}")
        assert len(server.requests) == 1


def test_patience_begins_anew_after_a_good_minute() -> None:
    now = [0.0]
    patience = Patience(Limits(window_seconds=60.0, bytes_per_second=1000.0), clock=lambda: now[0])

    for count in (60_000, 90_000):
        now[0] += 60.0
        patience.note(count, since=now[0] - 60.0)
    now[0] += 60.0
    with pytest.raises(TooSlow, match="59999 bytes came in 60 seconds"):
        patience.note(59_999, since=now[0] - 60.0)
