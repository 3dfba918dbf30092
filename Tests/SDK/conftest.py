"""Fixtures: `--sluice BINARY` is what is tested; `--direct` leaves the gateway out, to prove the mock faithful."""

import pathlib
import re

import anthropic
import openai
import pytest

import stand

# The clients otherwise take whatever comes, in whatever shape.
STRICT = {"_strict_response_validation": True}


def pytest_addoption(parser):
    parser.addoption("--sluice", required=True, help="the binary")
    parser.addoption("--direct", action="store_true", help="call the mock, not the gateway")


def pytest_configure(config):
    config.addinivalue_line("markers", "gateway: says something of the gateway itself; left out with --direct")


def known_gaps():
    """Patterns of tests that may fail, from `known_gaps.txt`."""
    text = (pathlib.Path(__file__).parent / "known_gaps.txt").read_text()
    return [re.compile(line) for line in text.splitlines() if line and not line.startswith("#")]


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--direct"):
        gaps = known_gaps()
        for item in items:
            if any(gap.search(item.nodeid) for gap in gaps):
                item.add_marker(pytest.mark.xfail(reason="a gap that is known: known_gaps.txt", strict=False))
        return
    skip = pytest.mark.skip(reason="needs the gateway")
    for item in items:
        if "gateway" in item.keywords:
            item.add_marker(skip)


@pytest.fixture(scope="session")
def sluice(request):
    return request.config.getoption("--sluice")


@pytest.fixture(scope="session")
def is_direct(request):
    return request.config.getoption("--direct")


@pytest.fixture(scope="session")
def folder():
    with stand.temporary_folder() as path:
        yield path


@pytest.fixture(scope="session")
def mock(sluice, folder):
    mock = stand.Mock(sluice, folder)
    yield mock
    mock.stop()


@pytest.fixture(scope="session")
def gateway(sluice, folder, mock, is_direct):
    if is_direct:
        yield None
        return
    gateway = stand.Gateway(sluice, folder, mock)
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def front(mock, gateway):
    """Base URL without a path, and a key for it."""
    return (mock.url, "sk-anything") if gateway is None else (gateway.url, gateway.key)


@pytest.fixture(scope="session")
def openai_client(front):
    url, key = front
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=20, **STRICT) as client:
        yield client


@pytest.fixture(scope="session")
def lenient_openai_client(front):
    """For what the client's own types do not allow: embeddings as base64, an open end in a stream of completions."""
    url, key = front
    with openai.OpenAI(base_url=f"{url}/v1", api_key=key, max_retries=0, timeout=20) as client:
        yield client


@pytest.fixture(scope="session")
def anthropic_client(front):
    url, key = front
    with anthropic.Anthropic(base_url=url, api_key=key, max_retries=0, timeout=20, **STRICT) as client:
        yield client


@pytest.fixture(params=[stand.ON_OPENAI, stand.ON_ANTHROPIC])
def model(request):
    """Each client on its own dialect's provider and on the other's."""
    return request.param
