#!/usr/bin/env python3
"""Many callers on one budget, through disconnects and kills of the gateway: what the provider billed never exceeds it.

    soak.py --sluice .build/debug/sluice --seconds 60

The provider is `sluice mock llm`, whose ledger has the truth; the gateway is killed without warning every few seconds
and started again on the same state. Exit 1 when a cent too much was spent, when a call was lost from the ledger, or
when so little was spent that nothing was tested.
"""

import argparse
import asyncio
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from decimal import Decimal

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "proxy"))

from machine import free_port, raise_file_limit, wait_until_accepting  # noqa: E402

INPUT, OUTPUT = Decimal("3.00"), Decimal("15.00")  # USD for a million tokens
OUTPUT_MAX = 60

CONFIGURATION = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: edge}}
spec:
  gatewayClassName: sluice
  listeners: [{{name: http, protocol: HTTP, port: {port}}}]
---
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
spec: {{dialect: openai, baseURL: "{mock}/v1", credential: {{env: OPENAI_API_KEY}}}}
---
apiVersion: sluice.dev/v1alpha1
kind: ModelCatalog
metadata: {{name: default}}
spec:
  models:
    - name: fast
      targets: [{{provider: openai, model: gpt-5-mini}}]
      price: {{input: "3.00", output: "15.00"}}
      context: {{inputTokensMax: 10000, outputTokensMax: 1000}}
---
apiVersion: sluice.dev/v1alpha1
kind: ModelAccessPolicy
metadata: {{name: engineers}}
spec: {{subjects: [{{group: engineering}}], models: ["fast"]}}
---
apiVersion: sluice.dev/v1alpha1
kind: BudgetPolicy
metadata: {{name: one}}
spec: {{scope: user, limits: [{{unit: usd, max: "{budget}", window: 1d}}]}}
"""


class Soak:
    def __init__(self, options, folder):
        self.options, self.folder = options, folder
        self.binary = os.path.abspath(options.sluice)
        self.port, self.state = free_port(), os.path.join(folder, "state")
        self.counts = {}
        self.running = True
        self.log = open(os.path.join(folder, "log"), "ab")

    def start_mock(self):
        words = [self.binary, "mock", "llm", "--port", "0", "--always", "vendor-headers=off"]
        self.mock = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.mock_url = re.search(r"http://[^ /]+", self.mock.stdout.readline()).group(0)

    def start_gateway(self):
        words = [self.binary, "run", "-f", self.file, "--state", self.state, "--admin", "none", "--telemetry", "none",
                 "--access-log", "none"]
        self.gateway = subprocess.Popen(
            words, stdout=self.log, stderr=self.log, env={**os.environ, "OPENAI_API_KEY": "sk-soak"})
        if wait_until_accepting(self.port, self.gateway, 60) is None:
            raise SystemExit("the gateway does not start: " + open(self.log.name).read()[-2000:])

    def command(self, *words):
        done = subprocess.run(
            [self.binary, *words, "--state", self.state, "-o", "json"], capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"sluice {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout)

    def count(self, what):
        self.counts[what] = self.counts.get(what, 0) + 1

    async def caller(self, number):
        dice = random.Random(number)
        while self.running:
            try:
                await asyncio.wait_for(self.call(dice), 20)
            except (OSError, EOFError, asyncio.TimeoutError):
                self.count("broken")
                await asyncio.sleep(0.1)

    async def call(self, dice):
        stream, leaves = dice.random() < 0.5, dice.random() < 0.2
        tokens = dice.randint(1, OUTPUT_MAX)
        body = json.dumps({
            "model": "fast", "max_tokens": OUTPUT_MAX, "stream": stream, "messages": [
                {"role": "user", "content": f"{dice.random()} [[mock: tokens={tokens} interval=2ms first-byte=5ms]]"}]})
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write((f"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {self.key}\r\n"
                          f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode())
            if leaves:
                await asyncio.wait_for(reader.read(1 + dice.randint(0, 2000)), dice.random() / 20 + 0.001)
                self.count("left")
                return
            head = await reader.readuntil(b"\r\n")
            await reader.read()
            self.count(head.split()[1].decode())
        except asyncio.TimeoutError:
            self.count("left")
        finally:
            writer.close()

    async def killer(self):
        """Ends the gateway without warning, and starts it again on what it left."""
        while self.running:
            await asyncio.sleep(self.options.kill_every)
            if not self.running:
                return
            self.gateway.send_signal(signal.SIGKILL)
            self.gateway.wait()
            await asyncio.to_thread(self.start_gateway)
            self.count("kills")

    async def drive(self):
        killer = asyncio.create_task(self.killer())
        callers = [asyncio.create_task(self.caller(number)) for number in range(self.options.callers)]
        await asyncio.sleep(self.options.seconds)
        self.running = False
        await asyncio.gather(*callers)
        await killer

    def run(self):
        self.start_mock()
        self.file = os.path.join(self.folder, "gateway.yaml")
        with open(self.file, "w") as file:
            file.write(CONFIGURATION.format(port=self.port, mock=self.mock_url, budget=self.options.budget))
        self.start_gateway()
        self.key = self.command("key", "create", "--user", "alice", "--group", "engineering")["key"]
        asyncio.run(self.drive())
        time.sleep(1)
        with urllib.request.urlopen(f"{self.mock_url}/mock/ledger", timeout=20) as reply:
            billed = json.load(reply)["total"]
        spent = (billed["inputTokens"] * INPUT + billed["outputTokens"] * OUTPUT) / 1_000_000
        charged = sum((Decimal(item["costUSD"]) for item in self.command("usage")["items"]), Decimal(0))
        # Calls that a kill cut off are reserved until their lease ends, and then charged as reserved.
        reserved = sum((Decimal(item["reserved"]) for item in self.command("budget", "list")["items"]), Decimal(0))
        return spent, charged, reserved, billed

    def close(self):
        for process in (getattr(self, "gateway", None), getattr(self, "mock", None)):
            if process and process.poll() is None:
                process.kill()
                process.wait()
        self.log.close()


def judge(spent, charged, reserved, budget):
    """What is wrong with the sums, as sentences."""
    found = []
    if spent > budget:
        found.append(f"the provider billed {spent} USD on a budget of {budget}")
    if charged + reserved < spent:
        found.append(f"the ledger has {charged} USD and {reserved} reserved, the provider billed {spent}")
    if spent < budget / 2:
        found.append(f"only {spent} USD of {budget} were spent: nothing was tested")
    return found


def main(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", required=True)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--callers", type=int, default=200)
    parser.add_argument("--kill-every", type=float, default=10)
    parser.add_argument("--budget", type=Decimal, default=Decimal("1.00"), help="USD")
    options = parser.parse_args(arguments)
    raise_file_limit()
    with tempfile.TemporaryDirectory(prefix="sluice-soak-") as folder:
        soak = Soak(options, folder)
        try:
            spent, charged, reserved, billed = soak.run()
        finally:
            soak.close()
    print(f"calls {soak.counts}; billed {billed['requests']}, {spent} USD of {options.budget}")
    print(f"ledger {charged} USD, and {reserved} reserved")
    findings = judge(spent, charged, reserved, options.budget)
    print("kept" if not findings else "; ".join(findings))
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
