"""The images: the archive, the folder of PNGs made from it, and what people reviewed."""
