"""Manifests: compared path by path, written down and read again, and recognized whatever archive they came in."""

from hypothesis import given
from hypothesis import strategies as st

from pipecat_nb.context.manifest import ManifestEntry, compare, content_of, dump, load

ENTRIES = st.builds(
    ManifestEntry,
    st.sampled_from(["file", "symlink", "directory"]),
    st.sampled_from([0o644, 0o755]),
    st.integers(0, 3),
    st.sampled_from(["", "aa", "bb"]),
)
MANIFESTS = st.dictionaries(st.text("ab/\udce9é", min_size=1, max_size=3), ENTRIES, max_size=5)


@given(MANIFESTS)
def test_what_is_written_is_read_again(manifest: dict[str, ManifestEntry]) -> None:
    assert load(dump(manifest)) == manifest


@given(MANIFESTS, MANIFESTS)
def test_the_changes_lead_from_one_to_the_other(
    before: dict[str, ManifestEntry], after: dict[str, ManifestEntry]
) -> None:
    changes = compare(before, after)
    assert [change.path for change in changes] == sorted(change.path for change in changes)
    result = dict(before)
    for change in changes:
        assert change.before == before.get(change.path)
        if change.after is None:
            assert change.kind == "removed"
            del result[change.path]
        else:
            assert change.kind == ("added" if change.before is None else "changed")
            assert change.after != change.before
            result[change.path] = change.after
    assert result == after
    assert (content_of(before) == content_of(after)) == (before == after) == (not changes)


def test_the_order_of_paths_decides_nothing() -> None:
    entry = ManifestEntry("file", 0o644, 1, "aa")
    assert content_of({"a": entry, "b": entry}) == content_of({"b": entry, "a": entry})
