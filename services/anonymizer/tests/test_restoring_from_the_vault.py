"""The way through the vault: exact for any text, and nobody else's words for anybody."""

import asyncio
import json
import random
import secrets

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anonymizer.restoration.rules import restore
from anonymizer.surrogates.rules import Masked, Secret, SurrogateType, plan
from keel.identifiers import new_id

_PIECES = st.sampled_from(
    ["[PERSONNE_1]", "[FEMME_1b]", "\\[HOMME\\_2\\]", "_PERSONNE_1_", "IDENTIFIANT 1", "［LIEU_1］", "[", "]", "_", "1",
     "Odile", "ODILE", "Lyon", "\r\n", "\n", "🙂", "👩‍🔧", "\ud83d", "\ude42", "e\u0301", "\u0000", "\u2028", "\ufeff"]
)  # fmt: skip
_TEXTS = st.lists(_PIECES | st.text(max_size=3), max_size=10).map("".join)
_KINDS = st.sampled_from([kind.name for kind in SurrogateType])


@st.composite
def _masked(draw: st.DrawFn) -> tuple[str, list[Masked]]:
    text = draw(_TEXTS)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)), max_size=8)))
    return text, [Masked(a, b, draw(_KINDS)) for a, b in zip(cuts[::2], cuts[1::2], strict=False)]


@given(st.lists(_masked(), min_size=1, max_size=3))
@settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
async def test_any_text_with_anything_masked_comes_back_byte_for_byte(anonymizer, texts):
    state, bilan = anonymizer.app.state, new_id("bil")
    vault = state.restorations.vault
    made = []
    for text, masked in texts:
        cut = plan(text, masked)
        async with state.database.begin(anonymizer.tenant) as session:
            issued = await vault.issue(session, anonymizer.tenant, bilan, cut.secrets)
        made.append(cut.render(issued.__getitem__))
    async with state.database.begin(anonymizer.tenant) as session:
        originals = await vault.originals(session, anonymizer.tenant, bilan)
    for (text, _), pseudonymised in zip(texts, made, strict=True):
        back = restore(pseudonymised, originals)[0]
        assert back.encode("utf-8", "surrogatepass") == text.encode("utf-8", "surrogatepass")


async def test_half_a_character_is_not_taken_over_http(anonymizer):
    body = b'{"texts": [{"id": "1", "text": "Odile \\ud83d"}]}'
    headers = {"Content-Type": "application/json"} | anonymizer.headers("pseudonymise")
    answer = await anonymizer.client.post("/pseudonymisations", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


class Bilan:
    """A bilan whose people and places are nobody else's, under the same surrogates as everybody's."""

    def __init__(self, anonymizer, number, things):
        self.anonymizer = anonymizer
        self.secrets = [
            Secret(kind, f"{kind.name.lower()}-{number}-{n}-{secrets.token_hex(3)}")
            for kind in (SurrogateType.PERSON, SurrogateType.LOCATION, SurrogateType.PHONE)
            for n in range(things)
        ]

    async def mask(self):
        state, whose = self.anonymizer.app.state, (self.anonymizer.tenant, self.anonymizer.bilan)
        async with state.database.begin(self.anonymizer.tenant) as session:
            issued = await state.restorations.vault.issue(session, *whose, self.secrets)
        self.originals = {issued[secret].name: secret.value for secret in self.secrets}

    async def stream(self, text, context, sizes):
        deltas, at = [], 0
        while at < len(text):
            size = sizes.randint(1, 9)
            deltas.append(text[at : at + size])
            at += size
        body = "".join(json.dumps({"delta": delta}) + "\n" for delta in deltas).encode()
        answer = await self.anonymizer.call(
            "restore_stream", "POST", f"/restorations/stream?context={context}", content=body
        )
        *lines, last = map(json.loads, answer.text.splitlines())
        assert "problem" not in last
        return "".join(line["delta"] for line in lines)


async def test_nobody_gets_the_words_of_another_person_bilan_or_tenant(anonymizer):
    """Four bilans of two tenants, each reading the surrogates of all, at once and over and over."""
    tenants = (new_id("tnt"), new_id("tnt"))
    bilans = [
        Bilan(anonymizer.of(tenant=tenant, bilan=new_id("bil")), number, 3 + 2 * number)
        for number, tenant in enumerate((*tenants, *tenants))
    ]
    await asyncio.gather(*(bilan.mask() for bilan in bilans))
    everybodys = sorted({name for bilan in bilans for name in bilan.originals})
    chance = random.Random(7)  # noqa: S311 - the same every time, on purpose
    restored, crossed = 0, 0

    async def read(bilan):
        nonlocal restored, crossed
        names = chance.sample(everybodys, len(everybodys))
        written = [chance.choice((f"[{n}]", n, f"\\[{n}]", f"[{n.lower()}]")) for n in names]
        text = "".join(f"{number}: {as_written}; " for number, as_written in enumerate(written))
        context = chance.choice(["text", "json"])
        said = await bilan.stream(text, context, chance)
        value = (await bilan.anonymizer.restore(text))["value"]
        for answer in (said, value):
            for part, name, as_written in zip(answer.split("; "), names, written, strict=False):
                whose = bilan.originals.get(name)
                restored += whose is not None and whose in part
                strange = {o.originals.get(name) for o in bilans if o is not bilan} - {None}
                crossed += any(words in part for words in strange)
                assert whose is None or whose in part
                assert whose is not None or as_written in part

    for _ in range(6):
        await asyncio.gather(*(read(bilan) for bilan in bilans))
    figures = f"{restored} restored, {crossed} to somebody else"
    print(figures)  # noqa: T201 - the figures, with `pytest -s`
    assert crossed == 0, figures
    assert restored == 6 * 2 * sum(len(bilan.originals) for bilan in bilans), figures
