from __future__ import annotations

from collections.abc import Iterator

import pytest
from benchmarks.views.browser import Browser, Tab, chromium

from needs import require


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    require("chromium")
    with chromium(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.fixture
def tab(browser: Browser) -> Iterator[Tab]:
    tab = browser.tab()
    tab.size(1440)
    yield tab
    tab.ask("Network.clearBrowserCookies")
    tab.close()
