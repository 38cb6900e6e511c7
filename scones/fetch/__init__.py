"""`scones fetch`: copies of images, sorted into folders by label."""
