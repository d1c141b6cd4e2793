"""The data of the course: composed by the package itself, written and read in the real data sets' formats."""


class DataError(Exception):
    """A data file is missing, damaged or of another kind; the text names the file, where in it, and what to do."""
