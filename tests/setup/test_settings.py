"""What the stand-in for the base image takes over from a machine's package index settings."""

import importlib.util
import tomllib
from configparser import RawConfigParser
from pathlib import Path
from types import ModuleType

import pytest

SCRIPT = Path(__file__).parents[2] / "notebooks" / "setup" / "stand-in" / "settings.py"

LISTING = """\
:env:.index-url='https://someone:secret@packages.example/simple'
:env:.find-links='/srv/wheels https://packages.example/wheels'
freeze.timeout='3'
global.cert='/srv/bundle.crt'
global.extra-index-url='file:///srv/simple https://one.example/simple\\nhttps://two.example/simple'
global.index-url='https://other.example/simple'
global.target='/srv/somewhere'
global.timeout='60'
install.trusted-host='packages.example'
"""


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("settings", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_pip_conf_has_what_an_image_can_reach_and_nothing_else(script: ModuleType) -> None:
    config = RawConfigParser()
    config.read_string(script.pip_conf(script.parse_pip_config(LISTING)))
    assert {name: value.split() for name, value in config["global"].items()} == {
        "index-url": ["https://someone:secret@packages.example/simple"],
        "extra-index-url": ["https://one.example/simple", "https://two.example/simple"],
        "find-links": ["https://packages.example/wheels"],
        "trusted-host": ["packages.example"],
        "timeout": ["60"],
    }


def test_a_machine_without_settings(script: ModuleType) -> None:
    assert script.pip_conf(script.parse_pip_config("")) == "[global]\n"
    assert script.uv_toml({}, {}) == ""


def test_uv_uses_pips_indexes_unless_it_has_its_own(script: ModuleType) -> None:
    settings = {"index-url": "https://pip.example/simple", "extra-index-url": "file:///srv/simple"}
    assert tomllib.loads(script.uv_toml(settings, {})) == {
        "index": [{"url": "https://pip.example/simple", "default": True}]
    }
    own = {"UV_DEFAULT_INDEX": "https://uv.example/simple", "UV_INDEX": "named=https://more.example/simple"}
    assert tomllib.loads(script.uv_toml(settings, own)) == {
        "index": [
            {"url": "https://more.example/simple"},
            {"url": "https://uv.example/simple", "default": True},
        ]
    }


def test_the_bundle_that_pip_is_told_of_comes_first(script: ModuleType, tmp_path: Path) -> None:
    pips, others = tmp_path / "pip.crt", tmp_path / "other.crt"
    others.touch()
    environment = {"SSL_CERT_FILE": str(others)}
    assert script.certificate_bundle({"cert": str(pips)}, environment) == others
    pips.touch()
    assert script.certificate_bundle({"cert": str(pips)}, environment) == pips
    assert script.certificate_bundle({}, {}).is_file()
