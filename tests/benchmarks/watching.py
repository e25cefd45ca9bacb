"""What watching many live builds costs: requests to the service and messages to the page, a second.

    python -m tests.benchmarks.watching [--builds 50] [--seconds 30]

A service of this process's own tells of so many builds that never end, whose logs grow by ten lines a second; a
real kernel shows all of them, and a page that has mounted all cards counts what it is sent.
"""

import argparse
import collections
import json
import os
import queue
import re
import statistics
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar

from jupyter_client.manager import KernelManager

_BEGUN = time.monotonic()


class _Service(BaseHTTPRequestHandler):
    asked: ClassVar[collections.Counter[str]] = collections.Counter()
    builds: ClassVar[list[dict[str, str]]] = []
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if path.endswith("/logs"):
            self.asked["GET logs"] += 1
            lines = ["STEP 1/2: FROM scratch", "STEP 2/2: RUN make"]
            body: object = {"logs": [*lines, *(f"line {n}" for n in range(int(10 * (time.monotonic() - _BEGUN))))]}
        elif path.endswith("/builds"):
            self.asked["GET builds"] += 1
            body = {"builds": self.builds, "total": len(self.builds)}
        else:
            self.asked["GET one build"] += 1
            wanted = path.rpartition("/")[2]
            body = {"build": next(build for build in self.builds if build["id"] == wanted)}
        data = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: object) -> None: ...


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--builds", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=30)
    given = parser.parse_args()
    _Service.builds = [
        {"id": f"{number:08x}-0000-4000-8000-000000000000", "status": "building", "region": "us-west"}
        | dict.fromkeys(("createdAt", "startedAt"), "2026-03-01T12:00:00Z")
        for number in range(given.builds)
    ]
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Service)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    manager = KernelManager(kernel_name="python3")
    place = {"PIPECAT_API_HOST": f"http://127.0.0.1:{server.server_address[1]}", "PIPECAT_API_KEY": "key"}
    manager.start_kernel(env=os.environ | place)
    client = manager.client()
    client.start_channels()
    try:
        client.wait_for_ready(timeout=60)
        client.execute("%load_ext pipecat_nb")
        for build in _Service.builds:
            client.execute(f"%pcbuild status {build['id']}")
        models: set[str] = set()
        while len(models) < given.builds:
            found = re.findall('data-pcb-model=."([0-9a-f]+)', json.dumps(client.get_iopub_msg()["content"]))
            models |= set(found)
        for model in models:
            data = {"method": "custom", "content": {"kind": "mounted"}}
            client.shell_channel.send(client.session.msg("comm_msg", {"comm_id": model, "data": data}))
        _count(client, given.seconds)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        server.shutdown()


def _count(client: object, seconds: float) -> None:
    settle = time.monotonic() + 5
    sent: collections.Counter[str] = collections.Counter()
    each: collections.Counter[str] = collections.Counter()
    size = 0
    while time.monotonic() < settle + seconds:
        try:
            message = client.get_iopub_msg(timeout=0.5)  # type: ignore[attr-defined]
        except queue.Empty:
            continue
        if time.monotonic() < settle:
            _Service.asked.clear()
            continue
        sent[message["msg_type"]] += 1
        size += len(json.dumps(message["content"]))
        each[message["content"].get("comm_id", "")] += 1
    print(f"{len(_Service.builds)} live builds, {seconds:g} s")
    for name, count in [*_Service.asked.items(), *sent.items()]:
        print(f"{name:<20} {count / seconds:7.2f} a second")
    print(f"{'kB to the page':<20} {size / 1000 / seconds:7.2f} a second")
    if each:
        print(f"messages to one card: median {statistics.median(each.values()) / seconds:.2f} a second")


if __name__ == "__main__":
    main()
