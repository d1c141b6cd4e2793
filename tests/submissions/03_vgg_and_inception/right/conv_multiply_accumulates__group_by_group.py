"""Adds up what each group costs."""

def conv_multiply_accumulates(in_channels, out_channels, kernel, height, width, groups=1):
    if in_channels % groups != 0 or out_channels % groups != 0:
        raise ValueError("groups must divide the channels")
    total = 0
    for _ in range(groups):
        filters, depth = out_channels // groups, in_channels // groups
        total += filters * depth * kernel**2 * height * width
    return total
