"""A real server with the tools of the mock: `mcp_server.py mcp|fastmcp PORT`, both eras at /mcp, `… PORT sse` with the
pair of endpoints of 2024-11-05 at /sse, or `mcp stdio`."""

import sys
from typing import Annotated

import mcp_types as types
import uvicorn
from mcp.server.elicitation import AcceptedElicitation, ElicitationResult
from mcp.server.mcpserver import Context, MCPServer
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.resolve import Elicit, ListRoots, Resolve, Sample
from pydantic import BaseModel

NOTES = {"n1": "water the plants", "n2": "call the bank", "n3": "the door code is 0000"}
DOT = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8DwHwAFBQIAX8jx0gAAAABJRU5ErkJggg=="
TICK = "UklGRiYAAABXQVZFZm10IBAAAAABAAEAQB8AAAB9AAACABAAZGF0YQIAAAA="


class Sum(BaseModel):
    sum: int


class Name(BaseModel):
    name: str


class Value(BaseModel):
    value: str


def mixed():
    return types.CallToolResult(
        content=[
            types.TextContent(type="text", text="all of it"),
            types.ImageContent(type="image", data=DOT, mime_type="image/png"),
            types.AudioContent(type="audio", data=TICK, mime_type="audio/wav"),
            types.ResourceLink(type="resource_link", uri="mock://notes/n2", name="n2"),
            types.EmbeddedResource(
                type="resource",
                resource=types.TextResourceContents(uri="mock://notes/n1", text=NOTES["n1"], mime_type="text/plain"),
            ),
        ]
    )


def on_mcp():
    server = MCPServer("demo", instructions="A real one.")

    @server.tool()
    def echo(text: str) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)])

    @server.tool()
    def add(a: int, b: int) -> Sum:
        return Sum(sum=a + b)

    @server.tool()
    def get_note(id: str) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(type="text", text=NOTES[id])])

    @server.tool()
    def delete_note(id: str) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(type="text", text=f"note {id} is deleted")])

    @server.tool()
    def fail(text: str) -> str:
        raise ToolError(text)

    @server.tool()
    def get_mixed() -> types.CallToolResult:
        return mixed()

    @server.tool()
    async def count(to: int, ctx: Context) -> str:
        for number in range(1, to + 1):
            await ctx.report_progress(number, to, f"at {number}")
        return f"counted to {to}"

    @server.tool()
    async def log(text: str, ctx: Context, level: str = "info") -> str:
        await ctx.log(level, text)
        return "logged"

    @server.tool()
    async def touch(uri: str, ctx: Context) -> str:
        await ctx.notify_resource_updated(uri)
        return "touched"

    @server.tool()
    async def grow(ctx: Context) -> str:
        number = len(await server.list_tools())

        def grown() -> str:
            return "I am new"

        server.add_tool(grown, name=f"grown_{number}")
        await ctx.notify_tools_changed()
        return "grown"

    asking(server)
    offers(server)
    return server


def asking(server):
    def name() -> Elicit[Name]:
        return Elicit("What is your name?", Name)

    def first() -> Elicit[Value]:
        return Elicit("First?", Value)

    def second(_first: Annotated[Value, Resolve(first)]) -> Elicit[Value]:
        return Elicit("Second?", Value)

    def sample(prompt: str) -> Sample:
        message = types.SamplingMessage(role="user", content=types.TextContent(type="text", text=prompt))
        return Sample([message], max_tokens=100)

    def roots() -> ListRoots:
        return ListRoots()

    @server.tool()
    async def ask_name(answer: Annotated[ElicitationResult[Name], Resolve(name)]) -> types.CallToolResult:
        is_given = isinstance(answer, AcceptedElicitation)
        text = f"hello {answer.data.name}" if is_given else f"the user said {answer.action}"
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)])

    @server.tool()
    async def ask_twice(
        one: Annotated[Value, Resolve(first)], two: Annotated[Value, Resolve(second)]
    ) -> types.CallToolResult:
        return types.CallToolResult(content=[types.TextContent(type="text", text=f"{one.value} and {two.value}")])

    @server.tool()
    async def ask_model(
        prompt: str, answer: Annotated[types.CreateMessageResult, Resolve(sample)]
    ) -> types.CallToolResult:
        text = f"the model said: {answer.content.text}"
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)])

    @server.tool()
    async def ask_roots(answer: Annotated[types.ListRootsResult, Resolve(roots)]) -> types.CallToolResult:
        text = "roots: " + " ".join(str(root.uri) for root in answer.roots)
        return types.CallToolResult(content=[types.TextContent(type="text", text=text)])


def written(id):
    """What reads one note."""

    def read() -> str:
        return NOTES[id]

    return read


def offers(server):
    """Resources, prompts and completion, which both frameworks declare alike."""
    for id in NOTES:
        server.resource(f"mock://notes/{id}", name=id, mime_type="text/plain")(written(id))

    @server.resource("mock://notes/{id}", name="note", mime_type="text/plain")
    def note(id: str) -> str:
        return NOTES[id]

    @server.prompt()
    def greet(name: str, style: str) -> str:
        return f"Greet {name} in a {style} way."

    if isinstance(server, MCPServer):

        @server.completion()
        async def complete(_ref, argument, _context):
            values = [word for word in ("warm", "wary", "cold", "formal") if word.startswith(argument.value)]
            return types.Completion(values=values, total=len(values), has_more=False)


def on_fastmcp():
    from fastmcp import Context as FastContext
    from fastmcp import FastMCP
    from fastmcp.exceptions import ToolError as FastToolError
    from fastmcp.tools import ToolResult

    server = FastMCP("demo", instructions="A real one.")

    @server.tool
    def echo(text: str) -> ToolResult:
        return ToolResult(content=text)

    @server.tool
    def add(a: int, b: int) -> Sum:
        return Sum(sum=a + b)

    @server.tool
    def fail(text: str) -> str:
        raise FastToolError(text)

    @server.tool
    def get_mixed() -> ToolResult:
        return ToolResult(content=mixed().content)

    @server.tool
    async def count(to: int, ctx: FastContext) -> str:
        for number in range(1, to + 1):
            await ctx.report_progress(number, to, f"at {number}")
        return f"counted to {to}"

    @server.tool
    async def log(text: str, ctx: FastContext, level: str = "info") -> str:
        await ctx.log(text, level=level)
        return "logged"

    offers(server)
    return server


def main():
    framework, place = sys.argv[1:3]
    server = on_mcp() if framework == "mcp" else on_fastmcp()
    if place == "stdio":
        server.run("stdio")
        return
    if sys.argv[3:] == ["sse"]:
        app = server.sse_app() if framework == "mcp" else server.http_app(transport="sse")
    else:
        app = server.streamable_http_app() if framework == "mcp" else server.http_app()
    config = uvicorn.Config(app, host="127.0.0.1", port=int(place), log_level="warning")
    uvicorn_server = uvicorn.Server(config)
    startup = uvicorn_server.startup

    async def announced(sockets=None):
        await startup(sockets)
        print("ready", flush=True)

    uvicorn_server.startup = announced
    uvicorn_server.run()


if __name__ == "__main__":
    main()
