"""What may have happened to a request that got no proper answer. Callers decide by the class alone."""

from __future__ import annotations

import contextlib
import re
import ssl
from collections.abc import Callable, Iterator

import httpcore2

from batch_cli.errors import ConfigError
from batch_cli.httpclient.proxies import Proxy

_WANTS_USER = "407"
_NUMBER = re.compile(r"^\[Errno -?\d+\] ")
"""What Python puts before the system's words."""


class NoAnswer(Exception):
    """A request got no proper answer."""


class NotSent(NoAnswer):
    """Nothing of it can have reached the server's application: no name, no connection, no handshake."""


class Unknown(NoAnswer):
    """It may have been carried out: the connection broke, the time was over, or the answer is unreadable."""


@contextlib.contextmanager
def told_apart(host: str, mask: Callable[[str], str], *, by: Proxy | None = None) -> Iterator[None]:
    """Say of whatever breaks while a request is on its way to ``host`` whether it can have arrived.

    ``mask`` takes keys out of what is told of it; ``by`` is the proxy on its way, if there is one.

    Raises:
        NotSent, Unknown: as above.
        ConfigError: the host has no certificate to be trusted, or the proxy wants a user: trying again does not
            change it.
    """
    try:
        yield
    except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
        if (fault := _certificate_fault(error)) is not None:
            raise ConfigError(
                f"{host} cannot prove who it is: {fault}",
                hint="check the base URL; for a company's own authority set SSL_CERT_FILE",
            ) from error
        way = "" if by is None else f" by the proxy {by}"
        raise NotSent(f"cannot connect to {host}{way}: {_reason(error)}") from error
    except httpcore2.ProxyError as error:
        if str(error).startswith(_WANTS_USER):
            raise ConfigError(
                f"the proxy {by} refuses its user or wants one",
                where=mask(str(error)),
                hint="write user and password into HTTPS_PROXY: http://USER:PASSWORD@HOST:PORT",
            ) from error
        raise NotSent(f"the proxy {by} refused to connect to {host}: {mask(str(error))}") from error
    except (
        httpcore2.NetworkError,
        httpcore2.TimeoutException,
        httpcore2.ProtocolError,
        OSError,
    ) as error:
        raise Unknown(f"the connection to {host} broke: {mask(_reason(error))}") from error


def _certificate_fault(error: BaseException) -> str | None:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return cause.verify_message
        cause = cause.__cause__
    return None


def _reason(error: BaseException) -> str:
    if isinstance(error, httpcore2.TimeoutException):
        return "no answer in time"
    return _NUMBER.sub("", str(error).strip()) or type(error).__name__
