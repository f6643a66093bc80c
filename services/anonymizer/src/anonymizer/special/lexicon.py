# ruff: noqa: E501 - patterns and word lists are read as long lines
"""The words of the special categories, folded: without case or accents.

Written from the vocabulary of the law, of occupational medicine, of French religious, political
and union life, not from sample texts. `ALONE` says it by itself; `OF_SOMEBODY` needs a person.
"""

import re


def _terms(text: str) -> re.Pattern[str]:
    return re.compile(
        r"\b(?:" + "|".join(term for term in text.split("\n") if term.strip()) + r")", re.ASCII
    )


_DISEASES = r"""cancers?|tumeurs?|leucemi\w+|lymphom\w+|depressions?|depressi(?:f|ve)|burn[ -]?out|surmenage|diabet\w+|epilep\w+|asthm\w+|scleroses?
fibromyalgi\w+|bipolair\w+|bipolarite|schizophren\w+|autis\w+|asperger|tdah?\b|hyperactivite|dyslexi\w+|dysphasi\w+|dyspraxi\w+|dyscalculi\w+|hernies? discales?
lombalgi\w+|sciatiques?|lumbago|endometriose|vih\b|sida\b|seropositi\w+|alcool\w*|addict\w+|toxicoman\w+|cannabis|shit\b|cocaine|heroine|sevrage|cure de desintox\w*
anorexi\w+|boulimi\w+|alzheimer|parkinson\w*|avc\b|infarctus|cardiaques?|pacemaker|arthros\w+|polyarthrit\w+|spondylarthrit\w+|tendinit\w+|canal carpien
troubles? (?:musculo|anxieu|bipolair|du sommeil|alimentair|psych|dys|du spectre|de la personnalite|obsessionnel|cognitif)\w*|angoiss\w+|crises? de panique|phobi\w+|insomni\w+|maladies? (?:de|chronique|rare|auto|grave|professionnelle|orpheline)\w*
hepatite|tuberculose|covid long|long covid|migraines?|allergi\w+|eczema|psoriasis|maladie|handicap\w*|fauteuil roulant|prothes\w+|appareillages? auditif|sourde?s?\b|surdite|malentendant\w*
malvoyant\w*|aveugles?|cecite|paralys\w+|amput\w+|hemiplegi\w+|paraplegi\w+|tetraplegi\w+|traumatis\w+|stress post-traumatique|trisomi\w+|epuisement"""

