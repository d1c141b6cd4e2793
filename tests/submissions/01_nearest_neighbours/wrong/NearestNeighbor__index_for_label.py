"""Returns the position of the nearest image instead of its label."""

FAILS = "test_predict_gives_the_label_of_the_nearest"


class NearestNeighbor:
    def train(self, images, labels):
        self.images, self.labels = images, labels

    def predict(self, images):
        return l1_distances(images, self.images).argmin(-1)
