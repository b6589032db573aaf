from __future__ import annotations

from batch_cli.providers.hosted.wire import Paging


def test_a_cursor_goes_on_behind_the_last_item_while_there_is_more() -> None:
    assert Paging.CURSOR.query(0, None) == "limit=100"
    assert Paging.CURSOR.query(1, "a/b&c") == "limit=100&after=a%2Fb%26c"
    assert Paging.CURSOR.goes_on({"has_more": True}, 1)
    assert not Paging.CURSOR.goes_on({}, 100)


def test_numbered_pages_go_on_while_they_are_full() -> None:
    assert Paging.NUMBER.query(2, "x") == "page=2&page_size=100"
    assert Paging.NUMBER.goes_on({}, 100)
    assert not Paging.NUMBER.goes_on({"has_more": True}, 99)


def test_what_comes_at_once_has_no_next_page() -> None:
    assert Paging.NONE.query(0, None) == ""
    assert not Paging.NONE.goes_on({"has_more": True}, 100)
