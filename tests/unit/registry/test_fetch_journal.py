from hypothesis import given
from hypothesis import strategies as st

from registry.fetch import journal

TARGET = journal.Target("sha256", "a" * 64, 1000, "https://hub.example", "model.bin")
LINES = [journal.first_line(TARGET), journal.next_line(100, '"t"'), journal.next_line(900, '"t"')]
STATES = [
    journal.State(TARGET),
    journal.State(TARGET, 100, '"t"'),
    journal.State(TARGET, 900, '"t"'),
]


def test_the_last_line_counts() -> None:
    for count, state in enumerate(STATES, start=1):
        assert journal.read(b"".join(LINES[:count])) == state


def test_a_journal_torn_at_any_byte_tells_what_was_certain_before() -> None:
    data = b"".join(LINES)
    ends = [sum(map(len, LINES[:count])) for count in (1, 2, 3)]

    for cut in range(len(data) + 1):
        whole = sum(end <= cut for end in ends)
        assert journal.read(data[:cut]) == (STATES[whole - 1] if whole else None)


@given(st.integers(0, sum(map(len, LINES)) - 1), st.integers(1, 255))
def test_a_changed_byte_never_makes_more_certain(place: int, change: int) -> None:
    data = bytearray(b"".join(LINES))
    data[place] ^= change

    assert journal.read(bytes(data)) in [None, *STATES[:2]]


@given(
    st.builds(
        journal.Target,
        claim_kind=st.text(),
        claimed_digest=st.text(),
        size=st.none() | st.integers(0, journal.MOST_SIZE),
        source=st.text(),
        path=st.text(),
    ),
    st.integers(0, journal.MOST_SIZE),
    st.text(),
)
def test_what_is_written_is_read(target: journal.Target, offset: int, validator: str) -> None:
    data = journal.first_line(target) + journal.next_line(offset, validator)

    assert journal.read(data) == journal.State(target, offset, validator)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(
    st.binary()
    | st.lists(st.dictionaries(st.sampled_from(["offset", "validator", "format", "path"]), JSON)).map(
        lambda values: LINES[0] + b"".join(journal._line(value) for value in values)
    )
)
def test_any_bytes_are_a_state_or_nothing(data: bytes) -> None:
    state = journal.read(data)

    if state is not None:
        assert 0 <= state.offset <= journal.MOST_SIZE
        assert isinstance(state.validator, str)
