"""The rest of OpenAI's surface by its own client: completions, responses, embeddings, what passes through."""

import array
import base64
import json

import openai
import pydantic
import pytest

from stand import EMBEDDING, ON_OPENAI

TOOL = {
    "type": "function",
    "name": "get_weather",
    "description": "The weather of a city",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    "strict": False,
}


class Answer(pydantic.BaseModel):
    verdict: str
    score: int


def test_completions(openai_client, lenient_openai_client):
    reply = openai_client.completions.create(model=ON_OPENAI, prompt="once [[mock: tokens=6]]")
    assert len(reply.choices[0].text.encode()) == 24
    assert reply.usage.completion_tokens == 6
    text = "".join(
        part.choices[0].text
        for part in lenient_openai_client.completions.create(
            model=ON_OPENAI, prompt="once [[mock: tokens=6]]", stream=True
        )
        if part.choices
    )
    assert text == reply.choices[0].text


def test_embeddings(lenient_openai_client):
    # The client asks for base64 by itself and decodes it.
    reply = lenient_openai_client.embeddings.create(model=EMBEDDING, input=["one", "two", "one"])
    vectors = [item.embedding for item in reply.data]
    assert len(vectors[0]) == 256
    assert vectors[0] == vectors[2] != vectors[1]
    assert reply.usage.prompt_tokens == 3
    floats = lenient_openai_client.embeddings.create(model=EMBEDDING, input="one", encoding_format="float")
    assert floats.data[0].embedding == vectors[0]
    encoded = lenient_openai_client.embeddings.create(model=EMBEDDING, input="one", encoding_format="base64")
    assert array.array("f", base64.b64decode(encoded.data[0].embedding)).tolist() == vectors[0]
    short = lenient_openai_client.embeddings.create(model=EMBEDDING, input="one", dimensions=16)
    assert len(short.data[0].embedding) == 16


def test_response(openai_client):
    reply = openai_client.responses.create(
        model=ON_OPENAI, instructions="Be brief.", input="hello [[mock: tokens=8]]", metadata={"run": "1"}
    )
    assert reply.status == "completed"
    assert len(reply.output_text.encode()) == 32
    assert reply.usage.output_tokens == 8
    assert reply.metadata == {"run": "1"}


def test_response_is_kept(openai_client):
    first = openai_client.responses.create(model=ON_OPENAI, input="hello")
    again = openai_client.responses.retrieve(first.id)
    assert again.output_text == first.output_text
    items = openai_client.responses.input_items.list(first.id)
    assert items.data[0].content[0].text == "hello"
    following = openai_client.responses.create(model=ON_OPENAI, input="go on", previous_response_id=first.id)
    assert following.previous_response_id == first.id
    assert following.usage.input_tokens > first.usage.input_tokens
    streamed = list(openai_client.responses.retrieve(first.id, stream=True))
    assert streamed[-1].type == "response.completed"
    openai_client.responses.delete(first.id)
    with pytest.raises(openai.NotFoundError):
        openai_client.responses.retrieve(first.id)
    with pytest.raises(openai.BadRequestError):
        openai_client.responses.create(model=ON_OPENAI, input="go on", previous_response_id=first.id)


def test_response_in_the_background_is_cancelled(openai_client):
    queued = openai_client.responses.create(model=ON_OPENAI, input="hello", background=True)
    assert queued.status == "queued"
    assert openai_client.responses.cancel(queued.id).status == "cancelled"
    done = openai_client.responses.create(model=ON_OPENAI, input="hello")
    with pytest.raises(openai.BadRequestError):
        openai_client.responses.cancel(done.id)


@pytest.mark.parametrize("chunk", [0, 1, 11])
def test_response_stream(openai_client, chunk):
    prompt = f"hello [[mock: tokens=10 chunk={chunk}]]"
    events = list(
        openai_client.responses.create(model=ON_OPENAI, input=prompt, stream=True, reasoning={"effort": "low"})
    )
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert [event.type for event in events[:2]] == ["response.created", "response.in_progress"]
    final = events[-1].response
    assert events[-1].type == "response.completed"
    text = "".join(event.delta for event in events if event.type == "response.output_text.delta")
    assert text == final.output_text
    assert final.usage.output_tokens_details.reasoning_tokens > 0
    assert final.usage.output_tokens == 10 + final.usage.output_tokens_details.reasoning_tokens


