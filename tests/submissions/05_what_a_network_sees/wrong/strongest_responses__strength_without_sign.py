"""Takes a strongly negative response for a strong one."""

FAILS = "test_responses_below_zero"


def strongest_responses(maps, count):
    width = maps.shape[2]
    strength, positions = maps.flatten(1).abs().max(dim=1)
    values = maps.flatten(1).gather(1, positions[:, None])[:, 0]
    images = strength.argsort(descending=True, stable=True)[:count]
    return values[images], images, positions[images] // width, positions[images] % width
