"""The notebooks as an analyst meets them: in JupyterLab, first untrusted as in a fresh clone, then run.

The first, whose cells have links and tables, and the one of the charts belong to every run of the tests (nbval runs all). The others:

    python -m pytest -m long tests/test_jupyterlab.py
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ROOT
from selenium import webdriver
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.remote.webdriver import WebDriver
from selenium.webdriver.support.ui import WebDriverWait

pytestmark = pytest.mark.jupyterlab

NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
PICTURES = ROOT / "artefacts"
SETTINGS = {
    # every cell is drawn, not only those in sight; no pop-up asks about news
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none"},
    "@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": False},
}
ARGUMENTS = [
    "--no-browser",
    "--allow-root",
    "--IdentityProvider.token=",
    "--ServerApp.port_retries=0",
    "--LabApp.news_url=None",
    "--LabApp.expose_app_in_browser=True",
]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A JupyterLab of its own on copies of the notebooks and samples: no settings, no trust from elsewhere."""
    home = tmp_path_factory.mktemp("lab")
    for name in ("notebooks", "data"):
        shutil.copytree(ROOT / name, home / name, ignore=shutil.ignore_patterns("report", "rehearsal", ".*"))
    (home / "settings").mkdir()
    (home / "settings" / "overrides.json").write_text(json.dumps(SETTINGS))
    own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR")
    environment = os.environ | {name: str(home / name.lower()) for name in own} | {"PYTHONPATH": str(ROOT)}
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "jupyter", "lab", *ARGUMENTS, f"--ServerApp.port={port}"]
    command += [f"--LabApp.app_settings_dir={home / 'settings'}"]
    with (
        (home / "log.txt").open("w") as log,
        subprocess.Popen(command, cwd=home, env=environment, stderr=log) as server,
    ):
        try:
            until = time.monotonic() + 60
            while not answers(f"http://127.0.0.1:{port}/api/status"):
                assert server.poll() is None and time.monotonic() < until, (home / "log.txt").read_text()[-2000:]
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}"
        finally:
            server.send_signal(signal.SIGINT)
            server.send_signal(signal.SIGTERM)
            server.wait(20)


def answers(url: str) -> bool:
    try:
        return bool(urllib.request.urlopen(url, timeout=5).status == 200)  # noqa: S310 - our own server
    except OSError:
        return False


@pytest.fixture(scope="module")
def browser(address: str) -> Iterator[WebDriver]:
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,1000"):
        options.add_argument(argument)
    driver = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    driver.set_script_timeout(60)
    driver.get(f"{address}/lab?reset")
    WebDriverWait(driver, 60).until(lambda page: page.execute_script("return !!window.jupyterapp"))
    asynchronously(driver, "await jupyterapp.restored")
    driver.execute_script("if (!jupyterapp.shell.leftCollapsed) jupyterapp.shell.collapseLeft()")
    yield driver
    driver.quit()


def asynchronously(browser: WebDriver, script: str, *arguments: object) -> Any:
    """Run a script that waits; what it throws fails the test."""
    whole = f"""
        const given = Array.from(arguments), done = given.pop(), open = () => jupyterapp.shell.currentWidget;
        (async () => {{ {script} }})().then(value => done([value, null]), wrong => done([null, String(wrong)]));
    """
    value, wrong = browser.execute_async_script(whole, *arguments)
    assert wrong is None, wrong
    return value


OPEN = """
    const panel = await jupyterapp.commands.execute('docmanager:open', {path: given[0]});
    await panel.context.ready; await panel.revealed;
    jupyterapp.shell.activateById(panel.id);
"""
RUN = """
    await open().sessionContext.ready;
    await jupyterapp.commands.execute('notebook:run-all-cells');
    await jupyterapp.commands.execute('docmanager:save');
"""
THEME = "await jupyterapp.commands.execute('apputils:change-theme', {theme: given[0]});"
CLOSE = """
    const panel = open();
    await panel.sessionContext.shutdown();
    panel.close();
"""
CELLS = """
    return open().content.widgets.filter(cell => cell.model.type === 'code').map(cell => ({
        count: cell.model.executionCount, trusted: cell.model.trusted,
        kinds: cell.model.outputs.toJSON().map(output => output.output_type),
    }));
"""
SHOWN = """
    const node = jupyterapp.shell.currentWidget.content.node, visible = e => e.getBoundingClientRect().height > 10;
    const all = selector => [...node.querySelectorAll('.jp-OutputArea-output ' + selector)].filter(visible);
    const cards = all('div').filter(e => getComputedStyle(e).borderLeftWidth === '8px' && e.innerText.trim());
    const bars = all('div').filter(e => e.style.height === '14px' && getComputedStyle(e).display === 'flex')
        .map(bar => [...bar.children].filter(part => part.getBoundingClientRect().width > 0
            && getComputedStyle(part).backgroundColor !== 'rgba(0, 0, 0, 0)').length);
    return {
        cards: cards.length, bars: bars.filter(parts => parts > 0).length, tables: all('table').length,
        pictures: all('img').filter(image => image.naturalWidth > 300).length,
        errors: all('[data-mime-type="application/vnd.jupyter.error"]').length
            + node.querySelectorAll('[data-mime-type="application/vnd.jupyter.stderr"]').length,
    };
"""


