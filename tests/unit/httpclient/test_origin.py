"""Base URLs: where a key may go."""

from __future__ import annotations

import pytest

from batch_cli.errors import ConfigError
from batch_cli.httpclient.origin import Origin
from batch_cli.httpclient.proxies import Proxy, proxy_for


@pytest.mark.parametrize(
    ("url", "written"),
    [
        ("https://api.example.com/v1/", "https://api.example.com/v1"),
        ("https://API.example.com:443/v1", "https://api.example.com/v1"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1"),
        ("http://localhost:1", "http://localhost:1"),
        ("https://host-1.internal:8443/openai/v1", "https://host-1.internal:8443/openai/v1"),
    ],
)
def test_a_base_url_is_read(url: str, written: str) -> None:
    assert str(Origin.parse(url, "X_BASE_URL")) == written


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://api.example.com/v1", "without encryption"),
        ("http://127.0.0.1.example.com/", "without encryption"),
        ("https://user:secret@api.example.com/v1", "without a user"),
        ("https://api.example.com/v1?key=x", "without a user, query"),
        ("https://api.example.com/v1#x", "without a user, query"),
        ("https://api.example.com/x y", "not a URL"),
        ("ftp://api.example.com", "not an http or https URL"),
        ("api.example.com/v1", "not an http or https URL"),
        ("https://", "not an http or https URL"),
        ("https://exa mple.com", "not a URL"),
        ("https://example.com:99999", "not a URL"),
        ("https://example.com/\r\nx: y", "not a URL"),
    ],
)
def test_a_url_that_would_leak_a_key_is_refused(url: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason) as caught:
        Origin.parse(url, "X_BASE_URL")
    assert "secret" not in str(caught.value.message)


@pytest.mark.parametrize(
    ("url", "path"),
    [
        ("https://api.example.com/v1/x?y=1", "/v1/x?y=1"),
        ("https://api.example.com:443/x", "/x"),
        ("/v1/results", "/v1/results"),
        ("https://evil.example.com/v1/x", None),
        ("http://api.example.com/v1/x", None),
        ("https://api.example.com:8443/v1/x", None),
        ("https://api.example.com@evil.example.com/", None),
        ("https://me@api.example.com/x", None),
        ("//evil.example.com/x", None),
        ("results", None),
        ("/x\r\nhost: evil", None),
    ],
)
def test_a_url_of_the_server_is_followed_only_to_itself(url: str, path: str | None) -> None:
    assert Origin.parse("https://api.example.com/v1", "X").path_of(url) == path


def test_a_proxy_is_taken_from_the_environment_but_never_for_this_machine() -> None:
    remote, here = Origin.parse("https://api.example.com", "X"), Origin.parse("http://127.0.0.1:1", "X")
    environment = {"HTTPS_PROXY": "http://proxy:3128", "HTTP_PROXY": "http://proxy:3128"}

    assert proxy_for(remote, environment) == Proxy("http", "proxy", 3128)
    assert proxy_for(here, environment) is None
    assert proxy_for(remote, {**environment, "https_proxy": "http://other:1"}) == Proxy("http", "other", 1)
    for exempt in ("api.example.com", ".example.com", "example.com", "*", "a, example.com"):
        assert proxy_for(remote, {**environment, "NO_PROXY": exempt}) is None
    assert proxy_for(remote, {**environment, "NO_PROXY": "ample.com"}) == Proxy("http", "proxy", 3128)


@pytest.mark.parametrize(
    ("given", "proxy"),
    [
        ("proxy.example:3128", Proxy("http", "proxy.example", 3128)),
        ("https://proxy.example", Proxy("https", "proxy.example", 443)),
        ("http://us%40er:p%3Aw@proxy.example:1", Proxy("http", "proxy.example", 1, ("us@er", "p:w"))),
    ],
)
def test_a_proxy_is_written_as_curl_takes_it(given: str, proxy: Proxy) -> None:
    assert proxy_for(Origin.parse("https://api.example.com", "X"), {"HTTPS_PROXY": given}) == proxy


@pytest.mark.parametrize(
    "given",
    [
        "socks5://proxy:1080",
        "http://",
        "http://user:s3cret@",
        "http://user:s3cret@proxy:port",
        "a b",
        "ftp://proxy",
    ],
)
def test_what_is_no_proxy_is_told_without_its_password(given: str) -> None:
    with pytest.raises(ConfigError, match="HTTPS_PROXY is not the address of an HTTP proxy") as caught:
        proxy_for(Origin.parse("https://api.example.com", "X"), {"HTTPS_PROXY": given})

    assert (
        "s3cret"
        not in f"{caught.value.message}{caught.value.where}{caught.value.hint}{caught.value.__cause__}"
    )