ALONE = {
    "health": _terms(
        r"""rqth\b|travailleu(?:r|se) handicapee?\b|boeth\b|oeth\b|aah\b|taux d'incapacite|pension d'invalidite|en invalidite|invalidite (?:de )?(?:1|2|3|categorie|premiere|deuxieme)
inaptitude|(?:declare|reconnue?|devenue?)e?s? inapte|inapte (?:a|au) |mi-temps therapeutique|temps partiel therapeutique|conge (?:de )?longue (?:maladie|duree)|longue maladie
affection (?:de )?longue duree|\ben ald\b|arrets? (?:maladie|de travail|medical)|en arret depuis|reconnaissance (?:de la )?(?:qualite de )?travailleur handicape
dossier mdph|orientation mdph|notification mdph|porteu\w+ (?:de|d'un) handicap|(?:enceinte|grossesse) (?:de|depuis|difficile|gemellaire)|je suis enceinte|est enceinte|fausses? couches?
seropositi\w+|chimiotherapie|radiotherapie|sous (?:antidepresseurs?|anxiolytiques?|lithium|traitement|methadone|insuline|neuroleptiques?)|anti-?depresseurs?|anxiolytiques?|hospitalise\w*
(?:etat|probleme|souci|ennui|pepin|raison|difficulte)s? (?:de|personnels de) sante|(?:mal|maux) (?:de|au) dos|dos (?:foutu|casse|bloque|en vrac)|accident (?:du|de) travail|sequelles|dialyse\w*|charge virale|(?:re)?tombee? dans la boisson|repri(?:s|se) (?:de )?la boisson|csapa\b|csat\b|alcooliques anonymes|diagnosti(?:c|quee?) (?:de|en|par|depuis)|greffee? (?:du|de)"""
    ),
    "religion": _terms(
        r"""de confession|de religion|(?:catholique|musulmane?|juif|juive|protestante?|bouddhiste|evangelique|orthodoxe|croyante?)s? (?:pratiquante?|convaincue?|fervente?)s?|temoins? de jehovah
temoigne de jehovah|(?:porte|portant|porter|garder|enlever?|retirer) (?:le|son|mon|un) (?:voile|foulard|hijab|kippa|turban|crucifix)|(?:fait|faire|faisant|fais|pendant|durant|jeune du|jeuner pour) (?:le )?(?:ramadan|careme)
(?:mon|son) (?:bapteme|voile|hijab|imam|rabbin|pasteur|cure)\b|\bl'aid\b|chabbat|shabbat|sabbat\b|kippour|pessah|roch hachana|priere du vendredi|mes prieres|ses prieres|salle de priere
catechiste|catechisme|aumonerie|enfant de choeur|scoute?s? (?:catholique|de france|musulman)\w*|ma foi (?:chretienne|musulmane|juive|m'|en)|sa foi (?:chretienne|musulmane|juive|l')|adventiste|mormone?|salafiste|franc-macon\w*
(?:a|aller a|va a|chorale de) (?:la (?:messe|mosquee|synagogue|paroisse)|l'eglise)|(?:benevole|engage\w*|membre|responsable|tresorier\w*|active?) (?:a|de|dans|aupres de) (?:la |l'|ma |sa )?(?:paroisse|mosquee|eglise|synagogue|temple)"""
    ),
    "ethnic_origin": _terms(
        r"""nationalite(?: ?: ?| )(?!francaise|europeenne)[a-z]{4,}|de nationalite (?!francaise)[a-z]{4,}|d'origine (?:algerien|maroc|tunis|maghreb|africain|seneg|mali|ivoir|congol|camer|guineen|comor|malgache|portug|espagnol|italien|polon
turque|turc|kurde|armen|chinois|vietnam|cambodg|laot|indien|pakist|sri|syrien|libanais|irak|afghan|russe|ukrain|roumain|bulgar|serbe|alban|kosov|bresil|haitien|antill|reunion|guadeloup|martini|caraib|asiat|juive|rom\b|gitan|kabyle|berbere|etrang)\w*
(?:mes|ses|nos|leurs) origines (?!sociales|modestes|professionnelles)|origines? (?:ethnique|etrangere|africaine|maghrebine|immigree)s?|(?:gitane?|manouche|tzigane|tsigane|yeniche)s?\b|gens du voyage|(?:couleur|noire?) de peau|peau (?:noire|mate|foncee)
issue? de l'immigration|immigree? de|sans[- ]papiers|demandeu\w+ d'asile|droit d'asile|refugiee? (?:politique|de|d')|statut de refugie|nous les (?:kabyles|arabes|noirs|juifs|africains|turcs|bretons)|chez nous les [a-z]+s\b|naturalisee?"""
    ),
    "union": _terms(
        r"""syndiquee?s?\b|delegue\w* (?:syndica\w+|du personnel)|(?:mandat|engagement|activite|militantisme|section|permanence|liste|responsabilite|action)s? syndica\w+|syndicaliste|representante?s? (?:du personnel|syndical\w*|de section)
elue?s? (?:au |du |titulaire au |suppleante? au )?(?:cse|ce|chsct|comite)\b|\b(?:au|du) (?:cse|chsct)\b.{0,25}(?:liste|elue?|mandat|siege)|etais au cse|suis au cse|heures de delegation|(?:a la|pour la|de la|chez|avec la|section|liste|carte|adherente?|encartee? a? ?la?|delegue\w*) (?:cgt|cfdt|cftc|cfe-cgc|unsa|fsu|usapie)\b
(?:a|chez|de|section|delegue\w*) (?:fo|sud|solidaires)\b|force ouvriere|(?:confederation paysanne|fnsea|coordination rurale|jeunes agriculteurs|snes|fcpe)\b|(?:j'ai fait|a fait|faire|participe a la|mene la|en) greve"""
    ),
    "politics": _terms(
        r"""(?:parti|mouvement) (?:socialiste|communiste|republicain|radical|ecologiste|politique|nationaliste|de gauche|de droite|anticapitaliste)|(?:membre|adherente?|militante?|encartee?|sympathisante?|tracts?|tractage|campagne|carte|vote|colle\w*|tresori\w*|secretaire|presidente?|responsable|porte-parole).{0,24}\b(?:udi|ump|lr|lfi|insoumise?s?|rn|rassemblement national|renaissance|ps|pcf|eelv|ecologistes|modem|republicains|npa|reconquete|lutte ouvriere|horizons|parti)\b
la france insoumise|rassemblement national|(?:conseill\w+|elue?|adjointe?) (?:municipal\w*|departemental\w*|regional\w*|d'opposition|au maire|a la mairie|communautaire)|(?:candidate?|tete de liste|colistier\w*) (?:aux|sur la liste|a la mairie)|campagne (?:electorale|municipale|presidentielle|legislative)|militant\w* (?:politi\w+|ecolo\w*|antifa\w*|feministe|d'extreme|de gauche|de droite|communiste|socialiste)
(?:opinions?|convictions?|idees|engagement|engagements) politiques?|gilets? jaunes?|(?:suis|est|vote|voter|sympathies?) (?:plutot )?(?:de |a )(?:l'extreme )?(?:gauche|droite)\b|tract\w+ pour"""
    ),
    "sexual_orientation": _terms(
        r"""homosexuel\w*|homosexualite|lesbiennes?|\bgays?\b(?!-)|bisexuel\w*|transgenres?|transsexuel\w*|personne trans\b|femme trans\b|homme trans\b|transition de genre|asexuel\w*|pansexuel\w*|coming[ -]out|orientation sexuelle|(?:couple|mariage|parents?) (?:homo\w*|de meme sexe|gay|lesbien)|mes deux (?:papas|mamans)|ses deux (?:papas|mamans)|(?:asso\w*|centre|collectif|militante?) (?:lgbt\w*|lgbtqi?\w*)"""
    ),
    "criminal": _terms(
        r"""(?:ai|a|avoir|ayant|etais|etait|suis|est) ete (?:condamne|incarcere|juge|ecroue|mis en examen|place en garde)e?s?\b|condamne\w* (?:a|pour|en 20|avec sursis|par le tribunal)|(?:ma|sa|une) (?:condamnation|peine de prison|peine avec sursis|incarceration|detention)\b|amenagement de (?:ma |sa )?peine
(?:sous|porte un|port du|avec un|mon|son) bracelet(?: electronique)?\b|bracelet electronique|sort(?:i|ie|ant|ir) de (?:prison|detention)|sortie de (?:prison|detention)|(?:fait|faire|passe|purge) .{0,20}(?:de prison|en prison|de detention|de taule|au placard|derriere les barreaux)|mois (?:de|avec) (?:prison|sursis|ferme)|ans de prison
(?:liberation|liberte) conditionnelle|semi-liberte|garde a vue|(?:mon|son|sa) (?:conseiller\w* )?(?:cpip|spip)\b|suivie? par le spip|juge d'application des peines|mon casier|son casier|casier (?:judiciaire )?(?:non vierge|charge|pas vierge)|inscrit\w* au casier|travaux? d'interet general|(?:en|de) detention|maison d'arret de|mise? en examen|recidiv\w+"""
    ),
}

