"""The scenarios of the official conformance suite for servers, by their ids, as tests of our own: against the mock
alone, which proves them, and through Sluice in front of it, in front of a new server and of an old one."""

import http.client
import json
import threading
import time
import urllib.parse

import pytest

from mcp_stand import MockTools
from mcp_wire import META, NEW, Wire
from test_mcp_gateway import ToolGateway

LEGACY = "2025-11-25"
FORM = {"elicitation": {}}


@pytest.fixture(scope="module")
def suites(sluice, folder):
    mocks = {
        "new": MockTools(sluice, folder, "suite-new", ["--set", "conformance", "--revision", "new"]),
        "old": MockTools(sluice, folder, "suite-old", ["--set", "conformance", "--revision", "old"]),
        "both": MockTools(sluice, folder, "suite-both", ["--set", "conformance"]),
    }
    yield mocks
    for mock in mocks.values():
        mock.stop()


@pytest.fixture(scope="module")
def front(sluice, folder, suites, is_direct):
    if is_direct:
        yield None
        return
    servers = {name: {"http": {"url": mock.url}} for name, mock in suites.items()}
    gateway = ToolGateway(sluice, folder, servers, name="suite-gateway")
    yield gateway
    gateway.stop()


@pytest.fixture(params=["alone", "new", "old"])
def wire(request, suites, front):
    if request.param == "alone":
        return Wire(suites["both"].url)
    if front is None:
        pytest.skip("needs the gateway")
    return Wire(f"{front.url}/mcp/{request.param}", front.key)


def said(answer):
    return answer.result["content"][0]["text"]


def accept(**content):
    return {"action": "accept", "content": content}


# The new revision.


class TestServerStateless:
    """server-stateless"""

    def test_discover(self, wire):
        answer = wire.ask("server/discover")
        assert answer.status == 200
        assert NEW in answer.result["supportedVersions"]
        assert answer.result["resultType"] == "complete"

    @pytest.mark.parametrize("member", ["protocolVersion", "clientCapabilities"])
    def test_meta_is_required(self, wire, member):
        answer = wire.ask("tools/list", drop=(f"{META}{member}",))
        assert (answer.status, answer.code) == (400, -32602)

    def test_client_info_is_not_required(self, wire):
        assert wire.ask("tools/list", drop=(f"{META}clientInfo",)).status == 200

    def test_an_unsupported_version(self, wire):
        answer = wire.ask("tools/list", meta={f"{META}protocolVersion": "2099-01-01"},
                          headers={"mcp-protocol-version": "2099-01-01"})
        assert (answer.status, answer.code) == (400, -32022)
        assert NEW in answer.error["data"]["supported"]
        assert answer.error["data"]["requested"] == "2099-01-01"

    def test_versions_that_disagree(self, wire):
        answer = wire.ask("tools/list", headers={"mcp-protocol-version": "2025-11-25"})
        assert (answer.status, answer.code) == (400, -32020)

    def test_a_missing_capability(self, wire):
        answer = wire.ask("tools/call", {"name": "test_missing_capability", "arguments": {}})
        # In front of an old server it is the tool that says so.
        assert answer.code == -32021 or answer.result.get("isError") or answer.code == -32603

    @pytest.mark.parametrize(
        "method", ["initialize", "ping", "logging/setLevel", "resources/subscribe", "resources/unsubscribe", "made/up"]
    )
    def test_methods_that_are_gone(self, wire, method):
        answer = wire.ask(method)
        assert (answer.status, answer.code) == (404, -32601)

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_other_methods_of_http(self, wire, method):
        response = wire.client.request(
            method, wire.url, headers={**wire.base, "mcp-protocol-version": NEW}
        )
        assert response.status_code in (400, 404, 405)

    def test_no_session_is_made(self, wire):
        answer = wire.ask("tools/list", headers={"mcp-session-id": "mine"})
        assert answer.status == 200
        assert "mcp-session-id" not in answer.headers

    def test_notifications_before_the_answer(self, wire):
        answer = wire.ask(
            "tools/call", {"name": "test_tool_with_progress", "arguments": {}}, meta={"progressToken": "t1"}
        )
        progress = [m["params"] for m in answer.messages if m.get("method") == "notifications/progress"]
        assert [p["progress"] for p in progress] == [0, 50, 100]
        assert {p["progressToken"] for p in progress} == {"t1"}
        assert not [m for m in answer.messages if "method" in m and "id" in m]

    def test_no_log_without_a_level(self, wire):
        call = {"name": "test_logging_tool", "arguments": {}}
        assert len(wire.ask("tools/call", call).messages) == 1
        logged = wire.ask("tools/call", call, meta={f"{META}logLevel": "info"})
        assert [m["method"] for m in logged.messages if "method" in m] == ["notifications/message"]

    def test_listening(self, wire):
        params = {
            "notifications": {"toolsListChanged": True},
            "_meta": {f"{META}protocolVersion": NEW, f"{META}clientCapabilities": {}},
        }
        body = {"jsonrpc": "2.0", "id": 77, "method": "subscriptions/listen", "params": params}
        headers = {**wire.base, "mcp-protocol-version": NEW, "mcp-method": "subscriptions/listen"}
        with wire.client.stream("POST", wire.url, content=json.dumps(body), headers=headers) as response:
            assert response.headers["content-type"].startswith("text/event-stream")
            first = next(line for line in response.iter_lines() if line.startswith("data:"))
            message = json.loads(first[5:])
            assert message["method"] == "notifications/subscriptions/acknowledged"
            assert message["params"]["_meta"][f"{META}subscriptionId"] == 77


