"""The scripts as modules and joined: what only the joined one would bear is found here."""

import re

import pytest

from pipecat_nb.notebook.widgets import BuildCard, BuildTable

from .conftest import SCRIPTS, WIDGETS

_DECLARED = re.compile(r"^(export )?(?:async )?(?:function|class|const|let) (\w+)", re.M)
_METHOD = re.compile(r"^  (?:async |get |static )?(\w+)\(.*\) \{$", re.M)
_IMPORTED = re.compile(r'^import \{ ([^}]*) \} from "\./([\w.]+)";$', re.M)


def text(script: str) -> str:
    return (WIDGETS / script).read_text(encoding="utf-8")


def declared(source: str, *, exported: bool = False) -> list[str]:
    """The names that a script declares at its top."""
    return [name for export, name in _DECLARED.findall(source) if export or not exported]


def without_comments(source: str) -> str:
    return re.sub(r"/\*.*?\*/|^\s*//.*?$", "", source, flags=re.S | re.M)


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_imports_just_what_it_uses(script: str) -> None:
    source = text(script)
    imported = {name: home for names, home in _IMPORTED.findall(source) for name in names.split(", ")}
    for name, home in imported.items():
        assert name in declared(text(home), exported=True), f"{home} exports no {name}"
    code = without_comments(_IMPORTED.sub("", source))
    unused = [name for name in imported if not re.search(rf"\b{name}\b", code)]
    assert unused == []
    others = {name for other in SCRIPTS if other != script for name in declared(text(other), exported=True)}
    called = set(re.findall(r"(?<![\w.#$])(\w+)\(", code)) | set(re.findall(r"\bnew (\w+)\b", code))
    own = {*imported, *declared(source), *_METHOD.findall(source)}
    assert (called & others) - own == set()


@pytest.mark.parametrize("widget", [BuildCard, BuildTable])
def test_names_are_unique_where_scripts_are_joined(widget: type[BuildCard | BuildTable]) -> None:
    names = declared(widget._esm)
    assert len(names) > 10
    assert [name for name in names if names.count(name) > 1] == []
    assert not re.search("^(import|export (?!default))", widget._esm, re.M)
