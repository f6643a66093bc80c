"""Nothing is sent to the inside of a network, however its address is written, named or resolved."""

import asyncio
import socket
import ssl
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.webhooks.addresses import Reach
from gateway.webhooks.rules import Failure
from gateway.webhooks.sending import Attempt, Sender

STRICT = Reach()
LOOPBACK = Reach(loopback=True)

INSIDE = {
    "unspecified": "0.0.0.0",
    "this network": "0.1.2.3",
    "private 10": "10.0.0.1",
    "private 172.16": "172.16.0.1",
    "private 172.31": "172.31.255.254",
    "private 192.168": "192.168.1.1",
    "carrier-grade NAT": "100.64.0.1",
    "one cloud's metadata, in carrier-grade NAT": "100.100.100.200",
    "loopback": "127.0.0.1",
    "loopback, another": "127.8.8.8",
    "link-local": "169.254.0.1",
    "clouds' metadata": "169.254.169.254",
    "tasks' metadata": "169.254.170.2",
    "a cloud's own service": "168.63.129.16",
    "protocol assignments": "192.0.0.8",
    "documentation 1": "192.0.2.1",
    "documentation 2": "198.51.100.7",
    "documentation 3": "203.0.113.9",
    "6to4 relay": "192.88.99.1",
    "benchmarks": "198.18.0.1",
    "benchmarks, second half": "198.19.255.254",
    "multicast": "224.0.0.1",
    "multicast, administrative": "239.255.255.250",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
    "unspecified, 6": "::",
    "loopback, 6": "::1",
    "mapped loopback": "::ffff:127.0.0.1",
    "mapped loopback in hexadecimal": "::ffff:7f00:1",
    "mapped metadata": "::ffff:169.254.169.254",
    "mapped public": "::ffff:9.9.9.9",
    "compatible loopback": "::127.0.0.1",
    "compatible private": "::10.0.0.1",
    "translated (SIIT) private": "::ffff:0:10.0.0.1",
    "NAT64 of loopback": "64:ff9b::7f00:1",
    "NAT64 of metadata": "64:ff9b::169.254.169.254",
    "NAT64 of private": "64:ff9b::10.0.0.1",
    "local NAT64": "64:ff9b:1::10.0.0.1",
    "discard": "100::1",
    "6to4 of private": "2002:a00:1::",
    "6to4 of loopback": "2002:7f00:1::1",
    "Teredo": "2001:0:a00:1::1",
    "benchmarks, 6": "2001:2::1",
    "ORCHID": "2001:20::1",
    "documentation, 6": "2001:db8::1",
    "documentation, 6, newer": "3fff::1",
    "segment routing": "5f00::1",
    "unique local": "fc00::1",
    "unique local, in use": "fd12:3456:789a::1",
    "metadata, 6": "fd00:ec2::254",
    "link-local, 6": "fe80::1",
    "link-local with its interface": "fe80::1%eth0",
    "site-local": "fec0::1",
    "multicast, 6": "ff02::1",
}

