"""How attested facts fold: later over earlier, complete over everything, null withdraws."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from registry.licensing import attested
from registry.licensing.attested import Statement, fold

LEAVES = st.none() | st.booleans() | st.integers(0, 9) | st.just([]) | st.just(["x"])
DOCUMENTS = st.dictionaries(
    st.sampled_from("abc"),
    LEAVES | st.dictionaries(st.sampled_from("xy"), LEAVES | st.dictionaries(st.just("z"), LEAVES)),
)
STATEMENTS = st.lists(st.tuples(DOCUMENTS, st.booleans()), max_size=6)


def folded(statements: list[tuple[dict[str, Any], bool]]) -> attested.Folded[int]:
    return fold(Statement(place, facts, whole) for place, (facts, whole) in enumerate(statements))


def dotted(facts: dict[str, Any]) -> dict[str, Any]:
    return {".".join(path): value for path, value in attested.leaves(facts)}


def test_a_change_replaces_adds_and_withdraws() -> None:
    whole = {"revenue": {"group": 9, "licensee": 4}, "domicile": "DE", "months": {"2026-01": {"all": 1}}}
    change = {"revenue": {"group": 10}, "domicile": None, "months": {"2026-02": {"all": 2}}}

    found = folded([(whole, True), (change, False)])

    assert found.facts == {
        "revenue": {"group": 10, "licensee": 4},
        "months": {"2026-01": {"all": 1}, "2026-02": {"all": 2}},
    }
    assert found.sources == {
        "months.2026-01.all": 0,
        "months.2026-02.all": 1,
        "revenue.group": 1,
        "revenue.licensee": 0,
    }


def test_null_for_a_table_withdraws_all_of_it() -> None:
    found = folded([({"revenue": {"group": 9}, "a": 1}, True), ({"revenue": None}, False)])

    assert (found.facts, found.sources) == ({"a": 1}, {"a": 0})


def test_a_list_is_one_fact() -> None:
    assert folded([({"a": ["x", "y"]}, True), ({"a": ["z"]}, False)]).facts == {"a": ["z"]}


def test_names_cover_what_lies_below_them() -> None:
    assert attested.covers("revenue", "revenue.group")
    assert attested.covers("revenue.group", "revenue.group")
    assert not attested.covers("revenue", "revenues.group")
    assert attested.paths({"b": {"y": 1, "x": None}, "a": []}) == ["a", "b.x", "b.y"]


@given(STATEMENTS, DOCUMENTS)
def test_what_is_complete_forgets_what_was_before(
    before: list[tuple[dict[str, Any], bool]], facts: dict[str, Any]
) -> None:
    assert folded([*before, (facts, True)]).facts == folded([(facts, True)]).facts


@given(STATEMENTS)
def test_saying_it_all_again_changes_no_fact(statements: list[tuple[dict[str, Any], bool]]) -> None:
    once = folded(statements)

    assert folded([*statements, (once.facts, False)]).facts == once.facts
    assert folded([*statements, (once.facts, True)]).facts == once.facts


@given(STATEMENTS, DOCUMENTS)
def test_a_change_made_leaf_by_leaf_is_the_same_change(
    before: list[tuple[dict[str, Any], bool]], change: dict[str, Any]
) -> None:
    def alone(path: tuple[str, ...], value: Any) -> dict[str, Any]:
        for key in reversed(path):
            value = {key: value}
        return value  # type: ignore[no-any-return]

    one_by_one = [(alone(path, value), False) for path, value in attested.leaves(change)]

    assert folded([*before, *one_by_one]).facts == folded([*before, (change, False)]).facts


@given(STATEMENTS)
def test_every_leaf_has_a_source_that_states_it(statements: list[tuple[dict[str, Any], bool]]) -> None:
    found = folded(statements)

    assert sorted(found.sources) == attested.paths(found.facts)
    held = dotted(found.facts)
    for path, place in found.sources.items():
        assert dotted(statements[place][0])[path] == held[path]
    assert all(value is not None for _, value in attested.leaves(found.facts))


@given(STATEMENTS, DOCUMENTS)
def test_withdrawing_everything_leaves_nothing(
    statements: list[tuple[dict[str, Any], bool]], last: dict[str, Any]
) -> None:
    found = folded([*statements, (last, False)])

    assert folded([*statements, (last, False), (dict.fromkeys(found.facts), False)]).facts == {}
