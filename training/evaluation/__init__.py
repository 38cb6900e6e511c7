"""How good the model is: numbers, plots, the model card."""
