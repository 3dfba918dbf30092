"""The official client is asked by a URL to connect its user to a protected server, in the middle of a call, in both
eras; the server and its issuer are stand-ins of this file."""

import http.server
import json
import secrets
import threading
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, field

import anyio.to_thread
import mcp_types as types
import pytest
from mcp import MCPError

from mcp_stand import NEW, OLD, Front, Person
from mcp_surface import run
from stand import free_port
from test_mcp_gateway import ToolGateway

PRIVATE = {"ttlMs": 0, "cacheScope": "private"}
TOOL = {"name": "whoami", "inputSchema": {"type": "object"}}


class Protected(http.server.ThreadingHTTPServer):
    """A server of tools of revision 2026-07-28, and the issuer of its tokens, at one port."""

    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), ProtectedAnswers)
        self.base = f"http://127.0.0.1:{self.server_port}"
        # What codes and tokens were given for.
        self.codes, self.tokens, self.shown = {}, {}, []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def stop(self):
        self.shutdown()
        self.server_close()


class ProtectedAnswers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=None, **fields):
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(data)))
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def do_GET(self):
        base = self.server.base
        path, _, query = self.path.partition("?")
        match path:
            case "/.well-known/oauth-protected-resource/mcp":
                self.answer(200, {"resource": f"{base}/mcp", "authorization_servers": [base]})
            case "/.well-known/oauth-authorization-server":
                self.answer(200, {
                    "issuer": base, "authorization_endpoint": f"{base}/authorize", "token_endpoint": f"{base}/token",
                    "registration_endpoint": f"{base}/register", "code_challenge_methods_supported": ["S256"],
                    "token_endpoint_auth_methods_supported": ["none"],
                    "authorization_response_iss_parameter_supported": True,
                })
            case "/authorize":
                fields = dict(urllib.parse.parse_qsl(query))
                code = secrets.token_urlsafe()
                self.server.codes[code] = fields["client_id"]
                back = urllib.parse.urlencode({"code": code, "state": fields["state"], "iss": base})
                self.answer(302, location=f"{fields['redirect_uri']}?{back}")
            case _:
                self.answer(404)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        match self.path:
            case "/register":
                self.answer(201, {"client_id": "dyn-1"})
            case "/token":
                form = dict(urllib.parse.parse_qsl(body.decode()))
                if self.server.codes.pop(form.get("code"), None) is None:
                    return self.answer(400, {"error": "invalid_grant"})
                token = secrets.token_urlsafe()
                self.server.tokens[token] = "ada"
                self.answer(200, {"access_token": token, "token_type": "Bearer", "expires_in": 3600})
            case "/mcp":
                self.tools(json.loads(body))
            case _:
                self.answer(404)

    def tools(self, message):
        shown = self.headers.get("authorization", "")
        self.server.shown.append(shown)
        who = self.server.tokens.get(shown.removeprefix("Bearer "))
        if who is None:
            return self.answer(401, www_authenticate="Bearer")
        result = {
            "server/discover": {"supportedVersions": [NEW], "capabilities": {"tools": {}}, **PRIVATE},
            "tools/list": {"tools": [TOOL], **PRIVATE},
            "tools/call": {"content": [{"type": "text", "text": who}]},
        }.get(message["method"])
        if result is None:
            error = {"code": -32601, "message": "no such method"}
            return self.answer(404, {"jsonrpc": "2.0", "id": message.get("id"), "error": error})
        self.answer(200, {"jsonrpc": "2.0", "id": message["id"], "result": {"resultType": "complete", **result}})


class NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


@dataclass
class Browser:
    """What a person's browser does with a URL: shows who she is, allows the access, and comes back."""

    cookies: dict = field(default_factory=dict)

    def open(self, url, form=None, origin=None):
        headers = {"cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        if origin:
            headers["origin"] = origin
        data = urllib.parse.urlencode(form).encode() if form else None
        opener = urllib.request.build_opener(NoRedirect)
        try:
            reply = opener.open(urllib.request.Request(url, data, headers), timeout=20)
        except urllib.error.HTTPError as error:
            reply = error
        for line in reply.headers.get_all("set-cookie") or []:
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return reply.status, reply.headers.get("location"), reply.read().decode()

    def connect(self, url, key):
        flow = dict(urllib.parse.parse_qsl(url.partition("?")[2]))["flow"]
        status, _, page = self.open(url)
        assert status == 200 and "<form" in page
        origin = "/".join(url.split("/")[:3])
        status, place, _ = self.open(url.partition("?")[0], {"flow": flow, "credential": key}, origin)
        assert status == 303
        status, back, _ = self.open(place)
        assert status == 302
        status, _, page = self.open(back)
        assert status == 200 and "Connected" in page


@dataclass
class Connecting(Person):
    """Opens the URLs that she is asked to open."""

    key: str = ""

    async def elicit(self, context, params):
        if params.mode == "url" and self.action == "accept":
            await anyio.to_thread.run_sync(Browser().connect, params.url, self.key)
        return await super().elicit(context, params)


@pytest.fixture
def protected():
    server = Protected()
    yield server
    server.stop()


@pytest.fixture
def gateway(sluice, folder, protected, is_direct):
    if is_direct:
        pytest.skip("needs the gateway")
    spec = {"http": {"url": f"{protected.base}/mcp", "oauth": {"allowedAddresses": ["127.0.0.0/8"]}}}
    gateway = ToolGateway(sluice, folder, {"tracker": spec}, name=f"connect-{free_port()}", is_public=True)
    yield gateway
    gateway.stop()


@pytest.mark.parametrize("mode", [NEW, OLD])
def test_a_call_asks_its_user_to_connect_and_goes_on(gateway, protected, mode):
    person = Connecting(key=gateway.key)
    front = Front(mode=mode, url=f"{gateway.url}/mcp/tracker", key=gateway.key)

    async def body():
        async with front.client(person) as client:
            said = await client.call_tool("whoami", {})
            assert said.content[0].text == "ada"
            assert [form.mode for form in person.forms] == ["url"]
            # And then it is known.
            assert [tool.name for tool in (await client.list_tools()).tools] == ["whoami"]
            assert (await client.call_tool("whoami", {})).content[0].text == "ada"
            assert len(person.forms) == 1

    run(body())
    assert not any(gateway.key in shown for shown in protected.shown)


@pytest.mark.parametrize("mode", [NEW, OLD])
def test_who_declines_is_told_of_the_command(gateway, mode):
    person = Connecting(key=gateway.key, action="decline")
    front = Front(mode=mode, url=f"{gateway.url}/mcp/tracker", key=gateway.key)

    async def body():
        async with front.client(person) as client:
            with pytest.raises(MCPError) as refusal:
                await client.call_tool("whoami", {})
            assert "have not connected" in str(refusal.value)

    run(body())


def test_a_list_of_the_old_era_names_the_url(gateway):
    front = Front(mode=OLD, url=f"{gateway.url}/mcp/tracker", key=gateway.key)

    async def body():
        async with front.client(Connecting(key=gateway.key)) as client:
            with pytest.raises(MCPError) as refusal:
                await client.list_tools()
            assert refusal.value.error.code == types.URL_ELICITATION_REQUIRED

    run(body())
