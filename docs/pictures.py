"""Take the pictures of docs/ anew: page, workbook, notebooks, charts, of the sample `halfway`.

`python docs/pictures.py` needs Chromium, its driver, LibreOffice and pypdfium2 (which is not in the lock), and `artefacts/` as tests/test_jupyterlab.py leaves it.
Look at each before you commit it. Few colours, so that all of them are small.
"""

from __future__ import annotations

import base64
import io
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pypdfium2
from PIL import Image, ImageColor
from selenium import webdriver
from selenium.webdriver.chrome.service import Service

import keyaudit as ka
from keyaudit import charts
from keyaudit.charts.paint import DARK
from keyaudit.rulebook import FAMILIES, SHADES

DOCS = Path(__file__).parent
ROOT = DOCS.parent
CASE, DAY = ROOT / "data" / "samples" / "halfway", "2026-04-09"
GAP, BACK = 24, (225, 229, 234)


def palette() -> Image.Image:
    """The colours of every view and some greys: what a picture of them may hold."""
    families = [shade for light, dark, _ in FAMILIES.values() for shade in (light, dark)]
    known = [*families, *SHADES.values(), *DARK, *DARK.values(), "#111111", "#424242", "#2196F3"]
    colours = [ImageColor.getrgb(colour)[:3] for colour in dict.fromkeys(known)]
    greys = [(shade, shade, shade) for shade in range(0, 256, 51)]
    tints = [tuple(round(255 - 0.22 * (255 - part)) for part in colour) for colour in colours[: len(families)]]
    made = Image.new("P", (1, 1))
    made.putpalette([part for colour in [*greys, *colours, *tints] for part in colour])
    return made


def small(picture: Image.Image, name: str, width: int) -> None:
    """Save a picture for docs/: so wide, of few colours."""
    high = round(picture.height * width / picture.width)
    shown = picture.convert("RGB").resize((width, high), Image.Resampling.LANCZOS)
    if name.endswith(".webp"):
        shown.save(DOCS / name, quality=26, method=6)
    else:
        shown.quantize(palette=palette(), dither=Image.Dither.NONE).save(DOCS / name, optimize=True)


def beside(pictures: Sequence[Image.Image], high: int) -> Image.Image:
    """Pictures side by side, cut to one height."""
    cut = [picture.convert("RGB").crop((0, 0, picture.width, high)) for picture in pictures]
    made = Image.new("RGB", (sum(picture.width + GAP for picture in cut) + GAP, high + 2 * GAP), BACK)
    left = GAP
    for picture in cut:
        made.paste(picture, (left, GAP))
        left += picture.width + GAP
    return made


def page(
    browser: webdriver.Chrome, address: str, width: int, height: int, scale: float, dark: bool = False
) -> Image.Image:
    """The page as it stands on a screen so wide, also in the dark."""
    features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
    size = {"width": width, "height": height, "deviceScaleFactor": scale, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", size)
    browser.get(address)
    return Image.open(io.BytesIO(browser.get_screenshot_as_png()))


def main() -> None:
    """Take them all."""
    with tempfile.TemporaryDirectory() as folder:
        audit = ka.open_case(CASE).reconcile(as_of=DAY)
        report = ka.write_report(audit, Path(folder) / "report")
        options = webdriver.ChromeOptions()
        for argument in ("--headless=new", "--no-sandbox", "--hide-scrollbars", f"--user-data-dir={folder}/profile"):
            options.add_argument(argument)
        browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
        try:
            address = (report / "report.html").as_uri()
            small(page(browser, address, 960, 748, 1), "report.png", 700)
            phones = [page(browser, address, 390, 1100, 2, dark=dark) for dark in (False, True)]
            paper = base64.b64decode(browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})["data"])
            printed = pypdfium2.PdfDocument(paper)
            small(beside([*phones, printed[0].render(scale=2.6).to_pil()], 1760), "report-elsewhere.webp", 900)
            for place, sheet in enumerate(printed):
                sheet.render(scale=1.5).to_pil().save(ROOT / "artefacts" / f"page-{place}.png")  # to be looked at
        finally:
            browser.quit()
        convert = ["soffice", "--headless", f"-env:UserInstallation=file://{folder}/office", "--convert-to", "pdf"]
        subprocess.run([*convert, "--outdir", folder, str(report / "report.xlsx")], check=True, capture_output=True)  # noqa: S603
        printed = pypdfium2.PdfDocument(Path(folder) / "report.pdf")
        summary = printed[0].render(scale=2.4).to_pil().convert("L").point(lambda shade: 255 if shade < 250 else 0)
        left, top, right, _ = summary.crop((0, 0, round(0.8 * summary.width), summary.height)).getbbox() or (0, 0, 1, 1)
        whole = printed[0].render(scale=2.4).to_pil()
        small(whole.crop((left - 12, top - 12, right + 12, round(0.595 * whole.height))), "workbook.png", 780)
        for place, sheet in enumerate(printed):
            sheet.render(scale=1.5).to_pil().save(ROOT / "artefacts" / f"workbook-{place}.png")  # to be looked at
    drawn = [Image.open(io.BytesIO(draw(audit)._repr_png_())) for draw in (charts.keys_left, charts.redemptions)]
    small(beside(drawn, 800), "charts.png", 900)
    taken = [
        Image.open(ROOT / "artefacts" / f"{name}.png")
        for name in ("00_start_here-untrusted", "04_status_against_deadlines-run-dark")
    ]
    small(beside(taken, 1480), "notebooks.webp", 960)


if __name__ == "__main__":
    main()
