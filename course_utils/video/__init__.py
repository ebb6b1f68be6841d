"""Video as data: files read and written with PyAV, and clips streamed to a network.

>>> import course_utils as cu
>>> path = cu.datasets.video_path("traffic")
>>> cu.video.probe(path).frames
350
"""

from course_utils.video.flow import end_point_error, flow_colors, optical_flow
from course_utils.video.reading import Packet, VideoInfo, frames, packets, probe, read
from course_utils.video.shots import histogram_differences, match_boundaries, shot_boundaries
from course_utils.video.streaming import clips
from course_utils.video.writing import repeat, write

__all__ = [
    "Packet",
    "VideoInfo",
    "clips",
    "end_point_error",
    "flow_colors",
    "frames",
    "histogram_differences",
    "match_boundaries",
    "optical_flow",
    "packets",
    "probe",
    "read",
    "repeat",
    "shot_boundaries",
    "write",
]
