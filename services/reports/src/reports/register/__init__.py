"""The register: what was done with AI for one person, as a document that they can read and keep."""
