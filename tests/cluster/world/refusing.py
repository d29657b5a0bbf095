"""An S3 server that is overloaded: 503 to every request, on port 8333."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b"<Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>"
)


class Refusing(BaseHTTPRequestHandler):
    """Each connection has one answer: the next may be the real server's again."""

    def refuse(self) -> None:
        self.send_response(503)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(BODY)))
        self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(BODY)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = refuse  # noqa: N815  http.server's names


if __name__ == "__main__":
    ThreadingHTTPServer(("", 8333), Refusing).serve_forever()
