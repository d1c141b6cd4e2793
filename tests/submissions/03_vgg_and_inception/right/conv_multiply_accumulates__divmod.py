"""With divmod and numpy's product."""

import numpy as np


def conv_multiply_accumulates(in_channels, out_channels, kernel, height, width, groups=1):
    depth, left_over = divmod(in_channels, groups)
    if left_over or divmod(out_channels, groups)[1]:
        raise ValueError("uneven groups")
    return int(np.prod([out_channels, height, width, depth, kernel, kernel], dtype=np.int64))
