"""Messages of MCP written by hand, for what no well-behaved client sends."""

import json

import httpx2

NEW = "2026-07-28"
META = "io.modelcontextprotocol/"


class Wire:
    """One endpoint; `key` opens it."""

    def __init__(self, url, key=""):
        self.url = url
        self.client = httpx2.Client(timeout=20)
        self.base = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
        if key:
            self.base["authorization"] = f"Bearer {key}"

    # The new revision.

    def ask(self, method, params=None, can=None, headers=None, meta=None, drop=(), number=1):
        """One request; headers that are None are left out, members of `_meta` in `drop` too."""
        params = dict(params or {})
        meta = {
            f"{META}protocolVersion": NEW,
            f"{META}clientInfo": {"name": "wire", "version": "1"},
            f"{META}clientCapabilities": can or {},
            **(meta or {}),
        }
        params["_meta"] = {name: value for name, value in meta.items() if name not in drop}
        all_headers = {**self.base, "mcp-protocol-version": NEW, "mcp-method": method}
        name = params.get("name") or params.get("uri")
        if name and method in ("tools/call", "prompts/get", "resources/read"):
            all_headers["mcp-name"] = name
        all_headers.update(headers or {})
        body = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
        return Answer(self.post(body, all_headers))

    def post(self, body, headers):
        content = body if isinstance(body, (str, bytes)) else json.dumps(body)
        return self.client.post(
            self.url, content=content, headers=[(n, v) for n, v in headers.items() if v is not None]
        )

    # The old ones.

    def open(self, revision="2025-11-25", can=None):
        body = {
            "jsonrpc": "2.0", "id": 0, "method": "initialize",
            "params": {
                "protocolVersion": revision, "capabilities": can or {}, "clientInfo": {"name": "wire", "version": "1"},
            },
        }
        answer = Answer(self.post(body, self.base))
        headers = {**self.base, "mcp-protocol-version": answer.result["protocolVersion"]}
        if "mcp-session-id" in answer.headers:
            headers["mcp-session-id"] = answer.headers["mcp-session-id"]
        taken = self.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, headers)
        assert taken.status_code == 202
        return answer, headers

    def old(self, headers, method, params=None, number=1):
        body = {"jsonrpc": "2.0", "id": number, "method": method, "params": params or {}}
        return Answer(self.post(body, headers))


class Answer:
    def __init__(self, response):
        self.status = response.status_code
        self.headers = response.headers
        self.text = response.text
        if response.headers.get("content-type", "").startswith("text/event-stream"):
            lines = [line[5:].strip() for line in self.text.splitlines() if line.startswith("data:")]
            self.messages = [json.loads(line) for line in lines if line]
        else:
            try:
                self.messages = [json.loads(self.text)]
            except ValueError:
                self.messages = []
        last = self.messages[-1] if self.messages else {}
        self.result = last.get("result")
        self.error = last.get("error")
        self.code = (self.error or {}).get("code")
