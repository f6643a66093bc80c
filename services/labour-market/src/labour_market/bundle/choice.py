"""What the bundle holds: our choice of occupations, and two kinds of links that we drew by reading.

ROME 4.0 codes common in bilans. The families (FAP 2021) and the titles of certifications were
matched by a person reading labels, since no official table was at hand; every entry says so.
"""

# The published explanations of tension, in the order in which `market.jsonl` lists them.
CAUSES = (
    "dares.hiring_intensity",
    "dares.training_link",
    "dares.labour_shortage",
    "dares.precarious",
    "dares.working_conditions",
    "dares.geographic_mismatch",
)

# Each line: occupation, families of FAP 2021 that bear its name.
FAMILIES_2021: dict[str, tuple[str, ...]] = {
    "A1203": ("A1X41",), "A1416": ("A0X40",), "D1102": ("S0X42",),     "D1202": ("T0X60",), "D1211": ("R1X62",), "D1214": ("R1X62",), "D1402": ("R2X80",),
    "D1507": ("R0X60",), "E1112": ("U0X80",),
    "F1602": ("B2X32",), "F1703": ("B1X31",), "G1203": ("V5X81",),
    "G1609": ("S1X40",), "G1803": ("S2X61",), "H1528": ("H0X90",), "H2105": ("E3X20",),
    "H2206": ("B2X38",), "H2913": ("D1X33",), "I1401": ("M1X81",), "I1604": ("G0B41",),
    "J1501": ("V0X60",), "J1506": ("V1X80",), "K1207": ("V4X83",), "K1302": ("T2A60",),
    "K1308": (), "K1801": ("V4X80",), "K2110": (), "K2111": ("W1X80",),
    "K2205": ("T4X60",), "K2503": ("T3X61",), "M1101": ("R3X82",), "M1203": ("L1X60",),
    "M1501": ("L4X80",), "M1601": ("L2X60",), "M1602": ("L2X61",), "M1609": ("L0X60",), "M1612": ("L0X60",), "M1828": ("M2X91",),
    "M1855": ("M1X80",), "N1101": ("J0X32",), "N1110": ("J0X34",), "N4101": ("J3X43",),
}  # fmt: skip

# The title of a certification begins with one of these words (folded) or holds it after `: `.
CERTIFICATIONS: dict[str, tuple[str, ...]] = {
    "A1203": ("jardinier paysagiste", "amenagements paysagers", "ouvrier du paysage"),
    "A1416": ("responsable d'entreprise agricole", "conduite et gestion de l'entreprise agricole"),
    "D1102": ("boulanger",),
        "D1202": ("coiffure", "metiers de la coiffure"),
    "D1214": ("conseiller de vente", "equipier polyvalent du commerce"),
    "D1402": ("negociation et digitalisation de la relation client", "negociateur technico"),
        "D1507": ("employe commercial", "equipier polyvalent du commerce"),
    "E1112": ("communication (bts", "communication (bts)", "charge de communication"),
    "F1602": ("electricien", "metiers de l'electricite"),
        "F1703": ("macon",),
    "G1203": ("animation-enfance", "animateur", "jeunesse, education populaire"),
    "G1609": ("cuisine", "cuisinier", "commis de cuisine"),
    "G1803": ("commercialisation et services en hotel", "serveur", "arts du service"),
    "H1528": ("technicien qualite", "technicien en qualite", "qualite, logistique industrielle"),
    "H2206": ("menuisier", "technicien menuisier", "menuiserie"),
    "H2913": ("soudeur", "soudage", "technicien en soudage"),
    "I1401": ("technicien d'assistance en informatique", "technicien assistance informatique",
              "technicien superieur systemes et reseaux", "services informatiques aux organisations"),
    "I1604": ("maintenance des vehicules option a", "mecanicien automobile", "mecanicien de maintenance automobile"),
    "J1501": ("aide-soignant",),
    "J1506": ("infirmier ou infirmiere",),
    "K1207": ("educateur specialise",),
    "K1302": ("accompagnant educatif et social", "assistant de vie aux familles"),
        "K1308": ("accompagnant educatif petite enfance",),
    "K1801": ("conseiller en insertion professionnelle",),
    "K2110": ("enseignant de la conduite",),
    "K2111": ("formateur professionnel", "formateur d'adultes", "formateur"),
    "K2205": ("agent de proprete", "agent d'entretien", "maintenance et hygiene des locaux"),
    "K2503": ("agent de prevention et de securite", "agent de securite", "metiers de la securite"),
    "M1101": ("acheteur", "responsable achats"),
    "M1203": ("comptabilite et gestion", "comptable", "gestionnaire comptable"),
    "M1501": ("assistant ressources humaines", "assistant(e) ressources humaines",
              "gestionnaire ressources humaines", "gestionnaire de paie"),
    "M1601": ("metiers de l'accueil",),
    "M1602": ("employe administratif", "assistance a la gestion des organisations", "gestion-administration"),
    "M1609": ("secretaire assistant medico", "secretaire medical"),
    "M1612": ("assistant juridique", "assistant(e) juridique"),
    "M1855": ("developpeur web", "concepteur developpeur", "designer web"),
    "N1101": ("cariste",),
    "N1110": ("agent magasinier", "magasinier", "operateur/operatrice logistique", "preparateur de commandes"),
    "N4101": ("conducteur du transport routier", "conducteur transport routier", "conducteur routier"),
}  # fmt: skip
