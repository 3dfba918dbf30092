"""The same surface on real servers, without the gateway: what differs here is the servers' own and no fault of ours."""

import pytest

from mcp_stand import NEW, OLD, RealTools
from mcp_surface import Surface


@pytest.fixture(scope="module")
def on_mcp(folder):
    server = RealTools(folder, "mcp")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def on_fastmcp(folder):
    server = RealTools(folder, "fastmcp")
    yield server
    server.stop()


class TestMCP(Surface):
    @pytest.fixture(params=[NEW, OLD])
    def front(self, request, on_mcp):
        return on_mcp.front(request.param, on_mcp.url)


class TestFastMCP(Surface):
    @pytest.fixture(params=[NEW, OLD])
    def front(self, request, on_fastmcp):
        return on_fastmcp.front(request.param, on_fastmcp.url)
