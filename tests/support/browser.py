"""Debian's Chromium, without a window, that looks at live pages."""

from __future__ import annotations

import base64
import contextlib
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.remote.webelement import WebElement

from tests.support.waiting import eventually

INSTALL = "tests/support/install_chromium.sh"

_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # the tests may run as root
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
)


class Browser:
    """A browser with one tab."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver
        self.show_as(1280, 900)

    def show_as(self, width: int, height: int, scheme: str = "light") -> None:
        """Gives the page a size in pixels, and the colours of a ``light`` or ``dark`` system."""
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self._driver.execute_cdp_cmd("Emulation.setEmulatedMedia", media)

    def open(self, address: str, path: str = "/", **state: list[str] | str) -> None:
        """Opens a live page, its hash made of ``state``, and waits until it has shown a scrape."""
        values = [
            (name, value)
            for name, given in state.items()
            for value in ([given] if isinstance(given, str) else given)
        ]
        fragment = "&".join(f"{name}={quote(value, safe='')}" for name, value in values)
        self._driver.get("about:blank")
        self.forget()
        self._driver.get(f"http://{address}{path}#{fragment}")
        self.wait_for_scrapes(1)

    def wait_for_scrapes(self, count: int) -> None:
        """Waits until the page has shown so many scrapes since it was opened."""
        shown = "return Number(document.body.dataset.scrapes ?? 0)"
        eventually(lambda: self.run(shown) >= count or None)

    def wait_for_another_scrape(self) -> None:
        """Waits until the page has shown a scrape that began after this call.

        It need not wait for its interval: a page that comes to be seen again scrapes at once.
        """
        script = """document.dispatchEvent(new Event("visibilitychange"));
            return Number(document.body.dataset.scrapes ?? 0)"""
        count = self.run(script) + 2
        eventually(lambda: self.run(script) >= count or None)

    def run(self, script: str, *arguments: Any) -> Any:
        """What a script returns that runs in the page."""
        return self._driver.execute_script(script, *arguments)

    def devtools(self, command: str, **parameters: Any) -> Any:
        """What a command of Chrome's DevTools protocol returns."""
        return self._driver.execute_cdp_cmd(command, parameters)

    def text(self, selector: str) -> str:
        """The text of the first element that a CSS selector finds."""
        return str(self.run("return document.querySelector(arguments[0]).innerText", selector))

    def texts(self, selector: str) -> list[str]:
        """The texts of all elements in sight or not that a CSS selector finds."""
        script = "return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)"
        return list(self.run(script, selector))

    def is_shown(self, selector: str) -> bool:
        """Whether the first element that a CSS selector finds takes any place."""
        script = "return document.querySelector(arguments[0])?.getClientRects().length > 0"
        return bool(self.run(script, selector))

    def find(self, selector: str) -> WebElement:
        """The first element that a CSS selector finds."""
        return self._driver.find_element("css selector", selector)

    def keys(self, *keys: str) -> None:
        """Types keys, one after the other, wherever the focus is."""
        ActionChains(self._driver).send_keys(*keys).perform()

    def point_at(self, element: WebElement) -> None:
        """Moves the pointer over the middle of an element."""
        ActionChains(self._driver).move_to_element(element).perform()

    def screenshot(self, file: Path) -> None:
        """Writes what is in sight as a PNG."""
        answer = self.devtools("Page.captureScreenshot", format="png", optimizeForSpeed=False)
        file.write_bytes(base64.b64decode(answer["data"]))

    def errors(self) -> list[str]:
        """What the page has logged since it was opened or this was asked, warnings included.

        Chromium logs each 503 of a process that is not ready, which is a health and no error.
        """
        messages = [entry["message"] for entry in self._driver.get_log("browser")]
        return [one for one in messages if "/health - Failed to load resource" not in one]

    def hosts(self) -> set[str]:
        """The hosts that have been asked for anything since the page was opened."""
        messages = [
            json.loads(entry["message"])["message"] for entry in self._driver.get_log("performance")
        ]
        sent = [one["params"] for one in messages if one["method"] == "Network.requestWillBeSent"]
        return {urlsplit(one["request"]["url"]).netloc for one in sent}

    def forget(self) -> None:
        """Drops what has been logged so far."""
        for log in ("browser", "performance"):
            self._driver.get_log(log)


@contextlib.contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """A browser that keeps its files in ``folder``. Without one the test is skipped."""
    program, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not program or not driver:
        pytest.skip(f"there is no chromium with its chromedriver: run {INSTALL}")
    options = webdriver.ChromeOptions()
    options.binary_location = program
    for flag in (*_FLAGS, f"--user-data-dir={folder}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    chrome = webdriver.Chrome(options=options, service=Service(driver))
    try:
        yield Browser(chrome)
    finally:
        chrome.quit()
