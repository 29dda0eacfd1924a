"""A small but complete QTable client: docs/protocol.md in one file. Copy it and change it.

It needs Python 3.9 and the package websocket-client (Debian: python3-websocket). Three parts run beside each other:
Session keeps the tokens, Stream keeps the floor up to date, Writer sends what people do. Each has a file of its own.
"""

import http.client
import json
import os
import random
import threading
import time
import urllib.error
import urllib.request
import uuid
import zlib

import websocket

# Makes the client's clock run faster, for tests. Real devices leave it at 1.
RATE = float(os.environ.get("QTABLE_RATE", "1"))

REQUEST_SECONDS = 15
SILENCE_SECONDS = 12
HELLO_SECONDS = 1
APPLIED_SECONDS = 1
SAVE_SECONDS = 3
BARRED_SECONDS = 60
SETTLED_SECONDS = 60
TOKEN_MARGIN_SECONDS = 60
BACKOFF_SECONDS = 0.25
BACKOFF_MOST_SECONDS = 10
REPAIR_SECONDS = 4
REPAIR_MOST_SECONDS = 300
BEFORE_ALL_TIMES = "0000-00-00T00:00:00.000000Z"


def now():
    return time.time() * RATE


class SignedOut(Exception):
    """A person must sign in."""


class Unreachable(Exception):
    """Nobody knows; try again later, not sooner than after `retry_after` seconds."""

    def __init__(self, retry_after=0):
        super().__init__("the server could not be asked")
        self.retry_after = retry_after


class Backoff:
    """Waits between attempts, longer each time (section 7)."""

    def __init__(self, stop):
        self.stop = stop
        self.failures = 0

    def reset(self):
        self.failures = 0

    def wait(self, at_least=0):
        most = min(BACKOFF_MOST_SECONDS, BACKOFF_SECONDS * 2 ** min(self.failures, 30))
        self.failures += 1
        self.stop.wait(max(at_least, random.uniform(most / 2, most)) / RATE)


