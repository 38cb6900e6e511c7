"""Tools of the project's own development; nothing here is deployed."""
