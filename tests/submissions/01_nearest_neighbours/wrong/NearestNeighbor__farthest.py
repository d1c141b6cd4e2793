"""Takes the largest distance, as if it were a score."""

FAILS = "test_predict_gives_the_label_of_the_nearest"


class NearestNeighbor:
    def train(self, images, labels):
        self.images, self.labels = images, labels

    def predict(self, images):
        return self.labels[l1_distances(images, self.images).argmax(-1)]
