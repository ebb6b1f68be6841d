"""Grading notebooks that nobody has read: nbgrader's formats, with a sandbox and a judge.

A student's code runs in a kernel inside bubblewrap (`sandbox`, `kernel`). The hidden tests run
here, where that code cannot reach them (`judge`): they send inputs in and get plain data back
(`plain`). Everything else is nbgrader's: the source notebooks, the gradebook, the feedback.
"""