class TestHeaders:
    """http-header-validation, http-custom-header-server-validation"""

    @pytest.mark.parametrize(
        "headers",
        [
            {"mcp-method": None}, {"mcp-method": "tools/call"}, {"mcp-method": "TOOLS/LIST"},
            {"mcp-protocol-version": None},
        ],
    )
    def test_of_a_list_are_refused(self, wire, headers):
        answer = wire.ask("tools/list", headers=headers)
        assert answer.status == 400
        assert answer.code == -32020

    @pytest.mark.parametrize("name", [None, "other", "test_simple_tex", "=?base64?!!!?=", "=?base64?b3RoZXI=?="])
    def test_of_a_call_are_refused(self, wire, name):
        answer = wire.ask("tools/call", {"name": "test_simple_text", "arguments": {}}, headers={"mcp-name": name})
        assert (answer.status, answer.code) == (400, -32020)

    @pytest.mark.parametrize(
        "headers",
        [{"MCP-METHOD": "tools/call", "mcp-method": None}, {"mcp-name": "=?base64?dGVzdF9zaW1wbGVfdGV4dA==?="}],
    )
    def test_that_say_the_same_are_taken(self, wire, headers):
        answer = wire.ask("tools/call", {"name": "test_simple_text", "arguments": {}}, headers=headers)
        assert answer.status == 200
        assert said(answer) == "This is a simple text response for testing."


    def test_with_blanks_around_are_taken(self, wire):
        parts = urllib.parse.urlsplit(wire.url)
        params = {"name": "test_simple_text", "arguments": {},
                  "_meta": {f"{META}protocolVersion": NEW, f"{META}clientCapabilities": {}}}
        body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params})
        connection = http.client.HTTPConnection(parts.netloc, timeout=20)
        headers = {**wire.base, "mcp-protocol-version": NEW, "mcp-method": "tools/call"}
        connection.request("POST", parts.path, body, {**headers, "mcp-name": " \t test_simple_text \t "})
        assert connection.getresponse().status == 200
        connection.close()


class TestCaching:
    """caching"""

    @pytest.mark.parametrize(
        "method, params",
        [("tools/list", {}), ("prompts/list", {}), ("resources/list", {}), ("resources/templates/list", {}),
         ("resources/read", {"uri": "test://static-text"}), ("server/discover", {})],
    )
    def test_hints_are_there(self, wire, method, params):
        result = wire.ask(method, params).result
        assert result["ttlMs"] >= 0
        assert result["cacheScope"] in ("public", "private")


