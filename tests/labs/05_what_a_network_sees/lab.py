"""Lab 5: what a network sees (A5, D1, S4)."""

SOURCE = (
    "cnncourse.looking.filters",
    "cnncourse.looking.responses",
    "cnncourse.looking.deconvnet",
)
EXERCISES = {
    "filters_as_images": "1",
    "feature_maps": "2",
    "strongest_responses": "3",
    "patch": "4",
    "pool_with_switches": "5",
    "unpool": "6",
    "transposed_convolution": "7",
    "send_back": "8",
}
