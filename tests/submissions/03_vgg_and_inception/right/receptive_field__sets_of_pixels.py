"""Keeps the pixels of two neighbouring positions as sets, and a list for the answer."""

def receptive_field(layers):
    layers = list(layers)

    def pixels(position):
        wanted = {position}
        for kernel, stride, padding in reversed(layers):
            wanted = {p * stride - padding + i for p in wanted for i in range(kernel)}
        return wanted

    low, high, neighbour = min(pixels(0)), max(pixels(0)), min(pixels(1))
    return [high - low + 1, neighbour - low, low]
