"""Rules of the chain, against a model that knows the truth."""

import hashlib

from hypothesis import given, settings
from hypothesis import strategies as st

from eucora.journal.heads import BEGINNING, MOST_GAPS, NOTHING, Chain, Gap, Link, decide, pack, unpack


def truth(count, salt=b""):
    """A true chain: links 1 … count."""
    links, previous = [], NOTHING
    for n in range(1, count + 1):
        digest = hashlib.sha256(salt + b"%d" % n).digest()
        links.append(Link(n, digest, previous))
        previous = digest
    return links


def arrive(links, chain=BEGINNING):
    outcomes = []
    for link in links:
        decision = decide(chain, link)
        chain = decision.chain
        outcomes.append(decision.outcome)
    return outcomes, chain


orders = st.integers(1, 40).flatmap(lambda n: st.permutations(truth(n)))


@given(orders)
@settings(max_examples=300, deadline=None)
def test_a_true_chain_is_taken_in_every_order_and_leaves_no_gap(links):
    outcomes, chain = arrive(links)
    assert set(outcomes) == {"append"}
    assert (chain.last, chain.gaps) == (len(links), ())


@given(orders)
@settings(deadline=None)
def test_gaps_are_exactly_what_has_not_arrived(links):
    chain, arrived = BEGINNING, set()
    for link in links:
        chain = decide(chain, link).chain
        arrived.add(link.sequence)
        missing = {n for gap in chain.gaps for n in range(gap.first, gap.last + 1)}
        assert missing == set(range(1, chain.last)) - arrived


@given(orders, st.data())
@settings(max_examples=300, deadline=None)
def test_one_forged_batch_among_true_ones_makes_a_fork_whatever_the_order(links, data):
    """A batch in the middle that is not the one its neighbours know is refused, or the neighbour that betrays it is."""
    n = data.draw(st.integers(1, len(links)))
    forged = [Link(x.sequence, b"forged", x.previous) if x.sequence == n else x for x in links]
    outcomes, _ = arrive(forged)
    assert ("fork" in outcomes) == (n < len(links))  # the newest has no successor yet that could betray it
    misplaced = [Link(x.sequence, x.digest, b"other") if x.sequence == n else x for x in links]
    assert ("fork" in arrive(misplaced)[0]) == (n > 1)  # what the first one names lies in another stream


@given(orders, st.data())
@settings(deadline=None)
def test_every_sequence_is_used_once(links, data):
    again = data.draw(st.lists(st.sampled_from(links), max_size=10))
    outcomes, _ = arrive([*links, *again])
    assert outcomes[len(links) :] == ["used"] * len(again)


@given(st.integers(2, 40), st.data())
@settings(deadline=None)
def test_what_is_lost_never_holds_up_and_what_arrived_counts(count, data):
    """The device lost some sealed batches; the last one names them all. Arrived ones among them stay used."""
    links = truth(count)
    gone = data.draw(st.sets(st.integers(1, count - 1)))
    came_before = data.draw(st.sets(st.sampled_from(sorted(gone)))) if gone else set()
    sent = data.draw(st.permutations([x for x in links[:-1] if x.sequence not in gone - came_before]))
    namer = Link(count, links[-1].digest, None if count - 1 in gone else links[-1].previous, tuple(sorted(gone)))
    outcomes, chain = arrive([*sent, namer])
    assert set(outcomes) == {"append"}
    assert (chain.last, chain.gaps) == (count, ())


def test_the_neighbour_of_a_lost_batch_is_still_checked_on_its_other_side():
    links = truth(5)
    chain = Chain(5, links[4].digest, (Gap(2, 4, links[0].digest, links[4].previous),))
    chain = decide(chain, Link(6, b"6", links[4].digest, (3,))).chain
    assert chain.gaps == (Gap(2, 2, links[0].digest, None), Gap(4, 4, None, links[4].previous))
    assert decide(chain, Link(4, b"forged", b"x")).outcome == "fork"
    assert decide(chain, Link(2, b"2", b"forged")).outcome == "fork"


def test_a_batch_that_says_there_is_none_before_it_fits_only_the_beginning():
    first, second, _ = truth(3)
    assert decide(BEGINNING, first).outcome == "append"
    assert decide(Chain(1, first.digest), Link(2, second.digest, NOTHING)).outcome == "fork"


@given(st.lists(st.integers(1, 400), unique=True, min_size=1, max_size=300))
@settings(deadline=None)
def test_there_are_never_more_than_64_gaps_and_the_missing_ones_named_always_help(arriving):
    links, chain = truth(400), BEGINNING
    for n in arriving:
        decision = decide(chain, links[n - 1])
        chain = decision.chain
        assert len(chain.gaps) <= MOST_GAPS
        if decision.outcome == "too-many-gaps":
            assert n not in decision.missing
            outcomes, chain = arrive([links[m - 1] for m in decision.missing], chain)
            assert set(outcomes) == {"append"}
            assert decide(chain, links[n - 1]).outcome == "append"


def test_a_huge_gap_names_a_bounded_list():
    chain = Chain(2**52, b"x", tuple(Gap(4 * i + 1, 4 * i + 2, None, None) for i in range(64)))
    decision = decide(chain, Link(2**53 - 1, b"y", None))
    assert decision.outcome == "too-many-gaps"
    assert decision.missing[:4] == (1, 2, 5, 6)
    assert len(decision.missing) == 256


digests = st.none() | st.binary(max_size=32)


@given(st.lists(st.builds(Gap, st.integers(1, 2**53), st.integers(1, 2**53), digests, digests), max_size=5).map(tuple))
def test_gaps_come_back_as_they_were_packed(gaps):
    assert unpack(pack(gaps)) == gaps
