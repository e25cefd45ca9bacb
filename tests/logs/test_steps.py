"""Steps read from the logs of every engine; the logs are such as the engines write."""

from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.logs import Phase, Step, parse

BUILDAH = """\
[1/2] STEP 1/2: FROM scratch AS one
[1/2] STEP 2/2: COPY bot.py /
--> Using cache 9e4aac4a5849c3d95d7cac45eb5274b130603a07023494992e64b0d6c9d89e1d
--> 9e4aac4a584
[2/2] STEP 1/2: FROM scratch
[2/2] STEP 2/2: COPY --from=one /bot.py /x
[2/2] COMMIT x
--> dbce1c9d495
[2/2] Successfully tagged localhost/x:latest""".splitlines()

CLASSIC = """\
Sending build context to Docker daemon  3.072kB
Step 1/3 : FROM scratch
 --->
Step 2/3 : COPY bot.py /
 ---> Using cache
 ---> 1b2c3d
Step 3/3 : RUN pip install nothing-such
 ---> Running in 0a1b2c
ERROR: No matching distribution found for nothing-such
The command '/bin/sh -c pip install nothing-such' returned a non-zero code: 1""".splitlines()

BUILDKIT = """\
#0 building with "default" instance using docker driver

#1 [internal] load build definition from Dockerfile
#1 transferring dockerfile: 154B done
#1 DONE 0.0s

#5 [stage-1 1/4] FROM python:3.12
#5 CACHED

#6 [builder 2/3] RUN make
#6 0.312 cc -c a.c

#7 [stage-1 2/4] RUN pip install -r requirements.txt
#7 1.500 Collecting pipecat-ai
#7 ...

#6 [builder 2/3] RUN make
#6 2.250 cc -o a
#6 DONE 2.4s

#7 [stage-1 2/4] RUN pip install -r requirements.txt
#7 3.250 ERROR: No matching distribution found for nothing-such
#7 ERROR: process "/bin/sh -c pip install -r requirements.txt" did not complete successfully: exit code: 1
------
 > [stage-1 2/4] RUN pip install -r requirements.txt:
3.250 ERROR: No matching distribution found for nothing-such
------
Dockerfile:5
--------------------
   5 | >>> RUN pip install -r requirements.txt
--------------------
ERROR: failed to solve: process "/bin/sh -c pip" did not complete successfully: exit code: 1""".splitlines()

CODEBUILD = [
    "[Container] 2026/03/04 10:00:00.250000 Entering phase INSTALL",
    "[Container] 2026/03/04 10:00:02.750000 Phase complete: INSTALL State: SUCCEEDED",
    "[Container] 2026/03/04 10:00:03 Entering phase BUILD",
    "[Container] 2026/03/04 10:00:03 Running command docker buildx build .",
    *BUILDKIT,
    "[Container] 2026/03/04 10:01:03 Phase complete: BUILD State: FAILED",
    "[Container] 2026/03/04 10:01:04 Entering phase POST_BUILD",
]


def test_buildah_and_podman() -> None:
    log = parse(BUILDAH)
    assert [(step.stage, step.position, step.name, step.state) for step in log.steps] == [
        ("1/2", "1/2", "FROM scratch AS one", "done"),
        ("1/2", "2/2", "COPY bot.py /", "cached"),
        ("2/2", "1/2", "FROM scratch", "done"),
        ("2/2", "2/2", "COPY --from=one /bot.py /x", "done"),
    ]
    assert log.failed is None
    assert log.error == ""
    assert {step.seconds for step in log.steps} == {None}


def test_a_step_that_goes_on_and_one_that_failed() -> None:
    going_on = parse(BUILDAH[:2])
    assert going_on.steps[-1].state == "running"
    error = 'Error: building at STEP "COPY bot.py /": no such file or directory'
    log = parse([*BUILDAH[:2], error], status="failed")
    assert log.failed == Step("COPY bot.py /", "2/2", "1/2", "failed", None, (error,))
    assert log.error == error


def test_dockers_classic_builder() -> None:
    log = parse(CLASSIC)
    assert [(step.position, step.state) for step in log.steps] == [
        ("1/3", "done"),
        ("2/3", "cached"),
        ("3/3", "failed"),
    ]
    assert log.failed is not None
    assert "ERROR: No matching distribution found for nothing-such" in log.failed.lines
    assert log.error.endswith("returned a non-zero code: 1")


def test_buildkit_writes_steps_in_turns() -> None:
    log = parse(BUILDKIT, status="failed")
    assert [(step.stage, step.position, step.state, step.seconds) for step in log.steps] == [
        ("", "", "done", None),
        ("", "", "done", 0.0),
        ("stage-1", "1/4", "cached", None),
        ("builder", "2/3", "done", 2.4),
        ("stage-1", "2/4", "failed", 3.25),
    ]
    make, pip = log.steps[3:]
    assert make.lines == ("cc -c a.c", "cc -o a")
    assert pip.name == "RUN pip install -r requirements.txt"
    assert pip.lines[:2] == ("Collecting pipecat-ai", "ERROR: No matching distribution found for nothing-such")
    assert log.failed is pip
    assert log.error.startswith("ERROR: failed to solve")


def test_codebuild_stands_around_the_engine() -> None:
    log = parse(CODEBUILD, status="failed")
    assert log.phases == (Phase("INSTALL", True, 2.5), Phase("BUILD", False, 60.0), Phase("POST_BUILD"))
    assert log.steps == parse(BUILDKIT, status="failed").steps


def test_of_a_build_that_ended_nothing_goes_on() -> None:
    lines = ["#1 [1/1] RUN true", "#1 0.5 x"]
    assert parse(lines).steps[0].state == "running"
    assert parse(lines, status="success").steps[0].state == "done"
    assert parse(lines, status="timeout").steps[0].state == "failed"
    assert parse([]).steps == ()


LINE = st.one_of(st.text(max_size=30), st.sampled_from([*BUILDAH, *CLASSIC, *BUILDKIT, *CODEBUILD]))


@given(st.lists(LINE, max_size=30), st.sampled_from(["", "success", "failed", "timeout", "paused"]))
def test_no_log_makes_it_stumble(lines: list[str], status: str) -> None:
    log = parse(lines, status=status)
    assert sum(len(step.lines) for step in log.steps) <= len(lines)
    if status in ("success", "failed", "timeout"):
        assert all(step.state != "running" for step in log.steps)


def test_each_step_knows_its_lines_in_the_log() -> None:
    for lines in (BUILDKIT, BUILDAH, CODEBUILD):
        steps = parse(lines).steps
        owned = [number for step in steps for span in step.spans for number in range(*span)]
        assert len(owned) == len(set(owned)) <= len(lines)
        for step in steps:
            text = "\n".join(lines[number] for span in step.spans for number in range(*span))
            assert step.name in text
            assert all(line in text for line in step.lines)


def test_steps_that_write_in_turns_have_several_spans() -> None:
    lines = ["#5 [a 1/2] RUN x", "#6 [b 1/2] RUN y", "#5 0.1 one", "#5 0.2 two", "#6 0.1 other", "#5 DONE 0.3s"]
    assert [step.spans for step in parse(lines).steps] == [((0, 1), (2, 4), (5, 6)), ((1, 2), (4, 5))]