class TestInputRequired:
    """input-required-result-*"""

    def call(self, wire, name, can, **more):
        return wire.ask("tools/call", {"name": name, "arguments": {}, **more}, can=can)

    def rounds(self, wire, name, can, answers):
        """Asks until there is a result; `answers` by key."""
        more, asked = {}, []
        for _ in range(6):
            answer = self.call(wire, name, can, **more)
            assert answer.error is None, answer.error
            if answer.result["resultType"] != "input_required":
                return answer, asked
            keys = list(answer.result.get("inputRequests", {}))
            asked += [answer.result["inputRequests"][key]["method"] for key in keys]
            more = {"inputResponses": {key: answers(answer.result["inputRequests"][key]) for key in keys}}
            if "requestState" in answer.result:
                more["requestState"] = answer.result["requestState"]
        raise AssertionError("it asks again and again")

    def test_basic_elicitation(self, wire):
        answer, asked = self.rounds(
            wire, "test_input_required_result_elicitation", FORM, lambda _: accept(name="Alice"))
        assert asked == ["elicitation/create"]
        assert said(answer) == "Hello, Alice!"

    @pytest.mark.parametrize("answers", [{"user_name": 12345}, None, [], "x"])
    def test_validate_input(self, wire, answers):
        answer = self.call(wire, "test_input_required_result_elicitation", FORM, inputResponses=answers)
        assert answer.error or answer.result["resultType"] == "input_required"

    def test_basic_sampling(self, wire):
        reply = {"role": "assistant", "content": {"type": "text", "text": "Paris"}, "model": "m"}
        answer, asked = self.rounds(
            wire, "test_input_required_result_sampling", {"sampling": {}}, lambda _: reply)
        assert asked == ["sampling/createMessage"]
        assert said(answer) == "Sampling result: Paris"

    def test_basic_list_roots(self, wire):
        roots = {"roots": [{"uri": "file:///a", "name": "a"}]}
        answer, asked = self.rounds(
            wire, "test_input_required_result_list_roots", {"roots": {}}, lambda _: roots)
        assert asked == ["roots/list"]
        assert said(answer) == "Found 1 root(s)"

    def test_request_state(self, wire):
        answer, _ = self.rounds(
            wire, "test_input_required_result_request_state", FORM, lambda _: accept(ok=True))
        assert "state-ok" in said(answer)

    def test_multiple_input_requests(self, wire):
        def reply(request):
            return {
                "elicitation/create": accept(name="Alice"),
                "sampling/createMessage": {
                    "role": "assistant", "content": {"type": "text", "text": "Hi"}, "model": "m"},
                "roots/list": {"roots": []},
            }[request["method"]]

        can = {"elicitation": {}, "sampling": {}, "roots": {}}
        answer, asked = self.rounds(wire, "test_input_required_result_multiple_inputs", can, reply)
        assert sorted(asked) == ["elicitation/create", "roots/list", "sampling/createMessage"]
        assert said(answer) == "Name: Alice; Greeting: Hi; Roots: 0"

    def test_multi_round(self, wire):
        answer, asked = self.rounds(
            wire, "test_input_required_result_multi_round", FORM,
            lambda r: accept(**{key: "blue" for key in r["params"]["requestedSchema"]["properties"]}))
        assert len(asked) == 2
        assert said(answer) == "Multi-round complete for blue who likes blue"

    def test_missing_input_response(self, wire):
        name = "test_input_required_result_elicitation"
        first = self.call(wire, name, FORM)
        more = {"inputResponses": {"something_else": accept(name="x")}}
        if "requestState" in first.result:
            more["requestState"] = first.result["requestState"]
        answer = self.call(wire, name, FORM, **more)
        assert answer.code == -32602 or answer.result["resultType"] == "input_required"

    def test_non_tool_request(self, wire):
        prompt = {"name": "test_input_required_result_prompt"}
        first = wire.ask("prompts/get", prompt, can=FORM)
        assert first.result["resultType"] == "input_required"
        key = next(iter(first.result["inputRequests"]))
        more = {"inputResponses": {key: accept(context="tests")}}
        if "requestState" in first.result:
            more["requestState"] = first.result["requestState"]
        answer = wire.ask("prompts/get", {**prompt, **more}, can=FORM)
        assert answer.result["messages"][0]["content"]["text"] == "Prompt with context: tests"

    def test_result_type(self, wire):
        assert self.call(
            wire, "test_input_required_result_elicitation", FORM).result["resultType"] == "input_required"

    def test_unsupported_methods(self, wire):
        for method in ("tools/list", "prompts/list", "resources/list", "server/discover"):
            answer = wire.ask(method, {"inputResponses": {}, "requestState": "x"})
            assert answer.result is None or answer.result["resultType"] == "complete"

    def test_tampered_state(self, wire):
        name = "test_input_required_result_tampered_state"
        first = self.call(wire, name, FORM)
        state = first.result["requestState"]
        key = next(iter(first.result["inputRequests"]))
        for wrong in (state[:-2] + "xx", state[1:], "nothing", state + "x"):
            answer = self.call(
                wire, name, FORM, requestState=wrong, inputResponses={key: accept(ok=True)})
            assert answer.code is not None
        answer = self.call(wire, name, FORM, requestState=state, inputResponses={key: accept(ok=True)})
        assert "integrity-ok" in said(answer)

    def test_capability_check(self, wire):
        answer = self.call(wire, "test_input_required_result_capabilities", {"sampling": {}})
        asked = [r["method"] for r in answer.result.get("inputRequests", {}).values()]
        assert asked == ["sampling/createMessage"]

    def test_ignore_extra_params(self, wire):
        first = self.call(wire, "test_input_required_result_elicitation", FORM)
        key = next(iter(first.result["inputRequests"]))
        more = {"inputResponses": {key: accept(name="Alice"), "extra": accept(x=1)}}
        if "requestState" in first.result:
            more["requestState"] = first.result["requestState"]
        assert said(self.call(wire, "test_input_required_result_elicitation", FORM, **more)) == "Hello, Alice!"