WRITTEN = {
    "decimal": "https://2130706433/",
    "decimal metadata": "https://2852039166/latest/meta-data",
    "octal": "https://0177.0.0.1/",
    "octal of all": "https://017700000001/",
    "hexadecimal": "https://0x7f000001/",
    "hexadecimal parts": "https://0x7f.0x0.0x0.0x1/",
    "short": "https://127.1/",
    "short of three": "https://10.0.1/",
    "zero": "https://0/",
    "an address with a dot behind": "https://127.0.0.1./",
    "a public address": "https://9.9.9.9/",
    "a public address, 6": "https://[2620:fe::fe]/",
    "mapped with brackets": "https://[::ffff:10.0.0.1]/",
    "with an interface": "https://[fe80::1%25eth0]/",
    "localhost": "https://localhost/",
    "localhost below": "https://hooks.localhost/",
    "localhost in capitals": "https://LOCALHOST/",
    "a dot behind": "https://hooks.centre.fr./",
    "localhost with a dot behind": "https://localhost./",
    "mDNS": "https://printer.local/",
    "internal": "https://vault.internal/",
    "one cloud's metadata by name": "https://metadata.google.internal/computeMetadata/v1/",
    "a service of the cluster": "https://anonymizer.passerelle.svc.cluster.local/",
    "a bare name": "https://anonymizer/",
    "a name of digits at its end": "https://hooks.1/",
    "home": "https://router.home.arpa/",
    "full-width digits": "https://１２７.０.０.１/",
    "circled digits": "https://①②⑦.⓪.⓪.①/",
    "an ideographic full stop": "https://127。0。0。1/",
    "a letter that looks like another": "https://hооks.centre.fr/",
    "an invisible sign": "https://hooks.\u200bcentre.fr/",
    "plain http": "http://hooks.centre.fr/",
    "another scheme": "ftp://hooks.centre.fr/",
    "a file": "file:///etc/passwd",
    "gopher": "gopher://127.0.0.1:6379/_FLUSHALL",
    "no scheme": "//hooks.centre.fr/",
    "a user": "https://user@hooks.centre.fr/",
    "a user and a password": "https://user:word@hooks.centre.fr/",
    "an empty user": "https://@hooks.centre.fr/",
    "a user that looks like a host": "https://hooks.centre.fr@127.0.0.1/",
    "a backslash": "https://hooks.centre.fr\\@127.0.0.1/",
    "a fragment": "https://hooks.centre.fr/#here",
    "an empty fragment": "https://hooks.centre.fr/#",
    "another port": "https://hooks.centre.fr:8443/",
    "the port of ssh": "https://hooks.centre.fr:22/",
    "port zero": "https://hooks.centre.fr:0/",
    "a port too far": "https://hooks.centre.fr:65979/",
    "a port that is none": "https://hooks.centre.fr:https/",
    "an empty port": "https://hooks.centre.fr:/",
    "a space before": " https://hooks.centre.fr/",
    "a line's end": "https://hooks.centre.fr/\n",
    "a tab inside": "https://hooks.cen\ttre.fr/",
    "a header in the path": "https://hooks.centre.fr/ HTTP/1.1\r\nX: y",
    "percent signs in the name": "https://%31%32%37.0.0.1/",
    "NUL": "https://hooks.centre.fr\x00.evil.org/",
    "an underscore": "https://hooks_1.centre.fr/",
    "a label too long": "https://" + "a" * 64 + ".fr/",
    "a name too long": "https://" + "a." * 130 + "fr/",
    "too long": "https://hooks.centre.fr/" + "a" * 2000,
    "loopback without leave": "http://127.0.0.1:8080/",
    "nothing": "https:///path",
    "brackets around a name": "https://[hooks.centre.fr]/",
}

PUBLIC = ("9.9.9.9", "1.1.1.1", "172.32.0.1", "100.128.0.1", "2620:fe::fe", "2a01:e0a::1", "64:ff9b::9.9.9.9")  # fmt: skip


async def resolved(*answers, reach=STRICT):
    """Make one attempt at a name for which the resolver gives each of `answers` in turn."""
    asked = []

    async def look_up(host):
        asked.append(host)
        return answers[min(len(asked), len(answers)) - 1]

    opened = []

    class Watched(Sender):
        def _open(self, address):
            opened.append(address[4][0])
            raise ConnectionRefusedError

    async with Watched(reach, look_up=look_up) as sender:
        attempt = await sender.post("https://hooks.centre.fr/", "{}", {})
    return attempt, asked, opened


def test_the_set_is_large_enough():
    assert len(INSIDE) >= 40
    assert len(WRITTEN) >= 40


@pytest.mark.parametrize("address", INSIDE.values(), ids=INSIDE)
async def test_a_name_that_stands_for_the_inside_is_not_called(address):
    attempt, _, opened = await resolved([address])
    assert (attempt, opened) == (Attempt(Failure.ADDRESS_REFUSED), [])


@pytest.mark.parametrize("address", INSIDE.values(), ids=INSIDE)
async def test_an_address_of_the_inside_cannot_be_registered(address):
    host = f"[{address}]" if ":" in address else address
    for url in (f"https://{host}/", f"https://{host}:443/hook", f"http://{host}/"):
        assert not STRICT.admits(url)
        async with Sender(STRICT) as sender:
            assert await sender.post(url, "{}", {}) == Attempt(Failure.ADDRESS_REFUSED)


@pytest.mark.parametrize("address", INSIDE.values(), ids=INSIDE)
def test_no_socket_is_opened_to_the_inside_whatever_was_checked_before(address):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with pytest.raises(PermissionError):
        Sender(STRICT)._open((family, socket.SOCK_STREAM, 0, "", (address, 443)))


