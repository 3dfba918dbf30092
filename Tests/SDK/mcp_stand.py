"""Servers of tools, and the official client of MCP in front of them: what each test of the surface runs on."""

import contextlib
import sys
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import mcp_types as types
import pytest
from mcp import Client, StdioServerParameters
from mcp.client.sse import sse_client
from mcp.client.streamable_http import streamable_http_client

from stand import Process, fetch, free_port

NEW = "2026-07-28"
OLD = "legacy"


class MockTools(Process):
    """`sluice mock mcp`."""

    def __init__(self, sluice, folder, name="tools", arguments=()):
        super().__init__(folder, name, [sluice, "mock", "mcp", "--port", "0", *arguments])
        self.url = self.line(r"(http://[^ \n]+)\n").group(1)
        self.base = self.url.removesuffix("/mcp")

    def journal(self, last=100):
        return fetch(f"{self.base}/mock/journal?last={last}")["entries"]

    def post(self, path):
        return fetch(f"{self.base}/mock/{path}", method="POST")


class RealTools(Process):
    """`mcp_server.py`: a server on one of the frameworks."""

    def __init__(self, folder, framework, name=None, is_pair=False):
        self.port = free_port()
        words = [sys.executable, str(Path(__file__).parent / "mcp_server.py"), framework, str(self.port)]
        super().__init__(folder, name or f"real-{framework}", words + ["sse"] * is_pair)
        self.line("ready\n")
        self.framework = framework
        self.base = f"http://127.0.0.1:{self.port}"
        self.url = f"{self.base}/sse" if is_pair else f"{self.base}/mcp"

    # What a framework leaves out, over the old era alone or over both.
    LACKS = {
        "mcp": {OLD: {"subscriptions", "list changes"}, NEW: set()},
        "fastmcp": dict.fromkeys((OLD, NEW), {"questions", "completion", "subscriptions", "list changes"}),
    }

    def front(self, mode, url, **more):
        return Front(mode=mode, url=url, lacks=frozenset(self.LACKS[self.framework][mode]), **more)


@dataclass
class Person:
    """Who sits behind a client: what was asked, and what comes unasked."""

    forms: list = field(default_factory=list)
    prompts: list = field(default_factory=list)
    logs: list = field(default_factory=list)
    notices: list = field(default_factory=list)
    action: str = "accept"
    name: str = "Ada"

    async def elicit(self, _context, params):
        self.forms.append(params)
        if self.action != "accept":
            return types.ElicitResult(action=self.action)
        if params.mode == "url":
            return types.ElicitResult(action="accept")
        return types.ElicitResult(
            action="accept", content={key: self.name for key in params.requested_schema["properties"]}
        )

    async def sample(self, _context, params):
        self.prompts.append(params)
        return types.CreateMessageResult(
            role="assistant", content=types.TextContent(type="text", text="Paris"), model="mock", stop_reason="endTurn"
        )

    async def roots(self, _context):
        return types.ListRootsResult(roots=[types.Root(uri="file:///work")])

    async def log(self, params):
        self.logs.append(params)

    async def notice(self, message):
        self.notices.append(message)


@dataclass
class Front:
    """Where a client connects to: `url`, or `command` for standard input and output."""

    mode: str
    url: str = ""
    command: list = field(default_factory=list)
    is_pair: bool = False
    # What a gateway puts before the names of tools and prompts.
    prefix: str = ""
    key: str = ""
    # What the server behind it does not have in this era.
    lacks: frozenset = frozenset()

    def needs(self, feature):
        if feature in self.lacks:
            pytest.skip(f"the server has no {feature}")

    @property
    def is_new(self):
        return self.mode == NEW

    @contextlib.asynccontextmanager
    async def client(self, person=None, **more):
        person = person or Person()
        headers = {"authorization": f"Bearer {self.key}"} if self.key else {}
        async with contextlib.AsyncExitStack() as stack:
            if self.command:
                server = StdioServerParameters(command=self.command[0], args=self.command[1:])
            elif self.is_pair:
                server = sse_client(self.url, headers=headers)
            else:
                http = await stack.enter_async_context(
                    httpx2.AsyncClient(headers=headers, timeout=httpx2.Timeout(20, read=60))
                )
                server = streamable_http_client(self.url, http_client=http)
            options = dict(
                sampling_callback=person.sample, elicitation_callback=person.elicit,
                list_roots_callback=person.roots, logging_callback=person.log, message_handler=person.notice,
                log_level="debug", read_timeout_seconds=30, mode=self.mode, cache=None,
            )
            client = await stack.enter_async_context(Client(server, **{**options, **more}))
            yield client

    def name(self, tool):
        return f"{self.prefix}{tool}"

    def uri(self, own):
        """A resource's, with its server before it where tools have theirs."""
        return f"{self.prefix.removesuffix('__')}+{own}" if self.prefix else own
