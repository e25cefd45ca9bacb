"""Why a build failed, from its log, its error and its Dockerfile."""

from pipecat_nb.lifecycle import diagnose

LOG = [
    "STEP 1/2: FROM python:3.12",
    "STEP 2/2: RUN pip install nothing-such",
    "ERROR: No matching distribution found for nothing-such",
    'Error: building at STEP "RUN pip install nothing-such": exit status 1',
]
DOCKERFILE = "FROM python:3.12\nRUN pip install nothing-such\n"


def test_the_step_its_lines_and_a_known_cause() -> None:
    found = diagnose(LOG, error=LOG[-1], dockerfile=DOCKERFILE)
    assert found.where == "step 2/2: RUN pip install nothing-such"
    assert found.tail == (LOG[2],)  # the error itself stands elsewhere
    assert str(found.excerpt) == "  1 FROM python:3.12\n> 2 RUN pip install nothing-such"
    assert found.advice.startswith("A package was not found. Is the name of nothing-such right")


def test_without_a_dockerfile_and_a_log() -> None:
    assert diagnose(LOG).excerpt is None
    nothing = diagnose([], error="Error: no FROM statement found")
    assert (nothing.where, nothing.tail) == ("", ())
    assert nothing.advice.startswith("The Dockerfile's syntax. ")


def test_only_the_end_of_what_a_step_wrote_is_kept() -> None:
    lines = [*LOG[:2], *(f"line {number}" for number in range(1000))]
    assert diagnose(lines).tail == tuple(f"line {number}" for number in range(980, 1000))


def test_an_engines_inner_state_and_repetitions_are_left_out() -> None:
    error = 'Error: building at STEP "COPPY a .": Build error: Unknown instruction: "COPPY"'
    dump = f'{error} (UNHANDLED LOGLEVEL) &imagebuilder.Step{{Env:[]string{{"PATH=/bin"}}, Command:"coppy"}}'
    logged = dump.replace(f"{error} ", 'time="2026-11-24T23:06:29Z" level=error msg="+')
    found = diagnose(["STEP 1/1: COPPY a .", "it fails", "it fails", logged, dump], error=error)
    assert found.tail == ("it fails",)
