"""Docker's own verdicts, and what a malformed line says."""

import json
import os
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.context.dockerignore import Matcher, parse, quote, rules
from pipecat_nb.context.rule import ROOT
from pipecat_nb.errors import InvalidPattern

#: Handed to us beside the checkout; a plain clone has it not.
VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "dockerignore.json"


def test_the_references_own_verdicts() -> None:
    if not VECTORS.exists():
        pytest.skip("the reference's table of verdicts is not beside this checkout")
    table = json.loads(VECTORS.read_text())
    wrong = [
        case for case in table["match"] if Matcher(case["patterns"]).excludes(case["path"]) != case["ignored"]
    ]
    assert wrong == []
    assert len(table["match"]) > 100
    for case in table["malformed"]:
        with pytest.raises(InvalidPattern):
            Matcher(case["patterns"])
    for case in table["parse"]:
        assert parse(case["text"]) == case["patterns"]


@pytest.mark.parametrize(
    ("patterns", "path", "excluded"),
    [
        (["*"], "a", True),
        (["*"], "a/b", True),  # its parent is
        (["*.py"], "a/b.py", False),  # anchored at the root
        (["**/*.py"], "a/b.py", True),
        (["**/*.py"], "b.py", True),
        (["/a"], "a", False),  # parse takes the slash away, a pattern does not
        (["a/../b"], "b", True),
        (["a", "!a/keep"], "a/keep", False),
        (["!a/keep", "a"], "a/keep", True),  # the last that matches wins
        (["a", "!a"], "a/b", False),
        (["*", "!*.md", "secret.md"], "secret.md", True),
        (["*", "!*.md", "secret.md"], "readme.md", False),
        (["a?c"], "abc", True),
        (["a?c"], "a/c", False),
        (["[a-c]x"], "bx", True),
        (["[^a-c]x"], "bx", False),
        ([r"\*"], "*", True),
        ([r"\*"], "a", False),
        (["a.c"], "abc", False),
        (["node_modules"], "web/node_modules/x", False),
        (["**/node_modules"], "web/node_modules/x/y", True),
        (["a/**"], "a", False),
        (["a/**"], "a/b/c", True),
        (["**/a/**/b"], "x/a/y/z/b", True),
        (["a/**/b"], "a/b", True),
        (["a/**/b"], "ab", False),
        (["**a"], "x/ba", True),
        (["a**"], "ab", True),
        (["a**"], "b", False),
        (["***"], "a/b", True),
        (["*/*"], "a", False),
        (["**/*"], "a", True),
        (["a//b/"], "a/b", True),
        (["."], "a", False),
        (["/"], "a", False),
        (["../a"], "a", False),
        (["a", "!a", "a"], "a", True),
        ([r"\ a"], " a", True),
        ([r"\#a"], "#a", True),
        ([r"\!a"], "!a", True),
        (["é?"], "éé", True),
        (["{{a}}/*"], "{{a}}/b", True),
        (["a$b*"], "a$b", True),
        (["(a)*"], "a", False),
        # What nobody would expect, and Docker does.
        (["[*]"], "*", False),
        (["[*]"], "]", True),
        (["[[:alpha:]]x"], "ax", True),
        (["[[:alpha:]]x"], "5x", False),
        (["a[^b]c"], "a/c", True),
        (["^a*"], "a", True),
        (["^a*"], "^a", False),
        (["a|b*"], "xb", True),
        (["x{2}*"], "xx", True),
        ([r"\d*"], "5x", True),
        ([r"\d*"], "dx", False),
        ([r"a\bb"], "ab", False),
    ],
)
def test_verdicts(patterns: list[str], path: str, excluded: bool) -> None:
    assert Matcher(patterns).excludes(path) is excluded


def test_a_text_is_read_line_by_line() -> None:
    text = "\ufeff# comment\n #not one\n\n  trailing  \t\n/anchored/\n! /kept/./x\n./a//b\n!\r\n"
    assert parse(text) == ["#not one", "trailing", "anchored", "!kept/x", "a/b", "!"]


@pytest.mark.parametrize("pattern", ["[", "a[]", "[a-]", "a\\", "!", "[z-a]", "[[:none:]]", r"\y", r"[\y]"])
def test_a_malformed_line_is_named(pattern: str) -> None:
    with pytest.raises(InvalidPattern, match=r"x\.dockerignore:2: the pattern"):
        Matcher(rules(f"fine\n{pattern}\n", source="x.dockerignore"))