# The same terms where a line break stands between their words.
BROKEN = tuple(re.compile(term.pattern.replace(" ", r"\s"), re.ASCII) for term in ALONE.values())

# A clause that begins with the name of a disease is a line of a medical form.
DIAGNOSIS = re.compile(
    r"(?:" + "|".join(_DISEASES.split("\n")).replace("|handicap\\w*", "") + r")\b"
)

OF_SOMEBODY = {
    "health": _terms(
        _DISEASES
        + "\n"
        + r"""traitement(?: lourd| medical| de fond)?\b|medicaments?|cachets|cachetons|psychiatr\w+|psy\b|psychotherap\w+|suivi (?:psy|medical)\w*|therapie|operee? d|opere\w* (?:du|de|des)|operation|malade\b|invalid\w+|douleurs?|souffr\w+ d|rechute\w*|cure\b|regle\w* douloureuse|pma\b|fiv\b|menopause|ivg\b|ordonnance|medecin du travail|restrictions? (?:medicales?|de port)|port de charges interdit"""
    ),
    "religion": _terms(
        r"""catholiques?|chretien\w*|protestant\w*|evangeliques?|musulman\w*|islam\b|juifs?\b|juives?\b|bouddhis\w+|hindou\w*|athee|agnostique|croyante?s?\b|pratiquante?\b|pretre|pasteur\b|imam\b|rabbin\b|paroiss\w+|mosquee|synagogue|messe\b|eglise\b|ramadan|careme|priere|prier\b|\bprie\b|halal|casher|bapteme|convertie?\b|pelerinage|la mecque|lourdes\b|hijab|voile islamique|dieu\b|bible\b|coran\b|torah"""
    ),
    "ethnic_origin": _terms(
        r"""origines?\b(?= )(?:[^.]{0,15})(?:africain|maghreb|asiat|antill|arabe|kabyle|turque|portug|alger|maroc|tunis|seneg|mali)\w*|(?:arabe|maghrebine?|africaine?|kabyle|berbere|noire?|metisse?|asiatique|antillaise?|kanake?|kurde|roms?|tchetchene|peule?|algerienne?|algerien|marocaine?|tunisienne?|tunisien|senegalaise?|malienne?|malien|congolaise?|camerounaise?|turque?|portugaise?|polonaise?|roumaine?|afghane?|syrienne?|syrien)s? (?:d'origine|de naissance|par (?:mon|ma|son|sa))"""
    ),
    "union": _terms(
        r"""syndica\w+|syndicats?\b|\bcgt\b|\bcfdt\b|\bcftc\b|\bunsa\b|greves?\b|grevistes?|prud'?homal\w* elu"""
    ),
    "politics": _terms(
        r"""militant\w*|encartee?\b|manifs?\b|manifestations? contre|tractage|tracter|electorale?s?\b|aux municipales|aux legislatives|aux elections (?!professionnelles)"""
    ),
    "sexual_orientation": _terms(r"""\bhomo\b|\bbi\b sexuel|\bpd\b|queer\b|lgbt\w*"""),
    "criminal": _terms(
        r"""incarcer\w+|\btaule\b|\bprison\b|detenue?\b|condamnation penale|casier judiciaire(?! vierge)|delinquan\w+|delit\b|infraction"""
    ),
}

