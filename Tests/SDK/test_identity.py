"""Delegation end to end: a person logs in at a real OpenID provider, an agent acts for her, its child for both."""

import base64
import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

import pytest

import stand

CONFIGURATION = """\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: edge}}
spec:
  gatewayClassName: sluice
  listeners: [{{name: http, protocol: HTTP, port: {port}}}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: all}}
spec:
  parentRefs: [{{name: edge}}]
  rules:
    - matches: [{{path: {{type: PathPrefix, value: /v1}}}}]
      backendRefs: [{{group: sluice.dev, kind: ModelCatalog, name: default}}]
    - matches: [{{path: {{type: PathPrefix, value: /oauth}}}}, {{path: {{type: PathPrefix, value: /.well-known}}}}]
      backendRefs: [{{group: sluice.dev, kind: TokenService, name: sluice}}]
---
apiVersion: sluice.dev/v1alpha1
kind: IdentityProvider
metadata: {{name: login}}
spec:
  type: OIDC
  oidc:
    issuer: "{issuer}"
    audiences: [sluice]
    algorithms: [RS256]
    tokenTypes: [JWT, ""]
    actors: [planner, coder]
  claims: {{user: claims.email, groups: claims.groups}}
---
apiVersion: sluice.dev/v1alpha1
kind: ModelProvider
metadata: {{name: openai}}
spec: {{dialect: openai, baseURL: {openai}/v1, credential: {{env: OPENAI_API_KEY}}}}
---
apiVersion: sluice.dev/v1alpha1
kind: ModelCatalog
metadata: {{name: default}}
spec:
  models:
    - {{name: fast, targets: [{{provider: openai, model: gpt-5-mini}}], price: {{input: "1", output: "1"}}}}
    - {{name: slow, targets: [{{provider: openai, model: gpt-5}}], price: {{input: "1", output: "1"}}}}
---
apiVersion: sluice.dev/v1alpha1
kind: ModelAccessPolicy
metadata: {{name: all}}
spec: {{subjects: [{{any: true}}], models: ["*"]}}
"""

pytestmark = pytest.mark.gateway
ANN = {"sub": "ann", "email": "ann@example.com", "groups": ["engineering"]}


