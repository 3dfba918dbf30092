"""The processes of a test: mock providers and a gateway in front of them, on ports the kernel chooses."""

import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

# What no sink may hold; each is found nowhere else.
VENDOR_SECRET = "sk-vendor-4b1fd7c2e8"
ANTHROPIC_SECRET = "sk-ant-vendor-93aa01ce55"

# Served natively by the provider of the name.
ON_OPENAI = "on-openai"
ON_ANTHROPIC = "on-anthropic"
EMBEDDING = "on-embedding"

CONFIGURATION = """\
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
spec:
  dialect: openai
  baseURL: {openai}/v1
  credential: {{env: OPENAI_API_KEY}}
---
apiVersion: sluice.dev/v1alpha1
kind: ModelProvider
metadata: {{name: anthropic}}
spec: {{dialect: anthropic, baseURL: {anthropic}, credential: {{env: ANTHROPIC_API_KEY}}}}
---
apiVersion: sluice.dev/v1alpha1
kind: ModelCatalog
metadata: {{name: default}}
spec:
  models:
    - name: on-openai
      targets: [{{provider: openai, model: gpt-5-mini}}]
      price: {{input: "0.25", output: "2.00", cacheRead: "0.025"}}
      context: {{inputTokensMax: 200000, outputTokensMax: 16384}}
    - name: on-anthropic
      targets: [{{provider: anthropic, model: claude-sonnet-4-5}}]
      price: {{input: "3.00", output: "15.00", cacheRead: "0.30"}}
      context: {{inputTokensMax: 200000, outputTokensMax: 16384}}
    - name: on-embedding
      targets: [{{provider: openai, model: text-embedding-3-small}}]
      price: {{input: "0.02", output: "0"}}
    - name: forbidden
      targets: [{{provider: openai, model: gpt-5}}]
      price: {{input: "1.25", output: "10.00"}}
---
apiVersion: sluice.dev/v1alpha1
kind: ModelAccessPolicy
metadata: {{name: engineers}}
spec:
  subjects: [{{group: engineering}}]
  models: ["on-*"]
---
apiVersion: sluice.dev/v1alpha1
kind: ModelAccessPolicy
metadata: {{name: shared}}
spec:
  subjects: [{{group: engineering}}]
  models: ["on-*"]
  operations: [files, batches, moderations]
---
apiVersion: sluice.dev/v1alpha1
kind: BudgetPolicy
metadata: {{name: per-user}}
spec:
  scope: user
  limits: [{{unit: usd, max: "500.00", window: 1d}}, {{unit: concurrent, max: 64}}]
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def fetch(url, method="GET"):
    request = urllib.request.Request(url, method=method)
    with urllib.request.urlopen(request, timeout=20) as reply:
        return json.load(reply)


class Process:
    """One process, with what it wrote in files; `stop` ends it by its id."""

    def __init__(self, folder, name, command, environment=None):
        self.name = name
        self.out = Path(folder) / f"{name}.out"
        self.err = Path(folder) / f"{name}.err"
        self.handle = subprocess.Popen(
            command,
            stdout=self.out.open("wb"),
            stderr=self.err.open("wb"),
            env={**os.environ, **(environment or {})},
        )

    def line(self, pattern, seconds=60):
        """The first match in standard output."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            match = re.search(pattern, self.out.read_text())
            if match:
                return match
            if self.handle.poll() is not None:
                break
            time.sleep(0.02)
        raise RuntimeError(f"{self.name} does not start:\n{self.out.read_text()}{self.err.read_text()}")

    def stop(self):
        if self.handle.poll() is None:
            self.handle.send_signal(signal.SIGTERM)
            try:
                self.handle.wait(20)
            except subprocess.TimeoutExpired:
                self.handle.kill()
                self.handle.wait(20)


class Mock(Process):
    """`sluice mock llm`."""

    def __init__(self, sluice, folder, name="mock", arguments=()):
        models = [word for model in (ON_OPENAI, ON_ANTHROPIC, EMBEDDING) for word in ("--model", model)]
        super().__init__(folder, name, [sluice, "mock", "llm", "--port", "0", *models, *arguments])
        self.url = self.line(r"(http://[^ ]+)/v1\n").group(1)

    def ledger(self):
        """Once no call is under way."""
        for _ in range(500):
            ledger = fetch(f"{self.url}/mock/ledger")
            if ledger["open"] == 0:
                return ledger
            time.sleep(0.02)
        raise RuntimeError(f"calls stay open at {self.name}")

    def journal(self, last=100):
        return fetch(f"{self.url}/mock/journal?last={last}")

    def reset(self):
        fetch(f"{self.url}/mock/reset", method="POST")


class Gateway(Process):
    """`sluice run` in front of mocks, with one key that works."""

    def __init__(self, sluice, folder, mock, configuration=CONFIGURATION, name="gateway"):
        self.sluice = sluice
        self.state = Path(folder) / f"{name}.state"
        self.port = free_port()
        self.telemetry = free_port()
        file = Path(folder) / f"{name}.yaml"
        file.write_text(configuration.format(port=self.port, openai=mock.url, anthropic=mock.url))
        self.folder = folder
        self.words = [
            sluice, "run", "-f", str(file), "--state", str(self.state), "--admin", "none",
            "--telemetry", f"127.0.0.1:{self.telemetry}",
        ]
        self.url = f"http://127.0.0.1:{self.port}"
        self.start(name)
        self.key = self.command("key", "create", "--user", "alice", "--group", "engineering")["key"]

    def start(self, name):
        secrets = {"OPENAI_API_KEY": VENDOR_SECRET, "ANTHROPIC_API_KEY": ANTHROPIC_SECRET}
        super().__init__(self.folder, name, self.words, secrets)
        self.wait_ready()

    def restart(self):
        self.stop()
        self.start(f"{self.name}-again")

    def wait_ready(self):
        for _ in range(1500):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.telemetry}/readyz", timeout=5):
                    return
            except (urllib.error.URLError, OSError):
                if self.handle.poll() is not None:
                    break
                time.sleep(0.04)
        raise RuntimeError(f"the gateway does not serve:\n{self.err.read_text()}")

    def command(self, *words):
        done = subprocess.run(
            [self.sluice, *words, "--state", str(self.state), "-o", "json"], capture_output=True, text=True, timeout=60
        )
        if done.returncode != 0:
            raise RuntimeError(f"sluice {' '.join(words)}: {done.stderr}")
        return json.loads(done.stdout)

    def metrics(self):
        with urllib.request.urlopen(f"http://127.0.0.1:{self.telemetry}/metrics", timeout=20) as reply:
            return reply.read().decode()


def temporary_folder():
    return tempfile.TemporaryDirectory(prefix="sluice-sdk-")
