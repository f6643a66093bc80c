"""The package `demo`, not the folder of the same name, is what these tests import.

By pytest's import mode `importlib`, this folder is `demo.tests`, and its parent would be made from
the folder that holds it, which hides the package.
"""

import importlib
import sys

if getattr(sys.modules.get("demo"), "__file__", None) is None:
    sys.modules.pop("demo", None)
    importlib.import_module("demo")
