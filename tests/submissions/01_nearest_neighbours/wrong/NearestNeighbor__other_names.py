"""Keeps the data under names of its own."""

FAILS = "test_train_remembers"


class NearestNeighbor:
    def train(self, X, y):
        self.X, self.y = X, y

    def predict(self, X):
        return self.y[l1_distances(X, self.X).argmin(-1)]
