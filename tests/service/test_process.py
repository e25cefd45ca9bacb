"""Output as lines, and an end to a whole tree of processes."""

import os
import signal
import sys
import threading
import time
from collections import deque
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.service.process import LINE_LIMIT, ProcessFailed, ProcessTree, Stopped, split_lines

from .conftest import wait_for


def python(processes: ProcessTree, code: str, directory: Path) -> Generator[str, None, None]:
    return processes.lines([sys.executable, "-c", code], directory=directory, environment=os.environ)


def test_both_outputs_become_lines(tmp_path: Path) -> None:
    code = "import sys; print('one', flush=True); print('two', file=sys.stderr); print('three', end='')"
    assert list(python(ProcessTree(), code, tmp_path)) == ["one", "two", "three"]


def test_a_failure_tells_its_status(tmp_path: Path) -> None:
    lines = python(ProcessTree(), "print('before'); raise SystemExit(7)", tmp_path)
    assert next(lines) == "before"
    with pytest.raises(ProcessFailed) as failed:
        next(lines)
    assert failed.value.status == 7


def test_what_does_not_exist_cannot_start(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        next(ProcessTree().lines(["no-such-program"], directory=tmp_path, environment=os.environ))


def test_stop_ends_children_that_do_not_want_to(tmp_path: Path) -> None:
    child_code = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("up", flush=True)
time.sleep(600)
"""
    code = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {child_code!r}])
print(child.pid, flush=True)
child.wait()
"""
    processes = ProcessTree(grace=0.2)
    lines = python(processes, code, tmp_path)
    seen = {next(lines), next(lines)}
    child = int((seen - {"up"}).pop())
    threading.Thread(target=processes.stop).start()
    with pytest.raises(Stopped):
        list(lines)
    wait_for(lambda: not alive(child), limit=10)
    with pytest.raises(Stopped):
        list(python(processes, "print('never')", tmp_path))


@pytest.mark.skipif(sys.platform == "win32", reason="there a child is no member of a group")
def test_nothing_is_left_behind_after_a_good_end(tmp_path: Path) -> None:
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],"
        " stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL); print(p.pid)"
    )
    (line,) = list(python(ProcessTree(), code, tmp_path))
    wait_for(lambda: not alive(int(line)), limit=10)


_LEAVE_GROUP = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", {child!r}], start_new_session=True)
print(child.pid, flush=True)
{then}
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there a child is no member of a group")
@pytest.mark.parametrize("child", ["import time; time.sleep(600)", "while True: print('x' * 1000)"])
@pytest.mark.parametrize("then", ["", "child.wait()"], ids=["ended", "stopped"])
def test_a_child_that_left_the_group_and_keeps_the_output_holds_nobody_up(
    tmp_path: Path, child: str, then: str
) -> None:
    processes = ProcessTree(grace=0.3)
    lines = python(processes, _LEAVE_GROUP.format(child=child, then=then), tmp_path)
    pid = int(next(line for line in lines if line.isdigit()))
    begun = time.monotonic()
    try:
        if then:
            processes.stop()
            with pytest.raises(Stopped):
                deque(lines, maxlen=1)
        else:
            deque(lines, maxlen=1)
        assert time.monotonic() - begun < 10
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_lines_that_nobody_reads_on_end_the_command(tmp_path: Path) -> None:
    lines = python(ProcessTree(), "import os\nprint(os.getpid(), flush=True)\nwhile True: print('x')", tmp_path)
    pid = int(next(lines))
    lines.close()
    assert not alive(pid)


def test_a_job_is_told_that_it_was_stopped() -> None:
    processes = ProcessTree()
    processes.check()
    processes.stop()
    with pytest.raises(Stopped):
        processes.check()


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and that nobody has asked for yet does not."""
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False


@pytest.mark.parametrize(
    ("output", "lines"),
    [
        (b"", []),
        (b"one", ["one"]),
        (b"one\n\ntwo\n", ["one", "", "two"]),
        (b"one\r\ntwo\r\n", ["one", "two"]),
        (b"  1%\r 50%\r100%\ndone\n", ["100%", "done"]),
        (b"\xff\n", ["\ufffd"]),
        ("é\u2028x\x0by\n".encode(), ["é\u2028x\x0by"]),
    ],
)
def test_lines(output: bytes, lines: list[str]) -> None:
    assert list(split_lines([output])) == lines


@given(st.text(alphabet="aé\n\r", max_size=50), st.integers(1, 7))
def test_lines_do_not_depend_on_how_they_arrive(text: str, size: int) -> None:
    data = text.encode()
    chunks = [data[start : start + size] for start in range(0, len(data), size)]
    assert list(split_lines(chunks)) == list(split_lines([data]))


def test_a_line_without_end_is_cut() -> None:
    lines = list(split_lines(b"x" * 1000 for _ in range(200)))
    assert sum(map(len, lines)) == 200_000
    assert max(map(len, lines)) < LINE_LIMIT + 1000
