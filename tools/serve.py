"""Show the built site as GitHub Pages would: python tools/serve.py [--port 8000]   (or make serve)

The very folder that is published, under the path that it has there, so that the links of 404.html
lead where they will; an address that does not exist gets that page.
"""

import argparse
import functools
import http.server
import sys
from http import HTTPStatus
from pathlib import Path
from urllib.parse import urlsplit

from set_repository import current_url, pages_url

ROOT = Path(__file__).resolve().parent.parent
SITE = ROOT / "_build" / "html"


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder under a path (``root``, like "/name/"), quietly."""

    def __init__(self, *arguments: object, root: str, **options: object) -> None:
        self.root = root
        super().__init__(*arguments, **options)

    def translate_path(self, path: str) -> str:
        inside = path.startswith(self.root)
        return super().translate_path(path[len(self.root) - 1 :] if inside else "/no such file")

    def do_GET(self) -> None:
        if self.path == "/" != self.root:
            self.send_response(HTTPStatus.FOUND)
            self.send_header("Location", self.root)
            self.end_headers()
        else:
            super().do_GET()

    def send_error(self, code: int, *arguments: object) -> None:
        page = Path(self.directory) / "404.html"
        if code != HTTPStatus.NOT_FOUND or not page.is_file():
            return super().send_error(code, *arguments)
        content = page.read_bytes()
        self.send_response(code)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        return None

    def log_message(self, *arguments: object) -> None:
        pass


def server(site: Path, root: str, port: int) -> http.server.ThreadingHTTPServer:
    """A server for this machine only; port 0 takes a free one."""
    handler = functools.partial(Handler, directory=str(site), root=root)
    return http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--port", type=int, default=8000)
    port = parser.parse_args().port
    if not (SITE / "index.html").is_file():
        print(f"{SITE} holds no site: run make site first.", file=sys.stderr)
        return 1
    root = urlsplit(pages_url(current_url())).path
    try:
        running = server(SITE, root, port)
    except OSError as error:
        print(f"Port {port} cannot be had ({error.strerror}): try another.", file=sys.stderr)
        return 1
    print(f"The site is at http://localhost:{port}{root} until you press Ctrl+C.")
    try:
        running.serve_forever()
    except KeyboardInterrupt:
        print()
    return 0


if __name__ == "__main__":
    sys.exit(main())
