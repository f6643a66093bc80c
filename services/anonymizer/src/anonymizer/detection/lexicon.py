# ruff: noqa: E501 - patterns and word lists are read as long lines
"""French words that identify nobody: what careers are told with. Compared folded."""

import re

from anonymizer.detection.folding import fold


def _words(text: str) -> frozenset[str]:
    return frozenset(
        fold(word.strip()) for line in text.split("\n") for word in line.split("|")
    ) - {""}


# The first word of an occupation; what follows it is not a name.
OCCUPATIONS = _words("""
accompagnateur|accompagnatrice|acheteur|acheteuse|adjoint|adjointe|administrateur|administratrice|aesh|agent|agente
agriculteur|agricultrice|aide|aide-soignant|aide-soignante|ambulancier|ambulancière|analyste|animateur|animatrice
architecte|artisan|artisane|assistant|assistante|assureur|ats|atsem|auditeur|auditrice|auxiliaire|avocat|avocate
barman|barmaid|bénévole|bibliothécaire|boucher|bouchère|boulanger|boulangère|brancardier|brancardière|cadre
caissier|caissière|cariste|carreleur|carreleuse|carrossier|charpentier|charpentière|chargé|chargée|chauffeur|chauffeuse
chauffagiste|chef|cheffe|chercheur|chercheuse|chirurgien|chirurgienne|coach|coiffeur|coiffeuse|collaborateur
collaboratrice|comédien|comédienne|commercial|commerciale|commis|comptable|concepteur|conceptrice|concierge
conducteur|conductrice|conseiller|conseillère|consultant|consultante|contremaître|contrôleur|contrôleuse|coordinateur
coordinatrice|coordonnateur|coordonnatrice|couturier|couturière|couvreur|couvreuse|cuisinier|cuisinière|data
débosseleur|décorateur|décoratrice|délégué|déléguée|dessinateur|dessinatrice|développeur|développeuse|diététicien
diététicienne|directeur|directrice|documentaliste|éducateur|éducatrice|électricien|électricienne|électromécanicien
électromécanicienne|employé|employée|encadrant|encadrante|enseignant|enseignante|ergothérapeute|esthéticien
esthéticienne|étudiant|étudiante|expert|experte|facteur|factrice|factotum|femme de chambre|fleuriste|formateur
formatrice|frigoriste|garde|gardien|gardienne|géomètre|gérant|gérante|gestionnaire|gouvernante|graphiste|greffier
greffière|guide|horticulteur|horticultrice|hôte|hôtesse|huissier|infirmier|infirmière|informaticien|informaticienne
ingénieur|ingénieure|inspecteur|inspectrice|instituteur|institutrice|interprète|intervenant|intervenante|jardinier
jardinière|journaliste|juriste|kinésithérapeute|laborantin|lead|libraire|livreur|livreuse|logisticien|logisticienne
magasinier|magasinière|maître d'hôtel|manager|manageur|manageuse|manutentionnaire|maraîcher|maraîchère
maroquinier|maroquinière|masseur|mécanicien|mécanicienne|médecin|médiateur|médiatrice|menuisier|menuisière|métallier
métreur|métreuse|monteur|monteuse|moniteur|monitrice|notaire|opérateur|opératrice|opticien|opticienne|orthophoniste
orthoptiste|ouvrier|ouvrière|palefrenier|pâtissier|pâtissière|paysagiste|peintre|pharmacien|pharmacienne|photographe
pilote|plombier|plombière|plongeur|plongeuse|poissonnier|poissonnière|préparateur|préparatrice|président|présidente
product|project|customer|community|business|office|key account|professeur|professeure|programmeur|programmeuse|projectionniste|psychologue|puériculteur|puéricultrice
réceptionniste|rédacteur|rédactrice|référent|référente|régisseur|régisseuse|responsable|restaurateur|restauratrice
retraité|retraitée|sage-femme|salarié|salariée|scrum master|secrétaire|serveur|serveuse|serrurier|soigneur|soudeur|soudeuse
sommelier|sommelière|stagiaire|superviseur|superviseure|surveillant|surveillante|tailleur|tailleuse|technicien
technicienne|technico-commercial|technico-commerciale|téléconseiller|téléconseillère|télévendeur|traducteur
traductrice|trésorier|trésorière|tuteur|tutrice|tuyauteur|vendeur|vendeuse|vétérinaire|webmaster|zingueur|apprenti
apprentie|alternant|alternante|luthier|luthière|joaillier|joaillière|graveur|maquettiste|gestion|maître|maîtresse
""")

