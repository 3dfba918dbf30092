#!/usr/bin/env python3
"""CPU seconds per 100,000 requests of sluice beside nginx and HAProxy, measured in the same run.

    run.py --sluice .build/sluice            all scenarios
    run.py --scenarios h1,tls --rounds 5     the peers alone, when --sluice is left out
    run.py --sluice BINARY --check           fails when a bound is crossed

Proxies run on core 0, load and backend on core 1; rounds are interleaved and the median counts.
Documentation/Architecture/Performance.md says what each scenario sends and what it may cost.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import load  # noqa: E402
import proxies  # noqa: E402
from machine import LOAD_CORE, Stage, cpu_seconds, free_port, raise_file_limit, wait_until_accepting  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
SCENARIOS = ["h1", "tls", "handshake", "h2", "sse", "memory", "startup"]

# CPU of sluice in units of nginx'; then absolute bounds. The issue that set them is the project's second.
RATIO_BOUNDS = {"h1": 1.20, "tls": 1.10, "handshake": 1.00, "sse": 1.25, "h2": 1.80}
BOUNDS = {"startup_ms": 60.0, "rest_mib": 25.0, "connection_kib": 5.0}

EVENTS = 100
EVENT_EVERY_US = 50_000


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", help="the release binary; without it the peers are measured alone")
    parser.add_argument("--sluice-options", default="", help="more words for sluice's command line")
    parser.add_argument("--peers", default="nginx,haproxy")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--streams", type=int, default=500)
    parser.add_argument("--idle", type=int, default=5000)
    parser.add_argument("--json", help="write the numbers to this file")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bound is crossed")
    options = parser.parse_args(arguments)
    options.scenarios = options.scenarios.split(",")
    unknown = set(options.scenarios) - set(SCENARIOS)
    if unknown:
        parser.error(f"unknown scenario {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    if options.check and not options.sluice:
        parser.error("--check needs --sluice")
    return options


class Benchmark:
    def __init__(self, options, stage):
        self.options, self.stage = options, stage
        self.tool = stage.path("streams")
        self.upstream = free_port()
        self.backend = None
        self.running = []
        self.results = {}

    def prepare(self):
        quiet = {"check": True, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        subprocess.run(["gcc", "-O2", "-o", self.tool, os.path.join(HERE, "streams.c")], check=True)
        proxies.make_certificate(self.stage, lambda command: subprocess.run(command, **quiet))
        self.use_backend("plain")
        self.starters = {}
        if self.options.sluice:
            extra = self.options.sluice_options.split()
            self.starters["sluice"] = lambda: proxies.start_sluice(
                self.stage, self.upstream, self.options.sluice, extra)
        peers = {"nginx": proxies.start_nginx, "haproxy": proxies.start_haproxy}
        for name in proxies.available(self.options.peers.split(",")):
            self.starters[name] = lambda name=name: peers[name](self.stage, self.upstream)
        self.running = [start() for start in self.starters.values()]
        for proxy in self.running:
            self.results[proxy.name] = {}

    def use_backend(self, kind):
        """nginx answers requests fastest; events come from our own tool."""
        if self.backend:
            self.stage.stop(self.backend)
        if kind == "plain":
            inner = proxies.NGINX_BACKEND.format(port=self.upstream, body=proxies.body_1k())
            text = proxies.NGINX.format(folder=self.stage.folder, name="backend", http=inner)
            command = ["nginx", "-p", self.stage.folder, "-c", self.stage.write("backend.conf", text)]
        else:
            command = [self.tool, "serve", str(self.upstream), str(EVENT_EVERY_US), str(EVENTS)]
        self.backend = self.stage.start(command, LOAD_CORE, output="backend.log")
        if wait_until_accepting(self.upstream, self.backend) is None:
            raise SystemExit("the backend did not start: " + self.stage.tail("backend.log"))

    def once(self, scenario, proxy):
        o, ports = self.options, proxy.ports
        if scenario == "h1":
            return load.wrk(f"http://127.0.0.1:{ports['http']}/", o.seconds, o.connections)
        if scenario == "tls":
            return load.wrk(f"https://127.0.0.1:{ports['tls']}/", o.seconds, o.connections)
        if scenario == "handshake":
            return load.wrk(f"https://127.0.0.1:{ports['tls']}/", o.seconds, o.connections, ["Connection: close"])
        if scenario == "h2":
            return load.h2load(f"http://127.0.0.1:{ports['h2']}/", 20_000 * o.seconds, 16, 32)
        return load.read_streams(self.tool, ports["http"], o.streams, EVENTS)

    def cost(self, scenario):
        """Interleaved rounds of one scenario; the median of each number for each proxy."""
        rounds = {proxy.name: [] for proxy in self.running}
        for _ in range(self.options.rounds):
            for proxy in self.running:
                before, started = cpu_seconds(proxy.pid), time.monotonic()
                measured = self.once(scenario, proxy)
                spent, lasted = cpu_seconds(proxy.pid) - before, time.monotonic() - started
                measured["per_100k"] = spent / max(1, measured["count"]) * 100_000
                measured["core"] = spent / lasted
                rounds[proxy.name].append(measured)
        for name, all_rounds in rounds.items():
            middle = {key: statistics.median(r[key] for r in all_rounds) for key in all_rounds[0]}
            middle["lowest"] = min(r["per_100k"] for r in all_rounds)
            middle["highest"] = max(r["per_100k"] for r in all_rounds)
            middle["bad"] = max(r["bad"] for r in all_rounds)
            self.results[name][scenario] = middle
        for name in rounds:
            ratios = self.results[name][scenario]["ratios"] = {}
            for peer in rounds:
                if peer != name:
                    ratios[peer] = (self.results[name][scenario]["per_100k"]
                                    / max(1e-9, self.results[peer][scenario]["per_100k"]))

    def stop_running(self):
        """Fresh processes follow; a gateway's admin port is taken only once."""
        for proxy in self.running:
            proxy.stop()
        self.running = []

    def startup(self):
        """Fresh processes, one after the other."""
        self.stop_running()
        times = {name: [] for name in self.starters}
        rest = {name: [] for name in self.starters}
        for _ in range(max(5, self.options.rounds)):
            for name, start in self.starters.items():
                proxy = start()
                times[name].append(proxy.startup_ms)
                time.sleep(0.2)
                rest[name].append(proxy.resident_kib() / 1024)
                proxy.stop()
        for name in self.starters:
            self.results[name]["startup_ms"] = statistics.median(times[name])
            self.results[name]["rest_mib"] = statistics.median(rest[name])

    def memory(self):
        self.stop_running()
        for name, start in self.starters.items():
            proxy = start()
            time.sleep(0.5)
            self.results[name]["rest_mib"] = proxy.resident_kib() / 1024
            # The code that serves a connection comes into memory with the first ones, and is not theirs.
            with load.IdleConnections(self.tool, proxy.ports["http"], 100):
                time.sleep(0.5)
            before = proxy.resident_kib()
            with load.IdleConnections(self.tool, proxy.ports["http"], self.options.idle) as idle:
                time.sleep(1)
                held = proxy.resident_kib()
                self.results[name]["connection_kib"] = (held - before) / max(1, idle.ready)
                self.results[name]["idle_connections"] = idle.ready
            proxy.stop()

    def run(self):
        for scenario in sorted(self.options.scenarios, key=SCENARIOS.index):
            if scenario in ("sse", "memory"):
                self.use_backend("events")
            else:
                self.use_backend("plain")
            if scenario == "startup":
                self.startup()
            elif scenario == "memory":
                self.memory()
            else:
                self.cost(scenario)
            self.show(scenario)

    def show(self, scenario):
        unit = "events" if scenario == "sse" else "requests"
        if scenario in RATIO_BOUNDS:
            print(f"\n{scenario}: CPU seconds for 100,000 {unit}, median of {self.options.rounds} rounds")
        else:
            print(f"\n{scenario}:")
        for name, result in self.results.items():
            if scenario == "startup":
                print(f"  {name:8} {result['startup_ms']:7.1f} ms to the first accepted connection")
            elif scenario == "memory":
                print(f"  {name:8} {result['rest_mib']:7.1f} MiB at rest, {result['connection_kib']:6.2f} KiB for each "
                      f"of {result['idle_connections']} idle connections")
            else:
                m = result[scenario]
                ratios = "  ".join(f"{ratio:.2f} x {peer}" for peer, ratio in m["ratios"].items())
                print(f"  {name:8} {m['per_100k']:7.3f} s [{m['lowest']:.3f} - {m['highest']:.3f}]"
                      f" {m['rate']:8.0f}/s  p50 {m['p50']:.2f} ms  p99 {m['p99']:.2f} ms"
                      f"  core {m['core'] * 100:3.0f} %  bad {m['bad']:.0f}  {ratios}")
        sys.stdout.flush()


