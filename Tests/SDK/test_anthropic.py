"""Messages by the anthropic client, on a provider of either dialect."""

import asyncio

import anthropic
import pydantic
import pytest

from stand import ON_ANTHROPIC

WEATHER = {
    "name": "get_weather",
    "description": "The weather of a city",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["celsius", "kelvin"]}},
        "required": ["city", "unit"],
    },
}
CLOCK = {"name": "get_time", "description": "Now", "input_schema": {"type": "object", "properties": {}}}
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


class Recipe(pydantic.BaseModel):
    title: str
    minutes: int
    steps: list[str]


def user(text):
    return [{"role": "user", "content": text}]


def ask(client, model, messages, **more):
    return client.messages.create(model=model, max_tokens=1024, messages=messages, **more)


def test_message(anthropic_client, model):
    reply = ask(anthropic_client, model, user("hello [[mock: tokens=12]]"), system="Be brief.")
    assert reply.type == "message" and reply.role == "assistant"
    assert reply.stop_reason == "end_turn"
    assert len(reply.content[0].text.encode()) == 48
    assert reply.usage.output_tokens == 12


def test_message_is_cut_at_its_bound(anthropic_client, model):
    reply = anthropic_client.messages.create(model=model, max_tokens=7, messages=user("hello [[mock: tokens=50]]"))
    assert reply.stop_reason == "max_tokens"
    assert reply.usage.output_tokens == 7


def test_cache_is_counted_beside_the_input(anthropic_client, model):
    text = "hello, a prompt of some length [[mock: cached=3]]"
    with_cache = ask(anthropic_client, model, user(text)).usage
    assert with_cache.cache_read_input_tokens == 3
    plain = ask(anthropic_client, model, user(text.replace("cached=3", "cached=0"))).usage
    assert with_cache.input_tokens + 3 == plain.input_tokens


@pytest.mark.parametrize("chunk", [0, 1, 7, 1000])
def test_stream(anthropic_client, model, chunk):
    prompt = f"hello [[mock: tokens=30 chunk={chunk}]]"
    whole = ask(anthropic_client, model, user(prompt))
    events = list(ask(anthropic_client, model, user(prompt), stream=True))
    kinds = [event.type for event in events if event.type != "ping"]
    assert kinds[:2] == ["message_start", "content_block_start"]
    assert kinds[-3:] == ["content_block_stop", "message_delta", "message_stop"]
    text = "".join(event.delta.text for event in events if event.type == "content_block_delta")
    assert text == whole.content[0].text
    delta = [event for event in events if event.type == "message_delta"][-1]
    assert delta.delta.stop_reason == "end_turn"
    assert delta.usage.output_tokens == 30


def test_stream_helper(anthropic_client, model):
    with anthropic_client.messages.stream(
        model=model, max_tokens=1024, messages=user("hello [[mock: tokens=20]]")
    ) as stream:
        text = "".join(stream.text_stream)
        final = stream.get_final_message()
    assert final.content[0].text == text
    assert final.usage.output_tokens == 20


@pytest.mark.parametrize("stream", [False, True])
def test_tool_turn(anthropic_client, model, stream):
    messages = user("use the tool")

    def turn():
        if not stream:
            return ask(anthropic_client, model, messages, tools=[WEATHER])
        with anthropic_client.messages.stream(
            model=model, max_tokens=1024, messages=messages, tools=[WEATHER]
        ) as parts:
            return parts.get_final_message()

    reply = turn()
    assert reply.stop_reason == "tool_use"
    use = reply.content[-1]
    assert use.name == "get_weather"
    assert use.input == {"city": "some city", "unit": "celsius"}
    messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in reply.content]})
    result = {"type": "tool_result", "tool_use_id": use.id, "content": [{"type": "text", "text": "18 degrees"}]}
    messages.append({"role": "user", "content": [result]})
    assert turn().content[0].text


@pytest.mark.parametrize("interleave", ["off", "on"])
def test_parallel_tools_in_a_stream(anthropic_client, model, interleave):
    prompt = f"use the tools [[mock: interleave={interleave} chunk=3]]"
    with anthropic_client.messages.stream(
        model=model, max_tokens=1024, messages=user(prompt), tools=[WEATHER, CLOCK]
    ) as stream:
        final = stream.get_final_message()
    uses = [block for block in final.content if block.type == "tool_use"]
    assert [(use.name, use.input) for use in uses] == [
        ("get_weather", {"city": "some city", "unit": "celsius"}),
        ("get_time", {}),
    ]
    messages = user("use the tools")
    messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in final.content]})
    results = [{"type": "tool_result", "tool_use_id": use.id, "content": use.name} for use in uses]
    messages.append({"role": "user", "content": results})
    assert ask(anthropic_client, model, messages, tools=[WEATHER, CLOCK]).stop_reason == "end_turn"


