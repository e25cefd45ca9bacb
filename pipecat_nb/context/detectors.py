"""What secrets look like: the rules of detect-secrets, and more of their kind for what voice agents use.

Only the rules are taken, nothing that would ask a service whether a secret is real.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from detect_secrets.filters.heuristic import is_sequential_string
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.basic_auth import BasicAuthDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.high_entropy_strings import Base64HighEntropyString
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.private_key import PrivateKeyDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector

#: What stands where a person is to put the value.
_PLACEHOLDER = re.compile(
    r"your|example|sample|change.?me|placeholder|dummy|fake|mock|x{4}|todo|redacted|replace|insert|<|>|\$|\{|\.\.\.|…"
    r"|\A(?:my.?)?(?:passw(?:or)?d|secret|token|key)\Z",
    re.IGNORECASE,
)

_NAME = r"(?:api_?key|secret|token|passw(?:or)?d|passphrase|auth_?key|access_?key|credentials?)\w*"
_VALUE = r"([A-Za-z0-9+/_.~-]{16,})={0,2}"

_HEXADECIMAL = re.compile(r"[0-9a-f]{32,}|[0-9A-F]{32,}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

#: Bits in each character of what is random; words and names have less, or no digits.
_RANDOM = 3.3


def is_placeholder(value: str) -> bool:
    """Whether a value stands for one that a person is to put there."""
    return bool(_PLACEHOLDER.search(value))


def _is_real(match: re.Match[str]) -> bool:
    return _is_chosen(match[0])


def _is_password(match: re.Match[str]) -> bool:
    """Whether the password within a URL is more than a word."""
    value = match[1]
    return len(value) >= 8 and _is_mixed(value) and _is_chosen(value)


def _is_random(match: re.Match[str]) -> bool:
    """Whether a machine made a value: it is hexadecimal and long, or of small letters, capital ones and digits."""
    value = match[1]
    if not _is_chosen(value):
        return False
    if _HEXADECIMAL.fullmatch(value):
        return True
    mixed = _is_mixed(value) and value not in (value.lower(), value.upper())
    return mixed and float(Base64HighEntropyString().calculate_shannon_entropy(value)) > _RANDOM


def _is_chosen(value: str) -> bool:
    """Whether a value is neither a placeholder nor keys that lie beside each other."""
    return not is_placeholder(value) and len(set(value)) > 4 and not is_sequential_string(value)


def _is_mixed(value: str) -> bool:
    return bool(re.search(r"[0-9]", value) and re.search(r"[A-Za-z]", value))


@dataclass(frozen=True)
class Detector:
    """One kind of secret: what finds it in a line, and what tells a real one from what looks alike."""

    kind: str
    rules: tuple[re.Pattern[str], ...]
    accepts: Callable[[re.Match[str]], bool] = _is_real
    #: Whether it looks at files only that configure something.
    configuration: bool = False


def _known(kind: str, detector: RegexBasedDetector) -> Detector:
    return Detector(kind, tuple(detector.denylist))


def _token(kind: str, pattern: str) -> Detector:
    return Detector(kind, (re.compile(pattern),))


def _credential(rest: str, *, configuration: bool = False) -> Detector:
    """A value that is assigned to what is named a key, a secret, a token or a password."""
    rule = re.compile(_NAME + rest, re.IGNORECASE)
    return Detector("credential", (rule,), _is_random, configuration=configuration)


#: What follows the first line of one says whether it is a key.
PRIVATE_KEY = Detector(
    "private key", (*PrivateKeyDetector.denylist, re.compile("BEGIN ENCRYPTED PRIVATE KEY")), lambda match: True
)

#: What has no fixed letters in it (a Discord bot's token) would make them all slow: it is found where it is named.
DETECTORS = (
    PRIVATE_KEY,
    # Its other rule is of what is named a key, as below.
    Detector("AWS access key", tuple(AWSKeyDetector.denylist[:1])),
    _known("Azure storage key", AzureStorageKeyDetector()),
    _known("GitHub token", GitHubTokenDetector()),
    _known("GitLab token", GitLabTokenDetector()),
    _known("Mailchimp access key", MailchimpDetector()),
    _known("npm token", NpmDetector()),
    _known("OpenAI API key", OpenAIDetector()),
    _known("PyPI token", PypiTokenDetector()),
    _known("SendGrid API key", SendGridDetector()),
    _known("Slack token", SlackDetector()),
    _known("Square secret", SquareOAuthDetector()),
    _known("Stripe access key", StripeDetector()),
    _known("Telegram bot token", TelegramBotTokenDetector()),
    Detector("password in a URL", tuple(BasicAuthDetector.denylist), _is_password),
    _token("Anthropic API key", r"sk-ant-[a-z0-9]{2,12}-[A-Za-z0-9_-]{60,}"),
    _token("Cartesia API key", r"sk_car_[A-Za-z0-9_-]{20,}"),
    _token("ElevenLabs API key", r"\bsk_[0-9a-f]{48}\b"),
    _token("Google API key", r"AIza[0-9A-Za-z_-]{35}"),
    _token("Groq API key", r"gsk_[A-Za-z0-9]{40,}"),
    _token("Hugging Face token", r"\bhf_[A-Za-z0-9]{30,}"),
    _token("OpenAI API key", r"sk-(?:proj|svcacct|admin)-[A-Za-z0-9_-]{40,}"),
    _token("Pipecat Cloud token", r"pcc_pat_[A-Za-z0-9_-]{20,}"),
    _credential(rf"""\\?["']?\]?\s*(?:=|:|:=|=>)\s*\\?["']{_VALUE}\\?["']"""),
    # Where something is configured, values need no quotes.
    _credential(rf"(?:\s*[:=]\s*|\s+){_VALUE}\s*$", configuration=True),
)
