"""The whole surface of the official client, as tests that run on any `front`: a mock, a real server, a gateway."""

import asyncio

import mcp_types as types
import pytest
from mcp import MCPError
from mcp.client.subscriptions import ResourceUpdated, ToolsListChanged

from mcp_stand import Person

SECONDS = 20


def run(coroutine):
    return asyncio.run(asyncio.wait_for(coroutine, SECONDS))


async def until(condition):
    for _ in range(1000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it did not happen")


class Surface:
    """Needs a fixture `front`."""

    def test_it_says_who_it_is(self, front):
        async def body():
            # To take a version for granted is not to ask.
            async with front.client(mode="auto" if front.is_new else front.mode) as client:
                assert (client.protocol_version == "2026-07-28") == front.is_new
                assert client.server_capabilities.tools is not None
                if not front.is_new:
                    await client.send_ping()

        run(body())

    def test_tools_are_listed_and_called(self, front):
        async def body():
            async with front.client() as client:
                tools = {tool.name: tool for tool in (await client.list_tools()).tools}
                assert tools[front.name("echo")].input_schema["required"] == ["text"]
                said = await client.call_tool(front.name("echo"), {"text": "hällo 世界"})
                assert said.content[0].text == "hällo 世界"
                assert not said.is_error
                sum = await client.call_tool(front.name("add"), {"a": 20, "b": 22})
                assert sum.structured_content == {"sum": 42}

        run(body())

    def test_a_tool_that_fails_says_so_in_its_result(self, front):
        async def body():
            async with front.client() as client:
                failed = await client.call_tool(front.name("fail"), {"text": "no luck"})
                assert failed.is_error
                assert "no luck" in failed.content[0].text

        run(body())

    def test_there_is_no_such_tool(self, front):
        async def body():
            async with front.client() as client:
                # The real servers say it in a result.
                try:
                    answer = await client.call_tool(front.name("get_nothing"), {})
                    assert answer.is_error
                except MCPError as error:
                    assert error.code == -32602

        run(body())

    def test_every_kind_of_content(self, front):
        async def body():
            async with front.client() as client:
                mixed = await client.call_tool(front.name("get_mixed"), {})
                kinds = [part.type for part in mixed.content]
                assert kinds == ["text", "image", "audio", "resource_link", "resource"]
                assert mixed.content[1].mime_type == "image/png"

        run(body())

    def test_progress_is_told(self, front):
        async def body():
            seen = []

            async def progress(done, total, message):
                seen.append((done, total, message))

            async with front.client() as client:
                await client.call_tool(front.name("count"), {"to": 3}, progress_callback=progress)
                await until(lambda: len(seen) == 3)
                assert [done for done, _, _ in seen] == [1, 2, 3]
                assert seen[0][1] == 3

        run(body())

    def test_log_lines_arrive(self, front):
        async def body():
            person = Person()
            async with front.client(person) as client:
                await client.call_tool(front.name("log"), {"text": "a line", "level": "warning"})
                await until(lambda: person.logs)
                assert person.logs[0].level == "warning"
                assert "a line" in str(person.logs[0].data)

        run(body())

    def test_many_calls_at_once(self, front):
        async def body():
            async with front.client() as client:
                names = [f"word {number}" for number in range(20)]
                calls = [client.call_tool(front.name("echo"), {"text": name}) for name in names]
                answers = await asyncio.gather(*calls)
                assert [answer.content[0].text for answer in answers] == names

        run(body())

    # What the client is asked.

    def test_the_user_is_asked(self, front):
        front.needs("questions")
        async def body():
            person = Person()
            async with front.client(person) as client:
                said = await client.call_tool(front.name("ask_name"), {})
                assert said.content[0].text == "hello Ada"
                assert person.forms[0].message == "What is your name?"

        run(body())

    @pytest.mark.parametrize("action", ["decline", "cancel"])
    def test_the_user_does_not_want_to(self, front, action):
        front.needs("questions")
        async def body():
            async with front.client(Person(action=action)) as client:
                said = await client.call_tool(front.name("ask_name"), {})
                assert action in said.content[0].text

        run(body())

    def test_the_user_is_asked_twice(self, front):
        front.needs("questions")
        async def body():
            person = Person()
            async with front.client(person) as client:
                said = await client.call_tool(front.name("ask_twice"), {})
                assert said.content[0].text == "Ada and Ada"
                assert len(person.forms) == 2

        run(body())

    def test_the_model_is_asked(self, front):
        front.needs("questions")
        async def body():
            person = Person()
            async with front.client(person) as client:
                said = await client.call_tool(front.name("ask_model"), {"prompt": "the capital of France?"})
                assert said.content[0].text == "the model said: Paris"
                assert person.prompts[0].messages[0].content.text == "the capital of France?"

        run(body())

    def test_the_roots_are_asked_for(self, front):
        front.needs("questions")
        async def body():
            async with front.client() as client:
                said = await client.call_tool(front.name("ask_roots"), {})
                assert said.content[0].text == "roots: file:///work"

        run(body())

    def test_nothing_is_asked_of_a_client_that_cannot(self, front):
        front.needs("questions")
        async def body():
            async with front.client(elicitation_callback=None) as client:
                try:
                    answer = await client.call_tool(front.name("ask_name"), {})
                    assert answer.is_error
                except MCPError as error:
                    assert error.code in (-32021, -32600, -32601, -32603)

        run(body())

    # Resources, prompts, completion.

    def test_resources_are_listed_and_read(self, front):
        async def body():
            async with front.client() as client:
                uris = [str(resource.uri) for resource in (await client.list_resources()).resources]
                uri = next(uri for uri in uris if uri.endswith("mock://notes/n1"))
                content = (await client.read_resource(uri)).contents[0]
                assert content.text == "water the plants"
                templates = (await client.list_resource_templates()).resource_templates
                assert any(template.uri_template.endswith("mock://notes/{id}") for template in templates)
                with pytest.raises(MCPError) as error:
                    await client.read_resource("mock://nowhere")
                assert error.value.code in (-32602, -32002)

        run(body())

    def test_prompts_are_listed_and_filled_in(self, front):
        async def body():
            async with front.client() as client:
                names = [prompt.name for prompt in (await client.list_prompts()).prompts]
                assert front.name("greet") in names
                prompt = await client.get_prompt(front.name("greet"), {"name": "Ada", "style": "warm"})
                assert prompt.messages[0].content.text == "Greet Ada in a warm way."

        run(body())

    def test_arguments_are_completed(self, front):
        front.needs("completion")
        async def body():
            async with front.client() as client:
                done = await client.complete(
                    types.PromptReference(type="ref/prompt", name=front.name("greet")),
                    {"name": "style", "value": "wa"},
                )
                assert done.completion.values == ["warm", "wary"]

        run(body())

    # What changes.

    def test_a_changed_resource_is_told_to_who_subscribed(self, front):
        front.needs("subscriptions")
        own = "mock://notes/n1"
        uri = front.uri(own)

        async def new():
            async with front.client() as client:
                async with client.listen(resource_subscriptions=[uri]) as events:
                    await client.call_tool(front.name("touch"), {"uri": "mock://notes/n2"})
                    await client.call_tool(front.name("touch"), {"uri": own})
                    async for event in events:
                        assert event == ResourceUpdated(uri=uri)
                        break

        async def old():
            person = Person()
            async with front.client(person) as client:
                await client.subscribe_resource(uri)
                await client.call_tool(front.name("touch"), {"uri": own})

                def updated():
                    return [n for n in person.notices if isinstance(n, types.ResourceUpdatedNotification)]

                await until(updated)
                assert str(updated()[0].params.uri) == uri
                await client.unsubscribe_resource(uri)

        run(new() if front.is_new else old())

    def test_a_list_that_grows_is_told(self, front):
        front.needs("list changes")
        async def new():
            async with front.client() as client:
                async with client.listen(tools_list_changed=True) as events:
                    await client.call_tool(front.name("grow"), {})
                    async for event in events:
                        assert event == ToolsListChanged()
                        break

        async def old():
            person = Person()
            async with front.client(person) as client:
                # The stream on which it is told has to be there first.
                await client.list_tools()
                await asyncio.sleep(0.2)
                await client.call_tool(front.name("grow"), {})
                await until(
                    lambda: any(isinstance(n, types.ToolListChangedNotification) for n in person.notices)
                )

        run(new() if front.is_new else old())
