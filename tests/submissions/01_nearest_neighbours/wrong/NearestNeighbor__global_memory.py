"""Keeps the data in global names, which all classifiers share."""

FAILS = "test_two_classifiers_do_not_share"

memory = {}


class NearestNeighbor:
    images = property(lambda self: memory["images"])
    labels = property(lambda self: memory["labels"])

    def train(self, images, labels):
        memory["images"], memory["labels"] = images, labels

    def predict(self, images):
        return self.labels[l1_distances(images, self.images).argmin(-1)]