HEADINGS = _words("""
curriculum vitae|cv|profil|à propos|a propos|objectif|objectifs|résumé|présentation|coordonnées|contact|contacts|me contacter
état civil|etat civil|informations|informations personnelles|expérience|expériences|expérience professionnelle
expériences professionnelles|parcours|parcours professionnel|parcours pro|formation|formations|formation initiale
formations et diplômes|diplôme|diplômes|études|etudes|cursus|scolarité|compétences|compétence|savoir-faire|savoir-être
savoirs|compétences techniques|compétences et langues|savoir-faire et langues|atouts|qualités|logiciels|informatique
bureautique|langue|langues|langues étrangères|loisirs|loisir|centres d'intérêt|centre d'intérêt|intérêts|divers|références
recommandations|certifications|certification|habilitations|permis|mobilité|disponibilité|bénévolat|engagements|projets
projet|réalisations|missions|mission|stages|emplois|formation et habilitations|activités|situation|objet|pièces jointes
pj|madame|monsieur|cordialement|cdt|bonjour|bonsoir|salut|attestation|entretien|compte rendu|cr|conclusion|synthèse
bénéficiaire|conseiller|conseillère|consultante|consultant|téléphone|tél|mail|courriel|adresse|nom|prénom|nom et prénom|ville|passeport|code postal|domicile|employeur|dernier employeur|permis de conduire|immatriculation|situation familiale|montant|sms|code
date|lieu|âge|nationalité|poste|employeur|salaire|durée|remarques|remarque|notes|note|observations|pistes|freins|leviers
moi|lui|elle|vous|nous|oui|non|merci|bises|bisous|phase|rdv|ps|nb|re|tr|fwd|item|test|tests|bilan|bilan de compétences
""")

SOFTWARE = _words("""
tableur|traitement de texte|messagerie|excel|word|powerpoint|outlook|access|office|pack office|microsoft office|microsoft|windows|linux|macos|teams|slack|zoom|trello|notion
google|google workspace|libreoffice|openoffice|photoshop|illustrator|indesign|adobe|figma|canva|autocad|autocad lt|solidworks|catia|revit
sketchup|sap|sage|sage paie|ciel|ebp|cegid|odoo|salesforce|hubspot|wordpress|prestashop|magento|shopify|drupal|html|css
javascript|typescript|java|python|php|ruby|kotlin|swift|scala|rust|go|c|c++|c#|sql|mysql|postgresql|oracle|mongodb|redis|kafka
spark|hadoop|docker|kubernetes|jenkins|git|gitlab|github|sonarqube|ansible|terraform|aws|azure|gcp|angular|react|vue|vue.js|node.js
node|spring|spring boot|django|flask|symfony|laravel|power bi|tableau|qlik|r|matlab|spss|stata|jira|confluence|doctolib|hopital
gmao|erp|crm|cms|agile|scrum|kanban|lean|six sigma|pronote|silae|quickbooks|pennylane|whatsapp|instagram|facebook|linkedin|twitter
tiktok|youtube|wifi|internet|intranet|netvibes|moodle|teamviewer|vmware|active directory|cisco|qgis|arcgis|archicad|carl source
""")