def claims(token):
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def post(url, form, headers=None):
    request = urllib.request.Request(url, data=urllib.parse.urlencode(form).encode(), headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=20) as reply:
            return reply.status, json.loads(reply.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


class Identity:
    """A provider of identities, a mock of models, a gateway, and one person who uses them."""

    def __init__(self, sluice, folder):
        self.sluice = sluice
        self.folder = Path(folder) / "identity"
        self.folder.mkdir()
        self.state = self.folder / "state"
        port = stand.free_port()
        self.issuer = f"http://127.0.0.1:{port}"
        self.provider = stand.Process(
            self.folder, "provider",
            [sys.executable, "-W", "ignore", "-m", "oidc_provider_mock", "-p", str(port),
             "--user-claims", json.dumps(ANN)],
        )
        self.mock = stand.Mock(sluice, self.folder)
        self.port = stand.free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.until(lambda: urllib.request.urlopen(f"{self.issuer}/.well-known/openid-configuration", timeout=5))
        document = stand.fetch(f"{self.issuer}/.well-known/openid-configuration")
        self.named = document["issuer"]
        file = self.folder / "gateway.yaml"
        file.write_text(CONFIGURATION.format(port=self.port, issuer=self.named, openai=self.mock.url))
        environment = dict(os.environ, OPENAI_API_KEY=stand.VENDOR_SECRET)
        self.gateway = stand.Process(
            self.folder, "gateway",
            [sluice, "run", "-f", str(file), "--state", str(self.state), "--admin", "none", "--telemetry", "none",
             "--token-issuer", self.url],
            environment,
        )
        self.until(lambda: urllib.request.urlopen(f"{self.url}/oauth/jwks", timeout=5))

    def until(self, body, seconds=20):
        end = time.monotonic() + seconds
        while True:
            try:
                return body()
            except OSError:
                if time.monotonic() > end:
                    raise
                time.sleep(0.05)

    def run(self, *words, status=0, **more):
        environment = dict(
            os.environ, SLUICE_STATE=str(self.state), SLUICE_URL=self.url,
            SLUICE_LOGIN=str(self.folder / "login"), **more,
        )
        done = subprocess.run([self.sluice, *words], capture_output=True, text=True, timeout=60, env=environment)
        assert done.returncode == status, f"{words}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def login(self):
        """What a browser does, without one."""
        environment = dict(os.environ, SLUICE_LOGIN=str(self.folder / "login"), SLUICE_CLIENT_SECRET="any")
        command = [self.sluice, "login", "--issuer", self.named, "--client-id", "sluice", "--id-token", "--wait", "30"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        line = process.stderr.readline()
        place = re.search(r"open (\S+)", line).group(1)
        query = urllib.parse.parse_qs(urllib.parse.urlparse(place).query)
        assert query["code_challenge_method"] == ["S256"]
        # A browser that brings an answer to another question changes nothing; the person says who she is.
        data = urllib.parse.urlencode({"sub": "ann"}).encode()
        urllib.request.urlopen(urllib.request.Request(place, data=data), timeout=20).read()
        out, err = process.communicate(timeout=30)
        assert process.returncode == 0, err
        return out

    def call(self, token, model="fast"):
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "hello"}]}).encode()
        request = urllib.request.Request(
            f"{self.url}/v1/chat/completions", data=body,
            headers={"authorization": f"Bearer {token}", "content-type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def stop(self):
        for process in [self.gateway, self.mock, self.provider]:
            process.stop()


@pytest.fixture(scope="module")
def identity(sluice, folder):
    identity = Identity(sluice, folder)
    yield identity
    identity.stop()


def test_a_person_an_agent_and_its_child(identity):
    assert "logged in" in identity.login()
    who = json.loads(identity.run("whoami", "-o", "json"))
    assert who["user"] == "ann@example.com"
    assert who["provenBy"]["user"].startswith("claims of IdentityProvider")
    # The agent shows its own key and the person's token, and acts for her.
    key = json.loads(identity.run("key", "create", "--agent", "planner", "-o", "json"))
    planner = identity.run("token", "exchange", "--client", f"{key['id']}:{key['key']}", "--models", "fast").strip()
    said = claims(planner)
    assert said["user"] == "ann@example.com" and said["act"]["sub"] == "planner"
    assert identity.call(planner)[0] == 200
    assert identity.call(planner, "slow")[0] == 403
    # A child agent exchanges again: the chain grows, the models do not.
    child = json.loads(identity.run("key", "create", "--agent", "coder", "-o", "json"))
    client = f"{child['id']}:{child['key']}"
    coder = identity.run("token", "exchange", "--token", planner, "--client", client).strip()
    said = claims(coder)
    assert said["act"] == {"sub": "coder", "act": {"sub": "planner"}}
    assert said["models"] == ["fast"] and said["exp"] <= claims(planner)["exp"]
    assert identity.call(coder)[0] == 200
    identity.run("token", "exchange", "--token", planner, "--client", client, "--models", "slow", status=4)
    # An agent that nobody named may not.
    thief = json.loads(identity.run("key", "create", "--agent", "thief", "-o", "json"))
    identity.run("token", "exchange", "--client", f"{thief['id']}:{thief['key']}", status=4)
    # Her end is the end of all of them.
    rows = json.loads(identity.run("usage", "--where", "user=ann@example.com", "--by", "agent", "-o", "json"))["items"]
    assert {row["agent"] for row in rows} == {"planner", "coder"}
    identity.run("token", "revoke", said["jti"])
    assert identity.call(coder)[0] == 401
    assert identity.call(planner)[0] == 200
    identity.run("token", "revoke", "--user", "ann@example.com")
    assert identity.call(planner)[0] == 401


def test_documents_and_bad_tokens(identity):
    known = json.load(urllib.request.urlopen(f"{identity.url}/.well-known/oauth-authorization-server", timeout=5))
    assert known["issuer"] == identity.url and known["token_endpoint"] == f"{identity.url}/oauth/token"
    status, body = identity.call("eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.")
    assert status == 401 and "root" not in json.dumps(body)
    status, body = post(f"{identity.url}/oauth/token", {"grant_type": "password"})
    assert status == 400 and body["error"] == "unsupported_grant_type"


def test_a_run_spends_one_budget(identity):
    words = ["--agent", "builder", "--user", "ben", "--budget", "2requests", "--models", "fast"]
    token = identity.run("run-token", *words).strip()
    child = identity.run("token", "exchange", "--token", token).strip()
    assert identity.call(token)[0] == 200
    assert identity.call(child)[0] == 200
    assert identity.call(child)[0] == 429
    assert "builder" in identity.run("whoami", "--token", child)
    shown = json.loads(identity.run("token", "inspect", child, "-o", "json"))
    assert shown["claims"]["run"] == claims(token)["run"] and shown["checked"] is False
    identity.run("token", "revoke", "--run", shown["claims"]["run"])
    assert identity.call(token)[0] == 401


def test_no_sink_holds_a_token(identity):
    """T24: nothing that is written down holds what opens something."""
    token = identity.run("run-token", "--agent", "quiet").strip()
    identity.call(token)
    secret = token.split(".")[2]
    for path in identity.folder.rglob("*"):
        if path.is_file() and "login" not in path.parts:
            assert secret.encode() not in path.read_bytes(), path
    keys = identity.state / "token-keys.json"
    assert keys.stat().st_mode & 0o077 == 0