# Somebody is spoken of: a pronoun, a title, a relative, the beneficiary.
PERSONAL = re.compile(
    r"\b(?:je|j'|jai|jsuis|jss|chuis|moi|m'|me|mon|ma|mes|il|elle|lui|son|sa|ses|on m'|s'est|m\.|mr|mme|mlle|monsieur|madame|beneficiaire|benef|"
    r"fils|fille|mari|femme|conjointe?|compagn\w+|mere|pere|maman|papa|frere|soeur|enfant|l'interesse\w*|celibataire|ayant|atteinte?|suivie?|fume|touche)\b|\bj'|\bm'"
)

# What people work at: the words of the categories are then the matter of a trade.
TRADE = re.compile(
    r"\b(?:infirmi\w+|aides?[ -]soignant\w*|soignant\w*|medecin(?! du travail)|medical\w* (?:secretaire|assistant)|secretaire medical\w*|auxiliaire|aesh|educat\w+|animat\w+|accompagn\w+ (?:de|des|d'|aux|au)|j'accompagn\w+|"
    r"prise? en charge|aupres (?:de|des|du|d')|publics?|patients?|residents?|usagers?|eleves?|personnes? (?:agee|handicapee|en situation|malade|sourde)\w*|enfants (?:autis|handic|malad)\w*|formation\w*|former|"
    r"sensibilis\w+|ateliers?|prevention|referent\w*|charge\w* de mission|mission handicap|politique handicap|accessibilite|loi\b|charte|obligation|entreprise adaptee|esat|ehpad|ime\b|savs|service de|foyer|"
    r"pathologies?|connaissance\w*|vendeu\w+|pharmaci\w+|preparat\w+|laborato\w+|recherche|these|memoire|etude\w*|stage\w*|surveillante? penitentiaire|administration penitentiaire|juriste|avocat\w*|greffi\w+|"
    r"guide|visites?|restaur\w+ (?:de|d')|patrimoine|orgues?|architect\w+|concert|negociat\w+|relations sociales|dialogue social|droit (?:social|du travail|penal)|drh|gestion des|gerer|organis\w+|assurances?|mutuelle|"
    r"mediat\w+|interprete|lsf|langue des signes|cuisin\w+|boucher\w+|traiteur|menu\w*|rayon|projet de|creer|metiers? d\w+|devenir|anglais|espagnol|arabe courant|courant|bilingue)\b"
)

