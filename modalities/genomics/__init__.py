"""Genomic variants as a multi-sample VCF."""

from modalities.genomics.vcf import Genotypes, genotypes, write_genotypes, write_vcf

__all__ = ["Genotypes", "genotypes", "write_genotypes", "write_vcf"]
