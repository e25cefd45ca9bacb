"""Secrets that would be sent: found with file, line and kind, never shown; what only looks like one is none."""

import random
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.context import Finding, pack, refuse
from pipecat_nb.context.secrets import LARGEST, find
from pipecat_nb.errors import SecretsFound

from .trees import make

_SEEDED = random.Random(20260220)


def made_up(length: int, characters: str = string.ascii_letters + string.digits) -> str:
    """What a machine would make up; never a real one, nor written into this file as a whole."""
    return "".join(_SEEDED.choice(characters) for _ in range(length))


HEX = string.hexdigits[:16]
BODY = "\n".join(made_up(64) for _ in range(6))


def pem(kind: str, *, headers: str = "") -> str:
    return f"-----BEGIN {kind}-----\n{headers}{BODY}\n-----END {kind}-----\n"


KEY = pem("RSA PRIVATE KEY")
JSON_KEY = KEY.replace("\n", "\\n")

REAL = {
    "an environment file": (".env", "# mine\nPORT=7860\nGREETING=hello\n", 3, "environment file with values"),
    "one with quotes": ("app/.env.local", 'export KEY="abc" # note\n', 1, "environment file with values"),
    "one with a word for a secret": (
        ".env",
        "PASSWORD=the-secret-of-the-house\n",
        1,
        "environment file with values",
    ),
    "one of another name": ("prod.env", "A=\nB=b\n", 2, "environment file with values"),
    "an RSA key": ("id_rsa", KEY, 1, "private key"),
    "an OpenSSH key": ("deploy", pem("OPENSSH PRIVATE KEY"), 1, "private key"),
    "an encrypted key": ("server.key", pem("ENCRYPTED PRIVATE KEY"), 1, "private key"),
    "a key with headers": (
        "old.pem",
        pem("RSA PRIVATE KEY", headers="Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,0A\n\n"),
        1,
        "private key",
    ),
    "a key in a program": ("bot.py", f'KEY = """\n{KEY}"""\n', 2, "private key"),
    "a service account": (
        "account.json",
        f'{{"type": "service_account",\n "private_key": "{JSON_KEY}"}}',
        2,
        "service-account key",
    ),
    "a key store": ("ca/server.P12", "\0\1\2", 0, "key store"),
    "an OpenAI key": ("bot.py", f"llm = LLM(\n  key='sk-proj-{made_up(64)}')", 2, "OpenAI API key"),
    "an Anthropic key": ("notes.md", f"sk-ant-api03-{made_up(90)}", 1, "Anthropic API key"),
    "a Google key": ("web/app.js", f"const key = 'AIza{made_up(35)}'", 1, "Google API key"),
    "a Pipecat token": ("run.sh", f"PIPECAT_TOKEN=pcc_pat_{made_up(40)}", 1, "Pipecat Cloud token"),
    "an AWS key": ("a.py", f"'AKIA{made_up(16, string.ascii_uppercase + string.digits)}'", 1, "AWS access key"),
    "a GitHub token": ("a.txt", f"ghp_{made_up(36)}", 1, "GitHub token"),
    "a hexadecimal key": ("bot.py", f'DEEPGRAM_API_KEY = "{made_up(40, HEX)}"', 1, "credential"),
    "a key in a call": ("bot.py", f"DeepgramSTT(api_key='{made_up(40, HEX)}')", 1, "credential"),
    "a key in a notebook": ("a.ipynb", f'{{"source": ["api_key = \\"{made_up(32)}\\""]}}', 1, "credential"),
    "a key in YAML": ("config.yaml", f"daily:\n  api_key: {made_up(48)}\n", 2, "credential"),
    "a key in a Dockerfile": ("Dockerfile", f"FROM a\nENV DAILY_API_KEY={made_up(64, HEX)}\n", 2, "credential"),
    "a key in a .netrc": (".netrc", f"machine a login b\npassword {made_up(24)}\n", 2, "credential"),
    "a password in a URL": ("a.py", f"DB = 'postgres://bot:{made_up(14)}7a@db/x'", 1, "password in a URL"),
    "one deep in a long line": ("a.min.js", f"{'x;' * 30_000}ghp_{made_up(36)}", 1, "GitHub token"),
}

