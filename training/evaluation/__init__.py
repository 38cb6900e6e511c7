"""Evaluation of the model: metrics, plots, the model card."""
