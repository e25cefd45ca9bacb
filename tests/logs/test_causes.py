"""What the engines and tools say when a build fails, and the cause that is read from it."""

import pytest

from pipecat_nb.logs import find_cause

SAID = {
    "write /layer.tar: no space left on device": "out of disk",
    "exec /usr/bin/python: exec format error": "wrong architecture",
    "dockerfile parse error on line 3: unknown instruction: RUNN": "the Dockerfile's syntax",
    "Error: no FROM statement found": "the Dockerfile's syntax",
    'building at STEP "COPY a /": copier: stat: "/a": no such file or directory': "a COPY source is missing",
    "COPY failed: file not found in build context: stat a": "a COPY source is missing",
    'ERROR: failed to calculate checksum of ref x::y: "/absent.txt": not found': "a COPY source is missing",
    'creating build container: short-name "x:1" did not resolve to an alias': "the base image was not found",
    "pull access denied for nobody/nothing, repository does not exist": "the base image was not found",
    "ERROR: No matching distribution found for pipecat-aii": "a package was not found",
    "  × No solution found when resolving dependencies:": "a package was not found",
    "The lockfile at `uv.lock` needs to be updated": "the lock file is out of date",
    "ERROR: Package 'x' requires a different Python: 3.9.2 not in '>=3.10'": "another Python is needed",
    "error: command 'gcc' failed: No such file or directory": "a package has to be compiled",
    "E: Unable to locate package portaudio": "a Debian package was not found",
    "[Errno -3] Temporary failure in name resolution": "no network",
    'process "/bin/sh -c x" did not complete successfully: exit code: 137': "out of memory",
    "The command '/bin/sh -c uvv sync' returned a non-zero code: 127": "a command was not found",
    "/bin/sh: 1: uvv: not found": "a command was not found",
    "/entrypoint.sh: Permission denied": "no permission",
}


@pytest.mark.parametrize(("line", "name"), SAID.items())
def test_a_cause_is_read_from_what_is_said(line: str, name: str) -> None:
    for cause in (find_cause(["STEP 1/2: FROM x", line]), find_cause([], error=line)):
        assert cause is not None
        assert cause.name == name
        assert cause.hint.endswith((".", "?"))


@pytest.mark.timeout(30)
@pytest.mark.parametrize(
    "word", ["cc ", "make ", "image ", "lockfile ", "copier: stat: ", "failed to compute cache key "]
)
def test_long_lines_are_no_trouble(word: str) -> None:
    assert find_cause([word * 100_000, *[word * 1000] * 200]) is None


def test_what_is_not_known_or_long_gone_is_none() -> None:
    assert find_cause(["Error: something else", "exit status 1"]) is None
    assert find_cause(["no space left on device", *["later"] * 500]) is None
    assert find_cause([]) is None


def test_a_hint_names_what_the_message_names() -> None:
    missing = find_cause(['copier: stat: "/bots.py": no such file or directory'])
    assert missing is not None
    assert "`%pcbuild preview DIR --why bots.py`" in missing.hint
    typo = find_cause(['Build error: Unknown instruction: "COPPY"'])
    assert typo is not None
    assert typo.hint.startswith("Mend the line with COPPY;")
    unnamed = find_cause(["Error: no FROM statement found"])
    assert unnamed is not None
    assert "{" not in unnamed.hint
