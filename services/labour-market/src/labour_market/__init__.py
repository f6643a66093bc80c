"""The labour market: taxonomies, figures with their source, and matching that shows its proof.

Nothing about a person is stored or logged here: texts to match live in memory for one request.
"""
