"""Inventories: a difference applied gives the new one, in any order, and its digest says so."""

from hypothesis import given
from hypothesis import strategies as st

from eucora_wire import delta
from eucora_wire.sections.software import Package

names = st.sampled_from(["bash", "linux-image", "libc6", "öl"])
versions = st.sampled_from(["1", "1.0", "2:5.2~rc1-1+b3"])
packages = st.builds(
    Package,
    name=names,
    version=versions,
    signature=st.none() | st.sampled_from(["a" * 64, "b" * 64]),
    source=st.sampled_from(["dpkg", "rpm"]),
    architecture=st.sampled_from(["", "amd64"]),
)
inventories = st.lists(packages, max_size=12).map(delta.inventory)


@given(inventories, inventories)
def test_applying_a_difference_gives_the_new_inventory(old: delta.Inventory, new: delta.Inventory) -> None:
    told = delta.difference(old, new)
    assert delta.apply(old, told) == new
    assert (told.base, told.result) == (delta.digest(old), delta.digest(new))


@given(inventories, inventories)
def test_a_difference_names_each_package_once_and_no_other(old: delta.Inventory, new: delta.Inventory) -> None:
    told = delta.difference(old, new)
    came = [delta.key(p) for p in told.added] + [delta.key(c.now) for c in told.changed]
    left = [delta.key(p) for p in told.removed] + [delta.key(c.was) for c in told.changed]
    assert len(came) == len(set(came))
    assert len(left) == len(set(left))
    assert set(came) == {k for k in new if old.get(k) != new[k]}
    assert set(left) == {k for k in old if new.get(k) != old[k]}


@given(inventories)
def test_equal_inventories_have_an_empty_difference(packages: delta.Inventory) -> None:
    assert delta.is_empty(delta.difference(packages, dict(packages)))


@given(inventories, inventories)
def test_a_difference_is_empty_only_between_equal_ones(old: delta.Inventory, new: delta.Inventory) -> None:
    assert delta.is_empty(delta.difference(old, new)) == (old == new)


@given(inventories, inventories, inventories)
def test_two_differences_in_a_row_lead_where_one_leads(
    a: delta.Inventory, b: delta.Inventory, c: delta.Inventory
) -> None:
    assert delta.apply(delta.apply(a, delta.difference(a, b)), delta.difference(b, c)) == c


@given(st.lists(packages, max_size=12, unique_by=delta.key), st.randoms())
def test_the_digest_does_not_depend_on_the_order(drawn: list[Package], random: object) -> None:
    shuffled = list(drawn)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert delta.digest(delta.inventory(shuffled)) == delta.digest(delta.inventory(drawn))


@given(inventories, inventories)
def test_the_digest_tells_inventories_apart(a: delta.Inventory, b: delta.Inventory) -> None:
    assert (delta.digest(a) == delta.digest(b)) == (a == b)


def test_an_update_is_one_change_and_two_versions_side_by_side_are_not() -> None:
    def of(*found: str) -> delta.Inventory:
        return delta.inventory(Package(name="linux-image", version=v, source="rpm") for v in found)

    update = delta.difference(of("1"), of("2"))
    assert [(c.was.version, c.now.version) for c in update.changed] == [("1", "2")]
    assert not update.added
    assert not update.removed
    merged = delta.difference(of("1", "2"), of("3"))
    assert not merged.changed, "which of the two became the third can not be known"
    assert ([p.version for p in merged.removed], [p.version for p in merged.added]) == (["1", "2"], ["3"])
    second = delta.difference(of("1"), of("1", "2"))
    assert [p.version for p in second.added] == ["2"]
    assert not second.changed


def test_the_digest_of_the_empty_inventory_is_that_of_nothing() -> None:
    assert delta.digest({}) == "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:"
