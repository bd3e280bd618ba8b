"""Small reads of the folders of a training, and their duration."""
