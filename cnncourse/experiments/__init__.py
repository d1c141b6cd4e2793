"""The lecture's empirical claims, each a seeded experiment in a module of its own; one folder a part.

``cnncourse reproduce NAME`` runs the module NAME; `cnncourse.experiments.runner` says how. A module holds

* its docstring: the first line is the question;
* ``LECTURE``: the ids of the claims it serves;
* ``settings(scale)``: a list of dicts, one for each run, seeds included, that JSON can hold; scale is "cpu" or "full";
* ``run(setting, data, device)``: one run; returns a dict of measures. Runs do not know of each other: they may run side
  by side, and an interrupted experiment repeats none that is done;
* ``summary(rows)``: what the runs say together, where a row is a setting with its measures: means, spread, differences
  paired by seed;
* ``draw(result)``: a matplotlib figure of the result, for the book.
"""
