"""Uses the other distance."""

FAILS = "test_distance_is_l1"


class NearestNeighbor:
    def train(self, images, labels):
        self.images, self.labels = images, labels

    def predict(self, images):
        return self.labels[l2_distances(images, self.images).argmin(-1)]
