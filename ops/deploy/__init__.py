"""What an image and a deployment on one machine are made of."""