@pytest.mark.parametrize("url", WRITTEN.values(), ids=WRITTEN)
async def test_a_url_with_two_readings_or_none_is_refused(url):
    assert not STRICT.admits(url)
    assert not LOOPBACK.admits(url) or url.startswith("http://127.0.0.1:8080")
    async with Sender(STRICT) as sender:
        assert await sender.post(url, "{}", {}) == Attempt(Failure.ADDRESS_REFUSED)


@pytest.mark.parametrize("url", ["https://hooks.centre.fr", "https://hooks.centre.fr/a?b=c", "https://hooks.centre.fr:443/", "https://xn--caf-dma.fr/h", "https://a.b.c.d.example.org/%20"])  # fmt: skip
def test_a_named_host_of_the_public_internet_is_accepted(url):
    assert STRICT.admits(url)


def test_the_operator_names_further_ports_and_closes_further_networks():
    reach = Reach(ports=(443, 8443), closed=(ip_network("9.9.9.0/24"), ip_network("2620:fe::/48")))
    assert reach.admits("https://hooks.centre.fr:8443/")
    assert not reach.admits("https://hooks.centre.fr:8444/")
    assert [reach.reaches(address) for address in PUBLIC[:2]] == [False, True]
    assert not reach.reaches("2620:fe::fe")
    assert not reach.reaches("64:ff9b::9.9.9.9"), "what a network without IPv4 calls it"
    assert reach.reaches("64:ff9b::1.1.1.1")


@pytest.mark.parametrize("address", PUBLIC)
async def test_a_public_address_is_called(address):
    attempt, asked, opened = await resolved([address])
    assert attempt == Attempt(Failure.CONNECTION_FAILED)
    assert (asked, opened) == (["hooks.centre.fr"], [address])


async def test_a_name_with_a_public_and_a_private_address_is_not_called_at_all():
    for answer in (["9.9.9.9", "10.0.0.1"], ["10.0.0.1", "9.9.9.9"], ["2620:fe::fe", "::1"]):
        attempt, _, opened = await resolved(answer)
        assert (attempt, opened) == (Attempt(Failure.ADDRESS_REFUSED), [])


async def test_a_name_that_changes_its_mind_is_called_where_it_was_checked():
    attempt, asked, opened = await resolved(["9.9.9.9"], ["127.0.0.1"])
    assert (len(asked), opened) == (1, ["9.9.9.9"])
    assert attempt.failure is Failure.CONNECTION_FAILED


async def test_a_name_that_nobody_knows_is_told_apart():
    async def nobody(_):
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    async with Sender(STRICT, look_up=nobody) as sender:
        attempt = await sender.post("https://hooks.centre.fr/", "{}", {})
    assert attempt == Attempt(Failure.NAME_UNKNOWN)


async def test_a_resolver_that_hangs_is_left_after_the_time_limit():
    async def hang(_):
        await asyncio.sleep(60)

    async with Sender(STRICT, look_up=hang, time_limit=0.1) as sender:
        attempt = await sender.post("https://hooks.centre.fr/", "{}", {})
    assert attempt == Attempt(Failure.TIMED_OUT)


async def test_the_system_is_asked_for_the_complete_name_and_its_answer_is_judged(monkeypatch):
    asked = []

    def answer(name, *_, **__):
        asked.append(name)
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 0)) for a in ("9.9.9.9", "10.0.0.1")
        ]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    async with Sender(STRICT) as sender:
        attempt = await sender.post("https://hooks.centre.fr/", "{}", {})
    assert attempt == Attempt(Failure.ADDRESS_REFUSED)
    assert asked == ["hooks.centre.fr."], "with its dot: no search domain of the cluster is tried"


