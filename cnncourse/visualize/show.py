"""Figures in a notebook, with words for those who cannot see them."""


def show(figure, alt: str, dpi: int = 100) -> None:
    """Displays a matplotlib Figure as a PNG; ``alt`` says what there is to be seen."""
    import io

    from IPython.display import Image, display

    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, bbox_inches="tight")
    display(Image(buffer.getvalue(), alt=alt))
