# SPDX-License-Identifier: Apache-2.0
"""Those who talk to axfwd: curl, a program with a keep-alive connection, a person with a browser."""
import html.parser
import http.client
import io
import json
import re
import socket
import subprocess
import urllib.parse
from dataclasses import dataclass, field

from lab import PATIENCE_S, PORT, SERVER4, enter, inside

UNKNOWN_KEY = "axfw_" + "0" * 43


@dataclass
class Reply:
    status: int
    headers: http.client.HTTPMessage = field(repr=False)
    body: bytes

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode()

    @property
    def by_kernel(self):
        return self.headers.get("x-axfw-path") == "kernel"


class _Stream(io.BufferedReader):
    """What http.client reads an answer from. It closes that when the answer ends; what came behind it in
    the same segment must stay for the next one."""

    def makefile(self, mode):
        return self

    def close(self):
        pass


class Connection:
    """A kept-alive connection from the client's namespace."""

    def __init__(self, network, host=SERVER4, source=None, namespace=None):
        with inside(namespace or network.client):
            self.socket = socket.create_connection((host, PORT), PATIENCE_S,
                                                   (source, 0) if source else None)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream = _Stream(socket.SocketIO(self.socket, "r"))
        self.host = host

    def send(self, data):
        self.socket.sendall(data)
        return self

    def reply(self):
        """The next answer."""
        answer = http.client.HTTPResponse(self.stream)
        answer.begin()
        return Reply(answer.status, answer.msg, answer.read())

    def ask(self, *request, **parts):
        return self.send(build_request(*request, **parts)).reply()

    def at_end(self):
        """Has the server closed, cleanly? ConnectionResetError when it was torn down."""
        return self.stream.read(1) == b""

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()


def build_request(method, path, body=b"", host=SERVER4, key=None, **headers):
    """The bytes of a request; headers as keyword arguments (x_real_ip= is X-Real-Ip)."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}:{PORT}"]
    if key is not None:
        lines.append(f"Authorization: Bearer {key}")
    lines += [f"{name.replace('_', '-').title()}: {value}" for name, value in headers.items()]
    if method == "POST" and "content_length" not in headers and "transfer_encoding" not in headers:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def guard_request(key, text="What is the weather today?", path="/v1/guard/check", **parts):
    return build_request("POST", path, json.dumps({"text": text}).encode(), key=key, **parts)


def ask(network, *request, source=None, **parts):
    """One request on a connection of its own."""
    with Connection(network, parts.get("host", SERVER4), source) as connection:
        return connection.ask(*request, **parts)


def check(network, key, text="What is the weather today?", source=None, **parts):
    """One guard call on a connection of its own."""
    with Connection(network, parts.get("host", SERVER4), source) as connection:
        return connection.send(guard_request(key, text, **parts)).reply()


def curl(network, *words, host=SERVER4, path="/v1/guard/check"):
    """curl's view: (its exit status, its verbose notes, the answer as it came with headers)."""
    where = f"[{host}]" if ":" in host else host
    done = subprocess.run([*enter(network.client), "curl", "-sSvi", "-g", "-m", str(PATIENCE_S), *words,
                           f"http://{where}:{PORT}{path}"], capture_output=True, text=True, check=False)
    return done.returncode, done.stderr, done.stdout


class _Forms(html.parser.HTMLParser):
    """Collects a page's forms: action and the hidden fields with their values."""

    def __init__(self, page):
        super().__init__()
        self.forms = {}
        self.current = {}
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "form":
            self.current = self.forms.setdefault(attributes.get("action", ""), {})
        if tag == "input" and attributes.get("type") == "hidden":
            self.current[attributes["name"]] = attributes.get("value", "")


def page_forms(page):
    """{action: {hidden field: value}} of a page."""
    return _Forms(page).forms


class Browser:
    """A person: keeps cookies, sends forms as they stand on the page, hidden fields included."""

    def __init__(self, network, host=SERVER4, source=None):
        self.network, self.host, self.source = network, host, source
        self.cookies = {}

    def request(self, method, path, body=b"", **headers):
        if self.cookies:
            headers["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        reply = ask(self.network, method, path, body, host=self.host, source=self.source,
                    accept="text/html", **headers)
        for line in reply.headers.get_all("Set-Cookie", []):
            name, value = line.split(";")[0].split("=", 1)
            self.cookies[name] = value
        return reply

    def get(self, path):
        return self.request("GET", path)

    def post(self, path, **fields):
        """A form's fields, as given and nothing else."""
        return self.request("POST", path, urllib.parse.urlencode(fields).encode(),
                            content_type="application/x-www-form-urlencoded")

    def submit(self, page, action, **fields):
        """Opens the page, fills its form in and sends it."""
        shown = self.get(page)
        assert shown.status == 200, (page, shown.status)
        forms = page_forms(shown.text())
        assert action in forms, f"{page} has no form for {action}, only {sorted(forms)}"
        return self.post(action, **{**forms[action], **fields})

    def sign_up(self, email="ada@example.org", password="correct horse"):
        return self.submit("/signup", "/signup", email=email, password=password)

    def log_in(self, email="ada@example.org", password="correct horse"):
        return self.submit("/login", "/login", email=email, password=password)

    def create_key(self, name="test"):
        """A key made through the form: its secret, as the dashboard shows it."""
        assert self.submit("/dashboard", "/dashboard/keys", name=name).status == 303
        return find_secret(self.get("/dashboard").text())

    def revoke_actions(self):
        """Where the dashboard's revoke buttons lead, newest key first."""
        return [action for action in page_forms(self.get("/dashboard").text()) if action.endswith("/revoke")]


def find_secret(page):
    """The API key that stands on the page, or None."""
    found = re.search(r"axfw_[A-Za-z0-9_-]{43}", page)
    return found and found.group()


def find_recovery_code(page):
    found = re.search(r"\b([A-Z2-7]{4}-){6}[A-Z2-7]{2}\b", page)
    return found and found.group()
