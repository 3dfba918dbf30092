"""Delegation end to end: a person logs in at a real OpenID provider, an agent acts for her, its child for both."""

import base64
import json
import os
import re
import shutil
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

    def until_equal(self, body, wanted, seconds=20):
        end = time.monotonic() + seconds
        while (found := body()) != wanted:
            assert time.monotonic() < end, f"{found}, not {wanted}"
            time.sleep(0.1)

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
    # The end of one token is not the end of the others.
    rows = json.loads(identity.run("usage", "--where", "user=ann@example.com", "--by", "agent", "-o", "json"))["items"]
    assert {row["agent"] for row in rows} == {"planner", "coder"}
    identity.run("token", "revoke", said["jti"])
    assert identity.call(coder)[0] == 401
    assert identity.call(planner)[0] == 200


def records(identity, *words):
    """What `audit search` finds, the oldest first."""
    items = json.loads(identity.run("audit", "search", *words, "--limit", "1000", "-o", "json"))["items"]
    return [item["record"] for item in reversed(items)]


def chain(record):
    return [actor["sub"] for actor in record["unmapped"].get("delegation_chain", [])]


def delegate(identity):
    """Ann's login, an agent for her, its child for both: their two tokens, and both have called once."""
    identity.login()
    clients = []
    for agent in ["planner", "coder"]:
        key = json.loads(identity.run("key", "create", "--agent", agent, "-o", "json"))
        clients.append(f"{key['id']}:{key['key']}")
    planner = identity.run("token", "exchange", "--client", clients[0], "--models", "fast").strip()
    coder = identity.run("token", "exchange", "--token", planner, "--client", clients[1]).strip()
    for token in [planner, coder]:
        assert identity.call(token)[0] == 200
    assert identity.call(coder, "slow")[0] == 403
    return planner, coder


def test_one_search_shows_who_acted_for_whom_and_what_it_cost(identity):
    planner, coder = delegate(identity)
    run = claims(planner)["run"]
    assert run.startswith("run_") and claims(coder)["run"] == run
    found = records(identity, "--run", run)
    assert all(record["actor"]["user"]["uid"] == "ann@example.com" for record in found)
    # Both tokens, before and after they were signed: who asked, who acts, what they are made from.
    issued = [record for record in found if record["class_uid"] == 3003]
    assert [chain(record) for record in issued] == [["planner"]] * 2 + [["coder", "planner"]] * 2
    assert [record["unmapped"]["effect"]["state"] for record in issued] == ["pending", "done"] * 2
    assert issued[0]["unmapped"]["details"]["actor"] == "planner"
    assert issued[0]["unmapped"]["details"]["models"] == ["fast"]
    made, parent = issued[2]["unmapped"]["credential"], issued[0]["unmapped"]["credential"]
    assert made["subject_jti_hash"] == parent["id"] and made["aud"] == identity.url
    # Both calls with model, tokens and cost, and the one that was refused.
    calls = [record for record in found if record["unmapped"]["traffic"] == "models"]
    done = [record for record in calls if record["unmapped"].get("effect", {}).get("state") == "done"]
    assert [chain(record) for record in done] == [["planner"], ["coder", "planner"]]
    for record in done:
        assert record["ai_model"]["name"] == "fast" and record["ai_model"]["ai_provider"] == "openai"
        usage = record["message_context"]
        # A dollar for a million tokens, of either kind.
        assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"] > 0
        assert float(record["unmapped"]["cost_usd"]) == pytest.approx(usage["total_tokens"] / 1e6)
    refused = [record for record in calls if record["unmapped"]["decision"]["verdict"] == "denied"]
    assert [(record["ai_agent"]["uid"], record["ai_model"]["name"]) for record in refused] == [("coder", "slow")]
    table = identity.run("audit", "search", "--run", run)
    assert "token.exchange" in table and "coder" in table and "fast" in table
    # No record holds a token, nor what it is called.
    for token in [planner, coder]:
        assert token.split(".")[2] not in json.dumps(found)


