"""What we would send against what a real engine copies into an image."""

import os
import subprocess
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from pipecat_nb.context import select
from pipecat_nb.context.dockerignore import Matcher

NAME = st.sampled_from(["a", "b", "ab", ".x", "c.md", "d e"])
PATH = st.lists(NAME, min_size=1, max_size=3).map("/".join)
GLOB = st.lists(
    st.sampled_from(["a", "b", ".x", "*", "**", "?", "*.md", "[ab]", "[^a]", "d*"]), min_size=1, max_size=3
).map("/".join)
# Buildah does not look for wildcards' exceptions below what is left out, as Docker does.
PATTERN = st.one_of(GLOB, GLOB, GLOB.map("/{}/".format), PATH.map("!{}".format))


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
@given(files=st.sets(PATH, min_size=4, max_size=12), patterns=st.lists(PATTERN, min_size=1, max_size=4))
def test_the_engine_copies_what_we_select(engine: str, files: set[str], patterns: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root, copied = Path(folder) / "context", Path(folder) / "copied"
        root.mkdir()
        (root / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
        (root / ".dockerignore").write_text("\n".join(patterns))
        for name in sorted(files, key=len, reverse=True):
            if not (root / name).exists():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(name)
        members = [member.path for member in select(root).members if not str(member.rule).startswith("always")]
        everything = [path.relative_to(root).as_posix() for path in root.rglob("*")]
        matcher = Matcher(patterns)
        # Where a walk and a path alone say different things, engines differ too.
        assume(all(matcher.excludes(path) is not _has(members, path) for path in everything))
        assume(members)
        assert _files(copied, engine=engine, context=root) == {path for path in members if (root / path).is_file()}


def _has(members: list[str], path: str) -> bool:
    return any(member == path or member.startswith(f"{path}/") for member in members)


def _files(copied: Path, *, engine: str, context: Path) -> set[str]:
    """The files of the image that the engine makes of a context."""
    command = [engine, "build", f"--output=type=local,dest={copied}", str(context)]
    environment = {"BUILDAH_ISOLATION": "chroot", "DOCKER_BUILDKIT": "1", **os.environ}
    built = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False, env=environment)
    assert built.returncode == 0, built.stderr
    return {path.relative_to(copied).as_posix() for path in copied.rglob("*") if not path.is_dir()}
