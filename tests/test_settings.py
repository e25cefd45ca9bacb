"""Where to talk to, as whom: the order of the sources, and what is done with bad ones."""

import time
from pathlib import Path

import pytest

from pipecat_nb import settings
from pipecat_nb.errors import DirectoryNotFound, SettingsError

LOGIN = 'token = "login-token"\norg = "acme"\nrefresh_token = "r"\n[acme]\ndefault_public_key = "pk"\n'


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """An environment in which nobody has logged in; `write_login` does it."""
    return {"PIPECAT_CONFIG_PATH": str(tmp_path / "pipecatcloud.toml")}


def write_login(environ: dict[str, str], text: str) -> None:
    Path(environ["PIPECAT_CONFIG_PATH"]).write_text(text)


def test_without_credentials_it_is_the_local_service(environ: dict[str, str]) -> None:
    target = settings.resolve(environ=environ)
    assert (target.kind, target.label, target.org) == ("local", "local service", "local")


def test_the_order_of_the_sources(environ: dict[str, str]) -> None:
    write_login(environ, LOGIN)
    found = [settings.resolve(environ=environ)]
    for name in ("PIPECAT_TOKEN", "PCC_API_KEY", "PIPECAT_CLOUD_API_KEY", "PIPECAT_API_KEY"):
        environ[name] = f"value-of-{name}\n"
        found.append(settings.resolve(environ=environ))
    found.append(settings.resolve("given", environ=environ))
    assert [(target.kind, target.token.reveal() if target.token else None) for target in found] == [
        ("token", "login-token"),
        ("token", "value-of-PIPECAT_TOKEN"),
        ("api-key", "value-of-PCC_API_KEY"),
        ("api-key", "value-of-PIPECAT_CLOUD_API_KEY"),
        ("api-key", "value-of-PIPECAT_API_KEY"),
        ("api-key", "given"),
    ]


def test_a_login_names_its_organization_and_the_environment_another(environ: dict[str, str]) -> None:
    write_login(environ, LOGIN)
    assert settings.resolve(environ=environ).org == "acme"
    assert settings.resolve(environ=environ | {"PIPECAT_ORG": "other"}).org == "other"
    assert settings.resolve(org="third", environ=environ | {"PIPECAT_ORG": "other"}).org == "third"


@pytest.mark.parametrize(
    ("token", "org", "kind"),
    [
        ("sk_123", None, "api-key"),
        ("sk_123", "acme", "token"),
        ("pcc_pat_123", None, "token"),
        ("head.body.signature", None, "token"),
    ],
)
def test_a_given_token_says_which_way_in(environ: dict[str, str], token: str, org: str | None, kind: str) -> None:
    assert settings.resolve(token, org=org, environ=environ).kind == kind


def test_the_api_host(environ: dict[str, str]) -> None:
    key = environ | {"PIPECAT_API_KEY": "k"}
    assert settings.resolve(environ=key).api_host == settings.API_HOST
    elsewhere = key | {"PIPECAT_API_HOST": "http://127.0.0.1:9/"}
    assert settings.resolve(environ=elsewhere).api_host == "http://127.0.0.1:9"
    assert settings.resolve(api_host="https://other", environ=elsewhere).api_host == "https://other"
    assert settings.resolve(api_host="local", environ=elsewhere).kind == "local"
    for host in ("api.example", "https://[bad", "https://", "ftp://x", "https://host:port"):
        with pytest.raises(SettingsError, match="not an address"):
            settings.resolve(api_host=host, environ=key)


def test_a_host_without_a_token_is_not_taken_for_the_local_service(environ: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="no token for the API host"):
        settings.resolve(environ=environ | {"PIPECAT_API_HOST": "https://somewhere"})


def test_an_expired_login_says_so(environ: dict[str, str]) -> None:
    write_login(environ, f"token_expires_at = {time.time() - 60}\n{LOGIN}")
    with pytest.raises(SettingsError, match="pipecat cloud auth login"):
        settings.resolve(environ=environ)
    write_login(environ, f"token_expires_at = {time.time() + 60}\n{LOGIN}")
    assert settings.resolve(environ=environ).org == "acme"


def test_a_damaged_login_is_told_without_its_token(environ: dict[str, str]) -> None:
    write_login(environ, "token = secret-token\n")
    with pytest.raises(SettingsError, match="cannot be read") as caught:
        settings.resolve(environ=environ)
    assert "secret-token" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("token", ["sé-cret", "two secrets", "secret\nX-Header: y", "secret\x00"])
def test_what_cannot_be_a_token_is_refused_without_being_told(environ: dict[str, str], token: str) -> None:
    with pytest.raises(SettingsError, match="PIPECAT_API_KEY holds characters") as caught:
        settings.resolve(environ=environ | {"PIPECAT_API_KEY": token})
    assert "cret" not in str(caught.value)


def test_two_keys_of_one_host_are_two_accounts(environ: dict[str, str]) -> None:
    one, other = (settings.resolve(key, environ=environ) for key in ("key-one", "key-two"))
    assert one.label == other.label
    assert one.account != other.account
    assert "key-one" not in one.account


def test_no_token_in_a_repr(environ: dict[str, str]) -> None:
    target = settings.resolve("very-secret", environ=environ)
    assert "very-secret" not in f"{target} {target!r} {target.token}"
    assert "•••" in repr(target)


PROJECT = """
agent_name = "my-agent"
region = "eu-central"
secret_set = "not ours"
[build]
context_dir = "server"
dockerfile = "docker/Dockerfile"
[build.exclude]
patterns = ["data/", "./notes"]
"""


def test_the_project_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "pcc-deploy.toml").write_text(PROJECT)
    project = settings.project(tmp_path, environ={})
    assert project == settings.Project(
        directory=tmp_path / "server",
        dockerfile="docker/Dockerfile",
        region="eu-central",
        agent_name="my-agent",
        exclude=("data/", "./notes"),
    )


def test_a_home_of_nobody(tmp_path: Path) -> None:
    with pytest.raises(DirectoryNotFound, match="nobody's home"):
        settings.project("~no-such-user-here/agent", environ={})


def test_a_directory_without_a_project_file(tmp_path: Path) -> None:
    assert settings.project(tmp_path, environ={}) == settings.Project(directory=tmp_path)


def test_the_project_of_the_current_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "elsewhere.toml").write_text(PROJECT)
    assert settings.project(environ={}).directory == tmp_path
    named = settings.project(environ={"PIPECAT_DEPLOY_CONFIG_PATH": str(tmp_path / "elsewhere.toml")})
    assert named.directory == tmp_path / "server"
    with pytest.raises(SettingsError, match="no project file"):
        settings.project(environ={"PIPECAT_DEPLOY_CONFIG_PATH": str(tmp_path / "absent.toml")})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("agent_name = [", "cannot be read"),
        ("build = 3", "build is not a table"),
        ("region = 3", "region is not a text"),
        ('[build.exclude]\npatterns = "data"', "not a list of texts"),
    ],
)
def test_a_bad_project_file_names_itself(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "pcc-deploy.toml").write_text(text)
    with pytest.raises(SettingsError, match=said) as caught:
        settings.project(tmp_path, environ={})
    assert "pcc-deploy.toml" in str(caught.value)
