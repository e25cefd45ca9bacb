"""One request and its answer: time-outs, what is tried again, and errors as this package's exceptions."""

import random
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import requests
from requests.auth import AuthBase
from requests.exceptions import ConnectTimeout
from urllib3.exceptions import HTTPError, MaxRetryError, NewConnectionError

from pipecat_nb.errors import (
    APIError,
    BadRequest,
    ConnectionFailed,
    NotFound,
    PipecatError,
    RateLimited,
    ServerError,
    Unauthorized,
)
from pipecat_nb.models import Secret
from pipecat_nb.text import LINE_LIMIT, printable

#: Seconds to connect, and to wait for the next bytes of an answer.
TIMEOUT = (10.0, 60.0)

#: How often a request is sent at most, and the longest pause between two, in seconds.
TRIES = 5
LONGEST_PAUSE = 60.0

_BUSY = frozenset({429, 502, 503, 504})


class Bearer(AuthBase):
    """The token's header; given as `auth`, it also keeps a .netrc from putting in something else."""

    def __init__(self, token: Secret | None) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._token is not None:
            request.headers["Authorization"] = f"Bearer {self._token.reveal()}"
        return request


@dataclass(frozen=True)
class Retry:
    """When a request is sent again: after 0.5, 1, 2, 4 s with jitter, or as long as the service asks for."""

    tries: int = TRIES
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def pause(self, attempt: int, *, asked: float | None = None, stop: threading.Event | None = None) -> bool:
        """Wait before the next attempt; False where there is none, or where the service asks for too long.

        `stop` ends the pause when nobody wants the answer any more: then there is no next attempt.
        """
        if attempt + 1 >= self.tries or (asked or 0) > LONGEST_PAUSE:
            return False
        seconds = max(asked or 0.0, 0.5 * 2**attempt * (0.5 + self.jitter()))
        if stop is None or self.sleep is not time.sleep:
            self.sleep(seconds)
        else:
            stop.wait(seconds)
        return stop is None or not stop.is_set()