class File:
    """One JSON value on the disk. A crash leaves the old value or the new one, never a half."""

    def __init__(self, path):
        self.path = path

    def load(self, otherwise):
        try:
            with open(self.path, encoding="utf-8") as file:
                return json.load(file)
        except (FileNotFoundError, ValueError):
            return otherwise

    def save(self, value):
        with open(self.path + ".new", "w", encoding="utf-8") as file:
            json.dump(value, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(self.path + ".new", self.path)


class NoRedirects(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


OPENER = urllib.request.build_opener(NoRedirects)


def request(method, url, body=None, headers=None):
    """Sends JSON, reads JSON: (status, object, seconds of Retry-After). Status 0: there was no answer."""
    data = None if body is None else json.dumps(body).encode()
    headers = {"Accept": "application/json", **({"Content-Type": "application/json"} if data else {}), **(headers or {})}
    asked = urllib.request.Request(url, data, headers, method=method)
    try:
        with OPENER.open(asked, timeout=REQUEST_SECONDS / RATE) as answer:
            return read(answer.status, answer)
    except urllib.error.HTTPError as answer:
        return read(answer.code, answer)
    except (OSError, http.client.HTTPException):
        return 0, {}, 0


def read(status, answer):
    retry_after = seconds(answer.headers.get("Retry-After"))
    try:
        value = json.loads(answer.read())
    except (OSError, http.client.HTTPException):
        return 0, {}, 0
    except ValueError:
        value = {}
    return status, value if isinstance(value, dict) else {}, retry_after


def seconds(text):
    return min(int(text), 3600) if text and text.isdigit() else 0


class Session:
    """The tokens of one sign-in (section 4)."""

    def __init__(self, base, file):
        self.base = base
        self.file = file
        self.lock = threading.Lock()
        self.tokens = file.load(None)

    def sign_in(self, email, password, device):
        status, body, retry_after = request(
            "POST", self.base + "/v2/sign-in", {"email": email, "password": password, "device": device}
        )
        if self.keep(status, body):
            return
        if "code" in body and 400 <= status < 500 and status != 429:
            raise SignedOut(body["code"])
        raise Unreachable(retry_after)

    @property
    def restaurant(self):
        if not self.tokens:
            raise SignedOut()
        return f"{self.base}/v2/restaurants/{self.tokens['restaurantId']}"

    def token(self):
        """A good access token. One thread at a time refreshes it."""
        with self.lock:
            if not self.tokens:
                raise SignedOut()
            life = self.tokens["expiresInSeconds"]
            left = self.tokens["expiresAt"] - now()
            # A clock that was set back makes a token look younger than it can be.
            if min(TOKEN_MARGIN_SECONDS, life / 2) < left <= life:
                return self.tokens["accessToken"]
            status, body, retry_after = request(
                "POST", self.base + "/v2/refresh", {"refreshToken": self.tokens["refreshToken"]}
            )
            if self.keep(status, body):
                return self.tokens["accessToken"]
            # Only the server's own word ends a sign-in: not a broken network, not a captive portal.
            if status == 401 and body.get("code") == "refresh-refused":
                self.file.save(None)
                self.tokens = None
                raise SignedOut()
            raise Unreachable(retry_after)

    def expire(self, access_token):
        """The server did not take this token."""
        with self.lock:
            if self.tokens and self.tokens["accessToken"] == access_token:
                self.tokens["expiresAt"] = 0

    def keep(self, status, body):
        if status != 200 or not {"accessToken", "refreshToken", "expiresInSeconds", "restaurantId"} <= body.keys():
            return False
        tokens = {**body, "expiresAt": now() + body["expiresInSeconds"]}
        self.file.save(tokens)  # Before they are used.
        self.tokens = tokens
        return True


def upgraded(value, upgrade):
    """A held value in the shape that a new release gives its kind. Done twice it is as done once."""
    value = dict(value)
    for old, new in upgrade.get("rename", {}).items():
        if old in value:
            value.setdefault(new, value.pop(old))
    for name in upgrade.get("remove", []):
        value.pop(name, None)
    return {**upgrade.get("add", {}), **value}


def canonical(value):
    """JSON as RFC 8785 writes it."""
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: key.encode("utf-16-be", "surrogatepass"))
        return "{" + ",".join(canonical(key) + ":" + canonical(value[key]) for key in keys) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return number(float(value))
    return json.dumps(value, ensure_ascii=False)


def number(value):
    """A number as ECMAScript writes it. Python finds the same digits and sets them differently."""
    if value == 0:
        return "0"
    mantissa, _, exponent = repr(abs(value)).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if len(digits) <= point <= 21:
        text = digits + "0" * (point - len(digits))
    elif 0 < point <= 21:
        text = digits[:point] + "." + digits[point:]
    elif -6 < point <= 0:
        text = "0." + "0" * -point + digits
    else:
        text = digits[0] + ("." + digits[1:] if digits[1:] else "") + f"e{point - 1:+d}"
    return ("-" if value < 0 else "") + text


class Floor:
    """Entities at one seq, and their hash (section 8). Kinds that nobody here knows are kept too: they count."""

    def __init__(self, stored=None):
        self.epoch, self.seq, self.at, self.horizon = None, 0, None, BEFORE_ALL_TIMES
        self.entities, self.sum = {}, 0
        if stored:
            self.take(stored)

    def take(self, snapshot):
        self.epoch, self.seq, self.at = snapshot["epoch"], snapshot["seq"], snapshot["at"]
        self.horizon = snapshot["horizon"]
        self.entities, self.sum = {}, 0
        for entity in snapshot["entities"]:
            self.put(entity)

    def apply(self, change):
        """Applies the change that follows and no other. False: something is missing."""
        if change["epoch"] != self.epoch:
            return False
        if change["seq"] <= self.seq:
            return True  # It is there already.
        if change["seq"] != self.seq + 1:
            return False
        for upgrade in change.get("upgrade", []):
            for (kind, _), (_, version, value) in list(self.entities.items()):
                if kind == upgrade["kind"]:
                    self.put({"kind": kind, "id": value["id"], "version": version, "value": upgraded(value, upgrade)})
        for entry in change["entries"]:
            if entry["op"] == "put":
                self.put(entry)
            else:
                self.drop((entry["kind"], entry["id"]))
        self.seq, self.at = change["seq"], change["at"]
        return True

    def put(self, entity):
        key = (entity["kind"], entity["id"])
        self.drop(key)
        if not self.is_over(entity["value"]):
            crc = zlib.crc32(f"{key[0]}\n{key[1]}\n{canonical(entity['value'])}".encode())
            self.entities[key] = (crc, entity["version"], entity["value"])
            self.sum = (self.sum + crc) % 2**32

    def drop(self, key):
        crc = self.entities.pop(key, (0,))[0]
        self.sum = (self.sum - crc) % 2**32

    def is_over(self, value):
        return (value.get("endedAt") or self.horizon) < self.horizon

    def prune(self, horizon):
        """Drops what ended before the horizon. False: the horizon is an old one, and says nothing."""
        if horizon < self.horizon:
            return False
        self.horizon = horizon
        for key in [key for key, (_, _, value) in self.entities.items() if self.is_over(value)]:
            self.drop(key)
        return True

    def hash(self):
        return f"{len(self.entities)}-{self.sum:08x}"

    def snapshot(self):
        entities = [
            {"kind": kind, "id": id, "version": version, "value": value}
            for (kind, id), (_, version, value) in self.entities.items()
        ]
        return {"epoch": self.epoch, "seq": self.seq, "at": self.at, "horizon": self.horizon, "entities": entities}


class Stream(threading.Thread):
    """Keeps the floor up to date over the socket (section 6). `shown` is called with it after each change."""

    def __init__(self, session, file, device, shown, stop):
        super().__init__(daemon=True)
        self.session, self.file, self.device, self.shown, self.stop = session, file, device, shown, stop
        self.floor = Floor(file.load(None))
        self.backoff = Backoff(stop)
        self.saved_at = self.hello_at = self.applied_at = 0
        self.repair_at, self.repair_seconds = 0, REPAIR_SECONDS
        self.is_unsaved = False

    def run(self):
        while not self.stop.is_set():
            try:
                token = self.session.token()
                began = now()
                advised = self.connect(token)
                if now() - began >= SETTLED_SECONDS:
                    self.backoff.reset()
            except SignedOut:
                return
            except Unreachable as error:
                self.backoff.wait(error.retry_after)
                continue
            if advised is None:
                self.backoff.wait()
            else:
                self.stop.wait(advised / RATE)

    def connect(self, token):
        """One connection, from its handshake to its end. Returns the seconds to wait; None: as the back-off says."""
        url = self.session.restaurant.replace("http", "ws", 1) + "/stream"
        try:
            self.socket = websocket.create_connection(
                url, timeout=SILENCE_SECONDS / RATE, header=[f"Authorization: Bearer {token}"]
            )
        except websocket.WebSocketBadStatusException as refusal:
            if refusal.status_code == 401:
                self.session.expire(token)
            if refusal.status_code in (403, 404):
                return BARRED_SECONDS
            headers = {name.lower(): value for name, value in (refusal.resp_headers or {}).items()}
            raise Unreachable(seconds(headers.get("retry-after"))) from refusal
        except (OSError, websocket.WebSocketException):
            return None
        try:
            return self.listen(token)
        except (OSError, websocket.WebSocketException):  # The network, or silence for too long.
            return None
        finally:
            self.socket.close(timeout=0)
            self.save()

    def listen(self, token):
        # What is awaited: the answer to a hello, or the snapshot behind a resync. All else means nothing until then.
        self.token, self.behind_at = token, None
        self.hello()
        while not self.stop.is_set():
            opcode, data = self.socket.recv_data()
            if opcode == websocket.ABNF.OPCODE_CLOSE:
                code = int.from_bytes(data[:2], "big")
                if code == 4401:
                    self.session.expire(token)
                return BARRED_SECONDS if code == 4403 else None
            if opcode != websocket.ABNF.OPCODE_TEXT:
                continue
            message = json.loads(data)
            if message["type"] == "reconnect":
                return message["afterMillis"] / 1000
            self.hear(message)
            if self.is_unsaved and now() - self.saved_at >= SAVE_SECONDS:
                self.save()
        return None

    def hear(self, message):
        kind = message["type"]
        if kind == "resumed" and self.awaited == "answer":
            self.awaited = None
        elif kind == "resync":
            self.awaited = "snapshot"
        elif kind == "snapshot" and self.awaited != "answer":
            self.floor.take(message)
            self.awaited = None
            self.changed()
        elif kind == "changes" and not self.awaited:
            if not all(self.floor.apply(change) for change in message["changes"]):
                self.hello()
            self.changed()
        elif kind == "heartbeat" and not self.awaited:
            self.heartbeat(message)

    def heartbeat(self, beat):
        floor = self.floor
        if beat["epoch"] != floor.epoch:
            return self.hello()
        if beat["head"] > floor.seq:
            if self.behind_at == floor.seq:
                return self.hello()
            self.behind_at = floor.seq
            return None
        self.behind_at = None
        if beat["head"] < floor.seq or not floor.prune(beat["horizon"]):
            return None
        if beat["hash"] == floor.hash():
            self.repair_at, self.repair_seconds = 0, REPAIR_SECONDS
        elif now() >= self.repair_at:
            # Where fetching anew does not help, the fault lies elsewhere: ask more seldom.
            self.repair_at = now() + self.repair_seconds
            self.repair_seconds = min(self.repair_seconds * 2, REPAIR_MOST_SECONDS)
            return self.hello(anew=True)
        return None

    def hello(self, anew=False):
        self.stop.wait(max(0, self.hello_at + HELLO_SECONDS - now()) / RATE)
        self.hello_at = now()
        self.awaited, self.behind_at = "answer", None
        message = {"type": "hello", "token": self.token, "device": self.device}
        if self.floor.epoch and not anew:
            message.update(epoch=self.floor.epoch, since=self.floor.seq, at=self.floor.at)
        self.socket.send(json.dumps(message))

    def changed(self):
        self.is_unsaved = True
        self.shown(self.floor)
        if now() - self.applied_at >= APPLIED_SECONDS:
            self.applied_at = now()
            self.socket.send(json.dumps({"type": "applied", "seq": self.floor.seq}))

    def save(self):
        if self.is_unsaved:
            self.is_unsaved, self.saved_at = False, now()
            self.file.save(self.floor.snapshot())


class Writer(threading.Thread):
    """Sends writes in their order, one at a time, until the server has decided each (section 9)."""

    UNDECIDED = (401, 408, 425, 429)

    def __init__(self, session, file, device, refused, stop):
        super().__init__(daemon=True)
        self.session, self.file, self.device, self.refused, self.stop = session, file, device, refused, stop
        self.queue = file.load([])
        self.lock = threading.Lock()
        self.more = threading.Event()
        self.backoff = Backoff(stop)

    def add(self, method, path, body=None):
        """Stores a write. It is sent when that is possible; after this returned it cannot be lost."""
        with self.lock:
            write = {"key": str(uuid.uuid4()), "method": method, "path": path, "body": body}
            self.file.save(self.queue + [write])
            self.queue.append(write)
        self.more.set()
        return write["key"]

    def run(self):
        while not self.stop.is_set():
            self.more.wait(1)
            self.more.clear()
            while self.queue and not self.stop.is_set():
                try:
                    self.send(self.queue[0])
                except SignedOut:
                    return
                except Unreachable as error:
                    self.backoff.wait(error.retry_after)

    def send(self, write):
        token = self.session.token()
        status, body, retry_after = request(
            write["method"],
            self.session.restaurant + write["path"],
            write["body"],
            {"Authorization": f"Bearer {token}", "Idempotency-Key": write["key"], "X-Device": self.device},
        )
        if status == 401:
            self.session.expire(token)
        if status == 200 and "result" in body:
            return self.decided()
        # Only the server's own words decide: a proxy or a captive portal has no code.
        if 400 <= status < 500 and status not in self.UNDECIDED and "code" in body:
            if body["code"] == "restaurant-inactive":
                raise Unreachable(BARRED_SECONDS)
            self.decided()
            return self.refused(write, body)
        raise Unreachable(retry_after)

    def decided(self):
        with self.lock:
            self.file.save(self.queue[1:])
            self.queue.pop(0)
        self.backoff.reset()


class QTable:
    """A device: signs in, keeps the floor of a restaurant, sends what people do."""

    def __init__(self, base, folder, device, shown, refused=lambda write, problem: None):
        os.makedirs(folder, exist_ok=True)
        self.device, self.stop = device, threading.Event()
        self.session = Session(base, File(os.path.join(folder, "tokens.json")))
        self.stream = Stream(self.session, File(os.path.join(folder, "floor.json")), device, shown, self.stop)
        self.writer = Writer(self.session, File(os.path.join(folder, "queue.json")), device, refused, self.stop)

    def start(self, email, password):
        """Signs in where that is needed; waits for the network, not for the floor."""
        backoff = Backoff(self.stop)
        while not self.session.tokens and not self.stop.is_set():
            try:
                self.session.sign_in(email, password, self.device)
            except Unreachable as error:
                backoff.wait(error.retry_after)
        self.stream.start()
        self.writer.start()
