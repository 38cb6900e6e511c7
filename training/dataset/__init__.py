"""The images: the archive, the folder of PNGs made from it, and reviewed images."""
