"""What a deployments file says of the scripted model."""

from demo.scripted_model import MODEL, NOTICE, RECIPIENT


def deployments_content(base_url: str) -> dict[str, object]:
    """Return the content of a deployments file with the scripted model at `base_url` (…/v1)."""
    return {
        "deployments": [
            {
                "id": "demo",
                "recipient": {
                    "id": RECIPIENT,
                    "legal_name": f"{NOTICE} (programme de la démonstration, sur cette machine)",
                    "role": "processor",
                    "jurisdictions": ["FR"],
                    "operator_home": "FR",
                },
                "hosting": "self",
                "base_url": base_url,
                "model": MODEL,
                "retention": "none",
                "training_use": "none",
                "transfer_mechanism": "none",
                "sub_processors": [],
                "contract_reference": "démonstration",
                "context_tokens": 131_072,
                "capabilities": ["stream", "stream_usage", "json_schema"],
            }
        ]
    }
