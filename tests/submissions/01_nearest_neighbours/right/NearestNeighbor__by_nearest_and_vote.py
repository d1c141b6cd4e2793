"""Uses the exercises nearest and vote with k = 1."""


class NearestNeighbor:
    def train(self, images, labels):
        self.labels = labels
        self.images = images

    def predict(self, images):
        indices, _ = nearest(l1_distances(images, self.images), 1)
        return vote(self.labels[indices])
