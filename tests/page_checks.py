"""What must hold for a page in a real browser, as functions that return a sentence for a breach.

Each takes a Playwright page that stands at the page in question. `test_site_browser.py` asks them
of every page of the book, and of pages that are broken.
"""

import gzip
import sys
from pathlib import Path

from site_checks import RAW_TEX

PACKAGES = Path(sys.prefix) / "web" / "node_modules"  # laid there by tools/make_venv.sh
AXE = PACKAGES / "axe-core" / "axe.min.js"
MAX_CODE, MAX_IMAGE = 300_000, 100_000  # bytes: JavaScript and styles compressed; one image
# A mid-range phone on a good mobile network: four times slower than this machine's cores,
# Lighthouse's "dense 4G" of 10 Mbit/s and 40 ms a round trip.
SLOWDOWN, ROUND_TRIP, THROUGHPUT = 4, 40, 10e6 / 8  # factor, milliseconds, bytes a second

_TEXT = """() => {
  const text = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest("pre, code, script, style, textarea, .katex")) {
      text.push(walker.currentNode.data);
    }
  }
  return text.join(" ");
}"""
_BROKEN = """async () => {
  const broken = [];
  for (const image of document.images) {
    image.loading = "eager";
    try { await image.decode(); } catch { broken.push(image.src.slice(0, 120)); }
  }
  for (const video of document.querySelectorAll("video")) {
    video.preload = "metadata";
    if (video.readyState < 1) {
      await new Promise((done) => {
        for (const event of ["loadedmetadata", "error"]) video.addEventListener(event, done);
        setTimeout(done, 10000);
        video.load();
      });
    }
    if (video.readyState < 1) broken.push("video " + video.currentSrc.slice(0, 80));
  }
  return broken;
}"""
_VITALS = """() => new Promise((done) => {
  const vitals = {paint: 0, shift: 0};
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) vitals.paint = entry.startTime;
  }).observe({type: "largest-contentful-paint", buffered: true});
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) vitals.shift += entry.value;
  }).observe({type: "layout-shift", buffered: true});
  setTimeout(() => done(vitals), 1500);
})"""


def missing_parts(page) -> list[str]:
    """Images and films that did not load."""
    return [f"{source} does not load." for source in page.evaluate(_BROKEN)]


def raw_mathematics(page) -> list[str]:
    """TeX that the reader would see as text."""
    text = page.evaluate(_TEXT)
    near = [text[max(0, found.start() - 20) : found.end() + 40] for found in RAW_TEX.finditer(text)]
    return [f"TeX stands as text: {' '.join(words.split())!r}" for words in near]


def weight(answers) -> list[str]:
    """Whether what came before any use keeps to its size; ``answers`` are the page's responses."""
    code, messages = 0, []
    for answer in answers:
        kind = answer.request.resource_type
        if kind in ("script", "stylesheet"):
            code += len(gzip.compress(answer.body(), 6))
        elif kind == "image" and not answer.url.startswith("data:"):
            size = len(answer.body())
            if size > MAX_IMAGE:
                messages.append(f"{answer.url} has {size:,} bytes, more than {MAX_IMAGE:,}.")
    if code > MAX_CODE:
        messages.append(f"Scripts and styles have {code:,} bytes, more than {MAX_CODE:,}.")
    return messages


def barriers(page, rules: list[str] | None = None) -> list[str]:
    """What axe-core finds against WCAG 2.1 A and AA and its best practices, or by ``rules``."""
    page.evaluate(AXE.read_text(encoding="utf-8"))
    only = {"type": "rule", "values": rules} if rules else None
    options = {"resultTypes": ["violations"], **({"runOnly": only} if only else {})}
    found = page.evaluate("(options) => axe.run(document, options)", options)
    return [
        f"{violation['id']}: {violation['help']} ({len(violation['nodes'])} times, first at "
        f"{violation['nodes'][0]['target']})"
        for violation in found["violations"]
    ]


def vitals(page, address: str) -> dict[str, float]:
    """Largest contentful paint in milliseconds and cumulative layout shift, on a phone's terms."""
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    session.send(
        "Network.emulateNetworkConditions",
        {
            "offline": False,
            "latency": ROUND_TRIP,
            "downloadThroughput": THROUGHPUT,
            "uploadThroughput": THROUGHPUT,
        },
    )
    session.send("Emulation.setCPUThrottlingRate", {"rate": SLOWDOWN})
    answer = page.goto(address)
    if not answer.ok:
        raise ValueError(f"expected a page at {address}, got status {answer.status}")
    return page.evaluate(_VITALS)
