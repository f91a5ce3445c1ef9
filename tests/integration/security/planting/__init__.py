"""Plants secrets and looks for them in everything that CALI puts out."""
