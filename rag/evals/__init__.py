"""How good retrieval is, on labelled logs, and the fitting of the gate to them."""
