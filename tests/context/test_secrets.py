"""Secrets that would be sent: found with file, line and kind, never shown; what only looks like one is none."""

import random
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.context import Finding, pack, refuse
from pipecat_nb.context.secrets import Search, find
from pipecat_nb.errors import SecretsFound

from .trees import make

_SEEDED = random.Random(20260220)


def made_up(length: int, characters: str = string.ascii_letters + string.digits) -> str:
    """What a machine would make up; never a real one, nor written into this file as a whole."""
    return "".join(_SEEDED.choice(characters) for _ in range(length))


HEX = string.hexdigits[:16]
UUID = "-".join(made_up(length, HEX) for length in (8, 4, 4, 4, 12))
BODY = "\n".join(made_up(64) for _ in range(6))


def pem(kind: str, *, headers: str = "") -> str:
    return f"-----BEGIN {kind}-----\n{headers}{BODY}\n-----END {kind}-----\n"


KEY = pem("RSA PRIVATE KEY")
JSON_KEY = KEY.replace("\n", "\\n")

REAL = {
    "an environment file": (".env", "# mine\nPORT=7860\nGREETING=hello\n", 3, "environment file with values"),
    "one with quotes": ("app/.env.local", 'export KEY="abc" # note\n', 1, "environment file with values"),
    "one of another name": ("prod.env", "A=\nB=b\n", 2, "environment file with values"),
    "one with a dash": (".env-prod", "B=b\n", 1, "environment file with values"),
    "one in capitals": (".ENV", "B=b\n", 1, "environment file with values"),
    "one without a leading dot": ("env.prod", "B=b\n", 1, "environment file with values"),
    "one with a word for a secret": (
        ".env",
        "PASSWORD=the-secret-of-the-house\n",
        1,
        "environment file with values",
    ),
    "one with a sign in it": (".env", "DB_PASSWORD=Tr0ub$4dorXy9\n", 1, "environment file with values"),
    "one with angle brackets": (".env", "DB_PASSWORD=aB3>kQ9x<Lm2\n", 1, "environment file with values"),
    "one with an example's host": (
        ".env",
        "DATABASE_URL=postgres://admin:Hunter2xyz9@db.example.com/app\n",
        1,
        "environment file with values",
    ),
    "one with a long number": (".env", "ADMIN_PIN=48215590\n", 1, "environment file with values"),
    "one with a byte order mark": (".env", "\ufeffKEY=abc\n", 1, "environment file with values"),
    "a real key in an example of one": (
        ".env.example",
        f"A=\nB=sk-ant-api03-{made_up(90)}\n",
        2,
        "Anthropic API key",
    ),
    "an RSA key": ("id_rsa", KEY, 1, "private key"),
    "one among the examples": ("examples/deploy/id_rsa", KEY, 1, "private key"),
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
    "a Pipecat key": ("bot.py", f'PIPECAT_API_KEY = "sk_{UUID}"', 1, "Pipecat Cloud key"),
    "an AWS key": ("a.py", f"'AKIA{made_up(16, string.ascii_uppercase + string.digits)}'", 1, "AWS access key"),
    "an AWS secret key": ("a.ini", f"aws_secret_access_key = wJa/{made_up(36)}", 1, "credential"),
    "a GitHub token": ("a.txt", f"ghp_{made_up(36)}", 1, "GitHub token"),
    "a fine-grained one": ("a.txt", f"github_pat_{made_up(22)}_{made_up(59)}", 1, "GitHub token"),
    "a key after a sample rate": (
        "bot.py",
        f'TTS(sample_rate=24000, api_key="{made_up(40, HEX)}")',
        1,
        "credential",
    ),
    "a key in a test's call": ("bot.py", f"call('test', api_key='sk-proj-{made_up(60)}')", 1, "OpenAI API key"),
    "a key beside an example's URL": (
        "bot.py",
        f"LLM(base_url='https://example.com/v1', api_key='sk-proj-{made_up(60)}')",
        1,
        "OpenAI API key",
    ),
    "a key among the templates": (
        "app/templates/bot.py",
        f"K = 'sk-ant-api03-{made_up(90)}'",
        1,
        "Anthropic API key",
    ),
    "a token in a test": ("test_bot.py", f"K = 'sk-proj-{made_up(60)}'", 1, "OpenAI API key"),
    "a hexadecimal key": ("bot.py", f'DEEPGRAM_API_KEY = "{made_up(40, HEX)}"', 1, "credential"),
    "a key by a short name": ("bot.py", f'AZURE_SPEECH_KEY = "{made_up(32, HEX)}"', 1, "credential"),
    "a key with a type": ("bot.py", f'    api_key: str = "{made_up(40, HEX)}"', 1, "credential"),
    "a key in an f-string": ("bot.py", f'api_key = f"{made_up(40, HEX)}"', 1, "credential"),
    "a key as a default": ("bot.py", f'os.getenv("DEEPGRAM_API_KEY", "{made_up(40, HEX)}")', 1, "credential"),
    "a key in a template literal": ("app.ts", f"const apiKey = `{made_up(40, HEX)}`", 1, "credential"),
    "a key in a header": ("a.py", f'{{"x-api-key": "{made_up(40, HEX)}"}}', 1, "credential"),
    "a bearer": ("a.py", f'{{"Authorization": "Bearer {made_up(40, HEX)}"}}', 1, "credential"),
    "a key behind an or": (
        "bot.py",
        f'k = os.getenv("DEEPGRAM_API_KEY") or "{made_up(40, HEX)}"',
        1,
        "credential",
    ),
    "a key as a named default": ("bot.py", f'getenv("DG_KEY", default="{made_up(40, HEX)}")', 1, "credential"),
    "a header for curl": ("run.sh", f'curl -H "Authorization: Token {made_up(40, HEX)}"', 1, "credential"),
    "a key in a URL": ("bot.py", f"get('https://abc.com/?token={made_up(40, HEX)}')", 1, "credential"),
    "a password in YAML": ("a.yaml", "db:\n  password: hunter2ABC!\n", 2, "password"),
    "a token in a long line": (
        "a.json",
        f"{'x' * 3900} eyJ{made_up(30)}.eyJ{made_up(700)}.{made_up(43)}",
        1,
        "JSON Web Token",
    ),
    "a JSON Web Token": ("a.py", f"t = 'eyJ{made_up(30)}.eyJ{made_up(60)}.{made_up(43)}'", 1, "JSON Web Token"),
    "a key in a call": ("bot.py", f"DeepgramSTT(api_key='{made_up(40, HEX)}')", 1, "credential"),
    "a key in a notebook": ("a.ipynb", f'{{"source": ["api_key = \\"{made_up(32)}\\""]}}', 1, "credential"),
    "a notebook's variable": ("a.ipynb", f'"%env DEEPGRAM_API_KEY={made_up(40, HEX)}"', 1, "credential"),
    "a key in YAML": ("config.yaml", f"daily:\n  api_key: {made_up(48)}\n", 2, "credential"),
    "one with a comment": ("config.yaml", f"api_key: {made_up(40, HEX)} # prod\n", 1, "credential"),
    "a key in a Dockerfile": ("Dockerfile", f"FROM a\nENV DAILY_API_KEY={made_up(64, HEX)}\n", 2, "credential"),
    "one of several there": ("Dockerfile", f"FROM a\nENV A_KEY={made_up(64, HEX)} X=1 \\\n", 2, "credential"),
    "a key in a .netrc": (".netrc", f"machine a login b\npassword {made_up(24)}9a\n", 2, "credential"),
    "a password": ("a.py", 'DB_PASSWORD="Tr0ub4dor&3xyz"', 1, "password"),
    "a short random password": ("a.py", "password = 'aB3dE6gH9jKl'", 1, "password"),
    "a password in a URL": ("a.py", f"DB = 'postgres://bot:{made_up(14)}7a@db/x'", 1, "password in a URL"),
    "a password without a user": ("a.py", f"R = 'redis://:{made_up(14)}7a@r:6379'", 1, "password in a URL"),
    "one deep in a long line": ("a.min.js", f"{'x;' * 30_000}ghp_{made_up(36)}", 1, "GitHub token"),
}

