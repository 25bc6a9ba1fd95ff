"""Holds the GIL in a call of C until told, with a callback registered if it has an argument."""

from __future__ import annotations

import ctypes
import http.server
import sys
import threading

from tests.programs.served import metrics


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()

    def log_message(self, *args):
        pass


witness = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=witness.serve_forever, daemon=True).start()
print(witness.server_port)

metrics.create_intcounter("requests_total", "Requests").inc_by(7)
if len(sys.argv) > 1:
    metrics.register_callback(lambda: print("ran"))
libc = ctypes.PyDLL(None)  # CDLL would release the GIL
byte = ctypes.create_string_buffer(1)
sys.setswitchinterval(3600)
libc.write(1, b"holds the GIL\n", 14)
libc.read(0, byte, 1)
libc.write(1, b"released it\n", 12)
sys.setswitchinterval(0.005)
input()
