"""The official client of MCP against `sluice mock mcp`: the mock is faithful, in both eras, over every transport."""

import asyncio

import pytest
from mcp import MCPError

from mcp_stand import NEW, OLD, Front, MockTools, Person
from mcp_surface import Surface, run


@pytest.fixture(scope="module")
def tools(sluice, folder):
    mock = MockTools(sluice, folder)
    yield mock
    mock.stop()


class TestEachTransport(Surface):
    @pytest.fixture(params=["new", "old", "pair", "new-stdio", "old-stdio"])
    def front(self, request, sluice, tools):
        mode = NEW if request.param.startswith("new") else OLD
        if request.param.endswith("stdio"):
            return Front(mode=mode, command=[sluice, "mock", "mcp", "--stdio"])
        if request.param == "pair":
            return Front(mode=mode, url=f"{tools.base}/sse", is_pair=True)
        return Front(mode=mode, url=tools.url)


@pytest.fixture(scope="module")
def events(sluice, folder):
    mock = MockTools(sluice, folder, "events", ["--answers", "events", "--page-size", "7"])
    yield mock
    mock.stop()


class TestOnlyEvents(Surface):
    """Servers that answer everything as a stream."""

    @pytest.fixture(params=[NEW, OLD])
    def front(self, request, events):
        return Front(mode=request.param, url=events.url)

    # Lists come in pages here.
    def test_tools_are_listed_and_called(self, front):
        async def body():
            async with front.client() as client:
                names, cursor = [], None
                while True:
                    page = await client.list_tools(cursor=cursor)
                    names += [tool.name for tool in page.tools]
                    cursor = page.next_cursor
                    if cursor is None:
                        break
                    assert len(page.tools) == 7
                assert len(set(names)) == len(names) > 14

        run(body())


@pytest.mark.parametrize("kind, mode", [("new", NEW), ("old", OLD)])
def test_a_client_that_asks_first_finds_the_era(sluice, folder, kind, mode):
    mock = MockTools(sluice, folder, f"era-{kind}", ["--revision", kind])
    try:

        async def body():
            async with Front(mode="auto", url=mock.url).client() as client:
                assert (client.protocol_version == NEW) == (mode == NEW)
                assert (await client.call_tool("echo", {"text": "x"})).content[0].text == "x"

        run(body())
    finally:
        mock.stop()


@pytest.mark.parametrize("mode", [NEW, OLD])
def test_leaving_is_cancelling_in_the_way_of_the_era(tools, mode):
    tools.post("reset")

    async def body():
        async with Front(mode=mode, url=tools.url).client(Person()) as client:
            call = asyncio.create_task(client.call_tool("slow", {"ms": 60_000}))
            while not any(entry["name"] == "slow" for entry in tools.journal()):
                await asyncio.sleep(0.02)
            call.cancel()
            with pytest.raises(asyncio.CancelledError):
                await call
            for _ in range(500):
                if any(entry["outcome"] == "cancelled" for entry in tools.journal()):
                    return
                await asyncio.sleep(0.02)
            raise AssertionError("the mock was not told")

    run(body())


def test_a_forgotten_session_is_a_404(tools):
    async def body():
        async with Front(mode=OLD, url=tools.url).client() as client:
            await client.list_tools()
            tools.post("forget")
            with pytest.raises(MCPError):
                await client.list_tools()

    run(body())
