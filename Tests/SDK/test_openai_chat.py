"""Chat Completions by the openai client, on a provider of either dialect."""

import asyncio
import json

import openai
import pydantic
import pytest

from stand import ON_ANTHROPIC

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "kelvin"]}},
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
CLOCK = {
    "type": "function",
    "function": {"name": "get_time", "description": "Now", "parameters": {"type": "object", "properties": {}}},
}
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Recipe(pydantic.BaseModel):
    title: str
    minutes: int
    steps: list[str]
    vegetarian: bool


def user(text):
    return [{"role": "user", "content": text}]


def test_chat(openai_client, model):
    reply = openai_client.chat.completions.create(
        model=model, messages=[{"role": "system", "content": "Be brief."}, *user("hello [[mock: tokens=12]]")]
    )
    assert reply.object == "chat.completion"
    choice = reply.choices[0]
    assert choice.finish_reason == "stop"
    assert len(choice.message.content.encode()) == 48
    assert reply.usage.completion_tokens == 12
    assert reply.usage.total_tokens == reply.usage.prompt_tokens + 12


def test_chat_is_cut_at_its_bound(openai_client, model):
    reply = openai_client.chat.completions.create(
        model=model, messages=user("hello [[mock: tokens=50]]"), max_completion_tokens=7
    )
    assert reply.choices[0].finish_reason == "length"
    assert reply.usage.completion_tokens == 7


@pytest.mark.parametrize("chunk", [0, 1, 7, 1000])
def test_stream(openai_client, model, chunk):
    prompt = f"hello [[mock: tokens=30 chunk={chunk}]]"
    whole = openai_client.chat.completions.create(model=model, messages=user(prompt))
    stream = openai_client.chat.completions.create(model=model, messages=user(prompt), stream=True)
    text, finish, ids = "", None, set()
    for part in stream:
        assert part.usage is None
        assert len(part.choices) == 1
        ids.add(part.id)
        text += part.choices[0].delta.content or ""
        finish = part.choices[0].finish_reason or finish
    assert text == whole.choices[0].message.content
    assert finish == "stop"
    assert len(ids) == 1


def test_stream_with_usage(openai_client, model):
    stream = openai_client.chat.completions.create(
        model=model,
        messages=user("hello [[mock: tokens=9 cached=2]]"),
        stream=True,
        stream_options={"include_usage": True},
    )
    parts = list(stream)
    assert parts[-1].choices == []
    assert parts[-1].usage.completion_tokens == 9
    assert parts[-1].usage.prompt_tokens_details.cached_tokens == 2
    assert all(part.usage is None for part in parts[:-1])


def test_stream_helper(openai_client, model):
    with openai_client.chat.completions.stream(model=model, messages=user("hello [[mock: tokens=20]]")) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()
    assert "".join(deltas) == final.choices[0].message.content
    assert len(final.choices[0].message.content.encode()) == 80


@pytest.mark.parametrize("stream", [False, True])
def test_tool_turn(openai_client, model, stream):
    messages = user("use the tool")

    def ask():
        if not stream:
            return openai_client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
        with openai_client.chat.completions.stream(model=model, messages=messages, tools=[WEATHER]) as parts:
            return parts.get_final_completion()

    reply = ask()
    assert reply.choices[0].finish_reason == "tool_calls"
    call = reply.choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather"
    assert json.loads(call.function.arguments) == {"city": "some city", "unit": "celsius"}
    messages.append(reply.choices[0].message.model_dump(exclude_none=True))
    messages.append({"role": "tool", "tool_call_id": call.id, "content": "18 degrees"})
    answer = ask()
    assert answer.choices[0].finish_reason == "stop"
    assert answer.choices[0].message.content


@pytest.mark.parametrize("interleave", ["off", "on"])
def test_parallel_tools_in_a_stream(openai_client, model, interleave):
    prompt = f"use the tools [[mock: interleave={interleave} chunk=3]]"
    stream = openai_client.chat.completions.create(
        model=model, messages=user(prompt), tools=[WEATHER, CLOCK], stream=True
    )
    calls = {}
    for part in stream:
        for delta in part.choices[0].delta.tool_calls or []:
            call = calls.setdefault(delta.index, {"id": None, "name": "", "arguments": ""})
            call["id"] = delta.id or call["id"]
            call["name"] += delta.function.name or ""
            call["arguments"] += delta.function.arguments or ""
    assert [calls[index]["name"] for index in sorted(calls)] == ["get_weather", "get_time"]
    assert json.loads(calls[0]["arguments"]) == {"city": "some city", "unit": "celsius"}
    assert json.loads(calls[1]["arguments"]) == {}
    assert len({call["id"] for call in calls.values()}) == 2


