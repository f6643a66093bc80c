"""A scripted, OpenAI-compatible server for the demo: *démonstration, pas un modèle*.

It answers by rules from what it receives, so that dispatch, streaming, restoration, validation
and marking are really exercised where no model is configured. Loopback only.
"""

MODEL = "demonstration-pas-un-modele"
RECIPIENT = "rcp_demo"
NOTICE = "Démonstration, pas un modèle"
