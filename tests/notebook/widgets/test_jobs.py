"""Threads that a panel's actions run in."""

import threading

import pytest

from pipecat_nb.notebook.widgets.jobs import Jobs

from ...conftest import wait_until


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("pipecat_nb panel")]


def test_one_of_a_kind_at_a_time_and_the_last_one_asked_for_after_it() -> None:
    jobs = Jobs(failed=lambda error: None)
    goes_on, done = threading.Event(), []

    def first() -> None:
        goes_on.wait(30)
        done.append("first")

    jobs.run("card", first)
    for name in ("second", "third"):
        jobs.run("card", lambda name=name: done.append(name))  # type: ignore[misc]
    jobs.run("other", lambda: done.append("other"))
    wait_until(lambda: done == ["other"], "another kind")
    assert jobs.busy("card")
    wait_until(lambda: threads() == ["pipecat_nb panel card"], "the other thread to end")
    goes_on.set()
    wait_until(lambda: not threads(), "the threads to end")
    assert done == ["other", "first", "third"]
    assert not jobs.busy("card")


def test_what_an_action_raises_is_told_and_the_next_one_runs() -> None:
    told: list[Exception] = []
    jobs = Jobs(failed=told.append)
    begun, goes_on, done = threading.Event(), threading.Event(), threading.Event()

    def fail() -> None:
        begun.set()
        goes_on.wait(30)
        raise ValueError("a fault")

    jobs.run("x", fail)
    begun.wait(30)
    jobs.run("x", done.set)
    goes_on.set()
    assert done.wait(30)
    assert [str(error) for error in told] == ["a fault"]


def test_what_cannot_be_told_is_logged_and_the_next_one_runs(caplog: pytest.LogCaptureFixture) -> None:
    def fail(*_: object) -> None:
        raise ValueError("a fault")

    jobs, done = Jobs(failed=fail), threading.Event()
    jobs.run("x", fail)
    wait_until(lambda: not jobs.busy("x"), "the end of the action")
    jobs.run("x", done.set)
    assert done.wait(30)
    assert "could not be shown: ValueError('a fault')" in caplog.text


def test_closing_waits_for_what_goes_on_and_begins_nothing() -> None:
    jobs = Jobs(failed=lambda error: None)
    goes_on, done = threading.Event(), []
    jobs.run("x", lambda: (goes_on.wait(30), done.append("x"))[0])  # type: ignore[func-returns-value]
    jobs.run("x", lambda: done.append("queued"))
    threading.Timer(0.1, goes_on.set).start()
    jobs.close()
    assert done == ["x"]
    assert not threads()
    jobs.run("x", lambda: done.append("late"))
    assert not threads()


def test_closing_gives_up_after_a_while() -> None:
    jobs = Jobs(failed=lambda error: None)
    goes_on = threading.Event()
    jobs.run("x", lambda: goes_on.wait(30) and None)
    jobs.close(timeout=0.05)
    assert threads()
    goes_on.set()
    wait_until(lambda: not threads(), "the thread to end")
