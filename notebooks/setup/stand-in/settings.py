"""Writes this machine's way to its package indexes into a directory: pip.conf, uv.toml and ca-certificates.crt.

python settings.py DIRECTORY

Files and folders of this machine are left out: in an image they do not exist. The address of an index may hold a
password, so the files serve one build and are never shown.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import certifi

#: pip's settings that say where packages are (lists of addresses), and how to ask for them.
ADDRESSES = ("index-url", "extra-index-url", "find-links", "proxy")
MANNERS = ("trusted-host", "retries", "timeout", "default-timeout", "disable-pip-version-check")


def parse_pip_config(listing: str) -> dict[str, str]:
    """The settings in the output of `pip config list`; what the environment says wins, as it does in pip."""
    sections: dict[str, dict[str, str]] = {"global": {}, "install": {}, ":env:": {}}
    for line in listing.splitlines():
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in sections:
            sections[section][key] = ast.literal_eval(value)
    return sections["global"] | sections["install"] | sections[":env:"]


def pip_conf(settings: Mapping[str, str]) -> str:
    """The pip.conf of an image."""
    values = {name: "\n  ".join(addresses(settings.get(name, ""))) for name in ADDRESSES}
    values |= {name: settings.get(name, "") for name in MANNERS}
    return "[global]\n" + "".join(f"{name} = {value}\n" for name, value in values.items() if value)


def uv_toml(settings: Mapping[str, str], environment: Mapping[str, str]) -> str:
    """The uv.toml of an image: the indexes that uv is told of in the environment, else pip's."""

    def told(*names: str) -> str:
        return next((environment[name] for name in names if environment.get(name)), "")

    default = addresses(told("UV_DEFAULT_INDEX", "UV_INDEX_URL") or settings.get("index-url", ""))
    others = addresses(told("UV_INDEX", "UV_EXTRA_INDEX_URL") or settings.get("extra-index-url", ""))
    indexes = [f'[[index]]\nurl = "{address}"\n' for address in others]
    indexes += [f'[[index]]\nurl = "{address}"\ndefault = true\n' for address in default]
    return "".join(indexes)


def addresses(value: str) -> list[str]:
    """The addresses in a setting that an image can reach too."""
    return re.findall(r"https?://\S+", value)


def certificate_bundle(settings: Mapping[str, str], environment: Mapping[str, str]) -> Path:
    """The certificates that this machine trusts: the named bundle, else the distribution's, else Python's."""
    named = (settings.get("cert"), environment.get("SSL_CERT_FILE"), environment.get("REQUESTS_CA_BUNDLE"))
    bundles = [Path(name) for name in (*named, "/etc/ssl/certs/ca-certificates.crt") if name]
    return next((bundle for bundle in bundles if bundle.is_file()), Path(certifi.where()))


def main(directory: Path) -> None:
    command = [sys.executable, "-m", "pip", "config", "list"]
    settings = parse_pip_config(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)
    (directory / "pip.conf").write_text(pip_conf(settings), encoding="utf-8")
    (directory / "uv.toml").write_text(uv_toml(settings, os.environ), encoding="utf-8")
    shutil.copyfile(certificate_bundle(settings, os.environ), directory / "ca-certificates.crt")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
