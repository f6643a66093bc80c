"""`make bench-anonymizer` counts as the shelf's judge does, and sees what it is there to see."""

import importlib
import json
import random
import subprocess
import sys
from collections import Counter
from itertools import islice
from pathlib import Path

import pytest

_BENCH = Path(__file__).parents[3] / "bench" / "anonymizer"
_PLANTED = """
import sys
sys.path.insert(0, sys.argv[1])
import sockets
seen = sockets.listen()
quiet = seen.copy()
import socket
socket.socket().close()
socket.getaddrinfo("127.0.0.1", 80)
import json
print(json.dumps([quiet, seen]))
"""


@pytest.fixture(scope="module", autouse=True)
def _on_the_path():
    sys.path.insert(0, str(_BENCH))
    yield
    sys.path.remove(str(_BENCH))
    for path in _BENCH.glob("*.py"):
        sys.modules.pop(path.stem, None) if path.stem != "__main__" else None


@pytest.fixture
def bench():
    return importlib.import_module


@pytest.mark.parametrize(
    ("found", "of", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_the_interval_is_that_of_newcombes_table(bench, found, of, low, high):
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
    assert bench("intervals").wilson(found, of) == pytest.approx((low, high), abs=5e-5)


def test_an_interval_of_nothing_is_refused(bench):
    with pytest.raises(ValueError, match="0 of 0"):
        bench("intervals").wilson(0, 0)


def _annotated(bench, text: str, **marks):
    raw = {"id": "1", "text": text, "entities": [], **marks}
    return bench("texts").Annotated(text, {}, raw)


def test_one_visible_letter_is_a_leak(bench):
    measures = bench("measures")
    name = {"start": 0, "end": 4, "label": "PERSON", "identifier_type": "direct"}
    given = _annotated(bench, "Anne est ici", entities=[name])

    def measured(end: int):
        return measures.measured([given], [measures.Answer([measures.Predicted(0, end, "PERSON")])])

    assert measured(4)[measures.DIRECT_FOUND].found == 1
    assert measured(3)[measures.DIRECT_FOUND].found == 0
    assert measured(3)[measures.DOCUMENTS].found == 0
    assert measured(8)[measures.PRECISION].value == pytest.approx(4 / 7)


@pytest.mark.shelf
@pytest.mark.parametrize("name", ["dev", "dev-2"])
def test_the_judge_counts_the_same(bench, shelf, detector, name):
    judge, detection, measures = bench("judge"), bench("detection"), bench("measures")
    texts = bench("texts").read(shelf / "pii-fr" / f"{name}.jsonl")
    answers = [detection.answer_of(detector, text) for text in texts]
    for given in (answers, [_spoiled(measures, answer) for answer in answers]):
        assert judge.differences(judge.judge(), texts, given, measures.measured(texts, given)) == []


def _spoiled(measures, answer):
    """The same stretches, moved, shortened or gone: every measure has something to count."""
    chance = random.Random(1)  # noqa: S311 - the same each time

    def moved(stretches):
        kept = [s for s in stretches if chance.random() < 0.8]
        by = [(max(0, s.start + chance.randint(-6, 6)), s.label) for s in kept]
        ends = [max(start + 1, s.end - 6) for s, (start, _) in zip(kept, by, strict=True)]
        return [measures.Predicted(a, b, of) for (a, of), b in zip(by, ends, strict=True)]

    return measures.Answer(moved(answer.entities), moved(answer.sensitive))


@pytest.mark.shelf
def test_a_wrong_count_of_ours_is_told(bench, shelf):
    judge, measures = bench("judge"), bench("measures")
    texts = bench("texts").read(shelf / "pii-fr" / "dev-2.jsonl")
    answers = [measures.Answer([]) for _ in texts]
    wrong = measures.measured(texts, answers)
    wrong[measures.DIRECT_FOUND] += bench("intervals").Share(1, 0)
    (told,) = judge.differences(judge.judge(), texts, answers, wrong)
    assert told.startswith(measures.DIRECT_FOUND)


def test_a_planted_socket_is_seen_and_by_whom(bench):
    done = subprocess.run(
        [sys.executable, "-c", _PLANTED, str(_BENCH)], capture_output=True, text=True, check=True
    )
    quiet, seen = (bench("sockets").Uses(Counter(events)) for events in json.loads(done.stdout))
    assert (quiet.opened, quiet.looked_up, quiet.other) == (0, 0, 0)
    assert (seen.opened, seen.looked_up, seen.other) == (1, 1, 0)
    assert seen.events["socket.__new__ __main__"] == 1


def test_detecting_opens_no_socket_and_looks_no_name_up(bench):
    sets = [path for path in bench("texts").given_sets() if "voices" in path.parts]
    _, detecting = bench("sockets").used("none", sets)
    assert not detecting.events


def test_every_reader_takes_its_turn_at_every_text(bench):
    pace, seen = bench("pace"), []
    readers = {name: lambda text, name=name: seen.append((name, text)) for name in "abc"}
    rounds = pace.in_turns(readers, ["x", "y"], rounds=3)
    assert Counter(seen[3:]) == {(name, text): 3 for name in "abc" for text in "xy"}
    assert [name for name, _ in seen[3:9]] == ["a", "b", "c", "b", "c", "a"]
    assert all(len(of.cpu_ms) == len(of.wall_ms) == 3 for of in rounds.values())


def test_a_ratio_is_the_median_of_ratios_within_rounds(bench):
    pace = bench("pace")
    of = {name: pace.Rounds([10.0, 20.0, 40.0], []) for name in (pace.SPACY, pace.PRESIDIO)}
    of |= {pace.MD: pace.Rounds([8.0, 16.0, 36.0], []), pace.NONE: pace.Rounds([1.0, 1.0, 1.0], [])}
    spacy, presidio, none = pace.ratios(of)
    assert (spacy.value, presidio.value, none.value) == pytest.approx((0.8, 0.8, 16.0))
    assert (spacy.holds, presidio.holds, none.holds) == (True, False, True)


def test_texts_are_remixed_alike_and_never_cease_to_bring_new_words(bench):
    texts = bench("texts")
    given = [_annotated(bench, "Jeanne Dupont travaille\nà Rennes depuis 2003") for _ in range(3)]
    given += [_annotated(bench, "responsable comptable\nmagasin principal, appartement 14")]
    first, again = (list(islice(texts.remixed(given, 7), 200)) for _ in range(2))
    assert first == again
    assert first != list(islice(texts.remixed(given, 8), 200))
    assert set(" ".join(first[100:]).split()) - set(" ".join(first[:100]).split())


def test_what_a_process_comes_to_hold_is_seen(bench):
    memory = bench("memory")
    before = memory.resident()[0]
    held = bytearray(b"x" * 50_000_000)
    assert 45_000_000 < memory.resident()[0] - before < 60_000_000
    assert len(held) == 50_000_000


def test_growth_is_told_for_ten_thousand_requests(bench):
    grown = bench("memory").Grown("md", 90, 100, 101, {2000: 101, 6000: 102}, 103)
    assert grown.growth == pytest.approx(0.04)


@pytest.mark.full
@pytest.mark.timeout(900)
def test_the_bench_measures_and_prints(bench, tmp_path):
    told = tmp_path / "figures.json"
    voices, *_ = (path for path in bench("texts").given_sets() if "voices" in path.parts)
    done = subprocess.run(
        [sys.executable, str(_BENCH), "--sets", str(voices), "--rounds", "1", "--memory",
         "--requests", "10", "--json", str(told)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode in {0, 1}, done.stderr
    for line in (
        "Presidio for French",
        "special precision",
        "processor ms",
        "names looked up",
        "a 10,000",
    ):
        assert line in done.stdout
    assert set(json.loads(told.read_text())) == {"detection", "pace", "sockets", "memory"}