class Transport:
    """Sends requests from any thread; `direct` leaves the environment's proxies aside (for this machine's own)."""

    def __init__(self, *, retry: Retry, direct: bool = False) -> None:
        self.retry = retry
        self._direct = direct
        self._local = threading.local()

    @property
    def session(self) -> requests.Session:
        """This thread's session: requests promises nothing for one that threads share."""
        if not hasattr(self._local, "session"):
            self._local.session = requests.Session()
            self._local.session.trust_env = not self._direct
        session: requests.Session = self._local.session
        return session

    def call(
        self,
        method: str,
        url: str,
        *,
        token: Secret | None,
        safe: bool,
        stop: threading.Event | None = None,
        **arguments: Any,
    ) -> requests.Response:
        """The service's answer (2xx); `safe` requests are sent again after any passing failure.

        The others are sent again only where the service cannot have acted: it was not reached, or it refused for
        its rate limit. After `stop` nothing is sent again. Raises ConnectionFailed or an APIError.
        """
        for attempt in range(self.retry.tries):
            try:
                response = self.session.request(
                    method,
                    url,
                    auth=Bearer(token),
                    timeout=TIMEOUT,
                    allow_redirects=method == "GET",
                    **arguments,
                )
            except requests.RequestException as error:
                if (safe or never_sent(error)) and self.retry.pause(attempt, stop=stop):
                    continue
                raise connection_failed(error, url) from error
            except (HTTPError, ValueError) as error:  # an address that only the deeper layers refuse
                raise ConnectionFailed(
                    f"{_place(url)} is no address to send to: {error}.",
                    hint="`%pcbuild target` shows where this talks to.",
                    sent=False,
                ) from error
            if response.ok and not response.is_redirect:
                return response
            again = response.status_code in _BUSY if safe else response.status_code == 429
            if not (again and self.retry.pause(attempt, asked=retry_after(response), stop=stop)):
                raise api_error(response, token=token)
        raise AssertionError("the last attempt returns or raises")

    def json(
        self, method: str, url: str, *, token: Secret | None, safe: bool, **arguments: Any
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        """The JSON object of the service's answer, and its headers; an answer that is none is a ServerError."""
        response = self.call(method, url, token=token, safe=safe, **arguments)
        return read_json(response, token=token), response.headers


def read_json(response: requests.Response, *, token: Secret | None) -> dict[str, Any]:
    """The JSON object of an answer."""
    try:
        value = response.json()
    except requests.JSONDecodeError:
        value = None
    if isinstance(value, dict):
        return value
    said = _excerpt(response, token=token)
    raise ServerError(
        f"{_place(response.url)} answered with something that is not the service's JSON: {said}",
        hint="Is the API host right? `%pcbuild target` shows it.",
        status=response.status_code,
    )


def never_sent(error: requests.RequestException) -> bool:
    """Whether it is certain that the service never saw the request."""
    if isinstance(error, ConnectTimeout):
        return True
    reason = error.args[0] if error.args else None
    return isinstance(reason, MaxRetryError) and isinstance(reason.reason, NewConnectionError)


def connection_failed(error: requests.RequestException, url: str) -> ConnectionFailed:
    """The exception for a request that got no answer."""
    if isinstance(error, requests.exceptions.SSLError):
        why, hint = (
            "its certificate was refused",
            "A company proxy? REQUESTS_CA_BUNDLE names its certificates.",
        )
    elif isinstance(error, requests.exceptions.ProxyError):
        why, hint = "the proxy does not let it through", "HTTPS_PROXY and NO_PROXY say which proxy is used."
    elif isinstance(error, requests.Timeout):
        why, hint = "it did not answer in time", "Try again; `%pcbuild target` shows where this talks to."
    elif never_sent(error):
        why, hint = "it cannot be reached", "Is it running? `%pcbuild target` shows where this talks to."
    else:
        why, hint = "the connection was cut", "Try again; `%pcbuild target` shows where this talks to."
    return ConnectionFailed(f"No answer from {_place(url)}: {why}.", hint=hint, sent=not never_sent(error))


def retry_after(response: requests.Response) -> float | None:
    """The seconds that the service asks to wait: `Retry-After` as a number or a date."""
    value = response.headers.get("Retry-After", "")
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except ValueError:
        return None


def api_error(response: requests.Response, *, token: Secret | None) -> PipecatError:
    """The exception for an answer that says no; the token is never in it, even where the service repeats it."""
    status = response.status_code
    try:
        body = response.json()
    except requests.JSONDecodeError:
        body = None
    told = body if isinstance(body, dict) else {}
    text = _shown(str(told.get("error") or ""), token=token) or _excerpt(response, token=token)
    kind, hint = _kind(status, response)
    message = f"{_place(response.url)} answered {status}: {text}"
    return kind(message, hint=hint, status=status, code=_shown(str(told.get("code") or ""), token=token))


def _kind(status: int, response: requests.Response) -> tuple[type[APIError], str]:
    if status in (401, 403):
        return Unauthorized, "The token is wrong or expired: `%pcbuild target` shows where it was found."
    if status == 404:
        return NotFound, ""
    if status == 429:
        asked = retry_after(response)
        return RateLimited, f"Try again in {asked:.0f} s." if asked else "Try again in a minute."
    if status >= 500:
        return ServerError, "The service itself failed: try again in a few minutes."
    return BadRequest, ""


def _place(url: str) -> str:
    """Scheme and host of an address: its query may hold what nobody should see."""
    return "/".join(url.split("/", 3)[:3])


def _shown(text: str, *, token: Secret | None) -> str:
    """Text of the service, fit to be shown, without the token."""
    return printable(text if token is None else text.replace(token.reveal(), str(token)), limit=LINE_LIMIT)


def _excerpt(response: requests.Response, *, token: Secret | None) -> str:
    """A line of a body that is not the service's JSON: a page's title, or its first words."""
    text = response.text
    text = (text if token is None else text.replace(token.reveal(), str(token)))[:20_000]
    title = re.search(r"<title>(.*?)</title>", text, re.IGNORECASE | re.DOTALL)
    words = " ".join((title.group(1) if title else re.sub(r"<[^>]*>", " ", text)).split())
    return printable(words, limit=200) or response.reason or "no text"
