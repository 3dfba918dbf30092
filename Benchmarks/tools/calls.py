#!/usr/bin/env python3
"""What a call of a tool costs: `calls.py BINARY [--rate 1000] [--seconds 10] [--plain-policy]`.

Sends the same calls of the mock's `echo`, at a steady rate over kept connections, past the gateway to the mock, through
a plain HTTPRoute, and through `/mcp` with keys, access by rule, pins, redaction and validation. Tells CPU time of the
gateway for each call and the latencies, and fails when a call through `/mcp` costs more than twice a plain one. With
`--plain-policy` there is no MCPToolPolicy."""

import argparse
import asyncio
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from listens import free_port, message, start

CONFIGURATION = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: edge}}
spec:
  gatewayClassName: sluice
  listeners:
    - {{name: tools, protocol: HTTP, port: {port}}}
    - {{name: plain, protocol: HTTP, port: {plain}}}
---
apiVersion: sluice.dev/v1alpha1
kind: MCPServer
metadata: {{name: demo}}
spec: {{http: {{url: "http://127.0.0.1:{mock}/mcp"}}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: tools}}
spec:
  parentRefs: [{{name: edge, sectionName: tools}}]
  rules: [{{backendRefs: [{{group: sluice.dev, kind: MCPServer, name: demo}}]}}]
---
apiVersion: sluice.dev/v1alpha1
kind: Backend
metadata: {{name: mock}}
spec: {{endpoints: [{{host: 127.0.0.1, port: {mock}}}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: plain}}
spec:
  parentRefs: [{{name: edge, sectionName: plain}}]
  rules: [{{backendRefs: [{{group: sluice.dev, kind: Backend, name: mock}}]}}]
---
apiVersion: sluice.dev/v1alpha1
kind: ToolAccessPolicy
metadata: {{name: some}}
spec:
  subjects: [{{any: true}}]
  rules:
    - {{server: demo, tools: ["*"], when: "size(tool.arguments.text) < 100000"}}
    - {{server: demo, tools: ["delete_*"], verdict: deny}}
"""

POLICY = """\
---
apiVersion: sluice.dev/v1alpha1
kind: MCPToolPolicy
metadata: {name: trust}
spec: {servers: ["*"], pin: firstUse, validate: results, redact: {secrets: true}}
"""


def spent(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def one(reader, writer, request):
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200"), head
    lower = head.lower()
    if b"content-length:" in lower:
        return await reader.readexactly(int(lower.split(b"content-length:")[1].split(b"\r\n")[0]))
    body = b""
    while True:
        size = int(await reader.readuntil(b"\r\n"), 16)
        body += await reader.readexactly(size + 2)
        if size == 0:
            return body


async def load(port, request, rate, seconds, lanes=16):
    taken = []

    async def lane(number):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert b"hello" in await one(reader, writer, request)
        begin = time.monotonic() + 0.2
        for turn in range(int(rate * seconds / lanes)):
            due = begin + (turn * lanes + number) / rate
            delay = due - time.monotonic()
            if delay > 0:
                await asyncio.sleep(delay)
            start = time.monotonic()
            await one(reader, writer, request)
            taken.append(time.monotonic() - start)
        writer.close()

    await asyncio.gather(*(lane(number) for number in range(lanes)))
    taken.sort()
    return taken


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("binary")
    options.add_argument("--rate", type=int, default=1000)
    options.add_argument("--seconds", type=int, default=10)
    options.add_argument("--plain-policy", action="store_true")
    given = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        mock_port, port, plain = free_port(), free_port(), free_port()
        mock = start([given.binary, "mock", "mcp", "--port", str(mock_port), "--revision", "new"], mock_port)
        file = pathlib.Path(folder) / "gateway.yaml"
        text = CONFIGURATION.format(port=port, plain=plain, mock=mock_port)
        file.write_text(text + ("" if given.plain_policy else POLICY))
        words = ["-f", str(file), "--state", f"{folder}/state", "--access-log", f"{folder}/access.log"]
        gateway = start([given.binary, "run", *words], port, stderr=subprocess.DEVNULL)
        costs = {}
        try:
            made = subprocess.run(
                [given.binary, "key", "create", "--user", "load", "--state", f"{folder}/state", "-o", "json"],
                check=True, capture_output=True, text=True)
            key = json.loads(made.stdout)["key"]
            arguments = {"text": "hello " + "x" * 1000}
            places = [("mock", mock_port), ("plain", plain), ("mcp", port), ("plain", plain), ("mcp", port)]
            for name, place in places:
                request = message(place, key, "tools/call", {"name": "echo", "arguments": arguments}, "echo")
                before = spent(gateway.pid)
                taken = asyncio.run(load(place, request, given.rate, given.seconds))
                costs[name] = (spent(gateway.pid) - before) / len(taken) * 1e6
                half, most = taken[len(taken) // 2] * 1e3, taken[len(taken) * 99 // 100] * 1e3
                print(f"{name:6} {costs[name]:7.0f} us of CPU, {half:.2f} ms half, {most:.2f} ms 99 of 100")
        finally:
            for process in (gateway, mock):
                process.terminate()
                process.wait()
    times = costs["mcp"] / costs["plain"]
    print(f"a call through /mcp costs {times:.2f} times a plain one")
    sys.exit(times > 2)


if __name__ == "__main__":
    main()
