"""Two processes, one channel: what is needed to run a stranger's code.

In the grader's process: ``view``, ``template``, ``backend``. In the others: ``forker``, ``init``, ``worker`` with
``session``, ``definitions`` and ``statements``. On both sides: ``channel``, ``wire``, ``sandbox``, ``seccomp``.
"""
