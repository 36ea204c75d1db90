"""Training, evaluation and packaging of models; the only package that imports Keras freely."""