def test_the_rule_that_decides_is_told() -> None:
    matcher = Matcher(rules("*.log\n\ndata\n!data/keep\n"))
    assert str(matcher.judge("data/x").rule) == ".dockerignore:3  data"
    kept = matcher.judge("data/keep")
    assert (kept.excluded, str(kept.rule)) == (False, ".dockerignore:4  !data/keep")
    assert matcher.judge("other").rule is None


def test_only_the_spaces_of_the_reference_are_trimmed() -> None:
    assert parse("\u3000a\xa0\n\x1cb\n") == ["a", "\x1cb"]


NAMES = st.sampled_from(["a", "b", "ab", ".x", "c.d"])
PATHS = st.lists(NAMES, min_size=1, max_size=4).map("/".join)
GLOBS = st.sampled_from(["a", "b", "ab", "*", "**", "a*", "*b", "?", "[ab]", "[^a]", "**b", "a**", ".*", "a|b*"])
PATTERNS = st.builds(
    "{}{}".format, st.sampled_from(["", "", "!"]), st.lists(GLOBS, min_size=1, max_size=3).map("/".join)
)


@given(patterns=st.lists(PATTERNS, max_size=5), path=PATHS)
def test_a_directory_is_pruned_only_where_nothing_comes_back(patterns: list[str], path: str) -> None:
    matcher = Matcher(patterns)
    parts = path.split("/")
    verdict, pruned = ROOT, False
    for depth in range(1, len(parts) + 1):
        above = "/".join(parts[:depth])
        verdict = matcher.judge(above, verdict)
        assert not (pruned and not verdict.excluded)
        pruned = pruned or (verdict.excluded and not matcher.keeps_below(above))


@given(patterns=st.lists(PATTERNS.filter(lambda text: text[0] != "!"), max_size=5), path=PATHS)
def test_without_exceptions_a_walk_and_a_path_alone_say_the_same(patterns: list[str], path: str) -> None:
    matcher = Matcher(patterns)
    verdict = ROOT
    parts = path.split("/")
    for part in ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]:
        verdict = matcher.judge(part, verdict)
    assert verdict.excluded is matcher.excludes(path)


def test_an_exception_for_a_directory_says_nothing_about_a_walk_that_was_not_left_out() -> None:
    matcher = Matcher(["**/.env", "!agent"])
    assert not matcher.excludes("agent/.env")
    assert matcher.judge("agent/.env", matcher.judge("agent", ROOT)).excluded


@pytest.mark.parametrize(
    ("patterns", "directory", "kept"),
    [
        (["a"], "a", False),
        (["a", "!a/b/c"], "a", True),
        (["a", "!a/b/c"], "a/b", True),
        (["a", "!a/b/c"], "a/x", False),
        (["*", "!*.md"], "node_modules", False),
        (["*", "!**/*.md"], "node_modules", True),
        (["*", "!src"], "lib", False),
        (["*", "!src/*.md"], "src", True),
        (["*", "!src/*.md"], "src/deep", False),
        (["*", "!src/*.md"], "lib", False),
        (["*", "!a[^b]c"], "a", True),  # a class matches `/`
        (["*", "!a|b*"], "c", True),  # an alternative, by an oversight of the reference
    ],
)
def test_pruning(patterns: list[str], directory: str, kept: bool) -> None:
    assert Matcher(patterns).keeps_below(directory) is kept


def test_a_bracket_in_a_class_is_one_and_warns_nobody() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Matcher(["[[a]"]).excludes("[")


@pytest.mark.skipif(os.name == "nt", reason="such names are for POSIX")
def test_names_with_newlines() -> None:
    assert Matcher(["a*"]).excludes("a\nb")
    assert not Matcher(["a"]).excludes("a\n")


NAMES = st.lists(
    st.text(st.sampled_from("ab .*?[]{}|^+()$\\!#-~é"), min_size=1, max_size=6).filter(
        lambda name: name not in (".", "..")
    ),
    min_size=1,
    max_size=3,
)


@given(NAMES.map("/".join), NAMES.map("/".join))
def test_a_quoted_path_means_itself_and_no_other(path: str, other: str) -> None:
    (pattern,) = parse(quote(path)) or [""]
    matcher = Matcher([pattern])
    assert matcher.excludes(path)
    assert matcher.excludes(other) == (other == path or other.startswith(f"{path}/"))
