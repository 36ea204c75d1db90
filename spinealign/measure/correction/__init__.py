"""Manual corrections of a result, and the result recomputed from them."""
