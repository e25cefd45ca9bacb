"""Why builds were made, told from what this machine kept of real ones."""

from pathlib import Path

import pytest

from pipecat_nb.client import Client
from pipecat_nb.lifecycle import Explanation, Workspace, difference, why

pytestmark = pytest.mark.usefixtures("engine")

DOCKERFILE = "FROM scratch\nCOPY bot.py /bot.py\n"


def reasons(explanation: Explanation) -> str:
    return " ".join(explanation.reasons)


def test_the_first_build_and_one_that_was_not_needed(workspace: Workspace, agent: Path) -> None:
    first = workspace.start(agent, note="one\x1b[2J").wait(60)
    assert reasons(first.why()) == "It is the first build of this directory on this machine."
    assert first.why().before is None
    assert "· one" in str(first.why())
    assert "It was not built again" in reasons(workspace.start(agent).why())
    assert "It was not built again" in reasons(why(workspace.client, first.id))


def test_going_back_to_what_was_built_before(workspace: Workspace, agent: Path) -> None:
    text = (agent / "bot.py").read_text()
    first = workspace.start(agent).wait(60)
    (agent / "bot.py").write_text("print('between')\n")
    second = workspace.start(agent).wait(60)
    (agent / "bot.py").write_text(text)
    found = workspace.start(agent).why()
    assert (found.after.id, found.before.id if found.before else "") == (first.id, second.id)
    assert found.reasons[1:] == ("A file differs: 1 changed.",)


def test_of_two_regions_each_is_compared_with_its_own(workspace: Workspace, agent: Path) -> None:
    for text in ("print('west')\n", "print('east')\n"):
        (agent / "bot.py").write_text(text)
        for region in ("us-west", "eu-central"):
            last = workspace.start(agent, region=region).wait(60)
    assert last.why().reasons == ("A file differs: 1 changed.",)


def test_files_and_the_dockerfile(workspace: Workspace, agent: Path) -> None:
    (agent / "bot.py").write_text("a = 1\nb = 2\nc = 3\n")
    (agent / "old.txt").write_text("old")
    (agent / "run.sh").write_text("echo")
    first = workspace.start(agent).wait(60)
    (agent / "bot.py").write_text("a = 1\nb = 20\nc = 3\n")
    (agent / "run.sh").chmod(0o755)
    (agent / "old.txt").unlink()
    (agent / "new.txt").write_text("new")
    (agent / "Dockerfile").write_text(f"{DOCKERFILE}COPY new.txt /\n")
    found = workspace.start(agent).wait(60).why()
    assert found.reasons == ("The Dockerfile was changed.", "Files differ: 1 added, 2 changed, 1 removed.")
    assert found.before is not None
    assert found.before.id == first.id
    changes = {change.path: change for change in found.changes}
    assert list(changes) == ["Dockerfile", "bot.py", "new.txt", "old.txt", "run.sh"]
    assert changes["Dockerfile"].diff[-1] == "+COPY new.txt /"
    assert changes["bot.py"].diff == ("@@ -1,3 +1,3 @@", " a = 1", "-b = 2", "+b = 20", " c = 3")
    assert (changes["new.txt"].kind, changes["new.txt"].extent) == ("added", "3 bytes")
    assert changes["new.txt"].diff == ("@@ -0,0 +1 @@", "+new")
    assert (changes["old.txt"].kind, changes["old.txt"].diff) == ("removed", ("@@ -1 +0,0 @@", "-old"))
    assert changes["run.sh"].extent == "mode 644 → 755"
    for line in ("changed  bot.py  18 → 19 bytes", "    +b = 20"):
        assert line in str(found)


def test_the_region_and_the_dockerfiles_path(workspace: Workspace, agent: Path) -> None:
    (agent / "other.Dockerfile").write_text(DOCKERFILE)
    workspace.start(agent, region="us-west").wait(60)
    moved = workspace.start(agent, region="us-east", dockerfile="other.Dockerfile").wait(60)
    assert moved.why().reasons == (
        "The region is us-east, it was us-west.",
        "The Dockerfile is other.Dockerfile, it was Dockerfile.",
    )
    assert moved.why().changes == ()


def test_nothing_but_that_the_earlier_build_had_failed(workspace: Workspace, agent: Path) -> None:
    (agent / "Dockerfile").write_text("FROM scratch\nCOPY absent.txt /\n")
    for _ in range(2):
        handle = workspace.start(agent)
        with pytest.raises(Exception, match="absent"):
            handle.wait(60)
    assert reasons(handle.why()) == "Nothing differs: the earlier build had failed."


def test_nothing_but_that_the_cache_was_not_wanted(workspace: Workspace, agent: Path) -> None:
    first = workspace.start(agent).wait(60)
    anew = workspace.start(agent, no_cache=True).wait(60)
    assert anew.id != first.id
    assert reasons(anew.why()) == "A new build was asked for (--no-cache)."
    # What was built last is found from then on.
    assert workspace.start(agent).id == anew.id


def test_the_encoder(workspace: Workspace, agent: Path) -> None:
    workspace.start(agent).wait(60)
    packed_otherwise = workspace.start(agent, encoder="parallel", no_cache=True).wait(60)
    assert packed_otherwise.why().reasons == (
        "It was packed by the parallel encoder, before by the identical one.",
        "A new build was asked for (--no-cache).",
    )


def test_the_same_content_is_found_under_another_hash(workspace: Workspace, agent: Path) -> None:
    first = workspace.start(agent).wait(60)
    again = workspace.start(agent, encoder="parallel")
    assert (again.cached, again.id, again.context_hash) == (True, first.id, first.context_hash)


def test_the_text_of_a_secret_is_not_kept(workspace: Workspace, agent: Path) -> None:
    (agent / ".dockerignore").write_text("")
    for value in ("first", "second"):
        (agent / ".env").write_text(f"KEY={value}\n")
        handle = workspace.start(agent, allow_secrets=[".env"]).wait(60)
    (change,) = handle.why().changes
    assert (change.path, change.kind, change.diff) == (".env", "changed", ())
    assert change.note == "its text was not kept: it is large, no text, or held a secret"
    assert "second" not in str(handle.why())


def test_line_ends(workspace: Workspace, agent: Path) -> None:
    for end in ("\n", "\r\n"):
        (agent / "bot.py").write_bytes(f"print('ends'){end}".encode())
        handle = workspace.start(agent).wait(60)
    (change,) = handle.why().changes
    assert (change.diff, change.note) == ((), "only its line ends differ")


def test_two_builds(workspace: Workspace, agent: Path) -> None:
    first = workspace.start(agent).wait(60)
    (agent / "bot.py").write_text("print('two')\n")
    second = workspace.start(agent).wait(60)
    forth, back = (difference(workspace.client, *pair) for pair in ((first.id, second.id), (second.id, first.id)))
    assert forth.title == f"Build {first.id[:8]} → {second.id[:8]}"
    assert forth.reasons == back.reasons == ("A file differs: 1 changed.",)
    assert {line[1:] for line in forth.changes[0].diff if line[0] == "+"} == {"print('two')"}
    assert {line[1:] for line in back.changes[0].diff if line[0] == "-"} == {"print('two')"}
    assert "Nothing differs" in reasons(difference(workspace.client, first.id, first.id))


def test_builds_of_elsewhere(client: Client) -> None:
    unknown = "00000000-0000-0000-0000-000000000000"
    assert reasons(why(client, unknown)) == "This build was not started on this machine."
    assert "was not started on this machine" in reasons(difference(client, unknown, unknown))
