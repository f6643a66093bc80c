"""The world outside: what serves models, one module a kind, behind one small protocol."""
