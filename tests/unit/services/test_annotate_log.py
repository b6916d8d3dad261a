"""Whatever people do in whatever order: the log only grows, patches follow it, and an undo restores."""

import itertools
import threading

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eobench_dash.errors import Conflict, NotFound
from eobench_dash.services.annotate import changes_since, label_codes, mark, relabel, undo
from eobench_dash.services.labels import create_label, merge_labels

PEOPLE = st.sampled_from(["ada", "ben"])
ORDINALS = st.lists(st.integers(0, 11), min_size=1, max_size=6, unique=True)
ACTION = st.one_of(
    st.tuples(st.just("relabel"), PEOPLE, ORDINALS, st.sampled_from(["River", "Lake", "Sea", None]), st.booleans()),
    st.tuples(st.just("mark"), PEOPLE, ORDINALS, st.booleans(), st.sampled_from(["unsure", "excluded"])),
    st.tuples(st.just("undo"), PEOPLE),
    st.tuples(st.just("merge"), PEOPLE, st.integers(0, 2), st.integers(0, 2)),
    st.tuples(st.just("create"), PEOPLE, st.sampled_from(["River", "Lake", "Sea"])),
)
NUMBERS = itertools.count()


def act(lakes, action):
    kind, name, *rest = action
    who, where = lakes.who[name], {"dataset_id": lakes.id}
    match kind:
        case "relabel":
            ordinals, label, careful = rest
            seen = max((e.id for e in lakes.events()), default=0) - 2 if careful else None
            return relabel(lakes.ws, who, ordinals=ordinals, label=label, seen_event=seen, create=True, **where)
        case "mark":
            return mark(lakes.ws, who, ordinals=rest[0], **{rest[2]: rest[1]}, **where)
        case "undo":
            return undo(lakes.ws, who, **where)
        case "merge" if rest[0] != rest[1]:
            return merge_labels(lakes.ws, who, source=rest[0], target=rest[1], **where)
        case "create":
            return create_label(lakes.ws, who, name=rest[0], **where)


def state(lakes):
    return [(p.label_id, p.unsure, p.excluded) for p in lakes.patches()]


def raw(events):
    return [(e.id, e.ordinal, e.kind, e.from_label_id, e.to_label_id, e.batch_id, e.replaces_id) for e in events]


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(actions=st.lists(ACTION, min_size=1, max_size=10), last=ACTION, cut=st.integers(0, 10))
def test_the_log_only_grows_and_patches_follow_it(make_lakes, actions, last, cut):
    lakes = make_lakes(f"Lakes {next(NUMBERS)}")
    reader = lakes.who["rob"]
    log, snapshot = [], label_codes(lakes.ws, reader, dataset_id=lakes.id)
    for step, action in enumerate(actions):
        if step == cut:
            snapshot = label_codes(lakes.ws, reader, dataset_id=lakes.id)
        try:
            act(lakes, action)
        except (Conflict, NotFound):  # nothing to undo, a label merged already
            assert raw(lakes.events()) == log
        events = raw(lakes.events())
        assert events[: len(log)] == log
        log = events
        lakes.check_in_step()
    # A page that holds an older array catches up by the changes since.
    codes, event_id = snapshot
    for ordinal, code in changes_since(lakes.ws, reader, dataset_id=lakes.id, event_id=event_id).changes:
        codes[ordinal] = code
    assert codes.tolist() == label_codes(lakes.ws, reader, dataset_id=lakes.id)[0].tolist()
    # One more step, taken back at once, leaves everything as it was.
    before = state(lakes)
    try:
        result = act(lakes, last)
    except (Conflict, NotFound):
        return
    if last[0] in ("relabel", "mark", "merge") and result is not None and result.batch_id is not None:
        assert undo(lakes.ws, lakes.who[last[1]], dataset_id=lakes.id).skipped == ()
        assert state(lakes) == before
        lakes.check_in_step()


def test_people_who_relabel_at_the_same_time_wait_their_turn(lakes):
    names, errors = ["River", "Lake", "Sea"], []

    def work(name: str, start: int) -> None:
        try:
            for step in range(6):
                label = names[(start + step) % 3]
                relabel(lakes.ws, lakes.who[name], dataset_id=lakes.id, ordinals=range(12), label=label)
        except Exception as error:  # told by the main thread
            errors.append(error)

    threads = [threading.Thread(target=work, args=(name, start)) for start, name in enumerate(["ada", "ben"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    lakes.check_in_step()
    batches = [event.batch_id for event in lakes.events()]
    assert batches == sorted(batches), "event ids are in the order of the commits"
