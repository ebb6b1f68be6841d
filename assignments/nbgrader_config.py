"""nbgrader's settings for the course's assignments: run its commands in this folder."""

c = get_config()  # nbgrader defines it
c.CourseDirectory.course_id = "large-ai-models"
c.ClearSolutions.code_stub = {"python": "# YOUR CODE HERE\nraise NotImplementedError()"}
