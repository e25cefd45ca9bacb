"""What secrets look like: the rules of detect-secrets, and more of their kind for what voice agents use.

Only the rules are taken, nothing that would ask a service whether a secret is real. Each of their repetitions has
a limit, for files that were made to be slow.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from detect_secrets.filters.heuristic import is_sequential_string
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector

#: A whole value that stands where a person is to put theirs, and what makes any value one.
_PLACEHOLDER = re.compile(
    r"<.*>|\$\{.*\}|\$\w+|\{\{?.*\}?\}|%\w+%"
    r"|(?:your|insert|replace|enter|put|fill|change)[\s_.-].*|change-?me|todo"
    r"|(?:fake|dummy|mock|sample|example|placeholder|test)[\w.-]{0,20}"
    r"|(?:my)?(?:passw(?:or)?d|secret|token|key)\d{0,4}",
    re.IGNORECASE,
)
_PLACEHOLDER_WITHIN = re.compile(
    r"(?:^|[-_ ])your[-_ ]|x{4}|\*{4}|\.{3}|…|EXAMPLE(?:KEY)?$|(?:^|[-_ ])(?:key|token|secret|value)[-_ ]here$",
    re.IGNORECASE,
)

#: Names of what holds no secret although a part of the name says so.
_INNOCENT = re.compile(
    r"tokeni[sz]|(?:path|file|url|uri|endpoint|name|id|ids|type|class|model|arn|ref|limit|count|max|min|len|length"
    r"|prefix|suffix|format|header|version|field|column|label)$"
    r"|(?:public|primary|foreign|cache|sort|partition|hash|object|dict|idempotency|i18n|translation"
    r"|gpg|pgp|recv|apt)[_-]?key|fingerprint",
    re.IGNORECASE,
)

#: A name that says of its value that it is not real; `latest` and `contest` do not say so.
_FAKE = re.compile(
    r"(?<![a-z])(?:fake|dummy|mock|examples?|samples?|placeholder|tests?|testing)(?![a-z])", re.IGNORECASE
)

_NAME = r"(?P<name>(?:key|secret|token|passw(?:or)?d|pwd|passphrase|credentials?)[\w-]{0,40})"
_VALUE = r"(?P<value>[A-Za-z0-9+/_.~-]{16,200})={0,2}"
_OPEN = r"""[bBfFrRuU]{0,2}\\?["'`]"""

#: The name ends, with what a dictionary or a type writes behind it, and a value is assigned.
_ASSIGNED = (
    r"""\\?["'`]?\]?\s{0,8}(?::\s{0,8}[\w.\[\]| ]{1,40}=|,\s{0,8}default\s?=|\)\s{0,8}or\b|=>|:=|=|:|,)\s{0,8}"""
)

_HEXADECIMAL = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

#: Bits in each character of what is random; words and names have less, or no digits.
_RANDOM = 3.3


def is_placeholder(value: str) -> bool:
    """Whether a value stands for one that a person is to put there."""
    return bool(_PLACEHOLDER.fullmatch(value) or _PLACEHOLDER_WITHIN.search(value))


def is_fake(name: str) -> bool:
    """Whether a name says that what it names is not real."""
    return bool(_FAKE.search(name))


def _is_real(match: re.Match[str], name: str) -> bool:
    value = match[0]
    return not is_placeholder(value) and len(set(value)) > 4 and not is_sequential_string(value)


def _is_password_of_url(match: re.Match[str], name: str) -> bool:
    """Whether the password within a URL is more than a word, or the user's name once more."""
    user, value = match["user"], match["value"]
    if is_placeholder(value) or value.rstrip("0123456789").lower() == user.lower():
        return False
    return _classes(value) >= 2 and not re.search(r"[{}<>$%]", value)


def _is_password(match: re.Match[str], name: str) -> bool:
    """Whether what is named a password is like one: of three kinds of characters."""
    value = match["value"]
    if is_placeholder(value) or _INNOCENT.search(name) or re.search(r"[{}<>\s]|%s|\$\w|://", value):
        return False
    return _classes(value) >= 3


def _is_random(match: re.Match[str], name: str) -> bool:
    """Whether a machine made a value: it is hexadecimal and long, or of small letters, capital ones and digits."""
    value = match["value"]
    if _INNOCENT.search(name) or not _is_real(match, name) or is_placeholder(value):
        return False
    if _HEXADECIMAL.fullmatch(value):
        return True
    # Paths, versions and names of models are made of shorter pieces; so are Amazon's keys, but all of one length.
    longest = value if len(value) == 40 and "." not in value else max(re.split(r"[^A-Za-z0-9+]", value), key=len)
    digits = sum(each.isdigit() for each in longest)
    if len(longest) < 16 or (digits < 2 and len(longest) < 32) or _classes(longest) < 3:
        return False
    return float(Base64HighEntropyString().calculate_shannon_entropy(longest)) > _RANDOM


def _classes(value: str) -> int:
    """How many kinds of characters a value has: small letters, capital ones, digits, others."""
    return sum(bool(re.search(kind, value)) for kind in (r"[a-z]", r"[A-Z]", r"[0-9]", r"[^A-Za-z0-9]"))


@dataclass(frozen=True)
class Detector:
    """One kind of secret: what finds it in a line, and what tells a real one from what looks alike.

    A `weak` one is not believed in a file whose name says that it is a test's or an example's.
    """

    kind: str
    rules: tuple[re.Pattern[str], ...]
    #: What it is assigned to is the second; both tell a real one from what looks alike.
    accepts: Callable[[re.Match[str], str], bool] = _is_real
    #: Whether it looks at files only that configure something.
    configuration: bool = False
    weak: bool = False
    #: In small letters; a line without any of them holds none.
    words: tuple[str, ...] = ()


def _known(kind: str, detector: RegexBasedDetector) -> Detector:
    return Detector(kind, tuple(detector.denylist))


def _token(kind: str, pattern: str) -> Detector:
    return Detector(kind, (re.compile(pattern),))


def _credential(*rules: str, configuration: bool = False) -> Detector:
    """A random value that is assigned to what is named a key, a secret or a token."""
    compiled = tuple(re.compile(rule, re.IGNORECASE) for rule in rules)
    words = ("key", "secret", "token", "passw", "pwd", "passphrase", "credential", "authorization")
    return Detector("credential", compiled, _is_random, configuration=configuration, weak=True, words=words)


#: What follows the first line of one says whether it is a key.
PRIVATE_KEY = Detector(
    "private key",
    (*PrivateKeyDetector.denylist, re.compile("BEGIN ENCRYPTED PRIVATE KEY")),
    lambda match, name: True,
    weak=True,
)

#: What has no fixed letters in it (a Discord bot's token) would make them all slow: it is found where it is named.
DETECTORS = (
    PRIVATE_KEY,
    # Their rule has no ends and finds some in what is encoded; their other one is of what is named a key: below.
    _token("AWS access key", rf"(?<![A-Za-z0-9+/]){AWSKeyDetector.denylist[0].pattern}(?![A-Za-z0-9+/])"),
    _known("Azure storage key", AzureStorageKeyDetector()),
    _known("GitHub token", GitHubTokenDetector()),
    _token("GitHub token", r"github_pat_[A-Za-z0-9_]{60,100}"),
    _known("GitLab token", GitLabTokenDetector()),
    _known("Mailchimp access key", MailchimpDetector()),
    _known("PyPI token", PypiTokenDetector()),
    _known("SendGrid API key", SendGridDetector()),
    _known("Slack token", SlackDetector()),
    _known("Square secret", SquareOAuthDetector()),
    _known("Stripe access key", StripeDetector()),
    _known("Telegram bot token", TelegramBotTokenDetector()),
    _token("Anthropic API key", r"sk-ant-[a-z0-9]{2,12}-[A-Za-z0-9_-]{60,200}"),
    _token("Cartesia API key", r"sk_car_[A-Za-z0-9_-]{20,200}"),
    _token("ElevenLabs API key", r"\bsk_[0-9a-f]{48}\b"),
    _token("Google API key", r"AIza[0-9A-Za-z_-]{35}"),
    _token("Groq API key", r"gsk_[A-Za-z0-9]{40,200}"),
    _token("Hugging Face token", r"\bhf_[A-Za-z0-9]{30,200}"),
    _token("npm token", r"\bnpm_[A-Za-z0-9]{36}"),
    _token(
        "OpenAI API key",
        r"sk-(?:(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,200}|[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})",
    ),
    _token("Pipecat Cloud key", r"\bsk_[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b"),
    _token("Pipecat Cloud token", r"pcc_pat_[A-Za-z0-9_-]{20,200}"),
    _token("key of OpenRouter, xAI, Perplexity, NVIDIA", r"\b(?:sk-or-v1|xai|pplx|nvapi)-[A-Za-z0-9_-]{40,200}"),
    _token("JSON Web Token", r"\beyJ[A-Za-z0-9_-]{10,2000}\.eyJ[A-Za-z0-9_-]{10,2000}\.[A-Za-z0-9_-]{20,1000}"),
    Detector(
        "password in a URL",
        (re.compile(r"://(?P<user>[^:/?#\s@\"']{0,80}):(?P<value>[^/?#\s@\"']{8,80})@"),),
        _is_password_of_url,
        words=("://",),
    ),
    Detector(
        "password",
        (
            re.compile(
                rf"(?P<name>passw(?:or)?d|(?<=_)pwd|passphrase){_ASSIGNED}{_OPEN}(?P<value>[^\s\"'`]{{8,64}})[\"'`]",
                re.I,
            ),
        ),
        _is_password,
        weak=True,
        words=("passw", "pwd", "passphrase"),
    ),
    Detector(
        "password",
        (
            re.compile(
                r"(?P<name>passw(?:or)?d|passphrase)\s{0,8}[:=]\s{0,8}(?P<value>[^\s\"'`#,;()]{8,64})(?:\s|$)",
                re.I,
            ),
        ),
        _is_password,
        configuration=True,
        weak=True,
        words=("passw", "passphrase"),
    ),
    _credential(
        rf"{_NAME}{_ASSIGNED}{_OPEN}{_VALUE}\\?[\"'`]",
        rf"(?P<name>authorization){_ASSIGNED}{_OPEN}(?:bearer|token|basic)\s{{1,4}}{_VALUE}",
        rf"\b(?P<name>authorization)\s?:\s{{0,4}}(?:bearer|token|basic)\s{{1,4}}{_VALUE}",
        rf"[?&](?P<name>(?:api_?key|key|(?:access_|auth_)?token))={_VALUE}",
        rf"(?:%env|export|\benv)\s{{1,8}}[\w-]{{0,40}}{_NAME}=[\"']?{_VALUE}",
    ),
    # Where something is configured, values need no quotes.
    _credential(rf"{_NAME}(?:\s{{0,8}}[:=]\s{{0,8}}|\s{{1,8}}){_VALUE}(?:[\s;,#\\]|$)", configuration=True),
)