def test_response_stream_helper(openai_client):
    with openai_client.responses.stream(model=ON_OPENAI, input="hello [[mock: tokens=10]]") as stream:
        for _ in stream:
            pass
        final = stream.get_final_response()
    assert len(final.output_text.encode()) == 40


def test_response_tools(openai_client):
    items = [{"role": "user", "content": "use the tool"}]
    reply = openai_client.responses.create(model=ON_OPENAI, input=items, tools=[TOOL])
    call = reply.output[0]
    assert call.type == "function_call"
    assert json.loads(call.arguments) == {"city": "some city"}
    items += [
        call.model_dump(exclude_none=True),
        {"type": "function_call_output", "call_id": call.call_id, "output": "18 degrees"},
    ]
    assert openai_client.responses.create(model=ON_OPENAI, input=items, tools=[TOOL]).output_text
    events = list(openai_client.responses.create(model=ON_OPENAI, input="use the tool", tools=[TOOL], stream=True))
    pieces = "".join(event.delta for event in events if event.type == "response.function_call_arguments.delta")
    assert json.loads(pieces) == {"city": "some city"}


def test_response_structured_output(openai_client):
    reply = openai_client.responses.parse(model=ON_OPENAI, input="judge", text_format=Answer)
    assert reply.output_parsed.verdict == "some verdict"


def test_response_is_cut_at_its_bound(openai_client):
    reply = openai_client.responses.create(model=ON_OPENAI, input="hello [[mock: tokens=90]]", max_output_tokens=16)
    assert reply.status == "incomplete"
    assert reply.incomplete_details.reason == "max_output_tokens"
    assert reply.usage.output_tokens == 16


def test_models(openai_client):
    names = [model.id for model in openai_client.models.list()]
    assert ON_OPENAI in names and "forbidden" not in names
    assert openai_client.models.retrieve(ON_OPENAI).object == "model"
    with pytest.raises(openai.NotFoundError):
        openai_client.models.retrieve("no-such-model")


def test_moderation(openai_client):
    reply = openai_client.moderations.create(model=ON_OPENAI, input=["violence", "peace"])
    assert [result.flagged for result in reply.results] == [True, False]


def test_image(openai_client):
    reply = openai_client.images.generate(model=ON_OPENAI, prompt="a dot", n=2)
    assert len(reply.data) == 2
    assert base64.b64decode(reply.data[0].b64_json).startswith(b"\x89PNG")
    assert reply.usage.output_tokens == 544


def test_audio(openai_client):
    sound = bytes(range(256)) * 400
    reply = openai_client.audio.transcriptions.create(model=ON_OPENAI, file=("sound.wav", sound))
    assert reply.text == "This is what 102400 bytes of sound.wav sound like."
    assert reply.usage.input_tokens == 400
    with openai_client.audio.speech.with_streaming_response.create(
        model=ON_OPENAI, voice="alloy", input="hello"
    ) as speech:
        assert len(b"".join(speech.iter_bytes())) == 1280


def test_files_and_batches(openai_client):
    line = {
        "custom_id": "1", "method": "POST", "url": "/v1/chat/completions",
        "body": {"model": ON_OPENAI, "messages": [{"role": "user", "content": "hello"}]},
    }
    content = (json.dumps(line) + "\n").encode() * 2_000
    file = openai_client.files.create(file=("in.jsonl", content), purpose="batch")
    assert openai_client.files.retrieve(file.id).filename == "in.jsonl"
    # The provider knows the model by its own name.
    line["body"]["model"] = "gpt-5-mini"
    told = openai_client.files.content(file.id).read().splitlines()
    assert len(told) == 2_000 and json.loads(told[-1]) == line
    assert file.bytes == sum(len(each) + 1 for each in told)
    assert file.id in [each.id for each in openai_client.files.list()]
    batch = openai_client.batches.create(
        input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert openai_client.batches.retrieve(batch.id).status == "in_progress"
    assert openai_client.batches.cancel(batch.id).status == "cancelling"
    assert openai_client.files.delete(file.id).deleted
