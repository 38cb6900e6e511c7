"""Serialize: reads an uploaded photo and shrinks it to the small image that the model needs."""
