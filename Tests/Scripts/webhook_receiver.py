"""A webhook receiver: appends every request as one line of JSON to a file.

Usage: webhook_receiver.py PORT FILE   Paths: /ok answers 200, /fail 500, /refuse 404, /hang nothing for a minute.
"""

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        request = {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": json.loads(body)}
        with Receiver.lock, open(sys.argv[2], "a", encoding="utf-8") as file:
            file.write(json.dumps(request) + "\n")
        if self.path == "/hang":
            threading.Event().wait(60)
        self.send_response({"/fail": 500, "/refuse": 404}.get(self.path, 200))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self):
        request = {"path": self.path, "headers": {k.lower(): v for k, v in self.headers.items()}, "body": {}}
        with Receiver.lock, open(sys.argv[2], "a", encoding="utf-8") as file:
            file.write(json.dumps(request) + "\n")
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *arguments):
        pass


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Receiver).serve_forever()
