from __future__ import annotations

from collections.abc import Iterator

import pytest
from benchmarks.views.browser import Browser, Tab, chromium

from needs import require


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    require("chromium")
    with chromium(tmp_path_factory.mktemp("profile")) as one:
        yield one


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    one = browser.tab()
    one.size(1440)
    yield one
    one.ask("Network.clearBrowserCookies")
    one.close()
