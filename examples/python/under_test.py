"""Runs qtable.py for tests: the conformance kit's, and the ones against a real server.

It takes tasks from GET /conformance/task or, with QTABLE_TASKS=stdin, from lines of its input, and prints where it stands.
"""

import json
import os
import sys
import threading

from qtable import QTable, request


def shown(floor):
    print(json.dumps({"epoch": floor.epoch, "seq": floor.seq, "hash": floor.hash()}), flush=True)


def refused(write, problem):
    print(json.dumps({"refused": write["key"], "code": problem["code"]}), flush=True)


def write(task):
    path, body = task["path"], task["body"]
    if task["method"] == "DELETE":  # Many HTTP clients send no body with it: the version goes into the query.
        path, body = path + (f"?version={body['version']}" if "version" in body else ""), None
    client.writer.add(task["method"], path, body)


def take_tasks():
    while True:
        status, task, _ = request("GET", base + "/conformance/task")
        if status == 200:
            write(task)
        elif status != 204:
            client.stop.wait(0.2)


base = os.environ["QTABLE_URL"]
client = QTable(base, os.environ["QTABLE_STATE"], "Python", shown, refused)
client.start(os.environ["QTABLE_EMAIL"], os.environ["QTABLE_PASSWORD"])
if os.environ.get("QTABLE_TASKS") == "stdin":
    for line in sys.stdin:
        write(json.loads(line))
else:
    threading.Thread(target=take_tasks, daemon=True).start()
client.stop.wait()