class TestOnLoopback:
    """The development setting opens http://127.0.0.1 with a port, and nothing else."""

    @pytest.mark.parametrize("url", ["http://127.0.0.1/", "http://127.0.0.2:8080/", "http://localhost:8080/", "http://[::1]:8080/", "http://10.0.0.1:8080/", "http://user@127.0.0.1:8080/", "http://127.0.0.1:8080/#x", "http://127.1:8080/", "http://hooks.centre.fr:8080/"])  # fmt: skip
    def test_nothing_else_is_admitted(self, url):
        assert not LOOPBACK.admits(url)

    def test_loopback_is(self):
        assert LOOPBACK.admits("http://127.0.0.1:8080/hook")

    async def test_a_name_does_not_lead_there(self):
        attempt, _, opened = await resolved(["127.0.0.1"], reach=LOOPBACK)
        assert (attempt, opened) == (Attempt(Failure.ADDRESS_REFUSED), [])

    @pytest.fixture
    async def receiver(self):
        """A receiver that redirects, says much, or nothing at all."""
        seen = []

        async def answer(request):
            seen.append(request)
            body = await request.text()
            if request.path == "/redirect":
                raise web.HTTPTemporaryRedirect("/landed")
            if request.path == "/long":
                return web.Response(body=b"x" * 10_000_000)
            if request.path == "/slow":
                await asyncio.sleep(60)
            return web.Response(text=body, headers={"Set-Cookie": "a=b"})

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", answer)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", seen
        await runner.cleanup()

    async def test_a_redirect_is_a_failure_and_is_not_followed(self, receiver):
        url, seen = receiver
        async with Sender(LOOPBACK) as sender:
            attempt = await sender.post(url + "/redirect", "{}", {})
        assert attempt == Attempt(Failure.REDIRECTED, 307)
        assert [request.path for request in seen] == ["/redirect"]

    async def test_a_long_answer_is_not_read_to_its_end(self, receiver):
        url, _ = receiver
        async with Sender(LOOPBACK) as sender:
            assert await sender.post(url + "/long", "{}", {}) == Attempt(None, 200)

    async def test_a_slow_answer_has_its_time(self, receiver):
        url, _ = receiver
        async with Sender(LOOPBACK, time_limit=0.2) as sender:
            assert await sender.post(url + "/slow", "{}", {}) == Attempt(Failure.TIMED_OUT)

    async def test_proxies_of_the_environment_are_not_asked(self, receiver, monkeypatch):
        url, seen = receiver
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.delenv("no_proxy", raising=False)
        async with Sender(LOOPBACK) as sender:
            assert await sender.post(url + "/hook", "{}", {}) == Attempt(None, 200)
        assert seen[0].headers["Host"] == url.removeprefix("http://")

    async def test_no_cookie_comes_back(self, receiver):
        url, seen = receiver
        async with Sender(LOOPBACK) as sender:
            for _ in range(2):
                await sender.post(url + "/hook", "{}", {})
        assert "Cookie" not in seen[1].headers

    async def test_a_port_where_nobody_listens_is_a_failure(self):
        async with Sender(LOOPBACK) as sender:
            attempt = await sender.post("http://127.0.0.1:9/hook", "{}", {})
        assert attempt == Attempt(Failure.CONNECTION_FAILED)


class Here(Reach):
    """A reach in which 127.0.0.1 stands for the public Internet."""

    def reaches(self, address):
        return address == "127.0.0.1"


@pytest.fixture
async def https(tmp_path):
    """A server with a certificate that nobody signed, and the names that it was called by."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "hooks.centre.fr")])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), 1)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2040, 1, 1, tzinfo=UTC))
        .add_extension(
            x509.SubjectAlternativeName([x509.DNSName("hooks.centre.fr")]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    file = tmp_path / "server.pem"
    file.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        + certificate.public_bytes(Encoding.PEM)
    )
    context, called = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), []
    context.load_cert_chain(file)
    context.sni_callback = lambda _, name, __: called.append(name)
    heard = []

    async def hear(reader, _):
        heard.append(await reader.read(100))

    server = await asyncio.start_server(hear, "127.0.0.1", 0, ssl=context)
    yield server.sockets[0].getsockname()[1], called, heard
    server.close()


async def test_tls_asks_for_the_name_and_a_certificate_that_nobody_signed_gets_nothing(https):
    port, called, heard = https

    async def look_up(_):
        return ["127.0.0.1"]

    async with Sender(Here(ports=(port,)), look_up=look_up) as sender:
        attempt = await sender.post(f"https://hooks.centre.fr:{port}/", "{}", {})
    assert attempt == Attempt(Failure.TLS_FAILED)
    assert (called, [piece for piece in heard if piece]) == (["hooks.centre.fr"], [])
