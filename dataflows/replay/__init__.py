"""Another page over the same steps: files or archived objects in, the messages they make out."""
