#!/usr/bin/env python3
"""What governing a model call costs beside plain proxying by the same binary, measured in the same run.

    run.py --sluice .build/sluice             all scenarios
    run.py --sluice BINARY --scenarios cpu,rate --rounds 5
    run.py --sluice BINARY --check            fails when a bound is crossed

The gateway has core 0; load and provider have core 1. Key, access policy, two budgets, access log and metrics are on;
the audit log is on only in the scenario that compares calls with and without it. Rounds are interleaved and the median
counts. Documentation/Architecture/Performance.md says what the numbers are.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "proxy"))

from machine import (  # noqa: E402
    LOAD_CORE, PROXY_CORE, Stage, cpu_seconds, free_port, raise_file_limit, resident_kib, wait_until_accepting)

SCENARIOS = ["cpu", "audit", "rate", "streams", "memory", "usage"]
PATH = "/v1/chat/completions"
RATE = 3000
# What calls are compared at: the cost of any request falls to a third as a gateway gets busy, so both have the same
# load: a light one, a middle one, and two thirds of what the costlier of the two can do.
RATES = [RATE, 8000]
BUSY_SHARE = 2 / 3
EVENTS = 100
EVENT_EVERY_US = 20_000

# The issues that set them are the project's third, and for the audit log its fourth.
BOUNDS = {
    "cpu_ratio": 1.6,            # a governed call of 1 KB in units of a plain one, at the same rate, whatever it is
    "full_speed_ratio": 1.6,     # the same, each at its own full speed
    "large_ratio": 3.0,          # a governed call of 100 KB in units of one of 1 KB
    "audit_ratio": 1.1,          # a governed call with class standard in units of one that nobody audits, alike
    "audit_full_speed_ratio": 1.1,
    "added_p50_ms": 0.25,        # at a fixed rate, over the provider alone
    "added_p99_ms": 0.6,
    "added_chunk_us": 50.0,      # median time a chunk of a stream takes longer
    "stream_kib": 40.0,          # memory of a stream that waits
    "usage_error": 0,            # tokens the ledger does not have, or has too many
}

GATEWAY = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: edge}}
spec:
  gatewayClassName: sluice
  listeners: [{{name: http, protocol: HTTP, port: {port}}}]
---
"""

PLAIN = GATEWAY + """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: app}}
spec:
  parentRefs: [{{name: edge}}]
  rules:
    - matches: [{{path: {{type: PathPrefix, value: /}}}}]
      backendRefs: [{{group: sluice.dev, kind: Backend, name: app}}]
---
apiVersion: sluice.dev/v1alpha1
kind: Backend
metadata: {{name: app}}
spec: {{endpoints: [{{host: 127.0.0.1, port: {upstream}}}]}}
"""

