"""The contract every room keeps: schemas, plans, identifiers, the dataset folder."""
