"""Small reads of the folders of a training, and how long they take."""
