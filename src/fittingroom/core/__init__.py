"""The ground floor: images, pose, labels, files and errors. Knows nothing of the floors above."""
