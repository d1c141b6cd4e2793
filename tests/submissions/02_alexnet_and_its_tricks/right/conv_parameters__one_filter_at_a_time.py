"""Adds up the filters."""


def conv_parameters(in_channels, out_channels, kernel, groups=1, bias=True):
    for channels in (in_channels, out_channels):
        if channels != groups * (channels // groups):
            raise ValueError(f"{channels} channels cannot be cut into {groups} equal parts")
    seen = in_channels // groups
    one = seen * kernel * kernel + (1 if bias else 0)
    return sum(one for _ in range(out_channels))
