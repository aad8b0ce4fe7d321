"""Where a webhook may go, by the text of its address."""

import ipaddress

import pytest
from django.core.exceptions import ImproperlyConfigured

from apps.webhooks.addresses import AddressRefused, is_public, target_of, trusted_origins


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://hooks.bank.example/assay", "hooks.bank.example", 443),
        ("https://hooks.bank.example:8443/a?b=c%20d", "hooks.bank.example", 8443),
        ("HTTPS://Hooks.Bank.Example", "hooks.bank.example", 443),
        ("https://93.184.215.14/hook", "93.184.215.14", 443),
        ("https://[2606:2800:21f:cb07:6820:80da:af6b:8b2c]/hook", "2606:2800:21f:cb07:6820:80da:af6b:8b2c", 443),
    ],
)
def test_an_address_of_the_public_internet_is_taken(url: str, host: str, port: int):
    target = target_of(url)

    assert (target.host, target.port, target.trusted) == (host, port, False)


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://hooks.bank.example/", "not_https"),
        ("https://hooks.bank.example:22/", "port_refused"),
        ("https://user:word@hooks.bank.example/", "url_form"),
        ("https://hooks.bank.example\\@127.0.0.1/", "url_form"),
        ("https://hooks.bank.example/#part", "url_form"),
        ("https://hooks.bank.example/ space", "url_form"),
        ("https://hooks.bank.example./", "url_form"),
        ("https://127。0。0。1/", "url_form"),
        ("https://%31%32%37.0.0.1/", "url_form"),
        ("https://[fe80::1%25eth0]/", "url_form"),
        ("ftp://hooks.bank.example/", "url_form"),
        ("//hooks.bank.example/", "url_form"),
        ("https://hooks.bank.example/" + "a" * 500, "url_form"),
        ("https://localhost/", "address_private"),
        ("https://database/", "address_private"),
        ("https://metadata.google.internal/", "address_private"),
        ("https://printer.local/", "address_private"),
        ("https://127.0.0.1/", "address_private"),
        ("https://169.254.169.254/latest/meta-data/", "address_private"),
        ("https://[::1]/", "address_private"),
        ("https://[::ffff:127.0.0.1]/", "address_private"),
        ("https://2130706433/", "address_spelling"),
        ("https://0x7f000001/", "address_spelling"),
        ("https://0x7f.1/", "address_spelling"),
        ("https://0177.0.0.1/", "address_spelling"),
        ("https://127.1/", "address_spelling"),
        ("https://bank.example.0x1/", "address_spelling"),
    ],
)
def test_any_other_address_is_refused_for_a_reason(url: str, code: str):
    with pytest.raises(AddressRefused) as refused:
        target_of(url)

    assert (refused.value.code, refused.value.pointer) == (code, "/url")


@pytest.mark.parametrize(
    "text",
    [
        "0.0.0.0", "10.1.2.3", "127.0.0.1", "100.64.0.1", "100.100.100.200", "169.254.169.254", "172.16.0.1",
        "168.63.129.16", "192.0.0.192", "192.168.1.1", "192.88.99.1", "198.18.0.1", "203.0.113.5", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "::", "::1", "::127.0.0.1", "::ffff:10.0.0.1", "::ffff:0:127.0.0.1",
        "64:ff9b::7f00:1", "64:ff9b:1::1", "100::1", "2001::1", "2001:20::1", "2001:db8::1", "2002:7f00:1::",
        "3fff::1", "4000::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1",
    ],
)  # fmt: skip
def test_no_special_address_is_public(text: str):
    assert not is_public(ipaddress.ip_address(text))


@pytest.mark.parametrize("text", ["8.8.8.8", "93.184.215.14", "2606:4700::1111", "2a00:1450:4001:82a::200e"])
def test_ordinary_addresses_are_public(text: str):
    assert is_public(ipaddress.ip_address(text))


def test_a_receiver_the_operator_named_may_be_anywhere(settings):
    settings.WEBHOOK_HOSTS = ["https://10.0.0.7:9000", "http://receiver"]

    assert target_of("https://10.0.0.7:9000/hook").trusted
    assert target_of("http://receiver:80/hook").trusted


@pytest.mark.parametrize("url", ["http://10.0.0.7:9000/", "https://10.0.0.7/", "https://10.0.0.8:9000/"])
def test_a_named_receiver_is_its_whole_origin(settings, url: str):
    settings.WEBHOOK_HOSTS = ["https://10.0.0.7:9000"]

    with pytest.raises(AddressRefused):
        target_of(url)


@pytest.mark.parametrize("text", ["receiver", "https://receiver/path", "https://*.example", "ftp://receiver", ""])
def test_an_origin_that_is_none_stops_the_process(text: str):
    with pytest.raises(ImproperlyConfigured, match="ASSAY_WEBHOOK_HOSTS"):
        trusted_origins((text,))