class TestRebinding:
    """dns-rebinding-protection"""

    @pytest.mark.parametrize(
        "origin",
        ["http://evil.example", "null", "http://localhost.evil.example", "http://user@localhost",
         "http://127.0.0.1.evil.example"],
    )
    def test_a_strange_origin_is_refused(self, wire, origin):
        assert wire.ask("server/discover", headers={"origin": origin}).status in (400, 403)

    def test_an_own_origin_is_taken(self, wire):
        authority = wire.url.split("/")[2]
        assert wire.ask("server/discover", headers={"origin": f"http://{authority}"}).status == 200


# The revisions with sessions.


class TestSessions:
    """server-initialize, ping, server-session-lifecycle, logging-set-level"""

    def test_initialize_and_ping(self, wire):
        answer, headers = wire.open()
        assert answer.result["protocolVersion"] == LEGACY
        assert answer.result["serverInfo"]["name"]
        assert wire.old(headers, "ping").result == {}

    @pytest.mark.parametrize("revision", ["2025-03-26", "2025-06-18", "2025-11-25", "1999-01-01"])
    def test_revisions(self, wire, revision):
        answer, headers = wire.open(revision)
        assert answer.result["protocolVersion"] == (revision if revision > "2000" else LEGACY)
        assert wire.old(headers, "tools/list").result["tools"]

    def test_a_session_ends(self, wire):
        _, headers = wire.open()
        if "mcp-session-id" not in headers:
            pytest.skip("there are no sessions")
        assert wire.client.delete(wire.url, headers=headers).status_code in (200, 202, 204)
        assert wire.old(headers, "tools/list").status == 404

    def test_a_session_that_is_not_known(self, wire):
        _, headers = wire.open()
        answer = wire.old({**headers, "mcp-session-id": "somebody-elses"}, "tools/list")
        assert answer.status == 404
        assert answer.error is not None

    def test_levels(self, wire):
        _, headers = wire.open()
        assert wire.old(headers, "logging/setLevel", {"level": "info"}).result == {}


