"""Errors reach each client as its own exceptions, whatever the provider speaks."""

import time

import anthropic
import openai
import pytest

from stand import ON_ANTHROPIC, ON_OPENAI

# What the gateway makes of a provider's refusal: a key of the gateway's own that the vendor refuses is no fault of the
# caller, so 401 and 403 from above are not passed on as the caller's.
DIRECT = "direct"


def user(text):
    return [{"role": "user", "content": text}]


def openai_chat(client, model, text):
    return client.chat.completions.create(model=model, messages=user(text))


def anthropic_message(client, model, text):
    return client.messages.create(model=model, max_tokens=100, messages=user(text))


@pytest.mark.parametrize(
    "status, error",
    [
        (400, openai.BadRequestError),
        (404, openai.NotFoundError),
        (413, openai.APIStatusError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
def test_openai_statuses(openai_client, model, status, error):
    with pytest.raises(error) as caught:
        openai_chat(openai_client, model, f"hello [[mock: status={status}]]")
    assert caught.value.body["message"]
    assert caught.value.body["type"]


@pytest.mark.parametrize(
    "status, error, kind",
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (413, anthropic.APIStatusError, "request_too_large"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
def test_anthropic_statuses(anthropic_client, model, status, error, kind):
    with pytest.raises(error) as caught:
        anthropic_message(anthropic_client, model, f"hello [[mock: status={status}]]")
    assert caught.value.body["type"] == "error"
    if model == ON_ANTHROPIC:
        assert caught.value.body["error"]["type"] == kind


@pytest.mark.parametrize("status", [401, 403])
def test_statuses_of_the_provider_that_are_not_the_callers(openai_client, anthropic_client, model, status, is_direct):
    with pytest.raises(openai.APIStatusError) as caught:
        openai_chat(openai_client, model, f"hello [[mock: status={status}]]")
    assert caught.value.status_code == (status if is_direct else 502)
    with pytest.raises(anthropic.APIStatusError) as caught:
        anthropic_message(anthropic_client, model, f"hello [[mock: status={status}]]")
    assert caught.value.status_code == (status if is_direct else 502)


def test_wrong_key(front, is_direct):
    url, _ = front
    key = "" if is_direct else "sk-nobody"
    with pytest.raises((openai.AuthenticationError, openai.OpenAIError)):
        openai_chat(openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0), ON_OPENAI, "hello")
    if not is_direct:
        with pytest.raises(anthropic.AuthenticationError):
            anthropic_message(anthropic.Anthropic(base_url=url, api_key=key, max_retries=0), ON_ANTHROPIC, "hello")


@pytest.mark.gateway
def test_model_that_is_not_allowed(openai_client, anthropic_client):
    with pytest.raises(openai.PermissionDeniedError):
        openai_chat(openai_client, "forbidden", "hello")
    with pytest.raises(anthropic.PermissionDeniedError):
        anthropic_message(anthropic_client, "forbidden", "hello")


@pytest.mark.gateway
def test_model_that_does_not_exist(openai_client, anthropic_client):
    with pytest.raises(openai.NotFoundError):
        openai_chat(openai_client, "no-such-model", "hello")
    with pytest.raises(anthropic.NotFoundError):
        anthropic_message(anthropic_client, "no-such-model", "hello")


def test_retry_after_reaches_the_client(openai_client, anthropic_client, model):
    with pytest.raises(openai.RateLimitError) as caught:
        openai_chat(openai_client, model, "hello [[mock: status=429 retry-after=3]]")
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 3
    with pytest.raises(anthropic.RateLimitError) as caught:
        anthropic_message(anthropic_client, model, "hello [[mock: status=429 retry-after=3]]")
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 3


def test_the_clients_own_retry_gets_through(front, model):
    url, key = front
    for name, client, ask in [
        ("o", openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=3), openai_chat),
        ("a", anthropic.Anthropic(base_url=url, api_key=key, max_retries=3), anthropic_message),
    ]:
        mark = f"{name}-{model}-{time.monotonic_ns()}"
        assert ask(client, model, f"hello [[mock: status=500 times=1 id={mark} tokens=3]]")


def test_error_in_a_stream(openai_client, anthropic_client, model):
    text = "hello [[mock: fault=error-event tokens=40]]"
    with pytest.raises(openai.APIError):
        for _ in openai_client.chat.completions.create(model=model, messages=user(text), stream=True):
            pass
    with pytest.raises(anthropic.APIStatusError):
        for _ in anthropic_client.messages.create(model=model, max_tokens=100, messages=user(text), stream=True):
            pass


@pytest.mark.parametrize("fault", ["drop", "malformed", "truncated", "empty", "redirect"])
def test_a_broken_answer_is_an_error(openai_client, anthropic_client, model, fault, is_direct):
    # Alone the clients see what the provider did; behind the gateway they see its refusal.
    openai_error = (Exception if is_direct else openai.InternalServerError,)
    anthropic_error = (Exception if is_direct else anthropic.InternalServerError,)
    if is_direct and fault in ("empty", "redirect"):
        pytest.skip("the clients take it for an answer or follow it")
    with pytest.raises(openai_error):
        openai_chat(openai_client, model, f"hello [[mock: fault={fault}]]")
    with pytest.raises(anthropic_error):
        anthropic_message(anthropic_client, model, f"hello [[mock: fault={fault}]]")


def test_bad_requests(openai_client, anthropic_client, model):
    with pytest.raises(openai.BadRequestError):
        openai_client.chat.completions.create(model=model, messages=[])
    with pytest.raises(openai.BadRequestError):
        openai_client.chat.completions.create(model=model, messages=user("hello"), temperature=9)
    with pytest.raises(anthropic.BadRequestError):
        anthropic_client.messages.create(model=model, max_tokens=100, messages=[])
