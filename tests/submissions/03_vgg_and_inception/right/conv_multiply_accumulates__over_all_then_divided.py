"""The ungrouped cost, divided by the groups in whole numbers."""

def conv_multiply_accumulates(cin, cout, k, h, w, groups=1):
    for channels in (cin, cout):
        if channels / groups != channels // groups:
            raise ValueError(f"{channels} channels, {groups} groups")
    return cin * cout * k * k * h * w // groups