def expected(notebook: Path) -> dict[str, int]:
    """What a notebook's saved outputs must show."""
    cells = [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]
    data = [output["data"] for cell in cells for output in cell["outputs"]]
    pages = ["".join(item.get("text/html", "")) for item in data]
    cards = sum("border-left:8px" in page for page in pages)
    tables = sum(page.count("<table") for page in pages)
    return {"cards": cards, "bars": cards, "tables": tables, "pictures": sum("image/png" in item for item in data), "errors": 0}  # fmt: skip


def picture(browser: WebDriver, name: str) -> None:
    """Keep a picture of the whole notebook."""
    WebDriverWait(browser, 30).until(
        lambda page: page.execute_script("return !document.querySelector('#jupyterlab-splash')")
    )
    panel = "jupyterapp.shell.currentWidget.content.node.querySelector"
    height = browser.execute_script(f"return {panel}('.jp-WindowedPanel-inner').scrollHeight")
    size = {"width": 1200, "height": min(int(height) + 160, 12_000), "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.execute_script(f"{panel}('.jp-WindowedPanel-outer').scrollTop = 0")
    PICTURES.mkdir(exist_ok=True)
    browser.save_screenshot(str(PICTURES / f"{name}.png"))
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


@pytest.mark.parametrize(
    "notebook",
    [
        pytest.param(path, id=path.stem, marks=[] if path.stem[:2] in ("00", "04") else pytest.mark.long)
        for path in NOTEBOOKS
    ],
)
def test_a_notebook_shows_untrusted_and_runs(notebook: Path, browser: WebDriver) -> None:
    asynchronously(browser, OPEN, f"notebooks/{notebook.name}")
    wanted = expected(notebook)
    try:
        WebDriverWait(browser, 30).until(lambda page: page.execute_script(SHOWN) == wanted)
        assert not any(cell["trusted"] for cell in asynchronously(browser, CELLS) if cell["kinds"])
        picture(browser, f"{notebook.stem}-untrusted")
        asynchronously(browser, RUN)
        cells = asynchronously(browser, CELLS)
        assert [cell["count"] for cell in cells] == list(range(1, len(cells) + 1))
        assert {kind for cell in cells for kind in cell["kinds"]} <= {"execute_result", "display_data"}
        WebDriverWait(browser, 30).until(lambda page: page.execute_script(SHOWN) == wanted)
        if notebook == NOTEBOOKS[0]:
            opens_what_it_wrote(browser)
        asynchronously(browser, THEME, "JupyterLab Dark")
        picture(browser, f"{notebook.stem}-run-dark")
        asynchronously(browser, THEME, "JupyterLab Light")
    finally:
        asynchronously(browser, CLOSE)


def opens_what_it_wrote(browser: WebDriver) -> None:
    """A click on report.html, in the output of the cell that wrote it, opens it in a tab of its own."""
    links = "[...jupyterapp.shell.currentWidget.content.node.querySelectorAll('.jp-OutputArea-output a')]"
    named = f"{links}.filter(link => link.textContent === 'report.html' && link.href.includes('/report/report.html'))"
    WebDriverWait(browser, 30).until(lambda page: page.execute_script(f"return {named}.length === 1"))
    notebook = "jupyterapp.shell.currentWidget.id"
    own = browser.execute_script(f"const own = {notebook}; {named}[0].click(); return own")
    page = "[...jupyterapp.shell.widgets('main')].find(widget => widget.title.label === 'report.html')"
    WebDriverWait(browser, 30).until(lambda shown: shown.execute_script(f"return !!{page}"))
    browser.execute_script(f"{page}.close(); jupyterapp.shell.activateById(arguments[0])", own)
    WebDriverWait(browser, 30).until(lambda shown: shown.execute_script(f"return {notebook}") == own)
