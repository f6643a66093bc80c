"""French words reduced to what they share: accents, gender, number, and verb with its noun.

`gestion des stocks`, `gérer les stocks` and `je gérais le stock` must meet, so a stem stands for a
family of words, not for a lemma. Regular endings are cut; pairs that no ending explains are listed.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

_WORD = re.compile(r"[0-9A-Za-zÀ-ÖØ-öø-ÿŒœ@]+(?:[+#]+)?")
_APOSTROPHES = str.maketrans({"’": "'", "ʼ": "'", "œ": "oe", "Œ": "OE", "æ": "ae", "Æ": "AE"})


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Words that say how a task is framed, not which; they carry little of a skill's meaning.
FRAMING = frozenset(
    _words(
        "realis effectu assur proced particip mettr mis utilis appliqu pratiqu faire fait"
        " techniqu notion connaiss caracteristiqu regl principe base type method outil different"
        " divers element activit oper operation service professionnel travail travau cas selon"
    )
)
STOP = frozenset(
    _words(
        "a ai ainsi alors au aucun aussi autre aux avec avoir c ca car ce ceci cela celle celui"
        " ces cet cette ceux chaque comme d dans de des deux dont du elle elles en encore entre"
        " est et etaient etais etait ete etre eu eux fois grand gros hui il ils j jamais je jour"
        " jours jusqu l la le les leur leurs lui m ma mais me mes meme mois moi moins mon n ne ni"
        " nos notre nous on ont ou par parce pas peu peut petit plus plusieurs pour quand que quel"
        " quelle qui quoi s sa sans se ses si sinon soi soit son sont sous suis sur t ta te tes"
        " toi ton toujours tous tout toute toutes tres trois tu un une vers via voila vos votre"
        " vous y an ans annee annees depuis puis avant apres chez quatre cinq six sept huit neuf"
        " dix premier premiere aujourd"
    )
)
# Verb and noun families that no regular ending explains: any member gives the first as stem.
_FAMILIES = [
    "accueil accueill accueilli accueillir",
    "gest ger gere gerer gestionnair",
    "vent vend vendr vendu",
    "conduit conduir conduis conducteur conduct condui condu",
    "entretien entreten entretenir entretient",
    "suivi suivr suiv suit",
    "ten tenu tenir tien tient",
    "concept concevoir concev concu",
    "product produir produit produis produi produ",
    "construct construir construit construi constru",
    "livr livraison",
    "recept recevoir recev recu",
    "choi choisir",
    "soign soin",
    "peint peindr peintur",
    "coud coudr coutur cousu",
    "lir lectur lis",
    "redact redig",
    "traduct traduir traduit tradui",
    "maintenanc mainten maintenir maintient",
    "reduct reduir reduit redui",
    "form format formateur",
    "ouvr ouvertur ouvrir ouvert",
    "ferm fermetur",
    "compt comptabl comptabilit",
    "pai pay paie paiement",
    "appro approvision",
    "command",
    "nettoi nettoy nettoyag netto propret",
    "rang rangement",
    "etiquet etiquetag",
    "encaiss caiss caissier",
    "aid",
    "elev elevag",
    "plant plantat",
    "taill",
    "cuisin cuisson cuire cuit",
    "servi servir serveur",
    "transmett transmi transmiss",
    "anim",
    "dirig direct",
    "repond repons",
    "vendang",
    "analys",
    "control",
    "depann depannag",
    "reparat repar",
    "charg",
    "decharg",
    "class",
    "archiv",
    "enseign",
    "inscript inscrir inscrit",
    "commun communicat communiqu",
    "plan planifi planif planning",
    "programm",
    "calcul",
    "mesur",
    "surveil surveillanc",
    "secur securis securit",
    "negoc negociat",
    "prospect",
    "recrut",
    "evalu",
    "assembl",
    "mont",
    "install",
    "pos",
    "lev levag",
    "port",
    "manutent manutention",
    "prelev prelevement",
    "assist assistanc",
    "secretariat secretair",
    "hygien",
    "toilet",
    "croiss",
    "achat achet",
    "fabricat fabriqu",
    "creat cre",
    "ecout",
    "accompagn",
    "orient",
]
_IRREGULAR = {word: line.split()[0] for line in _FAMILIES for word in line.split()}

# Longest first, so that a short ending never hides a longer one.
_ENDINGS = _words(
    "ifications ification issements isations issement atrices eraient isation ateurs ations"
    " atrice ements iennes issant issent itions trices ables aient ances antes ateur ation"
    " elles ement erons eront euses ienne ieres ition trice able ages ales ance ante ants elle"
    " eres eurs euse iens iere iers ions ites ives ures age ais ait ale ant aux ees els ent"
    " ere eur ien ier ifs ion ite ive ons ont ure al ee el er es ez ie if ir is it re e s x"
)
_MORE = {
    "isation": "is", "isations": "is", "ification": "if", "ifications": "if",
    "trice": "t", "trices": "t",
}  # fmt: skip
_SHORTEST = 3


@dataclass(frozen=True, slots=True)
class Token:
    """A word where it stands in the text: offsets in code points, end excluded."""

    start: int
    end: int
    folded: str
    stem: str


def fold(text: str) -> str:
    """Return `text` in lower case, without accents, ligatures or typographic apostrophes."""
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES).lower())
    return "".join(c for c in plain if not unicodedata.combining(c))


@lru_cache(maxsize=50_000)
def stem(word: str) -> str:
    """Return the family of a folded word; digits and short words stay as they are."""
    if len(word) <= _SHORTEST or not word.isalpha():
        return word.rstrip("s") if len(word) > _SHORTEST else word
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    root = _root(word)
    if root.endswith(("y", "i")) and len(root) > _SHORTEST:
        root = root[:-1] + "i"
    if len(root) > _SHORTEST and root[-1] == root[-2]:
        root = root[:-1]
    return _IRREGULAR.get(root, root)


def _root(word: str) -> str:
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST:
            return word[: len(word) - len(ending)] + _MORE.get(ending, "")
    return word


def tokens(text: str) -> list[Token]:
    """Return the words of `text` in order, with offsets, folded form and stem."""
    found = []
    for match in _WORD.finditer(text):
        folded = fold(match.group())
        found.append(Token(match.start(), match.end(), folded, stem(folded)))
    return found


def content(words: list[Token]) -> list[Token]:
    """Return the words that carry meaning: no grammar words, no lone letters or numbers."""
    return [w for w in words if w.folded not in STOP and (len(w.folded) > 1 or w.folded in "cr")]
