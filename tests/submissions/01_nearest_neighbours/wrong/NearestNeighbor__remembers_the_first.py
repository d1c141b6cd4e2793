"""Keeps what it was trained on first."""

FAILS = "test_train_again_forgets"


class NearestNeighbor:
    def train(self, images, labels):
        if not hasattr(self, "images"):
            self.images, self.labels = images, labels

    def predict(self, images):
        return self.labels[l1_distances(images, self.images).argmin(-1)]
