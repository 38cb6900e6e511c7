"""Development tools of the project; nothing here is deployed."""