class TestOldSurface:
    """tools-*, resources-*, prompts-*, completion-complete, json-schema-2020-12, sep-2164-resource-not-found"""

    @pytest.fixture
    def old(self, wire):
        _, headers = wire.open(can={"elicitation": {}, "sampling": {}})
        return lambda method, params=None: wire.old(headers, method, params)

    def test_tools(self, old):
        tools = {tool["name"]: tool for tool in old("tools/list").result["tools"]}
        schema = tools["json_schema_2020_12_tool"]["inputSchema"]
        assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
        assert schema["$defs"]["address"]["$anchor"] == "addressDef"
        assert {"allOf", "if", "then", "else", "additionalProperties"} <= schema.keys()

    @pytest.mark.parametrize(
        "name, kinds",
        [("test_simple_text", ["text"]), ("test_image_content", ["image"]), ("test_audio_content", ["audio"]),
         ("test_embedded_resource", ["resource"]), ("test_multiple_content_types", ["text", "image", "resource"])],
    )
    def test_contents(self, old, name, kinds):
        result = old("tools/call", {"name": name, "arguments": {}}).result
        assert [part["type"] for part in result["content"]] == kinds

    def test_an_error_of_a_tool(self, old):
        assert old("tools/call", {"name": "test_error_handling", "arguments": {}}).result["isError"] is True

    def test_logging_and_progress(self, old):
        logged = old("tools/call", {"name": "test_tool_with_logging", "arguments": {}})
        assert len([m for m in logged.messages if m.get("method") == "notifications/message"]) == 3
        call = {"name": "test_tool_with_progress", "arguments": {}, "_meta": {"progressToken": 5}}
        progress = [m for m in old("tools/call", call).messages if m.get("method") == "notifications/progress"]
        assert [m["params"]["progressToken"] for m in progress] == [5, 5, 5]

    def test_resources(self, old):
        uris = [resource["uri"] for resource in old("resources/list").result["resources"]]
        assert {"test://static-text", "test://static-binary"} <= set(uris)
        text = old("resources/read", {"uri": "test://static-text"}).result["contents"][0]
        assert text["text"] == "This is the content of the static text resource."
        assert old("resources/read", {"uri": "test://static-binary"}).result["contents"][0]["blob"]
        filled = old("resources/read", {"uri": "test://template/123/data"}).result["contents"][0]
        assert json.loads(filled["text"])["id"] == "123"
        assert old("resources/read", {"uri": "test://nowhere"}).code in (-32002, -32602)
        assert old("resources/subscribe", {"uri": "test://watched-resource"}).result == {}
        assert old("resources/unsubscribe", {"uri": "test://watched-resource"}).result == {}

    def test_prompts(self, old):
        names = [prompt["name"] for prompt in old("prompts/list").result["prompts"]]
        assert "test_simple_prompt" in names
        filled = old("prompts/get", {"name": "test_prompt_with_arguments", "arguments": {"arg1": "a", "arg2": "b"}})
        assert filled.result["messages"][0]["content"]["text"] == "Prompt with arguments: arg1='a', arg2='b'"
        for name, arguments in [("test_prompt_with_embedded_resource", {"resourceUri": "test://x"}),
                                ("test_prompt_with_image", {})]:
            assert len(old("prompts/get", {"name": name, "arguments": arguments}).result["messages"]) == 2

    def test_completion(self, old):
        params = {"ref": {"type": "ref/prompt", "name": "test_prompt_with_arguments"},
                  "argument": {"name": "arg1", "value": "par"}}
        assert "values" in old("completion/complete", params).result["completion"]