DIPLOMAS = _words("""
bac|bac pro|baccalauréat|bts|but|dut|deug|deust|licence|licence pro|master|mastère|doctorat|cap|bep|bepc|brevet|bp|mc|dcg|dscg|dees|deaes
deas|deap|dea|dess|dae|vae|cqp|titre professionnel|titre pro|certificat|cléa|clea|pix|toeic|toefl|voltaire|afgsu|psc1|sst
caces|haccp|bafa|bafd|bpjeps|ssiap|habilitation|rncp|rome|riasec|mbti|tosa|capes|crpe|mooc|mba|daeu|gestes et postures
bachelor|mention complémentaire|diplôme d|diplôme de|diplôme national|diplôme universitaire|certificat d|certificat de
permis b|permis a|permis c|permis ce|permis be|fimo|fco|qualigaz|atex|n1|n2|rgaa|miage|iso|psm i|scrum master psm i|hec
""")

PLACES_KEPT = _words("""
france|europe|union européenne|afrique|asie|amérique|océanie|maghreb|outre-mer|métropole|allemagne|angleterre|royaume-uni|irlande
espagne|italie|portugal|belgique|suisse|luxembourg|pays-bas|pologne|roumanie|grèce|turquie|maroc|algérie|tunisie|sénégal|mali
côte d'ivoire|cameroun|congo|bénin|togo|gabon|guinée|madagascar|comores|haïti|canada|québec|états-unis|usa|brésil|mexique|chine|japon|inde|vietnam|viêt nam
liban|syrie|iran|irak|russie|ukraine|bretagne|normandie|île-de-france|ile-de-france|idf|occitanie|nouvelle-aquitaine|grand est
hauts-de-france|auvergne-rhône-alpes|auvergne|paca|provence-alpes-côte d'azur|provence|corse|alsace|lorraine|centre-val de loire
bourgogne-franche-comté|bourgogne|pays de la loire|pays basque|bourbonnais|guadeloupe|martinique|guyane|la réunion|réunion|mayotte|nouvelle-calédonie
polynésie|loire-atlantique|finistère|morbihan|ille-et-vilaine|vendée|gironde|landes|rhône|isère|savoie|haute-savoie|bouches-du-rhône|var|hérault|gard
nord|pas-de-calais|moselle|bas-rhin|haut-rhin|seine-saint-denis|val-de-marne|hauts-de-seine|essonne|yvelines|seine|loire|garonne
""")

BODIES_KEPT = _words("""
france travail|pôle emploi|pole emploi|anpe|cap emploi|mission locale|missions locales|ml|transitions pro|fongecif|opco|opcos|cpf|mon compte formation
apec|afpa|cnam|cned|agefiph|fiphfp|mdph|cpam|caf|msa|urssaf|carsat|assurance maladie|sécurité sociale|dreets|drees|dares|insee|onisep
qualiopi|uraf|éducation nationale|état|etat|fonction publique|armée|gendarmerie|police|police nationale|union européenne|france compétences|région|département
cse|chsct|irp|rh|drh|daf|dsi|dg|pme|tpe|pme-pmi|eti|smic|cdi|cdd|rqth|aah|are|rsa|pmsmp|poei|pse|csp|rtt|tva|bfr|btp|esat|ehpad|siret|siren|ape|naf|rib|iban|nir|cni
esco|faj|fse|dif|pdc|oeth|ccn|n+1|n+2|vsi|snu|service civique|pole|cap'emploi|bpf|lld|tms|epi|qse|hse|rse|rgpd|it|tig|mig|mag|cfdt|cgt|fo|cftc|cfe-cgc|sud|unsa|fsu|solidaires
""")

# Of streets, schools and theories, not of anybody's file.
PUBLIC_FIGURES = _words("""
marie curie|jules ferry|victor hugo|jean moulin|louis pasteur|jean jaurès|jules verne|albert camus|simone veil|georges pompidou|charles de gaulle
rosa parks|george sand|émile zola|claude bernard|ambroise paré|léonard de vinci|albert einstein|antoine de saint-exupéry|jacques prévert|john holland
donald super|edgar schein|carl rogers|abraham maslow|carl jung|isabel myers
""")

