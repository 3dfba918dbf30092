"""The official client of MCP through Sluice, in both eras, in front of servers of both eras: the mock, real ones over
HTTP and as a process, and an API made into tools. Policy is on, and the servers see no key of a caller."""

import asyncio
import json
import sys
from pathlib import Path

import pytest
from mcp import MCPError

from mcp_stand import NEW, OLD, Front, MockTools, RealTools
from mcp_surface import Surface, run
from stand import Gateway, Process, free_port

pytestmark = pytest.mark.gateway

LISTENER = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: edge}}
spec:
  gatewayClassName: sluice
  listeners: [{{name: http, protocol: HTTP, port: {port}}}]
---
apiVersion: sluice.dev/v1alpha1
kind: ToolAccessPolicy
metadata: {{name: engineers}}
spec:
  subjects: [{{group: engineering}}]
  rules:
    - {{server: "*"}}
    - {{server: "*", tools: ["add"], when: "tool.arguments.a >= 1000", verdict: deny}}
    - {{server: "*", tools: ["delete_*"], verdict: deny}}
"""

SERVER = """\
---
apiVersion: sluice.dev/v1alpha1
kind: MCPServer
metadata: {{name: {name}}}
spec: {spec}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: tools-{name}}}
spec:
  parentRefs: [{{name: edge}}]
  rules:
    - matches: [{{path: {{type: PathPrefix, value: /mcp/{name}}}}}]
      backendRefs: [{{group: sluice.dev, kind: MCPServer, name: {name}}}]
"""

ALL = """\
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: tools}}
spec:
  parentRefs: [{{name: edge}}]
  rules:
    - matches: [{{path: {{type: PathPrefix, value: /mcp}}}}]
      backendRefs: [{servers}]
"""


class ToolGateway(Gateway):
    """`sluice run` in front of servers: their specs by their names."""

    def __init__(self, sluice, folder, servers, name="tools-gateway", is_public=False):
        self.sluice = sluice
        self.folder = folder
        self.state = Path(folder) / f"{name}.state"
        self.port = free_port()
        self.telemetry = free_port()
        references = ", ".join(f"{{group: sluice.dev, kind: MCPServer, name: {server}}}" for server in servers)
        text = LISTENER.format(port=self.port) + ALL.format(servers=references)
        text += "".join(SERVER.format(name=server, spec=json.dumps(spec)) for server, spec in servers.items())
        file = Path(folder) / f"{name}.yaml"
        file.write_text(text)
        self.words = [
            sluice, "run", "-f", str(file), "--state", str(self.state), "--admin", "none",
            "--telemetry", f"127.0.0.1:{self.telemetry}",
        ]
        self.url = f"http://127.0.0.1:{self.port}"
        # Browsers come by this URL.
        self.words += ["--token-issuer", self.url] * is_public
        self.start(name)
        self.key = self.command("key", "create", "--user", "alice", "--group", "engineering")["key"]


PETS = {
    "openapi": "3.1.0",
    "info": {"title": "Echo", "version": "1"},
    "paths": {
        "/echo/{id}": {
            "get": {
                "operationId": "getThing",
                "parameters": [
                    {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}},
                    {"name": "limit", "in": "query", "schema": {"type": "integer"}},
                ],
                "responses": {"200": {"description": "ok"}},
            }
        },
        "/status/404": {"get": {"operationId": "getMissing", "responses": {"200": {"description": "ok"}}}},
    },
}


@pytest.fixture(scope="module")
def mocks(sluice, folder):
    mocks = {
        "new": MockTools(sluice, folder, "mock-new", ["--revision", "new"]),
        "old": MockTools(sluice, folder, "mock-old", ["--revision", "old"]),
        "june": MockTools(sluice, folder, "mock-june", ["--revision", "2025-06-18", "--answers", "events"]),
        "pair": MockTools(sluice, folder, "mock-pair", ["--revision", "old"]),
    }
    yield mocks
    for mock in mocks.values():
        mock.stop()


@pytest.fixture(scope="module")
def real(folder):
    servers = {"mcp": RealTools(folder, "mcp", "behind-mcp"), "fastmcp": RealTools(folder, "fastmcp", "behind-fastmcp")}
    for framework in ("mcp", "fastmcp"):
        servers[f"{framework}sse"] = RealTools(folder, framework, f"behind-{framework}-sse", is_pair=True)
    yield servers
    for server in servers.values():
        server.stop()


@pytest.fixture(scope="module")
def api(sluice, folder):
    process = Process(folder, "api", [sluice, "mock", "http", "--port", "0"])
    process.url = process.line(r"(http://[^ \n]+)\n").group(1).rstrip("/")
    (Path(folder) / "api.json").write_text(json.dumps(PETS))
    yield process
    process.stop()


@pytest.fixture(scope="module")
def tools(sluice, folder, mocks, real, api):
    script = str(Path(__file__).parent / "mcp_server.py")
    environment = [{"name": "PATH", "value": "/usr/local/bin:/usr/bin:/bin"}]
    gateway = ToolGateway(
        sluice, folder,
        {
            **{name: {"http": {"url": mock.url}} for name, mock in mocks.items() if name != "pair"},
            # Said, and found out.
            "pair": {"http": {"url": f"{mocks['pair'].base}/sse"}, "protocol": "sse"},
            "pairfound": {"http": {"url": f"{mocks['pair'].base}/sse"}},
            **{name: {"http": {"url": server.url}} for name, server in real.items()},
            "process": {"stdio": {"command": [sys.executable, script, "mcp", "stdio"], "environment": environment}},
            "mockprocess": {"stdio": {"command": [sluice, "mock", "mcp", "--stdio"], "scope": "session"}},
            "api": {"openapi": {"document": "api.json", "baseURL": api.url}},
        },
    )
    yield gateway
    gateway.stop()


class TestTheFourBridges(Surface):
    """A new or an old client, a new or an old server."""

    @pytest.fixture(params=[(mode, server) for mode in (NEW, OLD) for server in ("new", "old", "june")])
    def front(self, request, tools):
        mode, server = request.param
        return Front(mode=mode, url=f"{tools.url}/mcp/{server}", key=tools.key)


class TestRealServers(Surface):
    @pytest.fixture(params=[(mode, server) for mode in (NEW, OLD) for server in ("mcp", "fastmcp")])
    def front(self, request, tools, real):
        mode, server = request.param
        return real[server].front(mode, f"{tools.url}/mcp/{server}", key=tools.key)


class TestPairs(Surface):
    """Servers of 2024-11-05, which have a stream and an endpoint for messages."""

    @pytest.fixture(
        params=[(mode, server) for mode in (NEW, OLD) for server in ("pair", "pairfound", "mcpsse", "fastmcpsse")]
    )
    def front(self, request, tools, real):
        mode, server = request.param
        url = f"{tools.url}/mcp/{server}"
        # Every client is one with a session to them.
        lacks = real[server].LACKS[real[server].framework][OLD] if server in real else ()
        return Front(mode=mode, url=url, key=tools.key, lacks=frozenset(lacks))


class TestProcesses(Surface):
    @pytest.fixture(params=[(mode, server) for mode in (NEW, OLD) for server in ("mockprocess", "process")])
    def front(self, request, tools):
        mode, server = request.param
        # The real one is spoken to in a session, whoever asks.
        lacks = {"subscriptions", "list changes"} if server == "process" else set()
        return Front(mode=mode, url=f"{tools.url}/mcp/{server}", key=tools.key, lacks=frozenset(lacks))


class TestAllAtOnce(Surface):
    """Under /mcp the tools have their servers' names before theirs."""

    @pytest.fixture(params=[(mode, server) for mode in (NEW, OLD) for server in ("new", "old")])
    def front(self, request, tools):
        mode, server = request.param
        return Front(mode=mode, url=f"{tools.url}/mcp", key=tools.key, prefix=f"{server}__")


