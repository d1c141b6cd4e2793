"""The data of the course: composed by the package itself, written and read in the real data sets' formats."""


class DataError(Exception):
    """A data file is missing, damaged or not what it should be; says which, where, and what to do."""