TESTS = _words("""
holland|kolb|likert|rorschach|myers|briggs|myers-briggs|schein|gardner|maslow|jung|super|strong|gordon|disc|hexaco|neo|irmr|ennéagramme|enneagramme|ikigai
investigateur|artistique|entreprenant|conventionnel|réaliste|realiste|big five|parcoréo|transférence|cattell|eysenck|raven|d48|d70|naf|sosie|papi|talentoday
indeed|hellowork|linkedin recruiter|monster|leboncoin|welcome to the jungle|miro|airtable|isacompta|edenred|swile|doodle|klaxoon|genially|kahoot|wooclap
""")

LANGUAGES = _words("""
français|francais|anglais|espagnol|allemand|italien|portugais|arabe|chinois|mandarin|russe|japonais|turc|polonais|néerlandais|roumain|grec|hébreu
latin|breton|basque|corse|occitan|catalan|alsacien|créole|kabyle|berbère|wolof|bambara|lingala|swahili|peul|soninké|baoulé|dioula|vietnamien|ukrainien
coréen|hindi|ourdou|tamoul|persan|farsi|serbe|croate|hongrois|tchèque|suédois|danois|norvégien|finnois|lsf|langue des signes
""")

TIMES = _words("""
janvier|février|mars|avril|mai|juin|juillet|août|septembre|octobre|novembre|décembre|lundi|mardi|mercredi|jeudi|vendredi|samedi
dimanche|noël|pâques|toussaint|ascension|pentecôte|printemps|été|automne|hiver|janv|févr|sept|oct|nov|déc|aujourd'hui|matin|soir
""")

# Given names that are also everyday words: alone, and without a title, they prove nothing.
AMBIGUOUS = _words("""
a|ange|angel|aime|aimée|alliance|aube|aurore|avril|axel|baptiste|blanche|bonne|candide|caprice|carmen|céleste|césar|chance|claire|claude
clémence|constance|constant|cyprès|désiré|désirée|digne|dominique|douce|églantine|espérance|fleur|flore|fortune|france|francs|frank
franc|fidèle|gentil|grâce|harmonie|honoré|honorée|iris|jasmine|jasmin|jade|joie|joseph|juin|juste|la|le|les|lila|lilas|lise|lourdes|luce
lune|lys|mai|major|marin|marine|mars|marguerite|matin|maxime|melody|mercedes|miel|modeste|noël|océan|olive|olivier|opale|or|orange|orient
parfait|paris|parise|pascal|pascale|pensée|perle|pierre|plaisance|prince|prudence|reine|rémi|roman|romane|rose|rosé|roue|roy|ruby|saint|salut
salomé|sauveur|savane|seconde|sérénité|sincère|sol|soleil|solène|tara|théâtre|tulipe|valentin|venise|vérité|véronique|victoire|vigile|violette|vive|vivien|zen|bien|bon|son|mon|ma|ta|sa|an|en|et|un|au|de|du|des|je|tu|il|on|si|ni|ou|lui|toi|moi|dis|dit|sue|lot|art|mode|ami|amie|mine|lira|saisi|terre|port|sage|abc|do|ha|hi|ho|ai|ty|by|mo|ann|go|line|web|data|pro|projet|type|cadre
papa|maman|mamie|papi|papy|tata|tonton|chérie|cher|madame|madeleine|bernard|martin|gilles|guy|pape|baron|comte|marquis|roi|duc|mais|mal|car|or|donc|mer|lac|bois|val|mont|tour|style|classe|test|forme|service|temps|nombre|gestion|accord|titre|norme|plan|fin|lien|sens|main|art|code
""")

PARTICLES = _words("de|du|des|le|la|les|d|l|van|der|den|von|el|al|ben|bin|da|dos|do|di")

TITLES = _words(
    "m|mm|mr|mme|mmes|mlle|mle|monsieur|madame|mademoiselle|dr|docteur|me|pr|maitre|professeur"
)