def test_parallel_tools_can_be_forbidden(openai_client, model):
    reply = openai_client.chat.completions.create(
        model=model, messages=user("use the tools"), tools=[WEATHER, CLOCK], parallel_tool_calls=False
    )
    assert len(reply.choices[0].message.tool_calls) == 1


@pytest.mark.parametrize(
    "choice, names",
    [
        ("none", []),
        ("required", ["get_weather"]),
        ({"type": "function", "function": {"name": "get_time"}}, ["get_time"]),
    ],
)
def test_tool_choice(openai_client, model, choice, names):
    reply = openai_client.chat.completions.create(
        model=model, messages=user("hello"), tools=[WEATHER, CLOCK], tool_choice=choice
    )
    assert [call.function.name for call in reply.choices[0].message.tool_calls or []] == names


def test_structured_output(openai_client, model):
    reply = openai_client.chat.completions.parse(model=model, messages=user("a recipe"), response_format=Recipe)
    parsed = reply.choices[0].message.parsed
    assert isinstance(parsed, Recipe)
    assert parsed.title == "some title"
    assert len(parsed.steps) == 2


def test_structured_output_in_a_stream(openai_client, model):
    with openai_client.chat.completions.stream(
        model=model, messages=user("a recipe"), response_format=Recipe
    ) as stream:
        final = stream.get_final_completion()
    assert isinstance(final.choices[0].message.parsed, Recipe)


def test_image(openai_client, model):
    content = [
        {"type": "text", "text": "what is this"},
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DOT}"}},
    ]
    with_image = openai_client.chat.completions.create(model=model, messages=user(content))
    without = openai_client.chat.completions.create(model=model, messages=user(content[:1]))
    assert with_image.usage.prompt_tokens == without.usage.prompt_tokens + 85


def test_reasoning_is_counted(openai_client, model):
    reply = openai_client.chat.completions.create(
        model=model, messages=user("hello [[mock: tokens=5 reasoning=40]]"), reasoning_effort="low"
    )
    assert reply.usage.completion_tokens == 45
    if model != ON_ANTHROPIC:
        assert reply.usage.completion_tokens_details.reasoning_tokens == 40


def test_raw_response_has_headers(openai_client, model, is_direct):
    raw = openai_client.chat.completions.with_raw_response.create(model=model, messages=user("hello"))
    assert raw.parse().choices[0].message.content
    if is_direct:
        assert raw.headers["openai-organization"] == "mock-organization"
        return
    assert raw.headers["x-sluice-request-id"]
    assert raw.headers["x-sluice-model"] == model
    assert not [name for name in raw.headers if name.startswith(("openai-", "anthropic-")) or name == "set-cookie"]


def test_async_client(front, model):
    url, key = front

    async def run():
        async with openai.AsyncOpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=20) as client:
            ask = client.chat.completions.create
            replies = await asyncio.gather(
                *(ask(model=model, messages=user(f"hello {n} [[mock: say=answer-{n}]]")) for n in range(20))
            )
            assert [reply.choices[0].message.content for reply in replies] == [f"answer-{n}" for n in range(20)]
            stream = await ask(model=model, messages=user("hello [[mock: tokens=10]]"), stream=True)
            text = ""
            async for part in stream:
                text += part.choices[0].delta.content or ""
            assert len(text.encode()) == 40

    asyncio.run(run())


def test_cancellation_in_the_middle(openai_client, mock, model):
    before = mock.ledger()["total"]["requests"]
    stream = openai_client.chat.completions.create(
        model=model, messages=user("hello [[mock: tokens=2000 interval=10ms]]"), stream=True
    )
    for number, _ in enumerate(stream):
        if number == 5:
            break
    stream.close()
    ledger = mock.ledger()
    assert ledger["total"]["requests"] == before + 1
    last = mock.journal(1)[0]
    assert last["outcome"] in ("cancelled", "told")
    assert last["usage"]["outputTokens"] < 2000


def test_timeout(openai_client, model):
    with pytest.raises(openai.APITimeoutError):
        openai_client.with_options(timeout=0.5).chat.completions.create(
            model=model, messages=user("hello [[mock: delay=5s]]")
        )
