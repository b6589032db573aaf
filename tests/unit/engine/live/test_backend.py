from __future__ import annotations

import ipaddress

import pytest

from batch_cli.engine.handlers.live.backend import Backend, is_public, read_base_url
from batch_cli.errors import UsageError
from batch_cli.model import Secret


@pytest.mark.parametrize(
    ("given", "base"),
    [
        ("http://localhost:11434", "http://localhost:11434/v1"),
        ("http://localhost:11434/", "http://localhost:11434/v1"),
        ("http://localhost:11434/v1", "http://localhost:11434/v1"),
        ("http://[::1]:8000/v1/", "http://[::1]:8000/v1"),
        ("http://10.1.2.3:8000", "http://10.1.2.3:8000/v1"),
        ("http://ollama:11434", "http://ollama:11434/v1"),
        ("https://8.8.8.8", "https://8.8.8.8/v1"),
        ("https://models.example.org/openai", "https://models.example.org/openai"),
    ],
)
def test_an_address_without_a_path_gets_v1_and_one_with_a_path_is_taken_as_it_is(
    given: str, base: str
) -> None:
    assert read_base_url(given) == base


def test_endpoints_lie_below_the_base() -> None:
    backend = Backend("https://models.example.org/openai")

    assert backend.endpoint("/v1/chat/completions") == "https://models.example.org/openai/chat/completions"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("localhost:11434", "must be the http address"),
        ("ftp://localhost", "must be the http address"),
        ("http://", "must be the http address"),
        ("http://localhost:99999", "must be the http address"),
        ("http://local host/", "must be the http address"),
        ("http://loc\nalhost/", "must be the http address"),
        ("http://bücher.example", "must be the http address"),
        ("http://me:secret@localhost", "must not hold a name or a password"),
        ("http://localhost/v1?key=1", "must end before"),
        ("http://localhost/v1#x", "must end before"),
        ("http://8.8.8.8/v1", "is on the Internet"),
        ("http://[2001:4860:4860::8888]/v1", "is on the Internet"),
        ("http://[::ffff:8.8.8.8]/v1", "is on the Internet"),
    ],
)
def test_what_is_no_safe_address_is_refused(given: str, words: str) -> None:
    with pytest.raises(UsageError, match=words) as refused:
        read_base_url(given)

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("127.0.0.1", False),
        ("192.168.1.4", False),
        ("172.17.0.2", False),
        ("fd00::1", False),
        ("::ffff:10.0.0.1", False),
        ("1.1.1.1", True),
        ("2606:4700::1111", True),
        ("224.0.0.1", True),
    ],
)
def test_public_addresses_are_told_from_ones_own_networks(address: str, public: bool) -> None:
    assert is_public(ipaddress.ip_address(address)) is public


def test_it_comes_out_of_the_pipe_as_it_went_in_and_shows_its_key_nowhere_else() -> None:
    backend = Backend("http://localhost/v1", Secret("sk-canary"), 7, 1.5)

    again = Backend.decode(backend.encode())

    assert again.key is not None
    assert again.key.reveal() == "sk-canary"
    assert (again.url, again.concurrency, again.seconds) == ("http://localhost/v1", 7, 1.5)
    assert "canary" not in repr(backend)
    assert Backend.decode(Backend("http://localhost/v1").encode()).key is None