ALL_KEPT = (
    TITLES | TESTS | HEADINGS | SOFTWARE | DIPLOMAS | PLACES_KEPT | BODIES_KEPT | LANGUAGES | TIMES
)

# Folded, these are the town of Mâcon and the name Marie: they are compared as written.
_CEDILLA = frozenset(("maçon", "maçonne", "maçons", "marié", "mariée", "mariés"))

# Words of grammar and of everyday career talk: a finding made only of these is none.
PLAIN = _words("""
titre|titres|centre|centres|interet|interets|cadre|poste|lieu|bureau|site|mission|missions|stage|sport|lecture|cuisine|couture|jardin|jardinage|musique|voyages|marche|velo|danse|chant|peche|chasse|le|la|les|l|un|une|des|du|de|d|et|ou|à|a|au|aux|en|par|pour|sur|sous|dans|avec|sans|chez|vers|depuis|pendant|ce|cet|cette|ces|son|sa|ses|mon|ma|mes
notre|nos|votre|vos|leur|leurs|je|j|tu|il|elle|on|nous|vous|ils|elles|qui|que|quoi|dont|où|est|sont|était|ai|as|avons|avez|ont|suis|être|avoir
ne|pas|plus|moins|très|bien|mal|si|mais|donc|car|ni|puis|alors|après|avant|aussi|encore|déjà|toujours|jamais|ici|là|ok|oui|non|merci|svp|stp
travail|emploi|poste|projet|équipe|client|clients|gestion|suivi|relation|relations|accueil|vente|ventes|achat|achats|production|maintenance|qualité|sécurité
logistique|transport|comptabilité|paie|finance|marketing|communication|commerce|commercial|administration|administratif|direction|service|services
responsable|développement|recherche|informatique|réseau|réseaux|web|digital|formation|enseignement|animation|santé|social|sociale|bâtiment|industrie
restauration|hôtellerie|tourisme|environnement|agriculture|artisanat|mécanique|électricité|électronique|soudure|peinture|menuiserie|plomberie|chauffage
management|stratégie|organisation|planning|budget|reporting|audit|conseil|expertise|innovation|analyse|conception|étude|études|technique|techniques
niveau|notions|courant|bilingue|intermédiaire|débutant|avancé|scolaire|professionnel|professionnelle|maternelle|langue|lu|écrit|parlé|temps|plein|partiel
mobilité|disponible|immédiatement|célibataire|divorcé|divorcée|enfant|enfants|véhicule|permis|nationalité|française|français|né|née
""")


_CODE = re.compile(
    r"(?:rncp|rs|rome|iso|caces|naf|ape) ?[a-z]?\d+|\b[ei][ns][ft][jp]\b|\b[a-n]\d{4}\b|\b[abc][12]\b"
)


def is_kept(text: str) -> bool:
    """Say whether a finding is made of nothing but words that identify nobody."""
    if text.lower().strip() in _CEDILLA:
        return True
    folded = " ".join(fold(text).replace("\t", " ").split()).strip(" .,:;-'")
    if folded in ALL_KEPT or folded in OCCUPATIONS or not folded:
        return True
    if _opens_with_a_diploma(text, folded) or _CODE.search(folded):
        return True
    words = folded.replace("'", " ").replace("/", " ").replace(",", " ").split()
    if words[0] in OCCUPATIONS and words[0] not in ("maitre", "maitresse"):
        return True
    return all(
        word in ALL_KEPT or word in PLAIN or word in OCCUPATIONS or word.isdigit() for word in words
    )


def _opens_with_a_diploma(text: str, folded: str) -> bool:
    """Say whether a diploma and its subject are named; its school is found by itself."""
    words = folded.replace("'", " ").split()
    if len(words) > 2 and " ".join(words[:2]) in DIPLOMAS:  # noqa: PLR2004 - "titre professionnel" and its trade
        return True
    sure = len(words[0]) > 3 or text[:3].isupper()  # noqa: PLR2004 - CAP, not Cap
    return len(words) > 1 and words[0] in DIPLOMAS and sure
