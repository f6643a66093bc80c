"""How people name their work: abbreviations, trade words, and what is no occupation.

Written by us from the trade's own usage. The right-hand side is wording that official titles use,
so that the lexicon holds no code and outlives a release.
"""

# Single words (folded) and what they stand for inside a title.
ABBREVIATIONS = {
    "adj": "adjoint", "adm": "administratif", "admin": "administratif", "agri": "agricole",
    "ass": "assistant", "asst": "assistant", "bat": "batiment", "btp": "batiment travaux publics",
    "ca": "charge affaires", "chauffeur": "conducteur", "cdp": "chef de projet", "co": "commercial", "coll": "collectivite",
    "com": "communication", "compta": "comptable", "cond": "conducteur", "conduc": "conducteur",
    "conf": "conferences", "cons": "conseiller", "coord": "coordinateur", "cuistot": "cuisinier",
    "cuisto": "cuisinier", "dev": "developpeur", "dir": "directeur", "doc": "documentaliste",
    "educ": "educateur", "elec": "electricien", "electro": "electromecanicien", "gest": "gestionnaire",
    "indus": "industriel", "info": "informatique", "infir": "infirmier", "ing": "ingenieur",
    "inge": "ingenieur", "instit": "professeur des ecoles", "kine": "masseur kinesitherapeute",
    "log": "logistique", "maint": "maintenance", "manip": "manipulateur", "meca": "mecanicien",
    "mkt": "marketing", "op": "operateur", "ope": "operateur", "ouv": "ouvrier", "ped": "pedagogique",
    "perisco": "periscolaire", "pl": "poids lourd", "prepa": "preparateur", "prod": "production",
    "prof": "professeur", "psy": "psychiatrique", "puer": "puericulture", "pub": "publicite",
    "quali": "qualite", "resp": "responsable", "resto": "restaurant", "rh": "ressources humaines",
    "sec": "secretaire", "secu": "securite", "serv": "serveur", "spl": "super poids lourd",
    "spv": "sapeur pompier", "sup": "superieur", "tech": "technicien", "techno": "technologie",
    "tp": "travaux publics", "trav": "travaux", "veto": "veterinaire", "vl": "vehicule leger",
    "vrp": "representant", "web": "web",
}  # fmt: skip

