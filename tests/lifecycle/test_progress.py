"""How far a build has come."""

from pipecat_nb.lifecycle.progress import Progress, progress

LOG = ["STEP 1/3: FROM x", "STEP 2/3: COPY . .", "--> Using cache 1f3a", "STEP 3/3: RUN make", "cc -c a.c"]


def test_the_step_that_goes_on() -> None:
    now = progress(LOG, status="building")
    assert now.words == "step 3 of 3: RUN make"
    assert now.share == 2 / 3
    assert now.tail == tuple(LOG)


def test_a_build_that_has_ended() -> None:
    assert progress(LOG, status="success").words == "3 steps, 1 reused"
    assert progress(LOG, status="success").share == 1.0
    assert progress(LOG[:1], status="success").words == "1 step"


def test_nothing_is_known_before_the_log_begins() -> None:
    for now in (Progress(), progress([], status="building"), progress(["#0 building", "#1 [x 0/0] y"], status="")):
        assert now.share is None
    assert Progress().words == ""
