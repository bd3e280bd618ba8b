"""Tools for those who change Holter: translations, plain words, the pages made from the code, the site."""
