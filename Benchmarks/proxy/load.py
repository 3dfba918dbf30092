"""The load: each function puts one scenario through a port and says how many requests passed and how fast."""

import json
import re
import subprocess

from machine import LOAD_CORE

_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0}


def _run(command, **options):
    result = subprocess.run(["taskset", "-c", LOAD_CORE, *command], capture_output=True, text=True, **options)
    return result.stdout + result.stderr


def wrk(url, seconds, connections, fields=()):
    options = [part for field in fields for part in ("-H", field)]
    text = _run(["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *options, url])
    done = re.search(r"(\d+) requests in", text)
    if not done:
        raise SystemExit(f"wrk failed: {text}")

    def percentile(which):
        found = re.search(which + r"%\s+([\d.]+)(us|ms|s)\b", text)
        return float(found.group(1)) * _MILLISECONDS[found.group(2)] if found else 0.0

    bad = sum(int(n) for n in re.findall(r"Non-2xx or 3xx responses: (\d+)", text))
    for errors in re.findall(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", text):
        bad += sum(map(int, errors))
    rate = float(re.search(r"Requests/sec:\s+([\d.]+)", text).group(1))
    return {"count": int(done.group(1)), "rate": rate, "p50": percentile("50"), "p99": percentile("99"), "bad": bad}


def h2load(url, count, connections, streams, options=()):
    text = _run(["h2load", "-t1", f"-c{connections}", f"-m{streams}", f"-n{count}", *options, url])
    done = re.search(r"(\d+) succeeded, (\d+) failed, (\d+) errored", text)
    if not done:
        raise SystemExit(f"h2load failed: {text}")
    codes = re.search(r"status codes: (\d+) 2xx", text)
    good = min(int(done.group(1)), int(codes.group(1)) if codes else 0)
    rate = re.search(r"([\d.]+) req/s", text)
    return {"count": good, "rate": float(rate.group(1)) if rate else 0.0, "p50": 0.0, "p99": 0.0, "bad": count - good}


def read_streams(tool, port, streams, events):
    measured = json.loads(_run([tool, "read", str(port), str(streams)]))
    count = measured["events"]
    return {"count": count, "rate": count / measured["seconds"], "p50": measured["p50"], "p99": measured["p99"],
            "bad": streams * events - count}


class IdleConnections:
    """Connections that made one request and are now held open."""

    def __init__(self, tool, port, count):
        self.process = subprocess.Popen(
            ["taskset", "-c", LOAD_CORE, tool, "idle", str(port), str(count)], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.ready = int(self.process.stdout.readline().split()[1])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(timeout=30)
