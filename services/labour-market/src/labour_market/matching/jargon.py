"""What the trades say and official labels do not: software, licences, everyday words of a task.

Written by us from common usage; the right-hand side is the wording of an official label, looked
up in the current release, so that the lexicon holds no code.
"""

# Words of the text (folded, without accents), and the label that they stand for.
PHRASES: dict[str, str] = {
    # office and business software
    "word": "Outils bureautiques", "excel": "Outils bureautiques", "powerpoint": "Outils bureautiques",
    "pack office": "Outils bureautiques", "libreoffice": "Outils bureautiques",
    "google sheets": "Outils bureautiques", "bureautique": "Outils bureautiques",
    "tableur": "Outils bureautiques", "tableau croise dynamique": "Outils bureautiques",
    "outlook": "Système de messagerie", "thunderbird": "Système de messagerie",
    "sage": "Logiciels comptables", "ciel": "Logiciels comptables", "ebp": "Logiciels comptables",
    "quadra": "Logiciels comptables", "cegid": "Logiciels comptables",
    "sap": "Progiciels de Gestion Intégrée (PGI) / Enterprise Resource Planning (ERP)",
    "salesforce": "Progiciels de gestion de la relation client (CRM - Customer Relationship Management)",
    "crm": "Progiciels de gestion de la relation client (CRM - Customer Relationship Management)",
    "autocad": "Logiciels de Conception et de Dessin Assistés par Ordinateur (CAO/DAO)",
    "solidworks": "Logiciels de Conception et de Dessin Assistés par Ordinateur (CAO/DAO)",
    "indesign": "Logiciel InDesign", "photoshop": "Logiciel Photoshop", "illustrator": "Logiciel Illustrator",
    "canva": "Publication Assistée par Ordinateur (PAO)", "power bi": "Outils de Business Intelligence (BI)",
    "qgis": "Système d'Information Géographique (SIG)", "sql": "Langage informatique SQL",
    "python": "Langage informatique Python", "php": "Langage informatique PHP",
    "java": "Langage informatique Java", "javascript": "Langage informatique Javascript",
    "html": "Langage informatique HTML", "css": "Langage informatique CSS",
    "powershell": "Langage informatique Script Shell", "wordpress": "Content Management System (CMS)",
    "facebook": "Alimenter des réseaux sociaux", "instagram": "Alimenter des réseaux sociaux",
    "insta": "Alimenter des réseaux sociaux", "linkedin": "Alimenter des réseaux sociaux",
    "tiktok": "Alimenter des réseaux sociaux", "reseaux sociaux": "Alimenter des réseaux sociaux",
    "windows": "Système d'exploitation Windows", "linux": "Système d'exploitation Linux",
    # licences and certificates
    "permis b": "Permis de conduire B", "permis c": "Permis de conduire C",
    "permis ce": "Permis de conduire CE", "permis d": "Permis de conduire D",
    "permis poids lourd": "Permis de conduire C", "bafa": "Réaliser des interventions nécessitant une habilitation BAFA",
    "psc1": "Habilitation Prévention et Secours Civiques de niveau 1 (PSC1)",
    "sst": "Sauveteur Secouriste du Travail (SST)", "fimo": "Formation Initiale Minimum Obligatoire (FIMO)",
    "haccp": "Hazard Analysis Critical Control Point - HACCP", "habilitation electrique": "Habilitations électriques de travaux hors tension",
    "habilitations electriques": "Habilitations électriques de travaux hors tension",
    # everyday words for a task
    "standard": "Assurer un accueil téléphonique", "telephone": "Accueil téléphonique",
    "accueil telephonique": "Assurer un accueil téléphonique",
    "prise de rendez-vous": "Planifier des rendez-vous", "rendez-vous": "Planifier des rendez-vous",
    "courrier": "Réaliser la gestion administrative du courrier", "devis": "Établir un devis",
    "factures": "Établir une facture", "facturation": "Établir une facture", "caisse": "Règles de tenue de caisse",
    "encaissement": "Encaisser le montant d'une vente", "inventaires": "Réaliser un inventaire",
    "inventaire": "Réaliser un inventaire", "plannings": "Organiser un planning du personnel",
    "planning": "Organiser un planning du personnel", "relances": "Effectuer une relance client",
    "paie": "Réaliser la gestion de la paie", "bulletins de paie": "Établir un bulletin de paie",
    "management": "Management", "equipe de": "Superviser une équipe", "encadre": "Superviser une équipe",
    "encadrement": "Superviser une équipe", "manage": "Superviser une équipe", "recrutement": "Recruter du personnel",
    "vitrines": "Concevoir des vitrines", "mise en rayon": "Réaliser la mise en rayon",
    "facing": "Réaliser la mise en rayon", "picking": "Préparer les commandes",
    "preparation de commandes": "Préparer les commandes", "budget": "Suivre un budget",
    "comptes rendus": "Rédiger un compte rendu de réunion", "compte rendu": "Rédiger un compte rendu de réunion",
    "communiques de presse": "Rédiger un communiqué de presse", "tableaux de bord": "Concevoir un tableau de bord",
    "toilette": "Aider une personne à faire sa toilette", "menage": "Techniques de nettoyage",
    "soudure": "Techniques de soudure", "classement": "Méthode de classement et d'archivage",
    "archivage": "Méthode de classement et d'archivage", "fournisseurs": "Gérer les relations fournisseurs",
    "stocks": "Suivre l'état des stocks", "stock": "Suivre l'état des stocks",
    "clients": "Accueillir une clientèle", "clientele": "Accueillir une clientèle",
    "accueil": "Accueillir les personnes", "accueil du public": "Accueillir les personnes",
    "tuteur": "Encadrer des stagiaires dans leurs missions", "tutrice": "Encadrer des stagiaires dans leurs missions",
    "tutorat": "Encadrer des stagiaires dans leurs missions", "forme les": "Former un nouveau collaborateur aux méthodes et techniques de l'entreprise",
    "montage video": "Réaliser le montage vidéo", "subvention": "Établir une demande de financement",
    "evenements": "Organiser un évènement", "festival": "Organiser un évènement",
    "entretiens": "Mener un entretien de recrutement", "dechets": "Gestion des déchets",
    "bionettoyage": "Techniques de bio-nettoyage", "bio-nettoyage": "Techniques de bio-nettoyage",
    "monobrosse": "Utilisation de monobrosse", "autolaveuse": "Caractéristiques d'autolaveuse",
    "livraisons": "Livrer une commande", "livraison": "Livrer une commande",
}  # fmt: skip

# Languages are labelled `Langue étrangère - Anglais`; these names differ from the label's.
LANGUAGES = {"mandarin": "chinois", "castillan": "espagnol", "lsf": "langue des signes"}
