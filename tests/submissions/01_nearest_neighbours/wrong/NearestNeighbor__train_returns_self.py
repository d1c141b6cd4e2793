"""Returns itself from train, as other libraries do."""

FAILS = "test_train_remembers"


class NearestNeighbor:
    def train(self, images, labels):
        self.images, self.labels = images, labels
        return self

    def predict(self, images):
        return self.labels[l1_distances(images, self.images).argmin(-1)]
