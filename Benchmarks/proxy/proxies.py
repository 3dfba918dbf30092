"""The proxies that are compared: their configurations and commands. Each has one worker."""

import base64
import json
import os
import shutil
import tempfile

from machine import PROXY_CORE, free_port, resident_kib, wait_until_accepting

# The access log goes to standard output, which is a file here; metrics are on by default.
SLUICE_COMMAND = "{binary} run -f {folder}/sluice.yaml --state {state}"

NGINX = """
daemon off; master_process off; worker_processes 1; pid {folder}/{name}.pid; error_log /dev/null crit;
events {{ worker_connections 16384; }}
http {{
  access_log off; server_tokens off; keepalive_requests 100000000; keepalive_timeout 300s; tcp_nodelay on;
  client_body_temp_path {folder}/{name}-1; proxy_temp_path {folder}/{name}-2; fastcgi_temp_path {folder}/{name}-3;
  uwsgi_temp_path {folder}/{name}-4; scgi_temp_path {folder}/{name}-5;
  {http}
}}
"""

NGINX_PROXY = """
  upstream backend {{ server 127.0.0.1:{upstream}; keepalive 1024; keepalive_requests 100000000; }}
  server {{
    listen 127.0.0.1:{http} backlog=4096;
    listen 127.0.0.1:{tls} ssl backlog=4096;
    listen 127.0.0.1:{h2} http2 backlog=4096;
    ssl_certificate {folder}/certificate.pem; ssl_certificate_key {folder}/key.pem;
    ssl_session_cache off; ssl_session_tickets off;
    proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    location / {{ proxy_pass http://backend; }}
    location /events {{ proxy_pass http://backend; proxy_buffering off; }}
  }}
"""

NGINX_BACKEND = """
  default_type application/json;
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 '{body}'; }} }}
"""

HAPROXY = """
global
  nbthread 1
  maxconn 9950
  tune.bufsize 32768
  tune.ssl.cachesize 0
defaults
  mode http
  option http-keep-alive
  option http-no-delay
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 300s
  timeout server 300s
frontend all
  bind 127.0.0.1:{http} backlog 4096
  bind 127.0.0.1:{tls} ssl crt {folder}/both.pem no-tls-tickets backlog 4096
  bind 127.0.0.1:{h2} proto h2 backlog 4096
  default_backend backend
backend backend
  server one 127.0.0.1:{upstream} pool-max-conn -1 pool-purge-delay 300s
"""

SLUICE = """
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: edge}}
spec:
  gatewayClassName: sluice
  listeners:
    - {{name: http, protocol: HTTP, port: {http}}}
    - name: https
      protocol: HTTPS
      port: {tls}
      tls: {{mode: Terminate, certificateRefs: [{{name: certificate}}]}}
---
apiVersion: v1
kind: Secret
metadata: {{name: certificate}}
type: kubernetes.io/tls
data:
  tls.crt: {certificate}
  tls.key: {key}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: app}}
spec:
  parentRefs: [{{name: edge}}]
  rules:
    - matches: [{{path: {{type: PathPrefix, value: /}}}}]
      backendRefs: [{{group: sluice.dev, kind: Backend, name: app}}]
---
apiVersion: sluice.dev/v1alpha1
kind: Backend
metadata: {{name: app}}
spec: {{endpoints: [{{host: 127.0.0.1, port: {upstream}}}]}}
"""


def body_1k():
    return json.dumps({"items": [{"id": i, "name": f"item number {i}"} for i in range(28)]})


def make_certificate(stage, run):
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
         "30", "-subj", "/CN=localhost", "-keyout", stage.path("key.pem"), "-out", stage.path("certificate.pem")])
    with open(stage.path("certificate.pem")) as certificate, open(stage.path("key.pem")) as key:
        stage.write("both.pem", certificate.read() + key.read())


class Proxy:
    """A running proxy: its process, its ports, and what its start cost."""

    def __init__(self, stage, name, command, ports):
        self.name, self.ports, self.stage = name, ports, stage
        self.process = stage.start(command, PROXY_CORE, output=f"{name}.log")
        seconds = wait_until_accepting(ports["http"], self.process)
        if seconds is None:
            raise SystemExit(f"{name} did not start: {stage.tail(name + '.log')}")
        self.startup_ms = seconds * 1000

    @property
    def pid(self):
        return self.process.pid

    def resident_kib(self):
        return resident_kib(self.pid)

    def stop(self):
        self.stage.stop(self.process)


def _ports():
    return {kind: free_port() for kind in ("http", "tls", "h2")}


def start_nginx(stage, upstream):
    ports = _ports()
    inner = NGINX_PROXY.format(folder=stage.folder, upstream=upstream, **ports)
    file = stage.write("nginx.conf", NGINX.format(folder=stage.folder, name="nginx", http=inner))
    return Proxy(stage, "nginx", ["nginx", "-p", stage.folder, "-c", file], ports)


def start_haproxy(stage, upstream):
    ports = _ports()
    file = stage.write("haproxy.cfg", HAPROXY.format(folder=stage.folder, upstream=upstream, **ports))
    return Proxy(stage, "haproxy", ["haproxy", "-db", "-f", file], ports)


def sluice_configuration(stage, upstream, ports):
    def encoded(name):
        with open(stage.path(name), "rb") as file:
            return base64.b64encode(file.read()).decode()

    text = SLUICE.format(upstream=upstream, certificate=encoded("certificate.pem"), key=encoded("key.pem"), **ports)
    return stage.write("sluice.yaml", text)


def sluice_command(stage, binary, extra=()):
    state = tempfile.mkdtemp(prefix="state-", dir=stage.folder)
    line = SLUICE_COMMAND.format(binary=os.path.abspath(binary), folder=stage.folder, state=state)
    return [*line.split(), *extra]


def start_sluice(stage, upstream, binary, extra=()):
    ports = _ports()
    ports["h2"] = ports["http"]  # prior knowledge on the HTTP listener
    sluice_configuration(stage, upstream, ports)
    return Proxy(stage, "sluice", sluice_command(stage, binary, extra), ports)


def available(names):
    """The peers that are installed."""
    return [name for name in names if shutil.which(name)]
