import os
import platform
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

import fast


def answer():
    libraries = "found" if os.path.isdir(os.environ["LIBRARY_PATHS"]) else "missing"
    return f"{platform.machine()} {fast.squares(10)} {libraries}\n"


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(answer().encode())


if __name__ == "__main__":
    if "--once" in sys.argv:
        sys.stdout.write(answer())
    else:
        HTTPServer(("", 8000), Handler).serve_forever()
