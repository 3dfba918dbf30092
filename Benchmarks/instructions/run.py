#!/usr/bin/env python3
"""User-space instructions per unit of work, by callgrind, against Benchmarks/thresholds.json.

    run.py --sluice .build/sluice                      requests through the gateway
    run.py --sluice BINARY --measure BINARY            also parse, match, serialise and a known token
    run.py --sluice BINARY --record                    writes what was measured to the threshold file

Each count is the difference between a run of 2N and one of N, so that start and stop cancel; of the gateway it is the
thread's that serves, because what the others do depends on the clock. More than 5 % above a threshold fails; more than
5 % below asks for the threshold to be lowered. Binaries must be stripped (strip -g): valgrind 3.19 cannot read Swift's
debug information.
"""

import argparse
import glob
import json
import os
import re
import signal
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "proxy"))

import load  # noqa: E402
import proxies  # noqa: E402
from machine import LOAD_CORE, PROXY_CORE, Stage, free_port, wait_until_accepting  # noqa: E402

THRESHOLDS = os.path.join(HERE, "..", "thresholds.json")
BAND = 0.05
REQUESTS = 2000
# SelectableEventLoop.run() of swift-nio, as the compiler names it.
EVENT_LOOP = "SelectableEventLoopC3runyyKF"
PIECES = ["parse", "match", "serialise", "token-warm"]
PIECE_ROUNDS = 2000


def compare(measured, thresholds, band=BAND):
    """What fails, and what is worth saying, of counts beside their thresholds."""
    failures, notes = [], []
    for name, count in measured.items():
        if name not in thresholds:
            failures.append(f"{name}: {count:.0f} instructions and no threshold; record one")
        elif count > thresholds[name] * (1 + band):
            failures.append(f"{name}: {count:.0f} instructions, more than {band:.0%} above {thresholds[name]}")
        elif count < thresholds[name] * (1 - band):
            notes.append(f"{name}: {count:.0f} instructions, lower the threshold from {thresholds[name]}")
    return failures, notes


def total(file):
    with open(file) as text:
        for line in text:
            found = re.match(r"(?:summary|totals):\s+(\d+)", line)
            if found:
                return int(found.group(1))
    raise SystemExit(f"callgrind left no total in {file}")


def serving(file):
    """The instructions of the thread that serves: the busiest of those that ran an event loop to the end.

    By what it ran, not by its number: two threads may begin in either order.
    """
    loops = []
    for name in glob.glob(file + "-*"):
        with open(name, errors="replace") as text:
            if any(EVENT_LOOP in line for line in text):
                loops.append(total(name))
    if not loops:
        raise SystemExit(f"no thread of {file} ran an event loop")
    return max(loops)


def callgrind(stage, output, *options):
    # Swift seeds its hashing anew in each process; dictionaries would cost a little more or less.
    return ["env", "SWIFT_DETERMINISTIC_HASHING=1", "valgrind", "--tool=callgrind", *options,
            "--callgrind-out-file=" + stage.path(output), "--quiet"]


class Requests:
    """Requests through a gateway under callgrind; the backend is nginx."""

    def __init__(self, stage, command_for, upstream):
        self.stage, self.command_for, self.upstream = stage, command_for, upstream

    def count(self, kind, requests):
        ports = {"http": free_port(), "tls": free_port()}
        command = self.command_for(ports)
        output = f"callgrind.{kind}.{requests}"
        process = self.stage.start(
            [*callgrind(self.stage, output, "--separate-threads=yes"), *command], PROXY_CORE, output="gateway.log")
        if wait_until_accepting(ports["http"], process, seconds=90) is None:
            raise SystemExit("the gateway did not start: " + self.stage.tail("gateway.log"))
        options, scheme, port = {
            "h1": (["--h1"], "http", ports["http"]),
            "tls": (["--h1"], "https", ports["tls"]),
            "h2": ([], "http", ports["http"]),
        }[kind]
        # One connection, one request at a time: several would be taken up together, as many as the machine happens to
        # find ready in one turn of the loop, and the count would move by a tenth between machines.
        done = load.h2load(f"{scheme}://127.0.0.1:{port}/", requests, 1, 1, options)
        if done["bad"]:
            raise SystemExit(f"{kind}: {done['bad']} bad answers: " + self.stage.tail("gateway.log"))
        self.stage.stop(process, signal.SIGTERM)
        return serving(self.stage.path(output))

    def each(self, kind, requests=REQUESTS):
        return (self.count(kind, 2 * requests) - self.count(kind, requests)) / requests


def piece(stage, binary, name, rounds=PIECE_ROUNDS):
    """Instructions of one call of a part: `BINARY parse 2000` runs it that often."""

    def run(count):
        output = f"callgrind.{name}.{count}"
        command = [*callgrind(stage, output), os.path.abspath(binary), name, str(count)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return total(stage.path(output))

    return (run(2 * rounds) - run(rounds)) / rounds


def backend(stage):
    port = free_port()
    inner = proxies.NGINX_BACKEND.format(port=port, body=proxies.body_1k())
    text = proxies.NGINX.format(folder=stage.folder, name="backend", http=inner)
    process = stage.start(["nginx", "-p", stage.folder, "-c", stage.write("backend.conf", text)], LOAD_CORE)
    if wait_until_accepting(port, process) is None:
        raise SystemExit("the backend did not start: " + stage.tail("output.log"))
    return port


def measure(options, stage):
    measured = {}
    if options.sluice:
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        proxies.make_certificate(stage, lambda command: subprocess.run(command, **quiet))
        upstream = backend(stage)

        def command_for(ports):
            proxies.sluice_configuration(stage, upstream, ports)
            return proxies.sluice_command(stage, options.sluice)

        requests = Requests(stage, command_for, upstream)
        for kind in options.requests.split(","):
            measured[f"request-{kind}"] = requests.each(kind)
    if options.measure:
        for name in PIECES:
            measured[name] = piece(stage, options.measure, name)
    return measured


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", help="the stripped release binary")
    parser.add_argument("--measure", help="the stripped binary that runs one part often")
    parser.add_argument("--requests", default="h1", help="which kinds of request: h1, tls, h2")
    parser.add_argument("--record", action="store_true", help="write the thresholds instead of checking them")
    options = parser.parse_args(arguments)
    if not options.sluice and not options.measure:
        parser.error("nothing to measure: give --sluice or --measure")
    stage = Stage()
    try:
        measured = measure(options, stage)
    finally:
        stage.close()
    with open(THRESHOLDS) as file:
        thresholds = json.load(file)
    for name, count in measured.items():
        print(f"{name:14} {count:10.0f} instructions, threshold {thresholds.get(name, 'none')}")
    if options.record:
        thresholds.update({name: round(count) for name, count in measured.items()})
        with open(THRESHOLDS, "w") as file:
            file.write(json.dumps(thresholds, indent=4, sort_keys=True) + "\n")
        return 0
    failures, notes = compare(measured, thresholds)
    for line in failures + notes:
        print(line)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
