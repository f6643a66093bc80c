"""Where data are processed, in French words, from the codes of the registry of recipients."""

from collections.abc import Iterable

from gateway.consents.rules import EEA

_EEA = "dans l’Espace économique européen"
_IN = {
    "AT": "en Autriche",
    "BE": "en Belgique",
    "BG": "en Bulgarie",
    "CY": "à Chypre",
    "CZ": "en Tchéquie",
    "DE": "en Allemagne",
    "DK": "au Danemark",
    "EE": "en Estonie",
    "ES": "en Espagne",
    "FI": "en Finlande",
    "FR": "en France",
    "GR": "en Grèce",
    "HR": "en Croatie",
    "HU": "en Hongrie",
    "IE": "en Irlande",
    "IS": "en Islande",
    "IT": "en Italie",
    "LI": "au Liechtenstein",
    "LT": "en Lituanie",
    "LU": "au Luxembourg",
    "LV": "en Lettonie",
    "MT": "à Malte",
    "NL": "aux Pays-Bas",
    "NO": "en Norvège",
    "PL": "en Pologne",
    "PT": "au Portugal",
    "RO": "en Roumanie",
    "SE": "en Suède",
    "SI": "en Slovénie",
    "SK": "en Slovaquie",
    "CA": "au Canada",
    "CH": "en Suisse",
    "GB": "au Royaume-Uni",
    "IN": "en Inde",
    "JP": "au Japon",
    "US": "aux États-Unis",
}


def where(codes: Iterable[str]) -> str:
    """Return "en France et en Irlande"; nothing when no place is named.

    `codes` are ISO 3166-1 alpha-2 codes, or `EEA`, which names its members too. A country that has
    no words here is told by its code: a place is never left out.
    """
    named = set(codes)
    wide = [_EEA] if "EEA" in named else []
    rest = sorted(named - {"EEA"} - (EEA if wide else frozenset()))
    told = [*wide, *(_IN.get(code, f"dans le pays « {code} »") for code in rest)]
    return " et ".join(filter(None, [", ".join(told[:-1]), *told[-1:]]))
