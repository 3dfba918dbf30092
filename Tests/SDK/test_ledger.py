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
FAULTS_TOLD = "429,500,503,529,drop,redirect,slow,huge,no-end,error-event"
FAULTS = "429,500,503,529,drop,reset,close,error-event,slow,malformed,truncated,no-usage,content-type,huge,no-end"


def user(text):
    return [{"role": "user", "content": text}]


class Load:
    """Calls of every kind, by both clients, on both providers; what comes back does not matter here."""

    def __init__(self, gateway, responses=True):
        self.responses = responses
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
            elif kind == 1 and model == ON_OPENAI and self.responses:
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


def sums(gateway):
    """The sums of exact and of estimated calls."""
    found = {"exact": {"calls": 0, "inputTokens": 0, "outputTokens": 0, "cacheRead": 0}}
    found["estimated"] = dict(found["exact"])
    for row in gateway.command("usage", "--calls", "--limit", "10000")["items"]:
        into = found["estimated" if row["estimated"] else "exact"]
        into["calls"] += 1
        for name in ("inputTokens", "outputTokens", "cacheRead"):
            into[name] += row[name]
    return found


def same(ours, theirs):
    for name in ("inputTokens", "outputTokens", "cacheRead"):
        assert ours[name] == theirs[name], name


class Pair:
    """A mock and a gateway of its own for one test."""

    def __init__(self, sluice, folder, name, arguments=()):
        self.mock = stand.Mock(sluice, folder, f"{name}-mock", arguments)
        self.gateway = stand.Gateway(sluice, folder, self.mock, name=f"{name}-gateway")

    def __enter__(self):
        return self.mock, self.gateway

    def __exit__(self, *_):
        self.gateway.stop()
        self.mock.stop()


def test_without_faults(sluice, folder):
    with Pair(sluice, folder, "plain") as (mock, gateway):
        assert Load(gateway).run(200) == {"ok": 200}
        ledger = mock.ledger()
        assert ledger["byOutcome"]["told"]["requests"] == ledger["total"]["requests"] == 200
        ours = sums(gateway)
        assert ours["exact"]["calls"] == 200
        same(ours["exact"], ledger["total"])


def test_with_faults_that_say_what_they_cost(sluice, folder):
    """Three calls of ten fail; a stream that breaks off has said its usage up to there. Then every token is known."""
    arguments = ["--fault-percent", "30", "--faults", FAULTS_TOLD, "--seed", "7", "--always", "usage=each"]
    with Pair(sluice, folder, "told", arguments) as (mock, gateway):
        outcomes = Load(gateway, responses=False).run(400)
        assert outcomes.get("ok", 0) > 200, outcomes
        ledger = mock.ledger()
        failed = [entry for entry in mock.journal(10_000) if entry["fault"]]
        assert len(failed) > 80
        assert ledger["byOutcome"]["untold"]["requests"] == ledger["byOutcome"]["aborted"]["requests"] == 0
        ours = sums(gateway)
        total = {name: ours["exact"][name] + ours["estimated"][name] for name in ours["exact"]}
        same(total, ledger["total"])


def test_with_every_fault(sluice, folder):
    """What nobody could know is estimated, and never nothing; the rest is exact."""
    arguments = ["--fault-percent", "30", "--faults", FAULTS, "--seed", "7"]
    with Pair(sluice, folder, "every", arguments) as (mock, gateway):
        outcomes = Load(gateway).run(400)
        assert outcomes.get("ok", 0) > 150, outcomes
        ledger = mock.ledger()["byOutcome"]
        unknown = sum(ledger[name]["requests"] for name in ("untold", "aborted", "cancelled"))
        assert unknown > 0
        ours = sums(gateway)
        # What an event too large or too broken to be read told is not known either.
        unread = sum(entry["fault"] in ("huge", "malformed") for entry in mock.journal(10_000))
        # A call that needed a second attempt is one row, estimated when either attempt is.
        assert 0 < ours["estimated"]["calls"] <= unknown + unread
        assert ours["estimated"]["inputTokens"] > 0 and ours["estimated"]["outputTokens"] > 0
        assert ours["exact"]["inputTokens"] <= ledger["told"]["inputTokens"]
        assert ours["exact"]["outputTokens"] <= ledger["told"]["outputTokens"]


def test_ledger_survives_a_restart(sluice, folder):
    with Pair(sluice, folder, "restart") as (mock, gateway):
        Load(gateway).run(40)
        before = sums(gateway)
        gateway.restart()
        assert sums(gateway) == before
        Load(gateway).run(10)
        same(sums(gateway)["exact"], mock.ledger()["total"])
