"""The data of the course: composed by the package itself, written and read in the real data sets' formats."""
