"""Lab 2: AlexNet and its tricks (A1-A4)."""

SOURCE = (
    "cnncourse.classification.convolution",
    "cnncourse.classification.layers",
    "cnncourse.classification.metrics",
    "cnncourse.data.augmentation",
)
EXERCISES = {
    "conv_output_size": "1",
    "conv_parameters": "2",
    "GroupedConvolution": "3",
    "local_response_norm": "4",
    "top_k_error": "5",
    "random_crop": "6a",
    "random_reflection": "6b",
    "principal_colours": "7a",
    "shift_colours": "7b",
    "ten_crops": "8a",
    "average_probabilities": "8b",
}
