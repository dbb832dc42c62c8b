"""Files that the code reads: found with ``importlib.resources.files("unbraid.assets")``."""
