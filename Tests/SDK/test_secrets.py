"""No vendor secret, no caller's key and no text of a prompt or an answer is in anything the gateway writes or shows."""

import http.client
import re
import socket
from pathlib import Path

import anthropic
import openai
import pytest

import stand
from stand import ON_ANTHROPIC, ON_OPENAI

pytestmark = pytest.mark.gateway

PROMPT = "the-prompt-5a2f91c4"
ANSWER = "the-answer-77d1b0e3"
SYSTEM = "the-system-31c9f4aa"
ADMIN = [
    "/v1/status", "/v1/snapshot", "/v1/history", "/v1/metrics", "/v1/modelproviders", "/v1/modelcatalogs",
    "/debug/connections", "/debug/pools", "/debug/endpoints", "/debug/workers",
]


class SocketConnection(http.client.HTTPConnection):
    """HTTP over the admin socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=20)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(20)
        self.sock.connect(self.path)


@pytest.fixture(scope="module")
def sinks(sluice, folder):
    """Everything that is left of calls that went well, badly and half way."""
    mock = stand.Mock(sluice, folder, "secret-mock")
    gateway = stand.Gateway(sluice, folder, mock, name="secret-gateway")
    ours = openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=gateway.key, max_retries=0, timeout=20)
    theirs = anthropic.Anthropic(base_url=gateway.url, api_key=gateway.key, max_retries=0, timeout=20)
    tap = stand.Process(folder, "secret-tap", [sluice, "tap", "--state", str(gateway.state)])
    seen = []
    for fault in ("", "fault=reset", "fault=malformed", "status=401", "status=500", "fault=error-event", "fault=drop"):
        prompt = f"{PROMPT} [[mock: say={ANSWER} {fault}]]"
        messages = [{"role": "user", "content": prompt}]
        for model in (ON_OPENAI, ON_ANTHROPIC):
            for stream in (False, True):
                calls = [
                    lambda: ours.chat.completions.create(
                        model=model, stream=stream, messages=[{"role": "system", "content": SYSTEM}, *messages]
                    ),
                    lambda: theirs.messages.create(
                        model=model, max_tokens=99, stream=stream, system=SYSTEM, messages=messages
                    ),
                ]
                for call in calls:
                    try:
                        reply = call()
                        if stream:
                            list(reply)
                    except Exception as error:
                        seen.append(str(error))
    process = Path(f"/proc/{gateway.handle.pid}")
    texts = {"core": (process / "limits").read_text() + (process / "coredump_filter").read_text()}
    for key in ("sk-nobody-c0ffee99", gateway.key):
        try:
            openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0).chat.completions.create(
                model="no-such-model", messages=[{"role": "user", "content": PROMPT}]
            )
        except openai.APIStatusError as error:
            seen.append(error.response.text)
    texts |= {"errors": "\n".join(seen), "metrics": gateway.metrics()}
    for name in ("openai", "anthropic"):
        texts[f"provider {name}"] = str(gateway.command("get", "modelproviders", name))
    texts["keys"] = str(gateway.command("key", "list"))
    texts["usage"] = str(gateway.command("usage"))
    token = (gateway.state / "admin.token").read_text().strip()
    for path in ADMIN:
        connection = SocketConnection(gateway.state / "admin.sock")
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        reply = connection.getresponse()
        assert reply.status == 200, path
        texts[f"admin {path}"] = reply.read().decode(errors="replace")
        connection.close()
    tap.stop()
    texts["tap"] = tap.out.read_text()
    gateway.stop()
    mock.stop()
    texts["standard output and access log"] = gateway.out.read_text()
    texts["standard error"] = gateway.err.read_text()
    for file in gateway.state.rglob("*"):
        if file.is_file():
            texts[f"state {file.relative_to(gateway.state)}"] = file.read_bytes().decode("latin-1")
    return texts, gateway.key


@pytest.mark.parametrize(
    "secret",
    [stand.VENDOR_SECRET, stand.ANTHROPIC_SECRET, PROMPT, ANSWER, SYSTEM, "sk-nobody-c0ffee99", "the key"],
)
def test_is_nowhere(sinks, secret):
    texts, key = sinks
    secret = key if secret == "the key" else secret
    assert len(texts["standard output and access log"]) > 1000
    assert [name for name, text in texts.items() if secret in text] == []


def test_the_sinks_are_read(sinks):
    """The test would find something: what has to be in them is."""
    texts, _ = sinks
    assert "on-openai" in texts["standard output and access log"]
    assert any(name.startswith("state ") for name in texts)


def test_no_core_is_dumped(sinks):
    """A dump would hold all of them: none is written, and one that is handed to a program holds no memory."""
    core = sinks[0]["core"]
    assert re.search(r"Max core file size +0 +0 ", core), core
    assert re.search(r"^0+$", core, re.MULTILINE), core
