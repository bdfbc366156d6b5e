"""The language model that writes reports: base, adapter, training, batched writing."""
