"""What the gateway's ledger says is what the mock says it served: to the token, with faults on three calls of ten."""

import concurrent.futures
import random

import anthropic
import openai
import pytest

import stand
from stand import EMBEDDING, ON_ANTHROPIC, ON_OPENAI

pytestmark = pytest.mark.gateway

# Kept apart from the other tests' stand: sums are compared from the first call to the last.
FAULTS = "429,500,503,529,drop,reset,close,error-event,slow,malformed,truncated,no-usage,content-type,huge,no-end"


def user(text):
    return [{"role": "user", "content": text}]


class Load:
    """Calls of every kind, by both clients, on both providers; what comes back does not matter here."""

    def __init__(self, gateway):
        more = {"api_key": gateway.key, "max_retries": 0, "timeout": 20}
        self.openai = openai.OpenAI(base_url=f"{gateway.url}/v1", **more)
        self.anthropic = anthropic.Anthropic(base_url=gateway.url, **more)

    def call(self, number):
        dice = random.Random(number)
        model = dice.choice([ON_OPENAI, ON_ANTHROPIC])
        prompt = f"call {number} [[mock: tokens={dice.randint(1, 60)} cached={dice.choice([0, 0, 2])} first-byte=5ms]]"
        stream = dice.random() < 0.5
        try:
            kind = dice.randrange(4)
            if kind == 0 and not stream:
                self.openai.embeddings.create(model=EMBEDDING, input=f"call {number}")
            elif kind == 1 and model == ON_OPENAI:
                self.read(self.openai.responses.create(model=model, input=prompt, stream=stream))
            elif kind == 2:
                self.read(
                    self.anthropic.messages.create(model=model, max_tokens=500, messages=user(prompt), stream=stream)
                )
            else:
                self.read(self.openai.chat.completions.create(model=model, messages=user(prompt), stream=stream))
        except (openai.OpenAIError, anthropic.AnthropicError, ValueError) as error:
            return type(error).__name__
        except Exception as error:  # httpx's own, when a stream breaks off
            return type(error).__name__
        return "ok"

    @staticmethod
    def read(reply):
        if isinstance(reply, (openai.Stream, anthropic.Stream)):
            for _ in reply:
                pass

    def run(self, count, workers=16):
        with concurrent.futures.ThreadPoolExecutor(workers) as pool:
            outcomes = list(pool.map(self.call, range(count)))
        return {outcome: outcomes.count(outcome) for outcome in sorted(set(outcomes))}


def total(gateway, *words):
    return gateway.command("usage", *words)["total"]


def same(ours, theirs):
    assert ours["inputTokens"] == theirs["inputTokens"]
    assert ours["outputTokens"] == theirs["outputTokens"]


def test_without_faults(sluice, folder):
    mock = stand.Mock(sluice, folder, "plain-mock")
    gateway = stand.Gateway(sluice, folder, mock, name="plain-gateway")
    try:
        outcomes = Load(gateway).run(200)
        assert outcomes == {"ok": 200}
        ledger = mock.ledger()
        assert ledger["byOutcome"]["told"]["requests"] == ledger["total"]["requests"] == 200
        same(total(gateway), ledger["total"])
    finally:
        gateway.stop()
        mock.stop()


def test_with_faults(sluice, folder):
    """Each event says the usage so far, as some vendors do: then a call that breaks off is exact as well."""
    mock = stand.Mock(
        sluice, folder, "fault-mock",
        ["--fault-percent", "30", "--faults", FAULTS, "--seed", "7", "--always", "usage=each"],
    )
    gateway = stand.Gateway(sluice, folder, mock, name="fault-gateway")
    try:
        outcomes = Load(gateway).run(400)
        assert outcomes.get("ok", 0) > 200, outcomes
        ledger = mock.ledger()["byOutcome"]
        exact = total(gateway, "--exact")
        same(exact, ledger["told"])
        # What nobody could know is estimated, and never nothing.
        unknown = sum(ledger[name]["requests"] for name in ("untold", "aborted", "cancelled"))
        estimated = total(gateway, "--estimated")
        assert estimated["requests"] == unknown
        assert unknown == 0 or estimated["outputTokens"] + estimated["inputTokens"] > 0
    finally:
        gateway.stop()
        mock.stop()


def test_ledger_survives_a_restart(sluice, folder):
    mock = stand.Mock(sluice, folder, "restart-mock")
    gateway = stand.Gateway(sluice, folder, mock, name="restart-gateway")
    try:
        Load(gateway).run(40)
        before = total(gateway)
        gateway.restart()
        assert total(gateway) == before
        Load(gateway).run(10)
        same(total(gateway), mock.ledger()["total"])
    finally:
        gateway.stop()
        mock.stop()
