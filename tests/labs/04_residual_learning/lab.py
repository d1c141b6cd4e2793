"""Lab 4: residual learning (A10)."""

SOURCE = ("cnncourse.classification.resnet", "cnncourse.classification.identity")
EXERCISES = {
    "padding_shortcut": "1",
    "make_shortcut": "2",
    "BasicBlock": "3",
    "Bottleneck": "4",
    "ResNet": "5",
    "identity_kernel": "6",
    "make_identity": "7",
    "deepen": "8",
}
