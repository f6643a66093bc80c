"""What a service works on never reaches its standard error, whatever breaks."""

import json
import subprocess
import sys
import textwrap
import time

import httpx
import pytest

NAME = "Jeanne Untel"

PROBE = textwrap.dedent(
    """
    import asyncio, logging, sys, threading, warnings
    import uvloop
    from fastapi.responses import StreamingResponse
    from sqlalchemy import text
    from keel.application import create_service
    from keel.commands import listen, serve_on
    from keel.database import Database
    from keel.telemetry import configure_logging

    NAME = "Jeanne Untel"
    database = Database(sys.argv[1])
    app = create_service(name="probe", title="Probe", description="", version="1")

    @app.get("/endpoint")
    async def endpoint() -> None:
        raise RuntimeError(f"{NAME} née le 3 mai")

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def body():
            yield b"first"
            raise RuntimeError(f"{NAME} née le 3 mai")
        return StreamingResponse(body())

    @app.get("/task")
    async def task() -> None:
        async def work() -> None:
            raise RuntimeError(f"{NAME} née le 3 mai")
        asyncio.create_task(work())
        await asyncio.sleep(0)

    @app.get("/callback")
    async def callback() -> None:
        def work() -> None:
            raise RuntimeError(f"{NAME} née le 3 mai")
        asyncio.get_running_loop().call_soon(work)

    @app.get("/thread")
    def thread() -> None:
        def work() -> None:
            raise RuntimeError(f"{NAME} née le 3 mai")
        threading.Thread(target=work).start()

    @app.get("/sql")
    async def sql() -> None:
        async with database.begin() as session:
            await session.execute(text("create table people (name text unique)"))
            for _ in range(2):
                await session.execute(text("insert into people values (:n)"), {"n": NAME})

    @app.get("/library")
    async def library() -> None:
        logging.getLogger("some.library").error("cannot read %s", NAME)
        warnings.warn(NAME)

    @app.get("/del")
    async def delete() -> None:
        class Held:
            def __del__(self):
                raise RuntimeError(NAME)
        Held()

    @app.get("/sql-message")
    async def sql_message() -> str:
        try:
            await sql()
        except Exception as error:
            return repr(error) + str(error)
        return ""

    async def main() -> None:
        bound = listen("127.0.0.1", 0)
        print(bound.getsockname()[1], flush=True)
        await serve_on(app, bound)
        await database.close()
        raise RuntimeError(f"{NAME} at the end")

    configure_logging("probe")
    uvloop.run(main())
    """
)


@pytest.fixture
def probe(tmp_path):
    """A service on a real socket: its URL, and a way to stop it that returns its standard error."""
    script = tmp_path / "probe.py"
    script.write_text(PROBE)
    with subprocess.Popen(
        [sys.executable, str(script), f"sqlite+aiosqlite:///{tmp_path / 'probe.sqlite3'}"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        port = process.stdout.readline().strip()

        def stop() -> str:
            process.terminate()
            return process.communicate(timeout=20)[1]

        yield f"http://127.0.0.1:{port}", stop
        process.kill()


def _ask(url: str, path: str) -> httpx.Response | None:
    for _ in range(50):
        try:
            return httpx.get(url + path, trust_env=False)
        except httpx.ConnectError:
            time.sleep(0.1)
        except httpx.RemoteProtocolError:
            return None
    raise AssertionError("the probe does not listen")


def test_whatever_breaks_only_class_names_are_written(probe):
    url, stop = probe
    crash = _ask(url, "/endpoint")
    assert crash.status_code == 500
    assert _ask(url, "/stream") is None, "an answer that broke off does not look complete"
    for path in ("/task", "/callback", "/thread", "/sql", "/library", "/del"):
        _ask(url, path)
    said = stop()
    assert NAME not in said
    assert "Traceback" not in said
    lines = [json.loads(line) for line in said.splitlines()]
    assert {line["service"] for line in lines} == {"probe"}
    sources = {line.get("source") for line in lines}
    assert sources >= {
        "uvicorn.error",
        "asyncio",
        "some.library",
        "py.warnings",
        "thread",
        "unraisable",
        "main",
    }
    assert {line["error"] for line in lines if "error" in line} == {
        "RuntimeError",
        "IntegrityError",
    }
    (recorded,) = [
        line
        for line in lines
        if line["event"] == "unexpected_error" and line["trace_id"] == crash.json()["trace_id"]
    ]
    assert recorded["error"] == "RuntimeError"


def test_an_sql_error_does_not_hold_its_parameters(probe):
    url, stop = probe
    message = _ask(url, "/sql-message").json()
    assert "IntegrityError" in message
    assert NAME not in message
    stop()
