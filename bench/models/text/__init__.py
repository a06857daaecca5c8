"""Models that read sentences, their tokenisers and vocabularies."""