def test_the_run_is_proven_and_one_byte_is_found(identity, tmp_path):
    planner, _ = delegate(identity)
    run = claims(planner)["run"]
    bundle, key = tmp_path / "run.bundle", str(identity.state / "audit" / "verifier")
    # Four of tokens and one refusal; of each of the two calls one or two, by how long it took.
    wanted = len(records(identity, "--run", run))
    assert 7 <= wanted <= 9
    # A bundle is made of what the newest checkpoint covers; there is one a second.
    identity.until_equal(lambda: export(identity, run, bundle), wanted)
    assert "proven" in identity.run("audit", "verify", str(bundle), "--key", key)
    text = bundle.read_text()
    bundle.write_text(text.replace('"coder"', '"nobody"', 1))
    said = identity.run("audit", "verify", str(bundle), "--key", key, status=1)
    assert "edited: record" in said
    # The log itself, as it lies on the disk: one bit of one record.
    copy = tmp_path / "state"
    shutil.copytree(identity.state / "audit", copy / "audit")
    assert "proven" in identity.run("audit", "verify", "--state", str(copy))
    segment = sorted((copy / "audit" / "log").glob("*.log"))[-1]
    content = bytearray(segment.read_bytes())
    place = content.index(f'"run":"{run}"'.encode())
    content[place + 10] ^= 1
    segment.write_bytes(content)
    index = next(
        item["index"]
        for item in reversed(json.loads(identity.run("audit", "search", "--run", run, "-o", "json"))["items"])
    )
    said = identity.run("audit", "verify", "--state", str(copy), status=1)
    assert f"edited: record {index}:" in said, said


def export(identity, run, bundle):
    """How many records of the run a bundle has."""
    bundle.unlink(missing_ok=True)
    identity.run("audit", "export", "--run", run, "--to", str(bundle))
    return sum(1 for line in bundle.read_text().splitlines() if '"record":' in line)


def test_refusals_of_tokens_are_records(identity):
    token = identity.run("run-token", "--agent", "quiet", "--user", "eve").strip()
    form = {"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange", "subject_token": token,
            "subject_token_type": "urn:ietf:params:oauth:token-type:access_token", "scope": "admin"}
    assert post(f"{identity.url}/oauth/token", form)[1]["error"] == "invalid_scope"
    assert post(f"{identity.url}/oauth/introspect", {"token": token})[0] == 401
    key = json.loads(identity.run("key", "create", "--agent", "asker", "-o", "json"))
    basic = base64.b64encode(f"{key['id']}:{key['key']}".encode()).decode()
    asked = {"authorization": f"Basic {basic}"}
    assert post(f"{identity.url}/oauth/revoke", {"token": token})[0] == 200
    assert post(f"{identity.url}/oauth/introspect", {"token": token}, asked)[1] == {"active": False}
    found = records(identity, "--where", "operation=token.*", "--where", "verdict=denied")
    told = [(record["api"]["operation"], record["unmapped"]["details"]["error"]) for record in found[-3:]]
    assert told == [
        ("token.exchange", "invalid_scope"), ("token.introspect", "invalid_client"), ("token.introspect", "inactive")
    ]
    assert found[-3]["actor"]["user"]["uid"] == "eve"
    assert found[-1]["unmapped"]["details"]["client"] == "asker"
    ended = records(identity, "--where", "operation=token.revoke", "--user", "eve")
    assert [record["unmapped"]["effect"]["state"] for record in ended] == ["pending", "done"]
    minted = records(identity, "--where", "operation=token.mint", "--user", "eve")
    assert minted[0]["unmapped"]["details"]["jtiHash"] == ended[0]["unmapped"]["details"]["jtiHash"]
    # Who holds the admin token is told by the system: the user at the other end of the socket.
    admin = records(identity, "--where", "operation=POST /v1/tokens")[-1]
    assert admin["actor"]["user"]["uid"].startswith("unix:")
    assert admin["metadata"]["correlation_uid"] == minted[-1]["metadata"]["correlation_uid"]


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


def test_a_persons_end_is_the_end_of_all_who_act_for_her(identity):
    # The last one here: whatever was issued to her up to this second is over.
    planner, coder = delegate(identity)
    identity.run("token", "revoke", "--user", "ann@example.com")
    for token in [planner, coder]:
        assert identity.call(token)[0] == 401