class TestQuestions:
    """tools-call-elicitation, tools-call-sampling, elicitation-sep1034-defaults, elicitation-sep1330-enums"""

    def call(self, wire, name, arguments, reply):
        _, headers = wire.open(can={"elicitation": {}, "sampling": {}})
        body = {"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        asked = None
        with wire.client.stream("POST", wire.url, content=json.dumps(body), headers=headers) as response:
            for line in response.iter_lines():
                if not line.startswith("data:") or not line[5:].strip():
                    continue
                message = json.loads(line[5:])
                if "method" in message and "id" in message:
                    asked = message
                    answer = {"jsonrpc": "2.0", "id": message["id"], "result": reply}
                    assert wire.client.post(
                        wire.url, content=json.dumps(answer), headers=headers).status_code == 202
                elif message.get("id") == 9:
                    return asked, message["result"]
        raise AssertionError("there was no answer")

    def test_elicitation(self, wire):
        asked, result = self.call(wire, "test_elicitation", {"message": "who?"}, accept(response="me"))
        assert asked["method"] == "elicitation/create"
        assert "action=accept" in result["content"][0]["text"]

    def test_sampling(self, wire):
        reply = {"role": "assistant", "content": {"type": "text", "text": "four"}, "model": "m"}
        asked, result = self.call(wire, "test_sampling", {"prompt": "2+2"}, reply)
        assert asked["method"] == "sampling/createMessage"
        assert result["content"][0]["text"] == "LLM response: four"

    def test_defaults(self, wire):
        asked, _ = self.call(wire, "test_elicitation_sep1034_defaults", {}, accept(name="x"))
        properties = asked["params"]["requestedSchema"]["properties"]
        defaults = {name: schema["default"] for name, schema in properties.items()}
        assert defaults == {"name": "John Doe", "age": 30, "score": 95.5, "status": "active", "verified": True}

    def test_enums(self, wire):
        asked, _ = self.call(wire, "test_elicitation_sep1330_enums", {}, accept(untitledSingle="option1"))
        properties = asked["params"]["requestedSchema"]["properties"]
        assert properties["titledSingle"]["oneOf"][0] == {"const": "value1", "title": "First Option"}
        assert properties["legacyEnum"]["enumNames"] == ["Option One", "Option Two", "Option Three"]
        assert properties["titledMulti"]["items"]["anyOf"][2]["const"] == "value3"


class TestStreams:
    """server-sse-polling, server-sse-multiple-streams"""

    def test_a_stream_that_closes_is_taken_up_again(self, wire):
        _, headers = wire.open()
        call = {"name": "test_reconnection", "arguments": {}}
        answer = wire.old(headers, "tools/call", call)
        if answer.result is None:
            ids = [line[3:].strip() for line in answer.text.splitlines() if line.startswith("id:")]
            retry = [int(line[6:]) for line in answer.text.splitlines() if line.startswith("retry:")]
            assert ids
            time.sleep((retry or [50])[-1] / 1000)
            response = wire.client.get(
                wire.url, headers={**headers, "accept": "text/event-stream", "last-event-id": ids[-1]})
            from mcp_wire import Answer

            answer = Answer(response)
        assert said(answer) == "Reconnection test completed successfully."

    def test_many_streams_at_once(self, wire):
        _, headers = wire.open()
        answers = {}

        def call(number):
            body = {"name": "test_tool_with_progress", "arguments": {}, "_meta": {"progressToken": number}}
            answers[number] = wire.old(headers, "tools/call", body, number=number)

        threads = [threading.Thread(target=call, args=(number,)) for number in range(1, 6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for number, answer in answers.items():
            assert answer.messages[-1]["id"] == number
            tokens = {m["params"]["progressToken"] for m in answer.messages if "method" in m}
            assert tokens <= {number}


class TestMalformed:
    """What is no message gets an answer that is one."""

    @pytest.mark.parametrize(
        "body", ["", "{", "[]", "null", "1", '"x"', "{}", '{"jsonrpc":"1.0","id":1,"method":"ping"}',
                 '{"jsonrpc":"2.0","id":{},"method":"ping"}', '{"jsonrpc":"2.0","id":1.5,"method":"ping"}',
                 "[" * 10_000, '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":[]}'],
    )
    def test_is_refused(self, wire, body):
        response = wire.post(body, {**wire.base, "mcp-protocol-version": NEW, "mcp-method": "tools/list"})
        assert response.status_code == 400
        assert response.json()["error"]["code"] in (-32700, -32600, -32602, -32020, -32000)