@pytest.mark.parametrize(
    "choice, names",
    [
        ({"type": "none"}, []),
        ({"type": "any"}, ["get_weather"]),
        ({"type": "tool", "name": "get_time"}, ["get_time"]),
        ({"type": "auto", "disable_parallel_tool_use": True}, []),
    ],
)
def test_tool_choice(anthropic_client, model, choice, names):
    reply = ask(anthropic_client, model, user("hello"), tools=[WEATHER, CLOCK], tool_choice=choice)
    assert [block.name for block in reply.content if block.type == "tool_use"] == names


def test_empty_arguments_are_an_empty_object(anthropic_client, model):
    reply = ask(anthropic_client, model, user("get_time please [[mock: arguments=empty]]"), tools=[CLOCK])
    assert reply.content[-1].input == {}


def test_structured_output(anthropic_client, model):
    reply = anthropic_client.messages.parse(
        model=model, max_tokens=1024, messages=user("a recipe"), output_format=Recipe
    )
    assert isinstance(reply.parsed_output, Recipe)
    assert reply.parsed_output.title == "some title"


def test_image(anthropic_client, model):
    content = [
        {"type": "text", "text": "what is this"},
        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}},
    ]
    with_image = ask(anthropic_client, model, user(content)).usage.input_tokens
    assert with_image == ask(anthropic_client, model, user(content[:1])).usage.input_tokens + 85


def test_thinking_goes_back_as_it_came(anthropic_client):
    thinking = {"type": "enabled", "budget_tokens": 1024}
    more = {"thinking": thinking, "tools": [WEATHER]}
    messages = user("use the tool")
    with anthropic_client.messages.stream(model=ON_ANTHROPIC, max_tokens=4096, messages=messages, **more) as stream:
        reply = stream.get_final_message()
    assert [block.type for block in reply.content] == ["thinking", "tool_use"]
    assert reply.content[0].signature
    messages.append({"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in reply.content]})
    result = {"type": "tool_result", "tool_use_id": reply.content[1].id, "content": "18 degrees"}
    messages.append({"role": "user", "content": [result]})
    # The mock refuses a signature that does not fit its thinking, as the vendor does.
    again = anthropic_client.messages.create(model=ON_ANTHROPIC, max_tokens=4096, messages=messages, **more)
    assert again.content[-1].type == "text"
    messages[1]["content"][0]["thinking"] += " "
    with pytest.raises(anthropic.BadRequestError):
        anthropic_client.messages.create(model=ON_ANTHROPIC, max_tokens=4096, messages=messages, **more)


def test_thinking_on_the_other_dialect(anthropic_client, model):
    reply = anthropic_client.messages.create(
        model=model,
        max_tokens=4096,
        messages=user("hello [[mock: tokens=5 reasoning=40]]"),
        thinking={"type": "enabled", "budget_tokens": 1024},
    )
    assert reply.usage.output_tokens == 45
    assert [block for block in reply.content if block.type == "text"]


def test_count_tokens(anthropic_client):
    counted = anthropic_client.messages.count_tokens(model=ON_ANTHROPIC, messages=user("hello, count this"))
    assert counted.input_tokens == ask(anthropic_client, ON_ANTHROPIC, user("hello, count this")).usage.input_tokens


def test_models(anthropic_client):
    names = [model.id for model in anthropic_client.models.list()]
    assert ON_ANTHROPIC in names and "forbidden" not in names
    assert anthropic_client.models.retrieve(ON_ANTHROPIC).type == "model"
    with pytest.raises(anthropic.NotFoundError):
        anthropic_client.models.retrieve("no-such-model")


def test_async_client(front, model):
    url, key = front

    async def run():
        async with anthropic.AsyncAnthropic(base_url=url, api_key=key, max_retries=0, timeout=20) as client:
            replies = await asyncio.gather(
                *(ask(client, model, user(f"hello {n} [[mock: say=answer-{n}]]")) for n in range(20))
            )
            assert [reply.content[0].text for reply in replies] == [f"answer-{n}" for n in range(20)]
            async with client.messages.stream(
                model=model, max_tokens=100, messages=user("hello [[mock: tokens=10]]")
            ) as stream:
                text = "".join([piece async for piece in stream.text_stream])
            assert len(text.encode()) == 40

    asyncio.run(run())


def test_cancellation_in_the_middle(anthropic_client, mock, model):
    before = mock.ledger()["total"]["requests"]
    with anthropic_client.messages.create(
        model=model, max_tokens=4096, messages=user("hello [[mock: tokens=2000 interval=10ms]]"), stream=True
    ) as stream:
        for number, _ in enumerate(stream):
            if number == 5:
                break
    assert mock.ledger()["total"]["requests"] == before + 1
    last = mock.journal(1)[0]
    assert last["outcome"] in ("cancelled", "told")
    assert last["usage"]["outputTokens"] < 2000


def test_timeout(anthropic_client, model):
    with pytest.raises(anthropic.APITimeoutError):
        ask(anthropic_client.with_options(timeout=0.5), model, user("hello [[mock: delay=5s]]"))
