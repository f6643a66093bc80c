"""French numbers in letters, as they are dictated."""

_UNITS = "un|une|deux|trois|quatre|cinq|six|sept|huit|neuf"
_TEENS = "dix[\\s-](?:sept|huit|neuf)|dix|onze|douze|treize|quatorze|quinze|seize"
_TENS = "vingt|trente|quarante|cinquante|soixante|septante|huitante|octante|nonante"
_AND = "(?:[\\s-]et)?[\\s-]"
# Longest first: a pattern takes the whole number or nothing.
CARDINAL = (
    f"(?:quatre[\\s-]vingts?(?:[\\s-](?:{_TEENS}|{_UNITS}))?"
    f"|soixante{_AND}(?:{_TEENS})"
    f"|(?:{_TENS}){_AND}(?:{_UNITS})"
    f"|{_TENS}|{_TEENS}|{_UNITS})"
)