NOT_REAL = {
    "an example of an environment": (".env.example", f"OPENAI_API_KEY={made_up(40)}"),
    "a template of one": ("env/.env.template", "KEY=abc"),
    "an environment without values": (".env", "# KEY=abc\nKEY=\nPORT=7860\nDEBUG=true\nLOG_LEVEL=debug\n"),
    "one with comments for values": (".env", "KEY= # fill me in\nKEY=#fill\n"),
    "one of this machine": (".env", "API_URL=http://localhost:8000\nHOST=127.0.0.1\n"),
    "one to be filled in": (".env", "OPENAI_API_KEY=your_api_key\nDAILY_API_KEY=<key>\nA=${HOME}\nB=sk-xxxx\n"),
    "a certificate": ("cert.pem", pem("CERTIFICATE")),
    "a public key": ("id_rsa.pub", pem("PUBLIC KEY")),
    "a test's fake key": ("tests/fake_key.pem", KEY),
    "a test's key that is named so": ("tests/test_server.key", KEY),
    "a fake key in a program": ("bot.py", f'TEST_API_KEY = "{made_up(40, HEX)}"'),
    "a program that reads keys": ("pem.py", 'if text.startswith("-----BEGIN RSA PRIVATE KEY-----"):\n    return'),
    "a key from the environment": ("bot.py", 'api_key = os.environ["DEEPGRAM_API_KEY"]'),
    "the name of a secret": ("bot.py", 'secret_name = "projects/agent/secrets/deepgram-api-key"'),
    "a secret's place": ("a.yaml", "secretName: projects/MyProj1/secrets/Deepgram\n"),
    "a path to credentials": ("a.yaml", "credentials: /etc/Secrets/Gcp-Key1.json\n"),
    "an endpoint for tokens": ("a.py", 'TOKEN_PATH = "/Api/V1/OAuth2/TokenEndpoint"'),
    "a tokenizer": (
        "a.py",
        'tokenizer = "Qwen/Qwen2.5-7B-Instruct"\ntokenizer="meta-llama/Llama-3.1-8B-Instruct"',
    ),
    "a tokenizer's class": ("a.json", '{"tokenizer_class": "Qwen2TokenizerFast"}'),
    "a word for a token": ("bot.py", 'token = "token_of_the_current_session"'),
    "an id of a token": ("bot.py", f'session_token_id="{UUID}"'),
    "a password from elsewhere": ("a.py", "password = f'{settings.password1}'\npassword='Password123'"),
    "the documentation's AWS key": ("README.md", "AKIAIOSFODNN7EXAMPLE"),
    "URLs of a development database": ("a.py", "'postgres://postgres:postgres1@db/x' 'redis://:password@r'"),
    "the fingerprint of a signer": (
        "Dockerfile",
        f"ENV GPG_KEY {made_up(40, HEX.upper())}\nRUN gpg --recv-keys {made_up(40, HEX)}\n",
    ),
    "the key of a cache": ("a.py", f'cache_key = "{made_up(40, HEX)}"'),
    "a password from the environment": ("a.yaml", "password: ${DB_PASSWORD1}\npassword: change-me\n"),
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


def test_a_program_as_windows_writes_it() -> None:
    code = f'x = 1\r\nDEEPGRAM_API_KEY = "{made_up(40, HEX)}"\r\n'.encode("utf-16")
    assert find("bot.py", code) == [Finding("bot.py", 2, "credential")]
    search = Search("bot.py")
    for start in range(0, len(code), 7):
        search.feed(code[start : start + 7])
    assert search.end() == [Finding("bot.py", 2, "credential")]


@given(st.text(st.sampled_from("./abentv_key"), min_size=1, max_size=20), st.binary(max_size=200))
def test_no_file_makes_it_stumble(path: str, content: bytes) -> None:
    for start in (b"", b"\xff\xfe", b"A=", b"api_key = '", b"-----BEGIN RSA PRIVATE KEY-----\n"):
        assert all(finding.path == path for finding in find(path, start + content))


def test_the_archive_is_looked_at_not_the_directory(tmp_path: Path) -> None:
    make(tmp_path, _dockerignore="private\n", private__id_rsa=KEY, bot_py="print()")
    (tmp_path / ".env").write_text("KEY=abc\n")
    with pack(tmp_path) as packed:
        assert packed.secrets == (Finding(".env", 1, "environment file with values"),)


def test_a_large_file_is_looked_at_to_its_end(tmp_path: Path) -> None:
    make(tmp_path)
    lines = ["x" * 99] * 30_000
    lines[25_000] = f"ghp_{made_up(36)}"
    (tmp_path / "calls.txt").write_text("\n".join(lines))
    with pack(tmp_path) as packed:
        assert packed.secrets == (Finding("calls.txt", 25_001, "GitHub token"),)


@given(st.integers(1, 400))
def test_however_it_is_read(size: int) -> None:
    content = ("# a line\n" * 20 + f"\nghp_{'aB3dE6gH9j' * 4}\n{KEY}" + "# more\n" * 50).encode()
    search = Search("bot.py")
    for start in range(0, len(content), size):
        search.feed(content[start : start + size])
    assert search.end() == find("bot.py", content) != []


HOSTILE = {
    "headers": "-----BEGIN PRIVATE KEY----- " + "Version " * 60_000,
    "first lines": "-----BEGIN PRIVATE KEY-----\n" * 20_000,
    "names": f'api_key = "{made_up(40, HEX)}" ' + "secret" * 90_000,
    "blanks": "A_KEY=x" + " " * 500_000 + "y",
    "quotes": "password='" * 60_000,
    "schemes": f"://a:{made_up(12)}1@b " + "://" * 150_000,
    "dashes": f"sk-proj-{made_up(60)} " + "sk-" * 150_000,
    "tokens": f"eyJ{made_up(30)}.eyJ{made_up(60)}.{made_up(43)} " + "eyJ" * 150_000,
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("content", HOSTILE.values(), ids=list(HOSTILE))
@pytest.mark.parametrize("path", ["a.py", ".env", "a.yaml"])
def test_no_file_takes_for_ever(path: str, content: str) -> None:
    assert len(find(path, content.encode())) <= 20


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
        "a line in .dockerignore:\n  bot.py",
        "--allow-secret",
    ):
        assert part in said
    for hidden in (token, token[4:], "hidden", "\x1b"):
        assert hidden not in said + repr(caught.value.findings)


def test_what_is_always_sent_is_not_left_out_by_a_line() -> None:
    findings = [Finding("Dockerfile", 2, "credential")]
    with pytest.raises(SecretsFound) as caught:
        refuse(findings, allowed=(), ignore_file=".dockerignore", always_sent=("Dockerfile", ".dockerignore"))
    assert "left out by" not in caught.value.hint
    assert "Take out of the files" in caught.value.hint


@pytest.mark.parametrize(
    "allowed", [["./a/.env", "id rsa"], ["a", "id rsa"], ["a/", "./id rsa"], ["a/.env", "id rsa", "not there"]]
)
def test_what_is_allowed_is_sent(allowed: list[str]) -> None:
    findings = [Finding("a/.env", 1, "environment file with values"), Finding("id rsa", 1, "private key")]
    refuse(findings, allowed=allowed, ignore_file="")
    with pytest.raises(SecretsFound, match="1 secret would") as caught:
        refuse(findings, allowed="a/.env", ignore_file="")
    assert caught.value.findings == (findings[1],)
    assert "pcc-deploy.toml" in caught.value.hint
    assert "--allow-secret 'id rsa'" in caught.value.hint
