"""The URL on tokens and on beneficiaries' links is one that leads somewhere."""

import json
import subprocess
import sys

import pytest

from keel.start import StartRefused
from standalone.__main__ import check_public_url, main, own_url


@pytest.mark.parametrize("host", ["0.0.0.0", "::", ""])
def test_a_wildcard_host_needs_one(host):
    with pytest.raises(StartRefused, match="--public-url"):
        check_public_url(host, None)
    check_public_url(host, "https://bilan.example.fr")


def test_an_address_of_its_own_needs_none():
    check_public_url("127.0.0.1", None)


@pytest.mark.parametrize(
    "url",
    ["bilan.example.fr", "ftp://bilan.example.fr", "https://", "https://a.fr/?x=1", "https://a.fr/#x", "http://0.0.0.0:8000", "http://[::]:8000", "http://[::1"],
)  # fmt: skip
def test_what_is_no_site_is_refused(url):
    with pytest.raises(StartRefused, match="--public-url"):
        check_public_url("0.0.0.0", url)


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("0.0.0.0", "http://127.0.0.1:80"), ("::", "http://[::1]:80"), ("fe80::1", "http://[fe80::1]:80")],
)  # fmt: skip
def test_the_process_reaches_itself(host, url):
    assert own_url(host, 80) == url


def test_the_refusal_is_one_sentence(tmp_path, capsys):
    assert main(["serve", "--host", "0.0.0.0", "--port", "0", "--data", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("passerelle: 0.0.0.0 is every address")
    assert not (tmp_path / "keys").exists(), "nothing was made"


@pytest.mark.full  # it starts a platform of its own
def test_the_public_url_is_the_issuer(tmp_path):
    public = "https://bilan.example.fr"
    command = [sys.executable, "-m", "standalone", "serve", "--host", "0.0.0.0", "--port", "0"]
    with subprocess.Popen(
        [*command, "--data", str(tmp_path / "data"), "--public-url", public + "/"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert json.loads(process.stdout.readline())["url"] == public
        finally:
            process.terminate()
            process.communicate(timeout=30)
    assert process.returncode == 0
