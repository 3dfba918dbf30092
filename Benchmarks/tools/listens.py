#!/usr/bin/env python3
"""How much memory idle streams of changes cost: `listens.py BINARY [--count 10000]`.

Starts a mock of tools and a gateway in front of it, opens `subscriptions/listen` streams of revision 2026-07-28, waits
until each has been acknowledged, and tells by how much the gateway's resident memory has grown for each. Then one list
grows, and every stream must hear of it. Needs two open files a stream, and one more in the mock."""

import argparse
import asyncio
import json
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "proxy"))

from machine import free_port, raise_file_limit, resident_kib, wait_until_accepting  # noqa: E402

CONFIGURATION = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: edge}}
spec:
  gatewayClassName: sluice
  listeners: [{{name: http, protocol: HTTP, port: {port}}}]
---
apiVersion: sluice.dev/v1alpha1
kind: MCPServer
metadata: {{name: demo}}
spec: {{http: {{url: "{url}"}}}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: tools}}
spec:
  parentRefs: [{{name: edge}}]
  rules: [{{backendRefs: [{{group: sluice.dev, kind: MCPServer, name: demo}}]}}]
---
apiVersion: sluice.dev/v1alpha1
kind: ToolAccessPolicy
metadata: {{name: all}}
spec: {{subjects: [{{any: true}}], rules: [{{server: demo}}]}}
"""


def start(words, port, **options):
    """A process that listens at the port, once it does."""
    process = subprocess.Popen(words, stdout=subprocess.DEVNULL, **options)
    if wait_until_accepting(port, process, seconds=30) is None:
        process.kill()
        sys.exit(f"nothing listens at {port}: {' '.join(map(str, words))}")
    return process


def message(port, key, method, params, name=""):
    meta = {
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientCapabilities": {},
    }
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": {**params, "_meta": meta}}).encode()
    named = f"mcp-name: {name}\r\n" if name else ""
    head = (
        f"POST /mcp HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nauthorization: Bearer {key}\r\n{named}"
        "content-type: application/json\r\naccept: application/json, text/event-stream\r\n"
        f"mcp-protocol-version: 2026-07-28\r\nmcp-method: {method}\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def listen(port, key, slots):
    async with slots:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(message(port, key, "subscriptions/listen", {"notifications": {"toolsListChanged": True}}))
        text = await asyncio.wait_for(reader.readuntil(b"subscriptions/acknowledged"), 60)
        assert b" 200 " in text.split(b"\r\n")[0], text
    return reader, writer


async def measure(port, key, pid, count):
    slots = asyncio.Semaphore(200)
    for _ in range(20):
        (await listen(port, key, slots))[1].close()
    await asyncio.sleep(1)
    before = resident_kib(pid)
    start = time.monotonic()
    streams = await asyncio.gather(*(listen(port, key, slots) for _ in range(count)))
    opened = time.monotonic() - start
    await asyncio.sleep(2)
    each = (resident_kib(pid) - before) * 1024 / count
    print(f"{count} streams in {opened:.1f} s, {each / 1000:.1f} kB each in the gateway")
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    start = time.monotonic()
    writer.write(message(port, key, "tools/call", {"name": "grow", "arguments": {}}, "grow"))
    await asyncio.gather(*(asyncio.wait_for(s[0].readuntil(b"list_changed"), 60) for s in streams))
    print(f"every one told of a change in {time.monotonic() - start:.2f} s")
    return each


def main():
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("binary")
    options.add_argument("--count", type=int, default=10_000)
    options.add_argument("--most", type=float, default=40_000, help="bytes for each stream, at most")
    given = options.parse_args()
    raise_file_limit()
    with tempfile.TemporaryDirectory() as folder:
        mock_port, port = free_port(), free_port()
        mock = start([given.binary, "mock", "mcp", "--port", str(mock_port), "--revision", "new"], mock_port)
        file = pathlib.Path(folder) / "gateway.yaml"
        file.write_text(CONFIGURATION.format(port=port, url=f"http://127.0.0.1:{mock_port}/mcp"))
        words = ["-f", str(file), "--state", f"{folder}/state", "--access-log", "none"]
        gateway = start([given.binary, "run", *words], port)
        try:
            made = subprocess.run(
                [given.binary, "key", "create", "--user", "load", "--state", f"{folder}/state", "-o", "json"],
                check=True, capture_output=True, text=True)
            each = asyncio.run(measure(port, json.loads(made.stdout)["key"], gateway.pid, given.count))
        finally:
            for process in (gateway, mock):
                process.terminate()
                process.wait()
    sys.exit(each > given.most)


if __name__ == "__main__":
    main()
