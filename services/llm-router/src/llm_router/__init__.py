"""The router: which model may serve a use case, and one attempt on exactly that one.

It sees pseudonymised text only, local models included, and is the platform's one way out to
models. It takes no consent decision: it is given one, and can only be stricter.
"""