NOT_REAL = {
    "an example of an environment": (".env.example", f"OPENAI_API_KEY={made_up(40)}"),
    "a template of one": ("env/.env.template", "KEY=abc"),
    "an environment without values": (".env", "# KEY=abc\nKEY=\nPORT=7860\nDEBUG=true\n"),
    "one of this machine": (".env", "API_URL=http://localhost:8000\nHOST=127.0.0.1\n"),
    "one to be filled in": (".env", "OPENAI_API_KEY=your_api_key\nDAILY_API_KEY=<key>\nA=${HOME}\n"),
    "a certificate": ("cert.pem", pem("CERTIFICATE")),
    "a public key": ("id_rsa.pub", pem("PUBLIC KEY")),
    "a test's fake key": ("tests/fake_key.pem", KEY),
    "a test's key that is named so": ("tests/test_server.key", KEY),
    "a fake key in a program": ("bot.py", f'TEST_API_KEY = "{made_up(40, HEX)}"'),
    "a program that reads keys": ("pem.py", 'if text.startswith("-----BEGIN RSA PRIVATE KEY-----"):\n    return'),
    "a key from the environment": ("bot.py", 'api_key = os.environ["DEEPGRAM_API_KEY"]'),
    "the name of a secret": ("bot.py", 'secret_name = "projects/agent/secrets/deepgram-api-key"'),
    "a word for a token": ("bot.py", 'token = "token_of_the_current_session"'),
    "the documentation's AWS key": ("README.md", "AKIAIOSFODNN7EXAMPLE"),
    "a URL of a development database": ("a.py", "'postgres://postgres:postgres@localhost/x'"),
    "a hash": ("poetry.lock", f'files = [{{hash = "sha256:{made_up(64, HEX)}"}}]'),
    "binary data": ("model.bin", f"\0\0ghp_{made_up(36)}"),
    "an empty one": (".env", ""),
}


@pytest.mark.parametrize(("path", "content", "line", "kind"), REAL.values(), ids=list(REAL))
def test_a_secret_is_found(path: str, content: str, line: int, kind: str) -> None:
    assert find(path, content.encode()) == [Finding(path, line, kind)]


@pytest.mark.parametrize(("path", "content"), NOT_REAL.values(), ids=list(NOT_REAL))
def test_what_only_looks_like_one_is_none(path: str, content: str) -> None:
    assert find(path, content.encode()) == []


def test_an_environment_file_as_windows_writes_it() -> None:
    assert find(".env", "KEY=abc\r\n".encode("utf-16")) == [Finding(".env", 1, "environment file with values")]


@given(st.text(st.sampled_from("./abentv_key"), min_size=1, max_size=20), st.binary(max_size=200))
def test_no_file_makes_it_stumble(path: str, content: bytes) -> None:
    for start in (b"", b"\xff\xfe", b"A=", b"api_key = '", b"-----BEGIN RSA PRIVATE KEY-----\n"):
        assert all(finding.path == path for finding in find(path, start + content))


def test_the_archive_is_looked_at_not_the_directory(tmp_path: Path) -> None:
    make(tmp_path, _dockerignore="private\n", private__id_rsa=KEY, bot_py="print()")
    (tmp_path / ".env").write_text("KEY=abc\n")
    (tmp_path / "large.txt").write_text(f"{'x' * LARGEST}\nghp_{made_up(36)}\n")
    with pack(tmp_path) as packed:
        assert packed.secrets == (Finding(".env", 1, "environment file with values"),)


def test_the_default_exclusions_leave_environment_files_and_keys_out(tmp_path: Path) -> None:
    make(tmp_path, bot_py="print()")
    (tmp_path / ".env").write_text("KEY=abc\n")
    (tmp_path / "server.pem").write_text(KEY)
    with pack(tmp_path) as packed:
        assert packed.secrets == ()


def test_refusing_names_files_lines_and_what_to_do_and_no_value() -> None:
    token = f"ghp_{made_up(36)}"
    findings = [*find("bot.py", f"\n'{token}'".encode()), *find("a\x1b[2J/.env", b"KEY=hidden")]
    with pytest.raises(SecretsFound) as caught:
        refuse(findings, allowed=(), ignore_file=".dockerignore")
    said = str(caught.value)
    for part in (
        "2 secrets",
        "bot.py:2  GitHub token",
        "a/.env:1",
        "add to .dockerignore:\n  bot.py",
        "--allow-secret",
    ):
        assert part in said
    for hidden in (token, token[4:], "hidden", "\x1b"):
        assert hidden not in said + repr(caught.value.findings)


def test_what_is_allowed_is_sent() -> None:
    findings = [Finding("a/.env", 1, "environment file with values"), Finding("id_rsa", 1, "private key")]
    refuse(findings, allowed=["./a/.env", "id_rsa"], ignore_file="")
    with pytest.raises(SecretsFound, match="1 secret would") as caught:
        refuse(findings, allowed=["id_rsa"], ignore_file="")
    assert caught.value.findings == (findings[0],)
    assert "pcc-deploy.toml" in caught.value.hint