def crossed(results):
    """The bounds that sluice's numbers cross, as sentences; every scenario measured counts."""
    found, mine = [], results["sluice"]
    for scenario, bound in RATIO_BOUNDS.items():
        if scenario not in mine:
            continue
        if mine[scenario]["bad"] > 0:
            found.append(f"{scenario}: {mine[scenario]['bad']:.0f} bad answers")
        ratio = mine[scenario]["ratios"].get("nginx")
        if ratio is None:
            found.append(f"{scenario}: nginx was not measured")
        elif ratio > bound:
            found.append(f"{scenario}: {ratio:.2f} times nginx, at most {bound:.2f}")
    for name, bound in BOUNDS.items():
        if name in mine and mine[name] > bound:
            found.append(f"{name}: {mine[name]:.1f}, at most {bound:.1f}")
    return found


def main(arguments):
    options = parse(arguments)
    raise_file_limit()
    stage = Stage()
    try:
        benchmark = Benchmark(options, stage)
        benchmark.prepare()
        benchmark.run()
        if options.json:
            with open(options.json, "w") as file:
                json.dump(benchmark.results, file, indent=1, sort_keys=True)
        if options.check:
            findings = crossed(benchmark.results)
            print("\nbounds:", "all kept" if not findings else "; ".join(findings))
            return 1 if findings else 0
        return 0
    finally:
        stage.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
