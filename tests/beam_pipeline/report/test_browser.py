"""The report as a person sees it: in a real browser, by day, by night and on a phone.

The screenshots stay in `output/screenshots`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from beam_pipeline.report.page import render
from tests.beam_pipeline.report.documents import HOSTILE, example
from tests.paths import ROOT

pytestmark = pytest.mark.draws_report

sync_api = pytest.importorskip("playwright.sync_api", reason="pip install '.[test]' brings it")

SCREENSHOTS = ROOT / "output" / "screenshots"
CONTRAST = (Path(__file__).parent / "contrast.js").read_text()
PATIENCE_MS = 240_000  # A busy machine is slow, not wrong.
VIEWS = {
    "light": (1100, "light"),
    "dark": (1100, "dark"),
    "phone": (390, "light"),
    "phone-dark": (390, "dark"),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    names = ("chromium", "chromium-browser", "google-chrome")
    program = next(filter(None, map(shutil.which, names)), None)
    if program is None:
        pytest.skip("needs a browser: apt-get install chromium")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=["--no-sandbox"], timeout=PATIENCE_MS
        )
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(render(example(), f"shards/{HOSTILE}"), "utf-8")
    return path


@pytest.mark.slow
@pytest.mark.parametrize("view", VIEWS)
def test_the_report_is_seen_whole(browser: Any, report: Path, view: str) -> None:
    """Nothing is asked of the network or said on the console, and every text can be read."""
    width, scheme = VIEWS[view]
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    said: list[str] = []
    asked: list[str] = []
    page.set_default_timeout(PATIENCE_MS)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: said.append(dialog.message))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    for details in page.query_selector_all("summary"):
        details.click()
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"report-{view}.png", full_page=True)

    assert said == []
    assert [url for url in asked if not url.startswith("data:")] == [report.as_uri()]
    assert page.evaluate("document.documentElement.scrollWidth") == width
    texts = page.evaluate(CONTRAST)
    assert len(texts) > 150
    assert {text["text"] for text in texts} >= {"Where everything went", "155,600", "tokens kept"}
    faint = [text for text in texts if text["contrast"] < 4.5]
    assert faint == []
    tiny = [text for text in texts if text["height"] < 9]
    assert tiny == []
    outside = [text for text in texts if text["inSvg"] and text["right"] > width]
    assert outside == []
    page.close()


@pytest.mark.slow
def test_the_charts_are_drawn(browser: Any, report: Path) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.set_default_timeout(PATIENCE_MS)
    page.goto(report.as_uri())
    sizes = page.evaluate(
        "[...document.querySelectorAll('svg')].map(svg => svg.getBoundingClientRect().width)"
    )
    assert len(sizes) == 5
    assert min(sizes) > 300
    bars = page.evaluate(
        "[...document.querySelectorAll('svg path')].filter("
        "path => getComputedStyle(path).fill === 'rgb(11, 110, 143)').length"
    )
    assert bars > 20
    page.close()
