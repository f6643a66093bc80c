"""Which gender a given name says in France today.

The open list of given names tells it where nearly all bearers share one; for the commonest names it
counts both, because among half a million there are always a few. Those are decided here, and what
is truly borne by both (Camille, Claude, Dominique, Alix, Sacha…) says nothing.
"""

from anonymizer.detection.gazetteer import gazetteer


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_FEMININE = _names(
    """marie jeanne francoise monique catherine nathalie isabelle sylvie anne martine madeleine
nicole suzanne helene christine louise marguerite denise yvonne valerie sophie celine stephanie
chantal veronique marcelle renee simone julie germaine lucie lea brigitte alice odette genevieve
laurence michele cecile therese colette virginie manon sarah emma raymonde elisabeth claire chloe
laura florence mathilde audrey maria gisele melanie annick beatrice delphine marthe elise eliane
agnes rose simonne jocelyne pascale gabrielle ines myriam clara jade amelie justine odile alexandra
solange eva laure fernande irene daniele romane morgane angele muriel berthe eugenie nelly lina
cindy sabine zoe lydie leonie lena edith agathe yolande ambre rachel frederique paule adele
augustine blanche lucile reine aude carmen julienne clarisse yasmine victoire sara clotilde
constance salome rosalie nora christel edwige flora jackie johanna tiphaine esther iris sandy
eleonore rosa victorine peggy astrid augusta nour maya hortense nolwenn cassandre irma garance
flore imane philomene ninon lilou juliette aurelie caroline olivia olga louane tatiana"""
)
_MASCULINE = _names(
    """jean pierre michel philippe louis alain jacques bernard marcel daniel paul roger robert henri
christian georges nicolas francois patrick gerard christophe julien maurice laurent frederic david
stephane pascal sebastien alexandre thierry antoine thomas olivier raymond guy charles marc didier
vincent yves maxime guillaume bruno serge lucien albert gabriel emile romain jerome gilbert lucas
gilles clement francis jules denis kevin mathieu benjamin alexis raphael herve patrice adrien
emmanuel sylvain fabrice roland victor arthur quentin ludovic leon damien benoit theo fernand
nathan enzo valentin leo eugene mohamed gaston samuel simon remi mathis etienne auguste richard
michael edouard william martin bertrand ethan armand hubert alfred luc maxence yanis noah jordan
robin edmond ernest gaetan felix nolan gabin evan alphonse antonin rayan augustin erwan max mathias
liam karim gustave johan dorian germain gerald aaron alex raoul brice ali abel gregoire norbert
lenny hugues amine eliott sofiane teddy rodolphe justin timothee stanislas malo yassine romuald
johann nino ryan isaac willy noam antony nassim freddy adolphe achille ferdinand yacine marius axel
theophile leopold miguel joachim basile octave ismael yann tony flavien"""
)


def gender_said_by(folded: str) -> str | None:
    """Return `f` or `m` for a folded given name that says it; None for any other word."""
    if folded in _FEMININE:
        return "f"
    return "m" if folded in _MASCULINE else gazetteer().genders.get(folded)
