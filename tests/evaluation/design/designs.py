"""Random designs for property tests."""

from hypothesis import strategies as st

from evaluation.design.items import Item


@st.composite
def item_sets(draw, per_cell=st.integers(1, 6), checks=st.integers(0, 4)) -> list[Item]:
    """Draw the items of a study: real images for half of it, and one to three arms."""
    entities = [f"e{k}" for k in range(draw(st.integers(1, 7)))]
    arms = [f"g{k}" for k in range(draw(st.integers(1, 3)))]
    each = draw(per_cell)
    kinds = [
        (origin, arm, entity)
        for entity in entities
        for origin, arm in [("real", "")] * len(arms) + [("synthetic", arm) for arm in arms]
        for _ in range(each)
    ]
    kinds = draw(st.permutations(kinds))
    items = [
        Item(number, origin, entity, arm) for number, (origin, arm, entity) in enumerate(kinds)
    ]
    extra = [
        Item(len(items) + k, "synthetic", entities[0], "obvious", is_check=True)
        for k in range(draw(checks))
    ]
    return items + extra
