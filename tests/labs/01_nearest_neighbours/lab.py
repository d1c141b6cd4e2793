"""Lab 1: nearest neighbours (N1, N2, N4, N5, N6)."""

SOURCE = "cnncourse.neighbors"
EXERCISES = {
    "as_rows": "1",
    "l1_distances": "2",
    "l2_distances": "3",
    "nearest": "4",
    "vote": "5",
    "NearestNeighbor": "6",
    "cross_validate_k": "7",
}
