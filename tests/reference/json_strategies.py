"""Hypothesis strategies: JSON values with many near misses, and patches that mostly apply."""

from hypothesis import strategies as st

from optisync.errors import PatchInapplicable
from optisync.patch import Add, Copy, Move, Op, Patch, Path, Remove, Replace, Test, apply
from optisync.values import MAX_INT, Json, Obj

# Few names, and names that look like array positions or like something else: they collide often.
keys = st.sampled_from(["a", "b", "0", "1", "-", "", "~", "/", "~1", "__proto__"]) | st.text(
    st.characters(exclude_categories=["Cs"]), max_size=3
)
scalars: st.SearchStrategy[Json] = st.one_of(
    st.sampled_from([None, True, False, 0, 1, 0.0, 1.0, -0.0, "", "1", MAX_INT, -MAX_INT]),
    st.integers(-MAX_INT, MAX_INT),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
)


def _grown(inner: st.SearchStrategy[Json]) -> st.SearchStrategy[Json]:
    arrays = st.lists(inner, max_size=3).map(lambda items: tuple(items))
    return arrays | st.dictionaries(keys, inner, max_size=3).map(Obj)


values: st.SearchStrategy[Json] = st.recursive(scalars, _grown, max_leaves=8)


def places(doc: Json, at: Path = ()) -> list[Path]:
    """The path of every value in a document."""
    match doc:
        case tuple():
            inner = [p for i, item in enumerate(doc) for p in places(item, (*at, str(i)))]
        case Obj():
            inner = [p for key, value in doc.items() for p in places(value, (*at, key))]
        case _:
            inner = []
    return [at, *inner]


@st.composite
def ops(draw: st.DrawFn, doc: Json) -> Op:
    """An operation at a place of `doc`, or just beside one."""
    there = draw(st.sampled_from(places(doc)))
    beside = (*there, draw(keys))
    target = draw(st.sampled_from([there, beside, beside, there[:-1]]))
    found = _at(doc, there)
    match draw(st.integers(0, 5)):
        case 0:
            return Add(target, draw(values))
        case 1:
            return Remove(there)
        case 2:
            return Replace(there, draw(values))
        case 3:
            return Move(target, draw(st.sampled_from(places(doc))))
        case 4:
            return Copy(target, draw(st.sampled_from(places(doc))))
        case _:
            return Test(there, draw(st.sampled_from([found, twin(found)]) | values))


def twin(value: Json) -> Json:
    """A value that Python's own equality takes for this one, and JSON does not, where there is."""
    match value:
        case bool():
            return int(value)
        case 0 | 1:
            return bool(value)
        case tuple():
            return tuple(map(twin, value))
        case Obj():
            return Obj([(key, twin(member)) for key, member in value.items()])
        case _:
            return value


def _at(doc: Json, path: Path) -> Json:
    for token in path:
        assert isinstance(doc, Obj | tuple)
        doc = doc[int(token)] if isinstance(doc, tuple) else doc[token]
    return doc


@st.composite
def patches(draw: st.DrawFn, doc: Json, max_size: int = 4) -> Patch:
    """A patch whose operations follow the document as it changes; the last may not apply."""
    patch: Patch = ()
    for _ in range(draw(st.integers(0, max_size))):
        op = draw(ops(doc))
        patch = (*patch, op)
        try:
            doc = apply(doc, (op,))
        except PatchInapplicable:
            break
    return patch
