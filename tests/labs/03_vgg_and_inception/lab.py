"""Lab 3: VGG and inception (A8, A9)."""

SOURCE = (
    "cnncourse.classification.googlenet",
    "cnncourse.classification.vgg",
    "cnncourse.classification.accounting",
)
EXERCISES = {
    "conv_multiply_accumulates": "1",
    "receptive_field": "2",
    "stacked_convolutions": "3",
    "ConvUnit": "4",
    "Inception": "5",
    "global_average_pool": "6",
    "class_activation_maps": "7",
}
