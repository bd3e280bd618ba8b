"""Our transforms against batchgeneratorsv2's own, fed the same draws."""

from needs import imported

imported("batchgeneratorsv2")
