import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.sources.addresses import (
    AddressRefused,
    Guard,
    HostNotConfigured,
    Origin,
    Reach,
    origin_of,
    reach_of,
    require_configured,
    shown,
)


@pytest.mark.parametrize(
    ("address", "reach"),
    [
        ("93.184.215.14", Reach.PUBLIC),
        ("2606:2800:21f:cb07::1", Reach.PUBLIC),
        ("10.1.2.3", Reach.PRIVATE),
        ("172.16.0.1", Reach.PRIVATE),
        ("192.168.1.1", Reach.PRIVATE),
        ("100.64.0.1", Reach.PRIVATE),
        ("198.18.0.1", Reach.PRIVATE),
        ("fd00::1", Reach.PRIVATE),
        ("fec0::1", Reach.PRIVATE),
        ("127.0.0.1", Reach.LOOPBACK),
        ("127.255.255.254", Reach.LOOPBACK),
        ("::1", Reach.LOOPBACK),
        ("::ffff:127.0.0.1", Reach.LOOPBACK),
        ("::ffff:10.0.0.1", Reach.PRIVATE),
        ("::ffff:169.254.169.254", Reach.NEVER),
        ("2002:7f00:1::", Reach.LOOPBACK),
        ("64:ff9b::a00:1", Reach.PRIVATE),
        ("64:ff9b::5db8:d70e", Reach.PUBLIC),
        ("2001:0:4136:e378:8000:63bf:f5ff:fffe", Reach.PRIVATE),
        ("169.254.1.1", Reach.LINK_LOCAL),
        ("169.254.169.254", Reach.NEVER),
        ("fd00:ec2::254", Reach.NEVER),
        ("100.100.100.200", Reach.NEVER),
        ("fe80::1%eth0", Reach.LINK_LOCAL),
        ("0.0.0.0", Reach.NEVER),
        ("0.1.2.3", Reach.NEVER),
        ("::", Reach.NEVER),
        ("224.0.0.1", Reach.NEVER),
        ("ff02::1", Reach.NEVER),
        ("255.255.255.255", Reach.NEVER),
        ("240.0.0.1", Reach.NEVER),
        ("hub.example", Reach.NEVER),
    ],
)
def test_how_far_an_address_reaches(address: str, reach: Reach) -> None:
    assert reach_of(address) is reach


def guard(own: str) -> Guard:
    """A guard whose origin was found at `own`."""
    made = Guard("https://hub.example", resolve=lambda _, port, **__: [(2, 1, 6, "", (own, port))])
    assert made.addresses("hub.example", 443) == [own]
    return made


@pytest.mark.parametrize(
    ("own", "other", "is_let"),
    [
        ("93.184.215.14", "93.184.215.15", True),
        ("93.184.215.14", "10.0.0.1", False),
        ("93.184.215.14", "127.0.0.1", False),
        ("10.0.0.1", "10.0.0.2", True),
        ("10.0.0.1", "93.184.215.14", True),
        ("10.0.0.1", "127.0.0.1", False),
        ("10.0.0.1", "169.254.169.254", False),
        ("169.254.0.1", "169.254.169.254", False),
        ("127.0.0.1", "127.0.0.2", True),
        ("127.0.0.1", "10.0.0.1", False),
        ("10.0.0.1", "0.0.0.0", False),
        ("10.0.0.1", "224.0.0.1", False),
    ],
)
def test_a_host_sends_us_only_to_places_like_its_own(own: str, other: str, is_let: bool) -> None:
    made = guard(own)

    if is_let:
        made.admit("cdn.example", port=443, addresses=[other])
    else:
        with pytest.raises(AddressRefused, match=r"hub\.example sends us to cdn\.example"):
            made.admit("cdn.example", port=443, addresses=[other])


def test_one_bad_address_among_good_ones_is_enough() -> None:
    with pytest.raises(AddressRefused):
        guard("93.184.215.14").admit("cdn.example", port=443, addresses=["93.184.215.15", "127.0.0.1"])


def test_before_the_origin_is_known_only_public_addresses_will_do() -> None:
    with pytest.raises(AddressRefused):
        Guard("https://hub.example").check(Origin("https", "127.0.0.1", 443))


def test_encryption_is_not_given_up_on_the_way() -> None:
    with pytest.raises(AddressRefused, match="without encryption"):
        guard("93.184.215.14").check(Origin("http", "cdn.example", 80))
    Guard("http://hub.example").check(Origin("https", "cdn.example", 443))


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        (["models.example"], "https://models.example/a/SHA256SUMS"),
        (["Models.Example "], "http://MODELS.example:80/a"),
        (["127.0.0.1:9000"], "http://127.0.0.1:9000/"),
        (["[::1]:9000"], "http://[::1]:9000/"),
    ],
)
def test_a_configured_host_may_be_asked(hosts: list[str], url: str) -> None:
    assert require_configured(url, hosts) == origin_of(url)


@pytest.mark.parametrize(
    ("hosts", "url"),
    [
        ([], "https://models.example/"),
        (["models.example"], "https://models.example:8443/"),
        (["models.example"], "https://models.example.evil/"),
        (["models.example"], "https://evil/models.example"),
        (["models.example:9000"], "https://models.example/"),
    ],
)
def test_any_other_host_may_not(hosts: list[str], url: str) -> None:
    with pytest.raises(HostNotConfigured, match="SOURCE_HOSTS"):
        require_configured(url, hosts)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "models.example",
        "ftp://models.example/",
        "file:///etc/passwd",
        "http://",
        "http://user:secret@models.example/",
        "http://models.example:0/",
        "http://models.example:99999/",
        "http://models.example:8a/",
        "http://models.example\\@evil/",
        "http://models.example/a b",
        "http://models.example/a\r\nX: y",
        "http://m\u00f6dels.example/",
        "http://[::1/",
    ],
)
def test_an_address_that_is_not_plain_is_refused(url: str) -> None:
    with pytest.raises(AddressRefused) as raised:
        origin_of(url)
    assert "secret" not in raised.value.detail


def test_what_is_shown_of_an_address_holds_no_secret() -> None:
    assert shown("https://u:p@cdn.example/a?X-Amz-Signature=s#f") == "cdn.example/a"
    assert shown("https://cdn.example/@scope/a\n") == "https://cdn.example/@scope/a\\n"


@given(st.text())
def test_any_text_is_an_origin_or_refused(text: str) -> None:
    for url in (text, f"http://{text}", f"https://a.example/{text}"):
        try:
            origin = origin_of(url)
        except AddressRefused:
            continue
        assert origin.scheme in {"http", "https"}
        assert origin.host
        assert 0 < origin.port < 65536
