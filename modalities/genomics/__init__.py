"""Genomic variants as a multi-sample VCF."""

from modalities.genomics.vcf import write_vcf

__all__ = ["write_vcf"]
