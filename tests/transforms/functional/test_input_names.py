import pytest

from transforms.functional.input_names import hides_secret, input_name


@pytest.mark.parametrize(
    "path",
    [
        "/data/a b#?%20.txt",
        "s3://bucket/a?page=.txt",
        "s3://bucket/a:b@c.txt",
        "https://host/get?page=2",
        "tar://in/a.txt::/data/a.tar.gz",
    ],
)
def test_a_path_without_a_secret_is_its_own_name(path: str) -> None:
    assert input_name(path) == path
    assert not hides_secret(path)


@pytest.mark.parametrize(
    "pair",
    [
        ("http://host/get?key=a.jsonl", "http://host/get?key=b.jsonl"),
        ("https://one:secret@host/a.txt", "https://two:secret@host/a.txt"),
        ("zip://a::http://host/x.zip?token=1", "zip://a::http://host/x.zip?token=2"),
    ],
)
def test_paths_that_are_masked_to_one_text_have_two_names(pair: tuple[str, str]) -> None:
    one, two = map(input_name, pair)
    assert one != two
    assert one.rpartition(" (")[0] == two.rpartition(" (")[0]
    for path, name in zip(pair, (one, two), strict=True):
        assert hides_secret(name)
        assert path not in name
        assert input_name(name) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        (
            "https://b.s3.amazonaws.com/a.jsonl?X-Amz-Date=1&X-Amz-Signature=f00&versionId=3",
            "https://b.s3.amazonaws.com/a.jsonl?versionId=3",
        ),
        ("https://storage/a?X-Goog-Expires=9&X-Goog-Signature=1", "https://storage/a"),
        ("https://blob/c/a.txt?sv=2&se=3&sig=x%3D", "https://blob/c/a.txt"),
        ("https://cdn/a?Policy=p&Signature=s&Key-Pair-Id=k", "https://cdn/a"),
        ("tar://in/a::https://s3/x.tar?X-Amz-Signature=1", "tar://in/a::https://s3/x.tar"),
    ],
)
def test_a_signature_is_no_part_of_a_name(path: str, name: str) -> None:
    assert input_name(path) == name


def test_a_password_is_no_part_of_a_name() -> None:
    assert input_name("https://me:old@host/a") == input_name("https://me:new@host/a")
