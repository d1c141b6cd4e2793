"""Takes standard deviations where the paper has variances."""

FAILS = "test_worked_example"


def shift_colours(images, values, directions, alphas):
    return images + ((alphas * values.sqrt()) @ directions.T)[:, :, None, None]
