"""How it looks: labs, genomics, imaging and notes."""
