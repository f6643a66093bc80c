"""`python -m demo.scripted_model --port 0`: one line of JSON with the address, then it serves."""

import argparse
import asyncio
import json
import socket
import sys

import uvicorn

from demo.scripted_model import MODEL, NOTICE
from demo.scripted_model.app import create_app

_LOOPBACK = "127.0.0.1"


def main() -> int:
    """Serve on loopback until told to stop; 2 when the port cannot be had."""
    parser = argparse.ArgumentParser(prog="python -m demo.scripted_model", description=NOTICE)
    parser.add_argument("--port", type=int, default=0, help="0: any free port")
    parser.add_argument("--pace-ms", type=float, default=3.0, help="pause between two pieces")
    given = parser.parse_args()
    # The protocol is named, because asyncio switches Nagle's delay (40 ms here) off only then.
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((_LOOPBACK, given.port))
    except OSError as error:
        print(f"Cannot listen on port {given.port} ({error.strerror}).", file=sys.stderr)
        return 2
    bound.listen(128)
    url = f"http://{_LOOPBACK}:{bound.getsockname()[1]}"
    announced = {"url": url, "base_url": f"{url}/v1", "model": MODEL, "notice": NOTICE}
    print(json.dumps(announced, ensure_ascii=False), flush=True)
    app = create_app(pace_s=given.pace_ms / 1000)
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="warning", access_log=False, server_header=False)
    )
    asyncio.run(server.serve(sockets=[bound]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
