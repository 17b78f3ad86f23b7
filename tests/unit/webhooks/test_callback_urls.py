"""Where a webhook may go: to hosts of the internet, however their address is written, and to what is allowed."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.callback_urls import Allowed, CallbackRefused, allowed_of, is_public, read_allowed, read_callback
from app.urls import AddressWrong

PUBLIC = (
    "https://a.example/hook",
    "http://a.example:8080/hook?x=1",
    "https://A.Example./hook#part",
    "https://xn--bcher-kva.example/",
    "http://1.1.1.1/",
    "https://8.8.8.8:8443/hook",
    "https://[2606:4700:4700::1111]/",
    "https://[2a00:1450:4001::64]:8443/hook",
)
REFUSED = (
    # Other schemes, and none.
    *("ftp://a.example/", "file:///etc/passwd", "gopher://a.example/", "//a.example/", "a.example", "javascript:1", ""),
    # Nobody's host, or somebody else's.
    *("http:///hook", "http://:80/", "http://a.example:0/", "http://a.example:99999/", "http://a.example:/"),
    *("https://user@a.example/", "https://user:pass@a.example/", "https://a.example@127.0.0.1/"),
    *("https://a.example\\@127.0.0.1/", "https://a.example%2f@127.0.0.1/", "https://127.0.0.1%00.a.example/"),
    *("https://a b.example/", "https://a.example/\n", "\thttps://a.example/", "https://bücher.example/"),
    # This machine, this network.
    *("http://localhost/", "http://LOCALHOST:8000/", "http://api.localhost/", "http://localhost./"),
    *("http://127.0.0.1/", "http://127.1.2.3/", "http://0.0.0.0/", "http://10.0.0.1/", "http://172.16.0.1/"),
    *("http://192.168.1.1/", "http://169.254.169.254/latest/meta-data/", "http://100.64.0.1/", "http://192.0.0.8/"),
    *("http://224.0.0.1/", "http://255.255.255.255/", "http://240.0.0.1/", "http://198.18.0.1/", "http://203.0.113.9/"),
    # The same, written for C libraries.
    *("http://2130706433/", "http://0x7f000001/", "http://0x7f.1/", "http://127.1/", "http://0177.0.0.1/"),
    *("http://017700000001/", "http://127.0.0.1./", "http://1.1.1.0x1/", "http://256.256.256.256/"),
    # And in IPv6, which may carry an address of IPv4.
    *("http://[::1]/", "http://[::]/", "http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[fc00::1]/"),
    *("http://[::ffff:127.0.0.1]/", "http://[::ffff:7f00:1]/", "http://[::ffff:1.1.1.1]/", "http://[::127.0.0.1]/"),
    *("http://[64:ff9b::7f00:1]/", "http://[64:ff9b::101:101]/", "http://[64:ff9b:1::7f00:1]/"),
    *("http://[2002:7f00:1::]/", "http://[2002:101:101::1]/", "http://[2001:0:101:101::1]/", "http://[2001:db8::1]/"),
    *("http://[3fff::1]/", "http://[ff02::1]/", "http://[fec0::1]/", "http://[2001:db8::1", "http://[::1%lo]/"),
)


@pytest.mark.parametrize("url", PUBLIC)
def test_a_callback_to_a_host_of_the_internet_is_taken(url: str) -> None:
    assert read_callback(url, Allowed()).url == url


@pytest.mark.parametrize("url", REFUSED)
def test_a_callback_to_anything_else_is_refused_before_anybody_is_asked(url: str) -> None:
    with pytest.raises(CallbackRefused) as refused:
        read_callback(url, Allowed())
    assert refused.value.facts["field"] == "callback_url"


@given(st.ip_addresses(v=4) | st.ip_addresses(v=6))
def test_an_address_that_is_private_is_never_public_nor_one_that_carries_another(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if is_public(address):
        assert not any((address.is_private, address.is_multicast, address.is_loopback, address.is_link_local))
    if isinstance(address, ipaddress.IPv4Address):
        assert not is_public(ipaddress.IPv6Address(f"::ffff:{address}"))
        assert not is_public(ipaddress.IPv6Address(int(ipaddress.IPv6Address("64:ff9b::")) + int(address)))
        assert not is_public(ipaddress.IPv6Address(int(ipaddress.IPv6Address("2002::")) + (int(address) << 80)))


def test_what_the_operator_allows_may_be_private_and_nothing_beside_it() -> None:
    allowed = allowed_of([read_allowed(text) for text in ("10.1.0.0/16", "127.0.0.1", "Hooks.internal", "fd00::/8")])
    for url in ("http://10.1.2.3/", "http://127.0.0.1:9/", "http://hooks.internal/", "http://[fd00::1]/"):
        assert read_callback(url, allowed).url == url
    for url in ("http://10.2.0.1/", "http://127.0.0.2/", "http://[fe80::1]/", "http://[::ffff:127.0.0.1]/"):
        with pytest.raises(CallbackRefused):
            read_callback(url, allowed)
    assert allowed.permits("hooks.internal", "192.168.0.9")
    assert not allowed.permits("other.internal", "192.168.0.9")
    assert not allowed.permits("a.example", "fe80::1%eth0")
    assert not allowed.permits("a.example", "nonsense")


@pytest.mark.parametrize("text", ["10.1.0.1/16", "a/b", "", "-", "10.1.2.3.4", "http://a.example"])
def test_what_is_neither_host_nor_network_cannot_be_allowed(text: str) -> None:
    with pytest.raises(AddressWrong):
        read_allowed(text)