# Whole titles (folded) and what they are called officially.
TITLES = {
    "ac": "assistant commercial", "adv": "assistant administration des ventes",
    "assistant adv": "assistant administration des ventes",
    "ads": "agent de securite", "aes": "accompagnant educatif et social",
    "aesh": "accompagnant des eleves en situation de handicap",
    "agent d'entretien": "agent de proprete de locaux",
    "amp": "aide medico psychologique", "aps": "agent de prevention et de securite",
    "as": "aide soignant", "ash": "agent des services hospitaliers",
    "asl": "agent de service logistique",
    "assistante maternelle": "assistant maternel", "assmat": "assistant maternel",
    "asv": "auxiliaire veterinaire", "avs": "accompagnant des eleves en situation de handicap",
    "auxiliaire de vie": "auxiliaire de vie sociale", "avf": "assistant de vie aux familles",
    "bras droit": "assistant de direction", "brancardier": "brancardier",
    "caissier": "hote de caisse", "cesf": "conseiller en economie sociale et familiale",
    "chauffeur": "conducteur livreur", "chauffeur pl": "conducteur de poids lourd",
    "chauffeur poids lourd": "conducteur de poids lourd", "chauffeur spl": "conducteur super poids lourd",
    "chauffeur routier": "conducteur routier", "routier": "conducteur routier",
    "chauffeur de bus": "conducteur de bus", "chauffeur livreur": "conducteur livreur",
    "chauffeur vtc": "conducteur de voiture de transport avec chauffeur",
    "chef de rang": "chef de rang", "cip": "conseiller en insertion professionnelle",
    "commis": "commis de cuisine", 
    "conseiller mission locale": "conseiller en insertion professionnelle",
    "contremaitre": "agent de maitrise", "cpe": "conseiller principal d'education",
    "daf": "directeur administratif et financier", "dame de cantine": "agent de restauration collective",
    "cantiniere": "agent de restauration collective", "cantinier": "agent de restauration collective",
    "dg": "directeur general", "drh": "directeur des ressources humaines",
    "dsi": "directeur des systemes d'information", "eje": "educateur de jeunes enfants",
    "electro mecanicien": "electromecanicien", "els": "employe libre service",
    "es": "educateur specialise", "femme de chambre": "employe d'etage",
    "femme de menage": "agent de proprete de locaux", "homme de menage": "agent de proprete de locaux",
    "ferronnier": "ferronnier d'art", "gardien de prison": "surveillant penitentiaire",
    "gouvernante": "gouvernant", "hotesse d'accueil": "hote d'accueil",
    "homme a tout faire": "agent d'entretien du batiment", "hse": "animateur hygiene securite environnement",
    "iade": "infirmier anesthesiste", "ibode": "infirmier de bloc operatoire",
    "ide": "infirmier en soins generaux", "idel": "infirmier liberal", "ipa": "infirmier en pratique avancee",
    "instit": "professeur des ecoles", "instituteur": "professeur des ecoles",
    "jardinier": "jardinier", "kam": "commercial grands comptes", "maitresse": "professeur des ecoles",
    "maitresse d'ecole": "professeur des ecoles", "manutentionnaire": "manutentionnaire",
    "mns": "maitre nageur sauveteur", "moniteur auto ecole": "enseignant de la conduite",
    "nounou": "garde d'enfant a domicile", "baby sitter": "garde d'enfant a domicile",
    "opj": "officier de police judiciaire", "ouvrier": "ouvrier de production",
    "operateur de production": "agent de production", "ouvrier d'usine": "agent de production",
    "patissier": "patissier", "pdg": "directeur general", "pion": "assistant d'education",
    "plongeur": "plongeur en restauration", "pmo": "chef de projet", "po": "product owner",
    "prof": "professeur", "prof de sport": "professeur d'education physique et sportive",
    "rrh": "responsable ressources humaines", "rssi": "responsable securite des systemes d'information",
    "secretaire": "secretaire", "standardiste": "standardiste", "sys admin": "administrateur systeme",
    "technicien de surface": "agent de proprete de locaux", "technico": "technico commercial",
    "teleprospecteur": "teleconseiller", "tisf": "technicien d'intervention sociale et familiale",
    "ts": "travailleur social", "ux designer": "ux designer", "vae": "",
    "videur": "agent de securite evenementielle", "vigile": "agent de securite",
    "visiteur medical": "delegue medical", "vrp": "representant",
    "eboueur": "agent de collecte des dechets", "ripeur": "agent de collecte des dechets",
    "croque mort": "agent funeraire", "huissier": "huissier de justice", "plaquiste": "plaquiste",
}  # fmt: skip

# What people write where a title is asked, and which names no occupation.
NO_OCCUPATION = (
    "chomeur", "chomeuse", "chomage", "demandeur d'emploi", "demandeuse d'emploi", "sans emploi",
    "etudiant", "etudiante", "lyceen", "lyceenne", "collegien", "retraite", "retraitee", "rentier",
    "mere au foyer", "pere au foyer", "femme au foyer", "homme au foyer", "parent au foyer",
    "rsa", "are", "en recherche", "recherche active", "recherche d'emploi", "a la recherche",
    "en reconversion", "reconversion", "conge parental", "conge maternite", "arret maladie",
    "invalidite", "inactif", "inactive", "sans profession", "sans activite", "benevole",
    "super-heros", "super heros", "divers", "autre", "aucun", "neant", "n/a", "rien", "stagiaire",
    "alternance", "interim", "interimaire", "vacances", "annee sabbatique", "service civique",
)  # fmt: skip

# Words that tell of contract, hours, rank or gender and not of the work itself.
NOISE = frozenset(
    {
        "h", "f", "hf", "fh", "m", "w", "x", "cdi", "cdd", "ctt", "interim", "interimaire", "stage",
        "stagiaire", "alternance", "alternant", "apprenti", "apprentissage", "junior", "senior",
        "confirme", "debutant", "experimente", "poste", "emploi", "metier", "temps", "plein",
        "partiel", "mi", "saisonnier", "titulaire", "remplacant", "vacataire", "ancien", "ex",
        "polyvalent", "independant", "salarie",
    }
)  # fmt: skip