MODELS = GATEWAY + """
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: models}}
spec:
  parentRefs: [{{name: edge}}]
  rules:
    - matches: [{{path: {{type: PathPrefix, value: /v1}}}}]
      backendRefs: [{{group: sluice.dev, kind: ModelCatalog, name: default}}]
---
apiVersion: sluice.dev/v1alpha1
kind: ModelProvider
metadata: {{name: openai}}
spec: {{dialect: openai, baseURL: "http://127.0.0.1:{upstream}/v1", credential: {{env: OPENAI_API_KEY}}}}
---
apiVersion: sluice.dev/v1alpha1
kind: ModelCatalog
metadata: {{name: default}}
spec:
  models:
    - name: fast
      targets: [{{provider: openai, model: gpt-5-mini}}]
      price: {{input: "0.25", output: "2.00", cacheRead: "0.025"}}
      context: {{inputTokensMax: 400000, outputTokensMax: 16384}}
---
apiVersion: sluice.dev/v1alpha1
kind: ModelAccessPolicy
metadata: {{name: engineers}}
spec: {{subjects: [{{group: engineering}}], models: ["fast"]}}
---
apiVersion: sluice.dev/v1alpha1
kind: BudgetPolicy
metadata: {{name: per-user}}
spec:
  scope: user
  limits: [{{unit: usd, max: "1000000.00", window: 1d}}, {{unit: concurrent, max: 100000}}]
---
apiVersion: sluice.dev/v1alpha1
kind: BudgetPolicy
metadata: {{name: per-model}}
spec:
  scope: model
  limits: [{{unit: tokens, max: 100000000000, window: 1d}}]
"""


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", required=True, help="the release binary")
    parser.add_argument("--scenarios", default=",".join(SCENARIOS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--streams", type=int, default=100)
    parser.add_argument("--idle", type=int, default=2000)
    parser.add_argument("--json", help="write the numbers to this file")
    parser.add_argument("--check", action="store_true", help="exit 1 when a bound is crossed")
    options = parser.parse_args(arguments)
    options.scenarios = options.scenarios.split(",")
    unknown = set(options.scenarios) - set(SCENARIOS)
    if unknown:
        parser.error(f"unknown scenario {', '.join(sorted(unknown))}; there are {', '.join(SCENARIOS)}")
    return options


class Front:
    """What is called: the provider itself, or a gateway before it."""

    def __init__(self, name, port, key="none", pid=None, stop=None, state=None):
        self.name, self.port, self.key, self.pid, self.state = name, port, key, pid, state
        self.stop = stop or (lambda: None)


class Benchmark:
    def __init__(self, options, stage):
        self.options, self.stage = options, stage
        self.binary = os.path.abspath(options.sluice)
        self.tool = stage.path("traffic")
        self.upstream = free_port()
        self.results = {}
        self.tokens_sent = 0
        # What gateways run under, and how long they may take to start under it.
        self.under, self.start_seconds = [], 20

    def prepare(self):
        subprocess.run(["gcc", "-O2", "-o", self.tool, os.path.join(HERE, "traffic.c")], check=True)
        self.bodies = {
            "small": self.body("small.json", 1_000), "large": self.body("large.json", 100_000),
            "stream": self.body("stream.json", 1_000, stream=True),
        }
        self.provide(EVENT_EVERY_US, EVENTS)
        self.direct = Front("direct", self.upstream)
        self.plain = self.gateway("plain", PLAIN)
        self.models = self.governed("models", "--audit", "off")

    def body(self, name, size, stream=False):
        """A chat of about so many bytes, as compact as the clients write it."""
        turns, length = [], 0
        while not turns or length < size - 120:
            text = f"turn {len(turns)}: " + "the gateway counts every token once and keeps its order. " * 8
            text = text[:max(40, min(len(text), size - 160 - length))]
            turns.append({"role": "assistant" if len(turns) % 2 else "user", "content": text})
            length += len(text) + 40
        document = {"model": "fast", **({"stream": True} if stream else {}), "messages": turns, "max_tokens": 400}
        return self.stage.write(name, json.dumps(document, separators=(",", ":")))

    def provide(self, every_us, events):
        self.provider = self.stage.start(
            [self.tool, "serve", str(self.upstream), str(every_us), str(events)], LOAD_CORE, output="provider.log")
        if wait_until_accepting(self.upstream, self.provider) is None:
            raise SystemExit("the provider did not start: " + self.stage.tail("provider.log"))

    def governed(self, name, *words):
        front = self.gateway(name, MODELS, *words)
        front.key = self.command(front, "key", "create", "--user", "bench", "--group", "engineering")["key"]
        return front

    def gateway(self, name, text, *words):
        port, state = free_port(), tempfile.mkdtemp(prefix="state-", dir=self.stage.folder)
        file = self.stage.write(f"{name}.yaml", text.format(port=port, upstream=self.upstream))
        command = [*self.under, self.binary, "run", "-f", file, "--state", state, "--admin", "none", "--telemetry",
                   f"127.0.0.1:{free_port()}", *words]
        process = self.stage.start(
            command, PROXY_CORE, output=f"{name}.log", env={**os.environ, "OPENAI_API_KEY": "sk-bench"})
        if wait_until_accepting(port, process, self.start_seconds) is None:
            raise SystemExit(f"{name} did not start: " + self.stage.tail(f"{name}.log"))
        return Front(name, port, pid=process.pid, stop=lambda: self.stage.stop(process), state=state)

    def command(self, front, *words):
        done = subprocess.run(
            [self.binary, *words, "--state", front.state, "-o", "json"], capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit(f"sluice {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout)

    def traffic(self, mode, front, body, *words):
        command = ["taskset", "-c", LOAD_CORE, self.tool, mode, str(front.port), PATH, self.bodies[body], front.key]
        done = subprocess.run([*command, *map(str, words)], capture_output=True, text=True)
        if done.returncode != 0 or not done.stdout.startswith("{"):
            raise SystemExit(f"{mode} of {front.name} failed: {done.stdout}{done.stderr}")
        measured = json.loads(done.stdout)
        if measured["bad"] > 0:
            raise SystemExit(f"{mode} of {front.name}: {measured['bad']} bad answers: "
                             + self.stage.tail(f"{front.name}.log"))
        return measured

    def rounds(self, cases, measure):
        """Interleaved; for each case the median of each number."""
        all_rounds = {case: [] for case in cases}
        for _ in range(self.options.rounds):
            for case in cases:
                all_rounds[case].append(measure(*case))
        return {
            case: {key: statistics.median(each[key] for each in rounds) for key in rounds[0]}
            for case, rounds in all_rounds.items()
        }

    # ---- scenarios

    def load(self, front, body, rate=0):
        before = cpu_seconds(front.pid)
        measured = self.traffic("load", front, body, self.options.connections, self.options.seconds, rate)
        measured["us"] = (cpu_seconds(front.pid) - before) / measured["count"] * 1e6
        return measured

    def cpu(self):
        cases = [(front, body) for front in (self.plain, self.models) for body in ("small", "large")]
        found = self.rounds(cases, self.load)
        cost = {(front.name, body): numbers["us"] for (front, body), numbers in found.items()}
        self.results["cpu_us"] = {f"{name} {body}": us for (name, body), us in cost.items()}
        self.results["full_speed_ratio"] = cost["models", "small"] / cost["plain", "small"]
        self.results["large_ratio"] = cost["models", "large"] / cost["models", "small"]
        for (front, body), numbers in found.items():
            print(f"  {front.name:7} {body:6} {numbers['us']:8.2f} us CPU for a request, "
                  f"{numbers['count'] / numbers['seconds']:8.0f}/s")
        print(f"  governed in units of plain, each at its own full speed {self.results['full_speed_ratio']:.2f}, "
              f"100 KB in units of 1 KB {self.results['large_ratio']:.2f}")
        self.results["cpu_ratio"] = self.same_rates(self.plain, self.models, found[self.models, "small"])

    def same_rates(self, less, more, full):
        """The highest ratio of two gateways' costs at the same rates; `full` is the costlier's at full speed."""
        ratios = []
        for rate in [*RATES, int(BUSY_SHARE * full["count"] / full["seconds"])]:
            found = self.rounds([(less, "small", rate), (more, "small", rate)], self.load)
            us = {front: numbers["us"] for (front, *_), numbers in found.items()}
            ratios.append(us[more] / us[less])
            print(f"  at {rate}/s each: {less.name} {us[less]:.2f} us, {more.name} {us[more]:.2f} us: {ratios[-1]:.2f}")
        return max(ratios)

    def audit(self):
        """In the class that most logs have, on the disk within 50 ms. Calls here are over before their intent is
        written, which makes one record of each; longer ones are two."""
        audited = self.governed("audited")
        found = self.rounds([(self.models, "small"), (audited, "small")], self.load)
        cost = {front.name: numbers["us"] for (front, _), numbers in found.items()}
        self.results["audit_us"] = cost["audited"] - cost["models"]
        self.results["audit_full_speed_ratio"] = cost["audited"] / cost["models"]
        print(f"  {cost['models']:.2f} us CPU for a call, {cost['audited']:.2f} us with its records, each at its own "
              f"full speed: {self.results['audit_full_speed_ratio']:.2f}")
        self.results["audit_ratio"] = self.same_rates(self.models, audited, found[audited, "small"])
        audited.stop()

    def rate(self):
        def measure(front):
            return self.traffic("load", front, "small", self.options.connections, self.options.seconds, RATE)

        found = self.rounds([(self.direct,), (self.plain,), (self.models,)], measure)
        by_name = {front.name: numbers for (front,), numbers in found.items()}
        for name, numbers in by_name.items():
            print(f"  {name:7} at {RATE}/s: p50 {numbers['p50']:.3f} ms, p99 {numbers['p99']:.3f} ms, "
                  f"p99.9 {numbers['p999']:.3f} ms")
        self.results["rate"] = by_name
        for name in ("p50", "p99"):
            self.results[f"added_{name}_ms"] = by_name["models"][name] - by_name["direct"][name]
        print(f"  added p50 {self.results['added_p50_ms']:.3f} ms, p99 {self.results['added_p99_ms']:.3f} ms")

    def streams(self):
        def measure(front):
            before = cpu_seconds(front.pid) if front.pid else 0
            measured = self.traffic("read", front, "stream", self.options.streams)
            spent = cpu_seconds(front.pid) - before if front.pid else 0
            measured["chunk_us"] = spent / max(1, measured["samples"]) * 1e6
            return measured

        found = self.rounds([(self.direct,), (self.plain,), (self.models,)], measure)
        by_name = {front.name: numbers for (front,), numbers in found.items()}
        for name, numbers in by_name.items():
            print(f"  {name:7} chunk after p50 {numbers['p50'] * 1000:.1f} us, p99 {numbers['p99'] * 1000:.1f} us, "
                  f"{numbers['chunk_us']:.2f} us CPU")
        self.results["streams"] = by_name
        self.results["added_chunk_us"] = (by_name["models"]["p50"] - by_name["direct"]["p50"]) * 1000
        print(f"  added to a chunk {self.results['added_chunk_us']:.1f} us")

    def memory(self):
        """Streams that have begun and wait for their next event."""
        self.stage.stop(self.provider)
        self.provide(3_600_000_000, 10)
        time.sleep(1)
        before = resident_kib(self.models.pid)
        front = self.models
        holder = subprocess.Popen(
            ["taskset", "-c", LOAD_CORE, self.tool, "hold", str(front.port), PATH, self.bodies["stream"], front.key,
             str(self.options.idle)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        ready = int(holder.stdout.readline().split()[1])
        time.sleep(1)
        self.results["stream_kib"] = (resident_kib(front.pid) - before) / max(1, ready)
        holder.stdin.close()
        holder.wait(timeout=30)
        print(f"  {ready} streams that wait: {self.results['stream_kib']:.1f} KiB each")

    def usage(self):
        """A known number of calls, each with a known usage, against what the ledger has more afterwards."""
        self.stage.stop(self.provider)
        self.provide(EVENT_EVERY_US, EVENTS)
        time.sleep(1)
        before = self.tokens()
        count = self.traffic("load", self.models, "small", self.options.connections, 2, 0)["count"]
        count += self.traffic("read", self.models, "stream", 20)["count"]
        # A call that was under way when the time was over is in the ledger and not in the count.
        after = self.tokens()
        extra = after["requests"] - before["requests"] - count
        told = {"input": 250, "output": 160}
        error = max(abs(after[name] - before[name] - each * (count + extra)) for name, each in told.items())
        self.results["usage_error"] = error if 0 <= extra <= self.options.connections else abs(extra) * 410
        print(f"  {count} calls, {extra} more under way at the end: {self.results['usage_error']} tokens off")

    def tokens(self):
        items = self.command(self.models, "usage")["items"]
        total = items[0] if items else {"calls": 0, "inputTokens": 0, "outputTokens": 0}
        return {"requests": total["calls"], "input": total["inputTokens"], "output": total["outputTokens"]}

    def run(self):
        for scenario in sorted(self.options.scenarios, key=SCENARIOS.index):
            print(f"\n{scenario}:")
            getattr(self, scenario)()
            sys.stdout.flush()


def crossed(results):
    """The bounds that the numbers cross, as sentences; what was not measured is not looked at."""
    return [f"{name}: {results[name]:.2f}, at most {bound}" for name, bound in BOUNDS.items()
            if name in results and results[name] > bound]


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
        findings = crossed(benchmark.results)
        print("\nbounds:", "all kept" if not findings else "; ".join(findings))
        return 1 if options.check and findings else 0
    finally:
        stage.close()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
