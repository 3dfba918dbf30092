#!/usr/bin/env python3
"""The functions that serve, in the order of their calls, for the linker: Benchmarks/instructions/order.txt.

    order.py --sluice .build/sluice --output FILE

Proxied requests, model calls and streams run through the gateway under callgrind. Every function that runs at least
once in twenty of them is written down, each before those it calls. The binary must be stripped of debug information
(strip -g) and not of its symbols.
"""

import argparse
import collections
import glob
import os
import re
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "models"), os.path.join(HERE, "..", "proxy")]

import run as models  # noqa: E402
from machine import Stage, raise_file_limit  # noqa: E402

SECONDS = 6
START_SECONDS = 90
SHARE_LEAST = 0.05


def calls(file):
    """Who calls whom: caller -> {called: (times, instructions)}."""
    names, found = {}, collections.defaultdict(dict)

    def name(text):
        number, _, said = text.partition(" ")
        if said:
            names[number] = said
        return re.sub(r"'\d+$", "", names.get(number, number))

    caller = called = times = None
    with open(file, errors="replace") as lines:
        for line in lines:
            line = line.rstrip("\n")
            if line.startswith("fn="):
                caller = name(line[3:])
            elif line.startswith("cfn="):
                called = name(line[4:])
            elif line.startswith("calls="):
                times = int(line[6:].split()[0])
            elif times is not None:
                cost = int(line.split()[1])
                before = found[caller].get(called, (0, 0))
                found[caller][called] = (before[0] + times, before[1] + cost)
                times = None
    return found


def ordered(graph, least, order):
    """Appends each function before those it calls, the costliest first, to `order`."""
    known, seen = set(order), set()
    graph = {caller: {called: cost for called, (times, cost) in inner.items() if times >= least}
             for caller, inner in graph.items()}
    heard_of = {called for inner in graph.values() for called in inner}
    begins = [caller for caller, inner in graph.items() if inner and caller not in heard_of]
    waiting = sorted(begins, key=lambda caller: max(graph[caller].values()))
    while waiting:
        function = waiting.pop()
        if function in seen:
            continue
        seen.add(function)
        # What other traffic has called is in its place already, and leads to what this one alone calls.
        if function not in known:
            order.append(function)
        inner = graph.get(function, {})
        waiting += sorted(inner, key=lambda called: inner[called])


class Slowed(models.Benchmark):
    """Gateways that take long to start: what speaks to them asks again."""

    def command(self, front, *words):
        for _ in range(START_SECONDS):
            try:
                return super().command(front, *words)
            except SystemExit as error:
                failure = error
                time.sleep(1)
        raise failure


def kept(output, binary, named):
    """What the list has already and the binary still has: calls of tools came into it that are not made here."""
    if not os.path.exists(output):
        return []
    symbols = subprocess.run(["nm", "--format=just-symbols", binary], check=True, capture_output=True, text=True).stdout
    there = set(symbols.split())
    with open(output) as file:
        return [name for name in file.read().split() if name in there and name not in named]


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", required=True, help="the release binary")
    parser.add_argument("--output", required=True, help="the list to write")
    options = parser.parse_args(arguments)
    raise_file_limit()
    stage = Stage()
    try:
        benchmark = Slowed(
            models.parse(["--sluice", options.sluice, "--connections", "4", "--seconds", str(SECONDS),
                          "--streams", "20"]), stage)
        benchmark.under = ["valgrind", "--tool=callgrind", "--separate-threads=yes", "--quiet",
                           "--callgrind-out-file=" + stage.path("callgrind.%p")]
        benchmark.start_seconds = START_SECONDS
        benchmark.prepare()
        order = []
        for front in (benchmark.models, benchmark.plain):
            benchmark.load(front, "small")
            # Starting does not count.
            subprocess.run(["callgrind_control", "-z", str(front.pid)], check=True, stdout=subprocess.DEVNULL)
            count = benchmark.load(front, "small")["count"]
            benchmark.traffic("read", front, "stream", 20)
            process = next(each for each in stage.processes if each.pid == front.pid)
            stage.stop(process, signal.SIGTERM)
            # The busiest threads first: one serves, another folds what it left.
            files = glob.glob(stage.path(f"callgrind.{front.pid}-*"))
            for file in sorted(files, key=os.path.getsize, reverse=True):
                ordered(calls(file), count * SHARE_LEAST, order)
    finally:
        stage.close()
    # What has no name of its own in the binary is not the linker's to place.
    named = [function for function in order if re.fullmatch(r"[A-Za-z_$][\w$.]*", function)]
    named += kept(options.output, options.sluice, set(named))
    with open(options.output, "w") as file:
        file.write("\n".join(named) + "\n")
    print(f"{len(named)} functions in {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