@pytest.mark.parametrize("mode", [NEW, OLD])
def test_an_api_becomes_tools(tools, mode):
    async def body():
        async with Front(mode=mode, url=f"{tools.url}/mcp/api", key=tools.key).client() as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert names == ["getThing", "getMissing"]
            thing = await client.call_tool("getThing", {"id": "a/b c", "limit": 5})
            assert not thing.is_error
            missing = await client.call_tool("getMissing", {})
            assert missing.is_error
            assert missing.content[0].text.startswith("HTTP 404")
            wrong = await client.call_tool("getThing", {"id": "../x"})
            assert wrong.is_error

    run(body())


@pytest.mark.parametrize("mode", [NEW, OLD])
def test_what_policy_forbids_never_reaches_a_server(tools, mocks, mode):
    async def body():
        async with Front(mode=mode, url=f"{tools.url}/mcp/new", key=tools.key).client() as client:
            names = [tool.name for tool in (await client.list_tools()).tools]
            assert "delete_note" not in names
            for name, arguments in [("delete_note", {"id": "n1"}), ("add", {"a": 1000, "b": 1})]:
                try:
                    answer = await client.call_tool(name, arguments)
                    assert answer.is_error
                except MCPError:
                    pass
            assert (await client.call_tool("add", {"a": 999, "b": 1})).structured_content == {"sum": 1000}

    mocks["new"].post("reset")
    run(body())
    calls = [entry for entry in mocks["new"].journal() if entry["method"] == "tools/call"]
    assert [entry["name"] for entry in calls] == ["add"]
    headers = {name.lower(): value for entry in mocks["new"].journal() for name, value in entry["headers"]}
    assert tools.key not in json.dumps(mocks["new"].journal())
    assert "authorization" not in headers


@pytest.mark.parametrize("mode", [NEW, OLD])
def test_leaving_is_cancelling_at_the_server(tools, mocks, mode):
    for name in ("new", "old"):
        mocks[name].post("reset")

        async def body(name=name):
            async with Front(mode=mode, url=f"{tools.url}/mcp/{name}", key=tools.key).client() as client:
                call = asyncio.create_task(client.call_tool("slow", {"ms": 60_000}))
                while not any(entry["name"] == "slow" for entry in mocks[name].journal()):
                    await asyncio.sleep(0.02)
                call.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await call
                for _ in range(500):
                    if any(entry["outcome"] == "cancelled" for entry in mocks[name].journal()):
                        return
                    await asyncio.sleep(0.02)
                raise AssertionError("the server was not told")

        run(body())


def test_a_server_that_forgets_its_sessions_is_greeted_again(tools, mocks):
    async def body():
        async with Front(mode=NEW, url=f"{tools.url}/mcp/old", key=tools.key).client() as client:
            await client.call_tool("echo", {"text": "x"})
            mocks["old"].post("forget")
            assert (await client.call_tool("echo", {"text": "y"})).content[0].text == "y"

    run(body())


def test_no_key_no_tools(tools):
    async def body():
        async with Front(mode=NEW, url=f"{tools.url}/mcp/new").client() as client:
            await client.list_tools()

    with pytest.raises(Exception):
        run(body())