DENIED = re.compile(
    r"(?:\ben cas (?:de |d')|\bsi (?:vous|un|une) |\bn(?:e |')[^,;]{0,30}?\b(?:pas|plus|jamais|aucune?|rien|point)\b|\b(?:pas|aucune?|sans|ni|jamais|hors|non)\b(?: (?:de|d'|du|le|la|un|une))?|\bni\b)[^,;]{0,30}$"
)

# Ways of speaking: the words are there, the matter is not.
FIGURES = re.compile(
    r"handicap\w* (?:de|du|pour) (?:l'|la |le |les |notre |votre |cette |cet |ce |ces )?(?:entreprise|secteur|marche|projet|societe|structure|region|commerce|equipe|mobilite)|(?:foi|confiance) en (?:l'avenir|elle|lui|soi|ses|mes)|bonne foi|mauvaise foi|"
    r"ma foi,|allergi\w+ (?:a la paperasse|aux? chiffres|a l'ordinateur|a l'injustice|au bureau|a la hierarchie|aux reunions)|aveugle\w* (?:confiance|de|par)|confiance aveugle|sourde? (?:a|aux) |dialogue de sourds|religion du|ma bible|la bible du|"
    r"grand-messe|messe (?:du|est dite)|parole d'evangile|prison doree|condamne\w* a (?:rester|reussir|attendre|disparaitre|l'attente)|militer? pour (?:la qualite|le bio)|souffre de (?:la comparaison|concurrence)|"
    r"(?:usine|boite|entreprise|marche|organisation|secteur) (?:est |etait )?(?:malade|schizophrene|paralyse\w*|en depression|autiste)|cancer (?:de la|du) (?:societe|management)|maladie de jeunesse|du projet|fievre (?:acheteuse|du)|"
    r"addict\w* (?:aux? |a la |au )(?:cafe|chocolat|series|travail|excel|tableaux|boulot|sport)|accro (?:a|au|aux)|atteinte? de reunionite|virus (?:de la|du) |ma drogue|prie (?:d'agreer|de croire|de bien|de trouver)|preche pour ma paroisse"
)
