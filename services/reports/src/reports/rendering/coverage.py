"""x"""
def displayable(v): return v
