"""Reports: the documents of a bilan, their versions, signatures, renderings and marking."""
